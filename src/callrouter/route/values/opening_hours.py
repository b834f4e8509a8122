"""Opening hours: when a schedule is open.

Theory: what counts is the wall clock of the schedule's zone. A zone is a list of the moments at
which its distance from UTC changes, so both sides of a daylight-saving change are found by one
bisection and no clock arithmetic is left. Each day has spans of minutes. A span belongs to the day
on which it begins, also when it ends after midnight: one from 22:00 to 06:00 is closed as a whole
by a holiday on its first day, and goes on into a holiday on its second.

Rule: a switch by hand beats everything; the hours of a single day beat closed days and holidays;
those beat the hours of the week.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from callrouter.route.values.snapshot import Override
from callrouter.serializable import Serializable

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = 1440
# A time further from 1970 than 3,000 years is no time of a call.
_LATEST: Final = 1e11


@dataclass(slots=True, kw_only=True)
class Span(Serializable):
    """A part of a day, in minutes since its midnight: from start, up to but not with end.

    An end past 1440 is on the next day. text: as people write it.
    """

    start: int
    end: int
    text: str = field(init=False)

    def __post_init__(self) -> None:
        end = self.end if self.end <= _DAY else self.end - _DAY
        self.text = f"{_clock(self.start)}-{_clock(end)}"


@dataclass(slots=True, kw_only=True)
class Zone(Serializable):
    """A time zone. starts: Unix seconds, ascending, at which each of offsets begins to hold.

    offsets: seconds east of UTC. What lies before the first start has the first offset.
    """

    name: str
    starts: Sequence[int]
    offsets: Sequence[int]

    def minute(self, at: float) -> int:
        """Return what the wall clock shows at a Unix time, in minutes since 1970-01-01 00:00."""
        second = int(at) if -_LATEST < at < _LATEST else 0
        return (second + self.offsets[max(bisect_right(self.starts, second) - 1, 0)]) // 60

    def next_at(self, at: int, minute: int) -> int:
        """Return the Unix time at which the wall clock shows a later minute, or is set before."""
        second = at if -_LATEST < at < _LATEST else 0
        index = bisect_right(self.starts, second)
        left = minute * 60 - (second + self.offsets[max(index - 1, 0)])
        if index < len(self.starts):
            left = min(left, self.starts[index] - second)
        return at + left


@dataclass(slots=True, kw_only=True)
class Hours(Serializable):
    """The state of a schedule at one moment. value: the wall clock. why: a short sentence."""

    open: bool
    value: str
    why: str


@dataclass(slots=True, kw_only=True)
class Schedule(Serializable):
    """Opening hours. Days are counted from 1970-01-01.

    week: the spans of Monday to Sunday. days: the spans of single days. closed: first and last day
    of each time it is closed. holidays: their names, by day.
    """

    name: str
    zone: Zone
    week: tuple[tuple[Span, ...], ...]
    days: Mapping[int, tuple[Span, ...]]
    closed: tuple[tuple[int, int], ...]
    holidays: Mapping[int, str]

    def hours(self, at: float, overrides: Mapping[str, Override]) -> Hours:
        """Say whether it is open at a Unix time, and why."""
        day, minute = divmod(self.zone.minute(at), _DAY)
        value = f"{_WEEKDAYS[(day + 3) % 7]} {date_text(day)} {_clock(minute)} {self.zone.name}"
        override = overrides.get(self.name)
        if override is not None and (override.until == 0 or at < override.until):
            word = "open" if override.open else "closed"
            return Hours(open=override.open, value=value, why=f"{word}, switched by hand")
        shut = self._shut(day)
        spans = () if shut else self._spans(day)
        for span in spans:
            if span.start <= minute < span.end:
                return Hours(open=True, value=value, why=f"open {span.text}")
        if not self._shut(day - 1):
            for span in self._spans(day - 1):
                if minute + _DAY < span.end:
                    return Hours(
                        open=True, value=value, why=f"open {span.text} since the day before"
                    )
        if not shut:
            times = ", ".join(span.text for span in spans)
            shut = f"the hours are {times}" if spans else "no hours on this day"
        return Hours(open=False, value=value, why=f"closed, {shut}")

    def steady_until(self, at: int) -> int:
        """Return the Unix time up to which `hours` does not change by itself from a time on.

        It is never far: the next begin or end of hours, midnight, or a change of the clock.
        """
        day, minute = divmod(self.zone.minute(at), _DAY)
        later = _DAY
        for span in self._spans(day):
            for edge in (span.start, span.end):
                if minute < edge < later:
                    later = edge
        for span in self._spans(day - 1):
            if minute < span.end - _DAY < later:
                later = span.end - _DAY
        return self.zone.next_at(at, day * _DAY + later)

    def _spans(self, day: int) -> tuple[Span, ...]:
        return self.days.get(day, self.week[(day + 3) % 7])

    def _shut(self, day: int) -> str:
        """Say why a whole day is closed; "" when it is not."""
        if day in self.days:
            return ""
        for first, last in self.closed:
            if first <= day <= last:
                return "a closed day"
        holiday = self.holidays.get(day)
        return "" if holiday is None else f"public holiday ({holiday})"


def date_text(day: int) -> str:
    """Write a day counted from 1970-01-01 as 2026-03-07, by the Gregorian calendar."""
    # Years are counted from March, so that the leap day is the last of its year.
    era, of_era = divmod(day + 719468, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    number = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return f"{year + 400 * era + (month <= 2)}-{month:02}-{number:02}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"
