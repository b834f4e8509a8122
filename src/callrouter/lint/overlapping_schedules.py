"""Schedules with times that overlap, or all but meet."""

from dataclasses import dataclass
from typing import Final

from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.lint.findings import Findings

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY: Final = 1440
_WEEK: Final = 7 * _DAY
# A gap of so few minutes was hardly meant.
_SMALL: Final = 5


@dataclass(slots=True, kw_only=True, frozen=True)
class _Part:
    """One span of one day. start, end: minutes since Monday 00:00. index: its text's."""

    start: int
    end: int
    index: int


def hours(found: Findings) -> None:
    """Warn of overlaps and small gaps in schedules, and of schedules that never open."""
    for name, raw in found.section("schedules").items():
        schedule = ScheduleEntry.model_validate(raw)
        parts = _parts(schedule)
        if not parts and not schedule.days:
            found.at_key(("schedules", name), f"schedule '{name}' is never open")
        _meetings(found, name, parts)
        _closed(found, name, schedule)


def week(schedule: ScheduleEntry) -> list[bool]:
    """Say of each minute of a week, from Monday 00:00 on, whether it is open as a rule."""
    minutes = [False] * _WEEK
    for part in _parts(schedule):
        for minute in range(part.start, part.end):
            minutes[minute % _WEEK] = True
    return minutes


def clock(minute: int) -> str:
    """Write a minute of the week: `Mon 08:30`."""
    return f"{_DAYS[minute // _DAY]} {_clock(minute)}"


def is_always_open(schedule: ScheduleEntry) -> bool:
    """Say whether a schedule has no minute of any day left out."""
    if schedule.holidays is not None or schedule.closed or schedule.days:
        return False
    parts = _parts(schedule)
    covered = parts[0].start if parts else 0
    for part in parts:
        if part.start > covered:
            break
        covered = max(covered, part.end)
    # The night from Sunday to Monday may be the end of a span of Sunday's.
    return bool(parts) and covered - _WEEK >= parts[0].start


def _parts(schedule: ScheduleEntry) -> list[_Part]:
    """Return all spans of the week, in order."""
    return sorted(
        (
            _Part(start=day * _DAY + start, end=day * _DAY + end, index=index)
            for index, times in enumerate(schedule.open)
            for day in times.days
            for start, end in times.spans
        ),
        key=lambda part: (part.start, part.end),
    )


def _meetings(found: Findings, name: str, parts: list[_Part]) -> None:
    """Warn where two spans of the week overlap or nearly meet, once for each text."""
    told: set[int] = set()
    after = [
        *parts[1:],
        *(_Part(start=p.start + _WEEK, end=p.end + _WEEK, index=p.index) for p in parts[:1]),
    ]
    for part, following in zip(parts, after, strict=True):
        gap = following.start - part.end
        index = max(part.index, following.index)
        if index in told or gap == 0 or gap > _SMALL:
            continue
        told.add(index)
        when = f"on {_DAYS[following.start // _DAY % 7]} at {_clock(following.start)}"
        message = f"times overlap {when}"
        if gap > 0:
            minutes = "1 minute" if gap == 1 else f"{gap} minutes"
            message = f"closed for {minutes} from {_clock(part.end)} {when.replace('at', 'to')}"
        found.at_value(("schedules", name, "open", index), message)


def _closed(found: Findings, name: str, schedule: ScheduleEntry) -> None:
    """Warn of closed days that are there twice."""
    ranges = list(enumerate(schedule.closed))
    for index, days in ranges:
        for _, earlier in ranges[:index]:
            if days.first <= earlier.last and earlier.first <= days.last:
                message = "part of it is closed by an entry before already"
                found.at_value(("schedules", name, "closed", index), message)
                break


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"
