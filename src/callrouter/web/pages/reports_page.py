"""The pages of reports and settings: a day by the hour, weeks by the day; how the server is set."""

import datetime
import time
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from callrouter.errors import masked
from callrouter.operations.operation import BadValueError, UnavailableError
from callrouter.web.access.roles import Scope
from callrouter.web.core.reports import IN_TIME_SECONDS, call_report
from callrouter.web.http.identity import check
from callrouter.web.http.site import site_of
from callrouter.web.pages.bar_chart import charted
from callrouter.web.pages.filled_forms import SearchText, Viewer
from callrouter.web.pages.page_rendering import Clock, page

router: Final = APIRouter()
ACTIONS: Final[dict[str, str]] = {}
LENGTHS: Final = {1: "a day by the hour", 7: "a week by the day", 28: "four weeks by the day"}
_HOUR: Final = 3600


@router.get("/reports")
def show_report(
    request: Request,
    who: Viewer,
    day: SearchText = "",
    days: Annotated[int, Query(ge=1, le=28)] = 1,
) -> Response:
    """The report of a day, or of the days up to it."""
    check(who, Scope.CALLS)
    site, clock = site_of(request), Clock(site_of(request))
    day, days = day or clock.day(time.time()), days if days in LENGTHS else 1
    try:
        edges = _edges(clock, day, days)
    except (ValueError, OverflowError):
        wanted = "a date such as 2026-03-07"
        raise BadValueError(f"day: expected {wanted}", "day", wanted) from None
    report = call_report(site.settings.records.database, edges)
    written = "%H:%M" if days == 1 else "%m-%d"
    labels = [
        f"{datetime.datetime.fromtimestamp(span.since, clock.zone):{written}}"
        for span in report.spans
    ]
    values = [
        (label, span.calls, span.answered) for label, span in zip(labels, report.spans, strict=True)
    ]
    return page(
        request,
        "reports.html",
        who,
        day=day,
        days=days,
        lengths=LENGTHS,
        report=report,
        rows=list(zip(labels, report.spans, strict=True)),
        chart=charted(values),
        in_time=int(IN_TIME_SECONDS),
    )


@router.get("/settings")
def show_settings(request: Request, who: Viewer) -> Response:
    """The file of the settings, without passwords; it is changed with an editor."""
    check(who, Scope.DIALPLAN)
    path = site_of(request).config
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(f"{path} cannot be read: {error}") from error
    return page(request, "settings.html", who, file=str(path), text=masked(text))


def _edges(clock: Clock, day: str, days: int) -> list[float]:
    """The Unix times between which calls are counted. Raises ValueError, OverflowError."""
    if days > 1:
        return [clock.midnight(day, index) for index in range(1 - days, 2)]
    since, until = clock.midnight(day), clock.midnight(day, 1)
    hours = round((until - since) / _HOUR)  # 23 or 25 on two days of some zones' years
    return [*(since + index * _HOUR for index in range(hours)), until]
