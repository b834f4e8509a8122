"""Fraud guards in memory: countries that were called, short calls, and who is barred for them.

Rules. A country that was called once is known for good. An alarm of short calls begins anew: as
many as are told of have to come again. All of it survives a restart, and nothing grows without a
bound: what was noted longest ago is let go.
"""

from collections.abc import Callable
from typing import Final

from callrouter.metric import Rows, counter, gauge
from callrouter.route.values.fraud_guards import (
    ALARMS,
    COMPANY,
    EXTENSION,
    LONGEST_WITHIN,
    NEW_COUNTRY,
    SHORT_CALLS,
    Alarm,
    Barring,
    FraudGuards,
    WatchedCall,
)
from callrouter.state.journal import Journal, Journalled, Key, seconds

MOST: Final = 50_000
"""Countries of extensions, and ranges, that are kept at most."""

_Times = dict[tuple[str, str], tuple[float, ...]]


class GuardsInMemory:
    """What guards know. barred: by extension. noted: told of alarms. alarms: counted by kind."""

    __slots__ = ("_barred", "_called", "_journal", "_short", "alarms", "barred", "noted")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._called: _Times = {}  # by extension, "" for all, and country: since when
        self._short: _Times = {}  # by extension and range
        self._barred = Journalled[Barring](journal, "barred", tuple)
        self.barred = self._barred.view
        self.noted: Callable[[Alarm], None] = _nobody
        self.alarms = dict.fromkeys(ALARMS, 0)

    def began(self, extension: str, call: str, at: float, watched: WatchedCall) -> None:
        """A call goes out that may be one that guards are for."""
        guards = watched.guards
        if guards is None or not guards.new_country:
            return
        own, ours = self._new(extension, watched, at), self._new("", watched, at)
        found = ours if guards.new_country == COMPANY else own
        if found:
            what, first_of = ", ".join(found), COMPANY if ours else EXTENSION
            alarm = Alarm(
                kind=NEW_COUNTRY,
                extension=extension,
                call=call,
                what=what,
                first_of=first_of,
                calls=0,
                barred=False,
                at=at,
            )
            self._tell(guards, alarm, f"the first call to {what}")

    def ended(
        self, extension: str, call: str, at: float, talked: float, watched: WatchedCall
    ) -> None:
        """Such a call is over. talked: seconds."""
        guards = watched.guards
        if guards is None or not guards.short_calls or talked >= guards.short_seconds:
            return
        key = (extension, watched.range)
        since = at - guards.within_seconds
        times = (*(time for time in self._short.pop(key, ()) if time > since), at)
        calls = len(times)
        if calls < guards.short_calls:
            self._keep("short", self._short, key, times)
            return
        self._journal("short", key, None)
        alarm = Alarm(
            kind=SHORT_CALLS,
            extension=extension,
            call=call,
            what=watched.range,
            first_of="",
            calls=calls,
            barred=False,
            at=at,
        )
        self._tell(guards, alarm, f"{calls} short calls to {watched.range}")

    def lift(self, extension: str) -> bool:
        """Let an extension call again; False when it was not barred."""
        return self._barred.drop(extension)

    def expire(self, now: float) -> None:
        """Forget short calls that count no more."""
        while self._short:
            key, times = next(iter(self._short.items()))
            if times[-1] > now - LONGEST_WITHIN:
                break
            del self._short[key]
            self._journal("short", key, None)

    def restore(self, kind: str, key: Key, value: tuple[object, ...]) -> None:
        """Take over what an earlier process told its journal. Raises TypeError, ValueError."""
        if kind == "barred":
            (extension,), (why, at) = key, value
            self._barred.restore(extension, Barring(str(why), seconds(at)))
            return
        whose, of = key
        (self._called if kind == "country" else self._short)[whose, of] = tuple(map(seconds, value))

    def _new(self, whose: str, watched: WatchedCall, at: float) -> list[str]:
        """The countries that are called for the first time, which they are not from now on."""
        found = [one for one in watched.countries if (whose, one) not in self._called]
        for country in found:
            self._keep("country", self._called, (whose, country), (at,))
        return found

    def _keep(
        self, kind: str, kept: _Times, key: tuple[str, str], times: tuple[float, ...]
    ) -> None:
        kept[key] = times
        self._journal(kind, key, times)
        if len(kept) > MOST:
            oldest = next(iter(kept))
            del kept[oldest]
            self._journal(kind, oldest, None)

    def _tell(self, guards: FraudGuards, alarm: Alarm, why: str) -> None:
        if alarm.kind in guards.bars:
            self._barred.put(alarm.extension, Barring(why, alarm.at))
            alarm = alarm._replace(barred=True)
        self.alarms[alarm.kind] += 1
        self.noted(alarm)


def _nobody(_alarm: Alarm) -> None:
    """Nobody wants to know."""


METRICS: Final[Rows[GuardsInMemory]] = (
    counter(
        "callrouter_fraud_alarms",
        "Each alarm of a guard against fraud adds one, by what it has found; the log says who "
        "called where.",
        lambda it: it.alarms,
        "kind",
    ),
    gauge(
        "callrouter_barred_extensions",
        "This many extensions may not call abroad until somebody lifts it.",
        lambda it: len(it.barred),
    ),
)
