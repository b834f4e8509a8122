"""Lives of numbers: reserved, active, suspended, disconnected for good, or taken back.

Rules.

- A number that has no life here is not ours to manage: it is routed as the dialplan says.
- A reservation lapses after so many working days. What is disconnected can be undone for a while;
  then the number is gone, and cannot be connected again for months.
- Only an active number takes calls.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

RESERVED: Final = "reserved"
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
DISCONNECTING: Final = "disconnecting"
GONE: Final = "gone"
RECLAIMED: Final = "reclaimed"
STATES: Final = (RESERVED, ACTIVE, SUSPENDED, DISCONNECTING, GONE, RECLAIMED)

RESERVE: Final = "reserve"
ACTIVATE: Final = "activate"
SUSPEND: Final = "suspend"
RESUME: Final = "resume"
DISCONNECT: Final = "disconnect"
UNDO: Final = "undo"
RECLAIM: Final = "reclaim"

ALLOWED: Final = {
    RESERVE: (("", RECLAIMED), RESERVED),
    ACTIVATE: (("", RESERVED, RECLAIMED), ACTIVE),
    SUSPEND: ((ACTIVE,), SUSPENDED),
    RESUME: ((SUSPENDED,), ACTIVE),
    DISCONNECT: ((ACTIVE, SUSPENDED), DISCONNECTING),
    RECLAIM: ((RESERVED, ACTIVE, SUSPENDED), RECLAIMED),
}
"""From which states each change leads to which; "" is no life. `undo` leads back."""
CHANGES: Final = (*ALLOWED, UNDO)

_SATURDAY: Final = 5


class LifeError(ValueError):
    """A change that the state of a number does not allow."""


@dataclass(slots=True, kw_only=True, frozen=True)
class NumberLife:
    """The life of a number. number: its key in the dialplan. since, until: Unix seconds, 0: no end.

    before: the state to which a disconnection is undone, "" for none.
    """

    number: str
    state: str
    since: float
    until: float = 0.0
    before: str = ""


@dataclass(slots=True, kw_only=True, frozen=True)
class LifeChange:
    """A change in the life of a number, for its history."""

    at: float
    state: str
    who: str
    note: str


@dataclass(slots=True, kw_only=True, frozen=True)
class LifeAndHistory:
    """The life of a number, None for none, and its changes, the newest first."""

    life: NumberLife | None
    changes: tuple[LifeChange, ...]


def compared(states: Mapping[str, str], routed: Collection[str]) -> tuple[list[str], list[str]]:
    """Hold the numbers that have a life against those that are routed.

    states: by number. Returns those that are routed and have no life, none while no number has one;
    and those that are routed nowhere, but for those that are gone or taken back.
    """
    nowhere = [key for key, state in states.items() if state not in {GONE, RECLAIMED}]
    unmanaged = sorted(key for key in routed if key not in states) if states else []
    return unmanaged, sorted(key for key in nowhere if key not in routed)


def changed(
    number: str, life: NumberLife | None, change: str, at: float, until: float = 0.0
) -> NumberLife:
    """Return the life after a change. until: when it ends by itself. Raises LifeError."""
    state = "" if life is None else life.state
    if change == UNDO:
        if life is None or state != DISCONNECTING:
            raise LifeError(f"{number} is not being disconnected")
        return NumberLife(number=number, state=life.before, since=at)
    if life is not None and state == GONE:
        if change not in {RESERVE, ACTIVATE} or at < life.until:
            raise LifeError(f"{number} is gone: it cannot be connected again yet")
        state = ""
    known, to = ALLOWED[change]
    if state not in known:
        raise LifeError(f"{number} is {state or 'not known'}: it cannot be changed by {change}")
    before = state if change == DISCONNECT else ""
    return NumberLife(number=number, state=to, since=at, until=until, before=before)


def passed(life: NumberLife, at: float, gone_until: float) -> NumberLife:
    """Return the life as time has made it. gone_until: when one that is gone now may come back."""
    if not life.until or at < life.until:
        return life
    if life.state == RESERVED:
        return NumberLife(number=life.number, state=RECLAIMED, since=life.until)
    if life.state == DISCONNECTING:
        return NumberLife(number=life.number, state=GONE, since=life.until, until=gone_until)
    return life


def working_days_after(at: float, days: int, zone: ZoneInfo, holidays: frozenset[date]) -> float:
    """When so many working days are over, at the same time of the day. holidays: none of them."""
    moment = datetime.fromtimestamp(at, zone)
    while days:
        moment += timedelta(days=1)
        if moment.weekday() < _SATURDAY and moment.date() not in holidays:
            days -= 1
    return moment.timestamp()


def months_after(at: float, months: int, zone: ZoneInfo) -> float:
    """The same day some months later, or the last one of that month."""
    moment = datetime.fromtimestamp(at, zone)
    month = moment.month - 1 + months
    year, month = moment.year + month // 12, month % 12 + 1
    day = moment.day
    while True:
        try:
            return moment.replace(year=year, month=month, day=day).timestamp()
        except ValueError:
            day -= 1
