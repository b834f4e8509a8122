"""The page of the dialplan: checked as one types, compared on past calls, put live, taken back."""

import difflib
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from callrouter.operations.operation import OperationError
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.live_dialplan import ChangedMeanwhileError
from callrouter.web.http import dialplan_api as api
from callrouter.web.http.identity import Form, check
from callrouter.web.http.site import site_of
from callrouter.web.pages.filled_forms import (
    NO_FAULT,
    Fault,
    Fields,
    Filler,
    Viewer,
    done_of,
    edited,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {
    "/dialplan/check": "check_dialplan",
    "/dialplan/compare": "compare_dialplan",
    "/dialplan/put": "put_dialplan",
    "/dialplan/lines": "set_number_lines",
}
_DAYS: Final = 2
_MOST_LINES: Final = 400
"""Lines of a difference between two texts."""


@router.get("/dialplan")
def show_dialplan(
    request: Request, who: Viewer, version: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> Response:
    """The text as it is, or an older one that may be put live again."""
    check(who, Scope.DIALPLAN)
    found = site_of(request).dialplan.read()
    text = api.show_version(request, who, version).text if version else found.text
    return _page(request, who, text, found.etag, version=version)


@router.post("/dialplan/check")
def check_draft(request: Request, who: Filler, form: Fields) -> Response:
    """What is wrong with it so far."""
    check(who, Scope.DIALPLAN)
    checked = site_of(request).drafts.check(_text(form))
    return _page(request, who, _text(form), form.get("etag", ""), checked=checked)


@router.post("/dialplan/compare")
def compare(request: Request, who: Filler, form: Fields) -> Response:
    """What would become of yesterday's calls."""
    check(who, Scope.DIALPLAN)
    try:
        compared = site_of(request).drafts.compare(_text(form), _DAYS)
    except OperationError as error:
        return _refused(request, who, form, error)
    return _page(request, who, _text(form), form.get("etag", ""), compared=compared)


@router.post("/dialplan/put")
def put(request: Request, who: Filler, form: Fields) -> Response:
    """Put it live; what was typed is never lost."""
    check(who, Scope.DIALPLAN)
    try:
        done = api.put_live(request, who, _text(form), form.get("etag", ""))
    except OperationError as error:
        return _refused(request, who, form, error)
    return _page(request, who, site_of(request).dialplan.read().text, done.etag, done=done)


@router.post("/dialplan/lines")
def set_lines(request: Request, who: Filler, form: Fields) -> Response:
    """Say how many calls a number may have."""
    lines = form.get("lines", "").strip()
    number = form.get("number", "").strip()
    values = {"number": number, "lines": int(lines) if lines.isdecimal() else lines}
    return edited(request, who, form, api.set_number_lines, _show, **values)


def _show(request: Request, who: WebIdentity, fault: Fault) -> Response:
    found = site_of(request).dialplan.read()
    return _page(request, who, found.text, found.etag, fault.status, fault=fault)


def _refused(request: Request, who: WebIdentity, form: Form, error: OperationError) -> Response:
    """The page with what was typed, and why that is not live; the tag is the file's of now."""
    text, etag, theirs = _text(form), form.get("etag", ""), ""
    if isinstance(error, ChangedMeanwhileError):
        found = site_of(request).dialplan.read()
        etag, theirs = found.etag, _difference(found.text, text)
    lines = error.problem.diagnostics
    return _page(
        request, who, text, etag, error.status, why=str(error), mistakes=lines, theirs=theirs
    )


def _page(
    request: Request,
    who: WebIdentity,
    text: str,
    etag: str,
    status: int = 200,
    **values: Any,
) -> Response:
    nothing: dict[str, Any] = dict.fromkeys(("checked", "compared", "done"))
    nothing |= {
        "fault": NO_FAULT,
        "said": done_of(request),
        "version": 0,
        "why": "",
        "mistakes": [],
        "theirs": "",
    }
    parts = {"checked": "dialplan_checked.html", "compared": "dialplan_compared.html"}
    site = site_of(request)
    template = parts.get(request.headers.get("hx-target", ""), "dialplan.html")
    shown = {"text": text, "etag": etag, "file": site.settings.dialplan.name, "days": _DAYS}
    versions = site.versions.listed()
    status = status if template not in parts.values() else 200  # it is shown where it was asked for
    return page(request, template, who, status, **nothing | values | shown, versions=versions)


def _text(form: Form) -> str:
    """The text of a form; browsers send CRLF between lines."""
    return form.get("text", "").replace("\r\n", "\n")


def _difference(before: str, after: str) -> str:
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "the file now", "your text", lineterm=""
    )
    return "\n".join(line for line, _ in zip(lines, range(_MOST_LINES), strict=False))
