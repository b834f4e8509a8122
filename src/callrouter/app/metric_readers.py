"""Metric sources: what the metrics tell, and where it is read."""

from callrouter.app.assembly import Parts
from callrouter.app.edge_protection import FIGURES
from callrouter.observe.gateway_metrics import GatewayFigures
from callrouter.observe.metrics import Sources
from callrouter.register.register_client import FAILED, REGISTERED
from callrouter.state.gateway_health import UP


def sources(parts: Parts) -> Sources:
    """Read them of these parts, which need not all be there yet."""
    stack = parts.stack
    streams = parts.edges.turnstile.counts
    return Sources(
        gateways=lambda: _gateway_figures(parts),
        unanswered=lambda: parts.memory.ports.failures.counts,
        active_calls=lambda: parts.calls.active,
        active_legs=lambda: len(stack.dialogs),
        transactions=lambda: len(stack.clients) + len(stack.servers),
        timers=lambda: stack.timers.live,
        retransmissions=lambda: stack.retransmitted,
        malformed=lambda: stack.malformed,
        **{f"over_{limit}": lambda limit=limit: stack.over[limit] for limit in stack.over},
        dropped=lambda: stack.stray,
        **{name: lambda name=name: parts.guard.figure(name) for name in FIGURES},
        auth_challenged=lambda: parts.door.challenged,
        auth_failed=lambda: parts.door.failed,
        auth_dropped=lambda: parts.door.dropped,
        auth_without_qop=lambda: parts.door.without_qop,
        auth_other_uri=lambda: parts.door.other_uri,
        bindings=lambda: parts.memory.bindings.count,
        registrations=lambda: parts.registrations.count(REGISTERED),
        registrations_failed=lambda: parts.registrations.count(FAILED),
        records_queued=lambda: parts.writer.depth,
        records_written=lambda: parts.writer.written,
        records_spooled=lambda: parts.writer.spooled,
        records_replayed=lambda: parts.writer.replayed,
        records_rejected=lambda: parts.writer.rejected,
        records_lost=lambda: parts.writer.lost,
        calls_lost=lambda: parts.writer.calls_lost,
        journal_waiting=lambda: parts.writer.journal.waiting,
        calls_unjournaled=lambda: parts.writer.journal.missed,
        journal_rejected=lambda: parts.writer.journal.rejected,
        records_failing=lambda: parts.writer.failing,
        journal_failing=lambda: parts.writer.journal.failing,
        state_failing=lambda: parts.persistence.failing,
        archive_failing=lambda: parts.archive.failing,
        connections=lambda: streams.open,
        connections_over_limit=lambda: streams.over_limit,
        connections_over_source=lambda: streams.over_source,
        connections_handshake=lambda: streams.handshake,
        connections_silent=lambda: streams.silent,
        connections_slow_writer=lambda: streams.slow_writer,
        connections_slow_reader=lambda: streams.slow_reader,
        connections_idle=lambda: streams.idle,
        connections_broken=lambda: streams.broken,
        media_starting=lambda: parts.media.count("starting"),
        media_serving=lambda: parts.media.count("serving"),
        media_retiring=lambda: parts.media.count("retiring"),
        media_slots=lambda: parts.media.slots,
        media_used=lambda: parts.media.used,
        media_refused=lambda: parts.media.refused,
        media_unwritten=lambda: parts.media.unwritten,
        recordings_failed=lambda: parts.archive.unrecorded,
        media_died=lambda: parts.media.lost_by["died"],
        media_hung=lambda: parts.media.lost_by["hung"],
        media_broken=lambda: parts.media.lost_by["broken"],
    )


def _gateway_figures(parts: Parts) -> list[GatewayFigures]:
    return [
        GatewayFigures(it.gateway.name, it.state == UP, it.answered, it.unanswered)
        for it in parts.memory.gateways.all()
        if not it.gateway.of_uri
    ]
