"""The pages of calls: the search, and the whole story of one."""

import io
import re
import time
from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from callrouter.call.services.record import Disposition
from callrouter.observe.cdr_export import charge_rows, result_of, write_csv
from callrouter.operations.operation import BadValueError, NotFoundError
from callrouter.storage.cdr_query import Filter
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.call_ladder import ladder_of
from callrouter.web.http.identity import viewing
from callrouter.web.http.records_api import recorded_waveform, seeing
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.ladder_drawing import drawn
from callrouter.web.pages.page_rendering import Clock, fragment, page

router: Final = APIRouter()
ACTIONS: Final[dict[str, str]] = {}

Viewer = Annotated[WebIdentity, Depends(viewing)]
Text = Annotated[str, Query(max_length=200)]
Record = dict[str, Any]

_A_PAGE: Final = 50
_AT_ONCE: Final = 200
_MOST_CSV: Final = 100_000
_WRITTEN: Final = re.compile(r"[\s().-]+")
"""What people write between the digits of a number."""


@router.get("/calls")
def search(
    request: Request,
    who: Viewer,
    day: Text = "",
    part: Text = "",
    ended: Text = "",
    cursor: Text = "",
) -> Response:
    """The search."""
    site = site_of(request)
    day = day or Clock(site).day(time.time())
    found = site.records.page(seeing(who), _filter(site, day, part, ended), cursor, _A_PAGE)
    wanted = {"day": day, "part": part, "ended": ended}
    return page(
        request,
        "call_rows.html" if request.headers.get("hx-target") == "found" else "calls.html",
        who,
        records=[_row(record) for record in found.records],
        more=urlencode({**wanted, "cursor": found.next}) if found.next else "",
        wanted=wanted,
        query=urlencode(wanted),
        dispositions=list(Disposition),
    )


@router.get("/calls.csv")
def export(
    request: Request, who: Viewer, day: Text = "", part: Text = "", ended: Text = ""
) -> Response:
    """What a search finds, for a spreadsheet: nothing in it is run as a formula there."""
    site = site_of(request)
    day = day or Clock(site).day(time.time())
    wanted = _filter(site, day, part, ended)
    seeing(who)
    headers = {"Content-Disposition": f'attachment; filename="calls-{day}.csv"'}
    return StreamingResponse(_csv(site, who, wanted), headers=headers, media_type="text/csv")


@router.get("/calls/{id}")
def one(request: Request, who: Viewer, id: str) -> Response:
    """The whole story of one call, which may be in progress."""
    site = site_of(request)
    record = site.records.one(seeing(who), id)
    ladder = ladder_of(site.trace_folder, id) if who.may(Scope.NUMBERS) else None
    if record is None and (ladder is None or ladder.missing):
        raise NotFoundError(f"there is no record of a call {id}, and no trace of one")
    return page(
        request,
        "call.html",
        who,
        id=id,
        record=record,
        verdicts=[] if record is None else [_verdict(rule) for rule in record["trace"]],
        charges=[] if record is None else charge_rows(record),
        ladder=ladder,
        drawing=None if ladder is None or ladder.missing else drawn(ladder),
        hears=who.may(Scope.RECORDINGS) or who.may(Scope.OWN),
        dialplan=str(site.settings.dialplan) if who.may(Scope.DIALPLAN) else "",
    )


@router.get("/recordings/{id}/waveform.svg")
def draw_waveform(request: Request, who: Viewer, id: str) -> Response:
    """The picture of a recording; a browser keeps it, for a recording never changes."""
    peaks = recorded_waveform(site_of(request), who, id)
    halves = [max(round(28 * peak), 1) for peak in peaks]
    bars = [(x, 30 - half, 2 * half) for x, half in enumerate(halves)]
    values = {"width": len(peaks), "bars": bars}
    picture = fragment(site_of(request), "en", "waveform.svg", values)
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(picture, headers=headers, media_type="image/svg+xml")


def _filter(site: Site, day: str, part: str, ended: str) -> Filter:
    """What is looked for. Raises BadValueError."""
    clock = Clock(site)
    try:
        since, until = clock.midnight(day), clock.midnight(day, 1)
    except (ValueError, OverflowError):
        wanted = "a date such as 2026-03-07"
        raise BadValueError(f"day: expected {wanted}", "day", wanted) from None
    if ended and ended not in set(Disposition):
        wanted = ", ".join(Disposition)
        raise BadValueError(f"ended: expected one of {wanted}", "ended", wanted)
    packed = _WRITTEN.sub("", part)
    digits = packed.lstrip("+").isdecimal()
    return Filter(
        since=since,
        until=until,
        part=packed if digits else part.strip(),
        disposition=ended or None,
    )


def _row(record: Record) -> Record:
    talk = None if record["answered_ms"] is None else record["ended_ms"] - record["answered_ms"]
    legs = ", ".join(f"{leg['target']} {leg['status'] or leg['result']}" for leg in record["legs"])
    return {**record, "talk": talk, "legs": legs}


def _verdict(rule: Record) -> Record:
    kind = rule.get("result") or ("passed" if rule["matched"] else "not_asked")
    return {**rule, "kind": kind, "said": result_of(rule)}


def _csv(site: Site, who: WebIdentity, wanted: Filter) -> Iterator[str]:
    """The lines of the file, as many at a time as a page of the search."""
    cursor, head = "", True
    for _ in range(_MOST_CSV // _AT_ONCE):
        found = site.records.page(who, wanted, cursor, _AT_ONCE)
        out = io.StringIO()
        write_csv(found.records, out)
        text = out.getvalue()
        yield text if head else text.partition("\n")[2]
        cursor, head = found.next, False
        if not cursor:
            return
