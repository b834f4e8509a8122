"""Edge protection: what keeps out strangers and too many calls, put together for the server."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog

from callrouter.call.admission.authentication import Door
from callrouter.call.admission.calls import Calls
from callrouter.call.teardown import RETRY_AFTER
from callrouter.net.overload.early_reject import Shed
from callrouter.net.overload.overload_control import Overload
from callrouter.net.overload.stranger_filter import FilterCounts, Strangers
from callrouter.net.transport.core_filter import Gate
from callrouter.net.transport.listeners import Edges
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.settings.settings_file import Settings
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack
from callrouter.state.bans import Bans

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Guard:
    """Guard between the sockets and the calls. Made before the sockets are opened.

    overload, shed, calls, edges, bans: what it is put together of.
    """

    def __init__(
        self,
        settings: Settings,
        stack: Stack,
        edges: Edges,
        calls: Calls,
        bans: Bans,
        door: Door,
        clock: Callable[[], float],
    ) -> None:
        """clock: that of the bans."""
        limits = settings.limits
        self._lag = limits.lag
        self.edges = edges
        self.calls = calls
        self.bans = bans
        bans.rule = settings.strangers.ban_rule()
        bans.changed = edges.forget
        self._strangers = Strangers(
            settings.strangers.rule(limits.message_size), stack, bans, clock
        )
        self.overload = Overload(
            limits.lag,
            limits.calls_per_second,
            limits.transactions,
            lambda: len(stack.clients) + len(stack.servers),
        )
        self.shed = Shed(
            stack, self.overload, self._is_trunk, self._strangers.is_scanner, RETRY_AFTER
        )
        self._strangers.tell = self._tell
        edges.strangers = self._strangers
        door.blame = lambda host: self._strangers.wrong(host, (), "wrong passwords")
        calls.refuses = self.overload.refuses
        stack.core = Gate(calls, edges, stack, self._strangers)
        self.serve(calls.dialplan)

    def serve(self, dialplan: Dialplan) -> None:
        """Know the trunks of this dialplan from now on."""
        self._strangers.welcome(dialplan.trunk_of, anybody=dialplan.access.admits)
        self.edges.forget()

    def measured(self, late: float, now: float) -> None:
        """Note how late the loop came round, in seconds, at a monotonic time."""
        self.overload.measured(max(late, self.edges.backlog() * self._lag), now)
        self.shed.on = self.overload.is_busy

    def _is_trunk(self, flow: Flow) -> bool:
        """Who is there may call without a password."""
        trunk = self.calls.dialplan.trunk_of(flow.remote_host, flow.peers)
        return trunk is not None and not trunk.guarded and not self.edges.is_inside(flow)

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

    def figure(self, name: str) -> int:
        """One of FIGURES, for the metrics."""
        return FIGURES[name](self)

    @property
    def counts(self) -> FilterCounts:
        """What strangers sent that went no further."""
        return self._strangers.counts


FIGURES: Final[Mapping[str, Callable[[Guard], int]]] = {
    "strangers": lambda it: it.calls.strangers + it.counts.unknown,
    "banned": lambda it: len(it.bans),
    "bans": lambda it: it.bans.made,
    "dropped_banned": lambda it: it.counts.banned,
    "dropped_over_source": lambda it: it.counts.over_source,
    "dropped_over_all": lambda it: it.counts.over_all,
    "dropped_over_trunk": lambda it: it.counts.over_trunk,
    "dropped_scanners": lambda it: it.counts.scanners,
    "dropped_large": lambda it: it.counts.large,
    "dropped_over_size": lambda it: it.counts.over_size,
    "overloaded": lambda it: it.calls.overloaded + it.shed.refused,
    "refused_late": lambda it: it.overload.late,
    "refused_fast": lambda it: it.overload.fast,
    "refused_full": lambda it: it.overload.full,
    "lost": lambda it: it.edges.lost(),
}
"""What the metrics tell of a guard, by name."""
