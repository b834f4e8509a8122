"""What calls have left, over the API: records and their sums, ladders, recordings and messages."""

import os
import time
from typing import IO, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from callrouter.call.services.record import Disposition
from callrouter.operations.operation import NotFoundError
from callrouter.storage.cdr_query import Filter
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.call_ladder import CallLadder, ladder_of
from callrouter.web.core.records import MOST
from callrouter.web.core.reports import CallReport, call_report
from callrouter.web.core.waveform import waveform
from callrouter.web.http.audio import audio_response
from callrouter.web.http.identity import identify, needing
from callrouter.web.http.operations_api import PREFIX
from callrouter.web.http.problems import RESPONSES, ForbiddenError
from callrouter.web.http.site import Site, site_of

Values = dict[str, Any]

_LATEST: Final = 2**40
router: Final = APIRouter(prefix=f"{PREFIX}/v1", tags=["records"], responses=RESPONSES)
reports: Final = APIRouter(prefix=f"{PREFIX}/v1/reports", tags=["reports"], responses=RESPONSES)

Anybody = Annotated[WebIdentity, Depends(identify)]
Hearing = Annotated[WebIdentity, Depends(needing(Scope.RECORDINGS))]
Moment = Annotated[float | None, Query(ge=0, le=_LATEST, description="Unix seconds.")]
Text = Annotated[str, Query(max_length=200)]
Since = Annotated[float, Query(ge=0, le=_LATEST, description="Unix seconds.")]
Step = Annotated[int, Query(ge=900, le=86400, description="Seconds of one span.")]
Spans = Annotated[int, Query(ge=1, le=31)]


class RecordPage(BaseModel):
    """A page of records, the newest first. next: the `cursor` of the next one, "" for none."""

    records: list[Values]
    next: str


class RecordingList(BaseModel):
    """The newest recordings first."""

    recordings: list[Values]


class VoicemailList(BaseModel):
    """The messages in voicemail boxes."""

    messages: list[Values]


class Waveform(BaseModel):
    """peaks: of 240 equal parts, each from 0 to 1."""

    peaks: list[float]


def seeing(who: WebIdentity) -> WebIdentity:
    """Somebody, who sees calls at all. Raises ForbiddenError."""
    if not who.sees_calls:
        raise ForbiddenError(f"this needs the scope {Scope.CALLS} or {Scope.OWN}")
    return who


@router.get("/records", operation_id="search_records")
def search_records(
    request: Request,
    who: Anybody,
    since: Moment = None,
    until: Moment = None,
    part: Annotated[
        Text, Query(description="Part of the caller's, the dialled, or the dialplan's number.")
    ] = "",
    number: Annotated[str | None, Query(max_length=200)] = None,
    disposition: Disposition | None = None,
    most: Annotated[int, Query(ge=1, le=MOST)] = 50,
    cursor: Text = "",
) -> RecordPage:
    """Search the records of calls, the newest first."""
    found = Filter(since=since, until=until, part=part, number=number, disposition=disposition)
    page = site_of(request).records.page(seeing(who), found, cursor, most)
    return RecordPage(records=page.records, next=page.next)


@router.get("/records/{id}", operation_id="get_record")
def get_record(request: Request, who: Anybody, id: str) -> Values:
    """The record of one call, with what every rule said, its legs and its charges."""
    found = site_of(request).records.one(seeing(who), id)
    if found is None:
        raise NotFoundError(f"there is no record of a call {id}")
    return found


@router.get("/records/{id}/ladder", operation_id="get_ladder")
def get_ladder(
    request: Request, _who: Annotated[WebIdentity, Depends(needing(Scope.NUMBERS))], id: str
) -> CallLadder:
    """The SIP messages of one call, which may be in progress, or of the leg with this Call-ID."""
    return ladder_of(site_of(request).trace_folder, id)


@router.get("/recordings", operation_id="list_recordings")
def list_recordings(
    request: Request,
    _who: Hearing,
    number: Annotated[str | None, Query(max_length=200)] = None,
    most: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> RecordingList:
    """The newest recordings."""
    with site_of(request).archive() as archive:
        return RecordingList(recordings=_shown(archive.recordings(number, most)))


@router.get("/messages", operation_id="list_messages")
def list_messages(
    request: Request, _who: Hearing, box: Annotated[str | None, Query(max_length=200)] = None
) -> VoicemailList:
    """The messages in voicemail boxes: of each box the new ones first."""
    with site_of(request).archive() as archive:
        return VoicemailList(messages=_shown(archive.messages(box, deleted=False)))


@router.get("/recordings/{id}/audio", operation_id="hear_recording", response_class=Response)
def hear_recording(request: Request, who: Anybody, id: str) -> Response:
    """The WAV file of a recording, or a range of it. Each hearing is in the audit."""
    site = site_of(request)
    file = _recording(site, who, id)
    return audio_response(request, file, lambda: _note(site, who, "hear_recording", id))


@router.get("/recordings/{id}/waveform", operation_id="show_waveform")
def show_waveform(request: Request, who: Anybody, id: str) -> Waveform:
    """How loud each part of a recording is."""
    return Waveform(peaks=recorded_waveform(site_of(request), who, id))


@router.get("/messages/{id}/audio", operation_id="hear_message", response_class=Response)
def hear_message(request: Request, who: Hearing, id: str) -> Response:
    """The WAV file of a message, or a range of it. Each hearing is in the audit."""
    site = site_of(request)
    with site.archive() as archive:
        file = archive.message_file(id)
    return audio_response(request, file, lambda: _note(site, who, "hear_message", id))


def recorded_waveform(site: Site, who: WebIdentity, id: str) -> list[float]:
    """How loud each part of a recording is. Raises ForbiddenError, NotThereError."""
    with _recording(site, who, id) as file:
        return waveform(file, os.fstat(file.fileno()).st_size)


def _recording(site: Site, who: WebIdentity, id: str) -> IO[bytes]:
    with site.archive() as archive:
        _may_hear(site, who, archive.recording(id)["call"] if who.may(Scope.OWN) else "")
        return archive.recording_file(id)


def _may_hear(site: Site, who: WebIdentity, call: str) -> None:
    """Raises ForbiddenError: who may not hear all hears nothing but their own calls."""
    if who.may(Scope.RECORDINGS):
        return
    if not call or site.records.one(who, call) is None:
        raise ForbiddenError(f"this needs the scope {Scope.RECORDINGS}")


def _note(site: Site, who: WebIdentity, action: str, id: str) -> None:
    """Write a hearing down, once for all the ranges that a player asks for."""
    if site.hearings.begins((who.name, action, id), time.monotonic()):
        site.audit.note(who.name, who.address, action, id)


def _shown(rows: list[Values]) -> list[Values]:
    """Rows without the names of our files."""
    return [{name: value for name, value in row.items() if name != "file"} for row in rows]


@reports.get("/calls", operation_id="report_calls")
def report_calls(
    request: Request,
    _who: Annotated[WebIdentity, Depends(needing(Scope.CALLS))],
    since: Since,
    step: Step = 3600,
    spans: Spans = 24,
) -> CallReport:
    """How many calls there were, and were answered; waits, service level and costs."""
    edges = [since + step * index for index in range(spans + 1)]
    return call_report(site_of(request).settings.records.database, edges)
