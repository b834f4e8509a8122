"""Edge protection: what keeps out strangers and too many calls, put together for the server."""

from collections.abc import Callable
from typing import Any, Final

import structlog

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.admission.authentication import DigestAuthentication
from callrouter.call.teardown import RETRY_AFTER
from callrouter.metric import LAG_MS, Histogram, Rows, counter, gauge, histogram
from callrouter.net.overload.early_reject import EarlyReject
from callrouter.net.overload.overload_control import Overload
from callrouter.net.overload.rate_limit import SpareLines
from callrouter.net.overload.source_filter import FilterCounts, SourceFilter
from callrouter.net.transport.core_filter import CoreFilter
from callrouter.net.transport.listeners import Listeners
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.settings.settings_file import Settings
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack
from callrouter.state.bans_in_memory import Bans

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class EdgeProtection:
    """EdgeProtection between the sockets and the calls. Made before the sockets are opened.

    overload, early_reject, calls, listeners, bans: what it is put together of.
    """

    def __init__(
        self,
        settings: Settings,
        stack: Stack,
        listeners: Listeners,
        calls: Calls,
        bans: Bans,
        authentication: DigestAuthentication,
        clock: Callable[[], float],
    ) -> None:
        """clock: that of the bans."""
        limits = settings.limits
        self._lag = limits.lag
        self.loop_lag = Histogram(LAG_MS)
        self.listeners = listeners
        self.calls = calls
        self.bans = bans
        bans.rule = settings.strangers.ban_rule()
        bans.changed = listeners.forget
        self._strangers = SourceFilter(
            settings.strangers.rule(limits.message_size), stack, bans, clock
        )
        self.overload = Overload(
            limits.lag,
            limits.calls_per_second,
            limits.transactions,
            lambda: len(stack.clients) + len(stack.servers),
        )
        self.early_reject = EarlyReject(
            stack, self.overload, self._is_trunk, self._strangers.is_scanner, RETRY_AFTER
        )
        self._strangers.tell = self._tell
        self._stack = stack
        self._spare = SpareLines()
        stack.refused = self._tell_refused
        listeners.strangers = self._strangers
        authentication.blame = lambda host: self._strangers.wrong(host, (), "wrong passwords")
        calls.refuses = self.overload.refuses
        stack.core = CoreFilter(calls, listeners, stack, self._strangers)
        self.serve(calls.dialplan)

    def serve(self, dialplan: Dialplan) -> None:
        """Know the trunks of this dialplan from now on."""
        self._strangers.welcome(dialplan.trunk_of, anybody=dialplan.access.admits)
        self.listeners.forget()

    def measured(self, late: float, now: float) -> None:
        """Note how late the loop came round, in seconds, at a monotonic time."""
        self.loop_lag.add(late * 1000)
        self.overload.measured(max(late, self.listeners.backlog() * self._lag), now)
        self.early_reject.on = self.overload.is_busy

    def _is_trunk(self, flow: Flow) -> bool:
        """Who is there may call without a password."""
        trunk = self.calls.dialplan.trunk_of(flow.remote_host, flow.peers)
        return trunk is not None and not trunk.guarded and not self.listeners.is_inside(flow)

    def _tell(self, host: str, others: int) -> None:
        """Log who was not heard, and what would let them in."""
        dialplan = self.calls.dialplan
        trunk = next((network.trunk.name for network in dialplan.networks), "NAME")
        more: dict[str, Any] = {"others": others} if others else {}
        _log.info(
            "a stranger is not heard: no trunk has this address",
            source=host,
            to_let_it_in=f"trunks: {{{trunk}: {{addresses: [{host}]}}}}",
            **more,
        )

    def _tell_refused(self, flow: Flow, status: int, why: str) -> None:
        """Log an INVITE that leaves no record: a carrier may ask why it gets this status."""
        others = self._spare.others(f"{flow.remote_host} {status}", self._stack.now)
        if others is None:
            return
        trunk = self.calls.dialplan.trunk_of(flow.remote_host, flow.peers)
        more: dict[str, Any] = {"others": others} if others else {}
        _log.info(
            "an INVITE is refused before it is a call",
            trunk="" if trunk is None else trunk.name,
            source=flow.remote_host,
            status=status,
            why=why,
            **more,
        )

    @property
    def counts(self) -> FilterCounts:
        """What strangers sent that went no further."""
        return self._strangers.counts


METRICS: Final[Rows[EdgeProtection]] = (
    counter(
        "callrouter_strangers",
        "Each message that was turned away because no trunk has its address counts one: of "
        "scanners, or of a carrier that moved.",
        lambda it: it.calls.strangers + it.counts.unknown,
    ),
    gauge(
        "callrouter_banned",
        "This many addresses are banned now; whoever complains of no answer may be among them.",
        lambda it: len(it.bans),
    ),
    counter(
        "callrouter_bans",
        "Each ban that an address brought on itself counts one; it grows while somebody attacks.",
        lambda it: it.bans.made,
    ),
    counter(
        "callrouter_dropped_banned",
        "Each message dropped, or connection refused, because its address is banned counts one; "
        "it says how long an attack goes on.",
        lambda it: it.counts.banned,
    ),
    counter(
        "callrouter_dropped_over_source",
        "Each message of a stranger past strangers.packets_per_second of its network counts one "
        "and was dropped: a flood, mostly.",
        lambda it: it.counts.over_source,
    ),
    counter(
        "callrouter_dropped_over_all",
        "Each message of a stranger past strangers.all_packets_per_second counts one and was "
        "dropped; honest ones may be among them.",
        lambda it: it.counts.over_all,
    ),
    counter(
        "callrouter_dropped_over_trunk",
        "Each datagram of a trunk past its packets_per_second counts one and was dropped; its "
        "calls suffer.",
        lambda it: it.counts.over_trunk,
    ),
    counter(
        "callrouter_dropped_over_size",
        "Each datagram that was longer than limits.message_size counts one and was dropped "
        "unread; a trunk may need a higher limit.",
        lambda it: it.counts.over_size,
    ),
    counter(
        "callrouter_dropped_scanners",
        "Each request whose User-Agent is a scanner's counts one and was dropped; nothing has "
        "to be done.",
        lambda it: it.counts.scanners,
    ),
    counter(
        "callrouter_dropped_large",
        "Each answer to a stranger that was larger than its request, or one too many, counts "
        "one and was not sent: it might flood a third.",
        lambda it: it.counts.large,
    ),
    counter(
        "callrouter_overloaded",
        "Each INVITE that was answered 503, at a limit or while draining, counts one; while "
        "nobody drains, callers are turned away.",
        lambda it: it.calls.overloaded + it.early_reject.refused,
    ),
    counter(
        "callrouter_refused_late",
        "Each INVITE refused past limits.lag counts one, and one as overloaded; the processor "
        "core is full.",
        lambda it: it.overload.late,
    ),
    counter(
        "callrouter_refused_fast",
        "Each INVITE refused past limits.calls_per_second counts one, and one as overloaded; "
        "the limit may be too low.",
        lambda it: it.overload.fast,
    ),
    counter(
        "callrouter_refused_full",
        "Each INVITE refused past limits.transactions counts one, and one as overloaded; peers "
        "answer too slowly, or the limit is too low.",
        lambda it: it.overload.full,
    ),
    histogram(
        "callrouter_loop_lag_seconds",
        "Each measurement adds the seconds by which the event loop came round late; they "
        "grow when the processor core is full.",
        lambda it: it.loop_lag,
    ),
)
