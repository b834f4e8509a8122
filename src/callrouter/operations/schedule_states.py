"""Schedules, as operators ask for them: open or closed and why, now and in the weeks to come."""

from collections.abc import Mapping
from itertools import islice
from typing import Annotated, Final

from pydantic import Field

from callrouter.operations.operation import (
    MOST,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
)
from callrouter.route.values.opening_hours import Schedule
from callrouter.route.values.snapshot import Override

_DAY: Final = 86400
_MOST_SPANS: Final = 2000


class ShowCalendar(OperationRequest):
    """days: from now on. schedule: its name in the dialplan."""

    schedule: Name
    days: Annotated[int, Field(ge=1, le=31, description="a whole number from 1 to 31")] = 28


class ScheduleStatus(OperationAnswer):
    """A schedule now. zone: of its hours. switched: by hand. until: Unix seconds, 0 for no end."""

    name: str
    zone: str
    open: bool
    why: str
    switched: bool
    until: float


class ScheduleList(OperationAnswer):
    """schedules: by name. all: how many there are."""

    schedules: list[ScheduleStatus]
    all: int


class CalendarSpan(OperationAnswer):
    """A time in which nothing changes. since, until: Unix seconds, until not with it."""

    since: int
    until: int
    open: bool
    why: str


class ScheduleCalendar(OperationAnswer):
    """spans: without a gap, none longer than a day of the schedule's zone."""

    schedule: str
    zone: str
    spans: list[CalendarSpan]


async def list_schedules(running: RunningServer, _request: NoValues) -> ScheduleList:
    """The schedules: open or closed now, and why."""
    schedules, now = running.dialplan().schedules, running.clock.wall(running.clock.now())
    standing = await running.answer_of("overrides", running.shared.overrides.standing())
    return ScheduleList(
        schedules=[
            _status(schedules[name], standing, now) for name in islice(sorted(schedules), MOST)
        ],
        all=len(schedules),
    )


async def show_calendar(running: RunningServer, request: ShowCalendar) -> ScheduleCalendar:
    """When a schedule will be open or closed, and why, by the dialplan that serves."""
    schedule = running.dialplan().schedules.get(request.schedule)
    if schedule is None:
        raise NotFoundError(f"the dialplan has no schedule {request.schedule}")
    standing = await running.answer_of("overrides", running.shared.overrides.standing())
    now = int(running.clock.wall(running.clock.now()))
    spans = _spans(schedule, standing, now, now + request.days * _DAY)
    return ScheduleCalendar(schedule=schedule.name, zone=schedule.zone.name, spans=spans)


def _status(schedule: Schedule, standing: Mapping[str, Override], now: float) -> ScheduleStatus:
    hours, override = schedule.hours(now, standing), standing.get(schedule.name)
    return ScheduleStatus(
        name=schedule.name,
        zone=schedule.zone.name,
        open=hours.open,
        why=hours.why,
        switched=override is not None,
        until=0.0 if override is None else override.until,
    )


def _spans(
    schedule: Schedule, standing: Mapping[str, Override], since: int, end: int
) -> list[CalendarSpan]:
    """From edge to edge of the hours; the end of an override is one, too."""
    override, at = standing.get(schedule.name), since
    spans = list[CalendarSpan]()
    while at < end and len(spans) < _MOST_SPANS:
        hours, until = schedule.hours(at, standing), schedule.steady_until(at)
        if override is not None and at < override.until < until:
            until = int(-(-override.until // 1))
        spans.append(CalendarSpan(since=at, until=until, open=hours.open, why=hours.why))
        at = until
    return spans
