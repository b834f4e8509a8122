"""The page of schedules: each with its switch, and four weeks that say open or closed and why."""

from datetime import date, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import overrides, schedule_states
from callrouter.operations.operation import BadValueError, OperationError
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.dialplan_api import (
    ScheduleDays,
    close_schedule_on,
    reopen_schedule_on,
    set_schedule_holidays,
    show_schedule_days,
)
from callrouter.web.pages.filled_forms import (
    NO_FAULT,
    Fault,
    Fields,
    Filler,
    SearchText,
    Viewer,
    acted,
    asked_of,
    done_of,
    edited,
    fault_of,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {
    "/schedules/switch": "set_override",
    "/schedules/usual": "clear_override",
    "/schedules/close": "close_schedule_on",
    "/schedules/reopen": "reopen_schedule_on",
    "/schedules/holidays": "set_schedule_holidays",
}
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAYS: Final = 28
_SWITCHES: Final = {"open": True, "closed": False}
_MOMENT: Final = "a time that is to come, such as 2026-03-07T18:00, or nothing"


class CalendarDay(NamedTuple):
    """A day of the calendar. opens: its open times, with why. closed: why it is, at other times."""

    date: date
    opens: list[tuple[str, str]]
    closed: list[str]


@router.get("/schedules")
def show_schedules(request: Request, who: Viewer, schedule: SearchText = "") -> Response:
    """All schedules, and the calendar of one."""
    return _show(request, who, NO_FAULT, schedule)


@router.post("/schedules/switch")
def switch(request: Request, who: Filler, form: Fields) -> Response:
    """Switch one open or closed, until a time on the clock of its zone."""
    name = form.get("schedule", "")
    try:
        until = _moment(form.get("until", ""), _zone(request, who, name))
    except BadValueError as error:
        return _show(request, who, fault_of(request, form, error))
    is_open = _SWITCHES.get(form.get("state", ""))
    return acted(
        request, who, form, overrides.set_override, _show, schedule=name, open=is_open, until=until
    )


@router.post("/schedules/usual")
def usual(request: Request, who: Filler, form: Fields) -> Response:
    """Let one follow its hours again."""
    name = form.get("schedule", "")
    return acted(request, who, form, overrides.clear_override, _show, schedule=name)


@router.post("/schedules/close")
def close(request: Request, who: Filler, form: Fields) -> Response:
    """Close one on some days, in the dialplan."""
    values = {name: form.get(name, "").strip() for name in ("schedule", "first", "last")}
    return edited(request, who, form, close_schedule_on, _show, **values)


@router.post("/schedules/reopen")
def reopen(request: Request, who: Filler, form: Fields) -> Response:
    """Let one follow its hours on days that it was closed on, in the dialplan."""
    values = {name: form.get(name, "") for name in ("schedule", "days")}
    return edited(request, who, form, reopen_schedule_on, _show, **values)


@router.post("/schedules/holidays")
def keep_holidays(request: Request, who: Filler, form: Fields) -> Response:
    """Close one on the public holidays of a region, in the dialplan."""
    values = {name: form.get(name, "").strip() for name in ("schedule", "region")}
    return edited(request, who, form, set_schedule_holidays, _show, **values)


def _show(request: Request, who: WebIdentity, fault: Fault, chosen: str = "") -> Response:
    found = asked_of(request, who, schedule_states.list_schedules)
    first = next((one.name for one in found.schedules), "")
    chosen = chosen or fault.given.get("schedule", "") or first
    calendar, days = None, list[CalendarDay]()
    if chosen:
        calendar = asked_of(request, who, schedule_states.show_calendar, schedule=chosen, days=DAYS)
        days = calendar_days(calendar)
    return page(
        request,
        "schedules.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        schedules=found.schedules,
        calendar=calendar,
        days=days,
        weekdays=WEEKDAYS,
        changes=who.may(Scope.OVERRIDES),
        written=_written(request, who, chosen) if chosen and who.may(Scope.DIALPLAN) else None,
    )


def _written(request: Request, who: WebIdentity, name: str) -> ScheduleDays | None:
    """What the dialplan's file says of days of a schedule; None when that cannot be edited here."""
    try:
        return show_schedule_days(request, who, name)
    except OperationError:
        return None


def calendar_days(calendar: schedule_states.ScheduleCalendar) -> list[CalendarDay]:
    """The days of a calendar, by the clock of the schedule's zone."""
    zone = ZoneInfo(calendar.zone)

    def day_of(span: schedule_states.CalendarSpan) -> date:
        return datetime.fromtimestamp(span.since, zone).date()

    days = []
    for day, spans in groupby(calendar.spans, day_of):
        opens, closed = list[tuple[str, str]](), dict[str, None]()
        for span in spans:
            if span.open:
                opens.append((f"{_clock(span.since, zone)}-{_clock(span.until, zone)}", span.why))
            else:
                closed[span.why] = None
        days.append(CalendarDay(day, opens, list(closed)))
    return days[:DAYS]  # the one after them has only begun


def _clock(at: float, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(at, zone):%H:%M}"


def _zone(request: Request, who: WebIdentity, name: str) -> ZoneInfo:
    """The zone of a schedule; UTC for one that is not there, which the operation then says."""
    found: Any = asked_of(request, who, schedule_states.list_schedules)
    zones = (one.zone for one in found.schedules if one.name == name)
    return ZoneInfo(next(zones, "UTC"))


def _moment(text: str, zone: ZoneInfo) -> float:
    """A time of a form as Unix seconds, 0 for none. Raises BadValueError."""
    if not text.strip():
        return 0.0
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        raise BadValueError(f"until: expected {_MOMENT}", "until", _MOMENT) from None
