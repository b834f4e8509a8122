"""Calls to outside in memory: what extensions called and spent lately, and who saw which number.

Rules. Each is kept for the time in which it counts, and over a restart. One that went on when the
process was killed has an end that nobody knows: it counts as begun, not as talked.
"""

from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Final

from callrouter.route.values.fraud_guards import Barring, WatchedCall
from callrouter.route.values.snapshot import DAY, SPENT_SECONDS, OutgoingUse, RunningCost
from callrouter.state.fraud_guards_in_memory import GuardsInMemory
from callrouter.state.journal import Journal, Key, seconds

HOUR: Final = 3600.0
MOST: Final = 10_000
"""Calls of one extension, or of all together, that are kept at most: the oldest are let go."""
MOST_SHOWN: Final = 100_000
"""Called parties of whom is kept what they saw, at most: the oldest are let go."""


class OutgoingInMemory:
    """Calls of extensions to outside. Implements `OutgoingCalls`.

    use: by extension, and "" for all together. shown: what a called party saw last, and when, the
    oldest first. guards: those against fraud.
    """

    __slots__ = ("_journal", "_shown", "_use", "guards", "shown", "use")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._use: dict[str, OutgoingUse] = {}
        self._shown: dict[str, tuple[str, float]] = {}
        self.use = MappingProxyType(self._use)
        self.shown = MappingProxyType(self._shown)
        self.guards = GuardsInMemory(journal)

    def began(self, extension: str, call: str, at: float, watched: WatchedCall | None) -> None:
        """Count a call."""
        self._put(extension, call, (at, 0.0, 0.0))
        self._journal("outgoing", (extension, call), (at, 0.0, 0.0))
        if watched is not None:
            self.guards.began(extension, call, at, watched)

    def answered(self, extension: str, call: str, at: float, running: RunningCost | None) -> None:
        """Count what is talked from now on."""
        began, _, _ = self._known(extension, call, at)
        self._put(extension, call, (began, at, 0.0))
        if running is not None:
            for use, name in self._both(extension, call):
                use.running[name] = running

    def ended(
        self, extension: str, call: str, at: float, watched: WatchedCall | None, cost: Decimal
    ) -> None:
        """Count what was talked until now, and what it cost."""
        began, answered, _ = self._known(extension, call, at)
        self._put(extension, call, (began, answered, at))
        self._journal("outgoing", (extension, call), (began, answered, at))
        for use, name in self._both(extension, call):
            use.running.pop(name, None)
        if cost:
            when = int(at // SPENT_SECONDS)
            self._spend(extension, when, cost)
            spent = self._use[extension].spent[when]
            self._journal("spent", (extension, str(when)), (str(spent),))
        if watched is not None and answered:
            self.guards.ended(extension, call, at, at - answered, watched)

    def barrings(self) -> dict[str, Barring]:
        """The extensions that a guard has barred."""
        return dict(self.guards.barred)

    def lift(self, extension: str) -> bool:
        """Let one call abroad again; False when it may."""
        return self.guards.lift(extension)

    def showed(self, called: str, caller_id: str, at: float) -> None:
        """Keep what somebody outside was shown."""
        self.restore_shown(called, caller_id, at)
        self._journal("shown", (called,), (caller_id, at))

    def expire(self, now: float) -> None:
        """Forget what counts no more."""
        while self._shown:
            called, (_, at) = next(iter(self._shown.items()))
            if at > now - DAY:
                break
            self._forget(called)
        since = now - HOUR
        for whose, use in list(self._use.items()):
            for call, (began, answered, ended) in list(use.calls.items()):
                if began <= since and (not answered or 0.0 < ended <= since):
                    self._drop(whose, call)
            for when in [*use.spent]:
                if when < (now - DAY) // SPENT_SECONDS:
                    del use.spent[when]
                    if whose:
                        self._journal("spent", (whose, str(when)), None)
            if not (use.calls or use.spent):
                del self._use[whose]
        self.guards.expire(now)

    def restore_spent(self, key: Key, cost: str) -> None:
        """Take over what was spent. Raises ValueError."""
        extension, when = key
        try:
            self._spend(extension, int(when), Decimal(cost))
        except InvalidOperation as error:
            raise ValueError(f"expected an amount, found {cost!r}") from error

    def restore(self, key: Key, value: tuple[object, ...]) -> None:
        """Take over what an earlier process told its journal. Raises TypeError, ValueError."""
        extension, call = key
        began, answered, ended = (seconds(time) for time in value)
        self._put(extension, call, (began, answered if ended else 0.0, ended))

    def restore_shown(self, called: str, caller_id: str, at: float) -> None:
        """Take over what somebody outside was shown."""
        self._shown.pop(called, None)
        self._shown[called] = (caller_id, at)
        if len(self._shown) > MOST_SHOWN:
            self._forget(next(iter(self._shown)))

    def _forget(self, called: str) -> None:
        del self._shown[called]
        self._journal("shown", (called,), None)

    def _known(self, extension: str, call: str, at: float) -> tuple[float, float, float]:
        use = self._use.get(extension)
        return (at, 0.0, 0.0) if use is None else use.calls.get(call, (at, 0.0, 0.0))

    def _both(self, extension: str, call: str) -> tuple[tuple[OutgoingUse, str], ...]:
        """The uses that a call counts in, its extension's and that of all, and its name there."""
        return (self._of(extension), call), (self._of(""), f"{extension} {call}")

    def _of(self, whose: str) -> OutgoingUse:
        use = self._use.get(whose)
        if use is None:
            use = self._use[whose] = OutgoingUse()
        return use

    def _spend(self, extension: str, when: int, cost: Decimal) -> None:
        for whose in (extension, ""):
            spent = self._of(whose).spent
            spent[when] = spent.get(when, Decimal(0)) + cost

    def _put(self, extension: str, call: str, times: tuple[float, float, float]) -> None:
        for whose, (use, name) in zip((extension, ""), self._both(extension, call), strict=True):
            use.calls[name] = times
            if len(use.calls) > MOST:
                self._drop(whose, next(iter(use.calls)))

    def _drop(self, whose: str, call: str) -> None:
        use = self._use[whose]
        del use.calls[call]
        use.running.pop(call, None)
        if whose:
            self._journal("outgoing", (whose, call), None)
