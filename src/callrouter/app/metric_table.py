"""The table of all metrics: those of each part, and what no part can tell alone."""

from typing import Final

from callrouter import __version__, build
from callrouter.app import edge_protection
from callrouter.app.assembly import Parts
from callrouter.archive import call_archive
from callrouter.call.admission import admitted_calls, authentication, call_back_service
from callrouter.call.services import shared_state
from callrouter.media.pool import pool
from callrouter.metric import Rows, gauge, of
from callrouter.net.transport import connection_limits, listeners
from callrouter.observe import call_metrics
from callrouter.operations import call_feed
from callrouter.register import bindings, gateway_registrations
from callrouter.sip import stack
from callrouter.state import fraud_guards_in_memory, gateway_health, queues_in_memory
from callrouter.storage import active_calls_journal, background_writer, trace_ring
from callrouter.webhooks import webhook_delivery

METRICS: Final[Rows[Parts]] = (
    gauge(
        "callrouter_build_info",
        "Always 1. Its labels say which version runs, and whether it is compiled or plain Python.",
        lambda _: {(__version__, build()): 1},
        "version",
        "build",
    ),
    *of(call_metrics.METRICS, lambda it: it.call_metrics),
    *of(admitted_calls.METRICS, lambda it: it.calls),
    *of(call_feed.METRICS, lambda it: it.feed),
    *of(shared_state.METRICS, lambda it: it.memory.ports.failures),
    *of(gateway_health.METRICS, lambda it: it.memory.gateways),
    *of(fraud_guards_in_memory.METRICS, lambda it: it.memory.outgoing.guards),
    *of(queues_in_memory.METRICS, lambda it: it.memory.queues),
    *of(call_back_service.METRICS, lambda it: it.call_backs),
    *of(stack.METRICS, lambda it: it.stack),
    *of(edge_protection.METRICS, lambda it: it.protection),
    *of(listeners.METRICS, lambda it: it.listeners),
    *of(connection_limits.METRICS, lambda it: it.listeners.turnstile.counts),
    *of(authentication.METRICS, lambda it: it.authentication),
    *of(bindings.METRICS, lambda it: it.memory.bindings),
    *of(gateway_registrations.METRICS, lambda it: it.registrations),
    *of(background_writer.METRICS, lambda it: it.writer),
    *of(active_calls_journal.METRICS, lambda it: it.writer.journal),
    *of(trace_ring.METRICS, lambda it: it.trace),
    *of(pool.METRICS, lambda it: it.media),
    *of(call_archive.METRICS, lambda it: it.archive),
    *of(webhook_delivery.METRICS, lambda it: it.webhooks),
    gauge(
        "callrouter_store_failing",
        "A store has 1 while it cannot be written, else 0; the log says what is wrong with it.",
        lambda it: {
            "records": it.writer.failing,
            "journal": it.writer.journal.failing,
            "state": it.persistence.failing,
            "archive": it.archive.failing,
            "call_backs": it.jobs.failing,
            "queues": it.history.failing,
            "trace": it.trace is not None and it.trace.failing,
            "webhooks": it.webhooks is not None and it.webhooks.failing,
        },
        "store",
    ),
)
