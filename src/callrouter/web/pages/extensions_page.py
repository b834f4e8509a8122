"""The page of extensions: who is away, where calls go on to, and which telephones there are."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import extension_states, forwards, presence, registrations
from callrouter.route.values.snapshot import FORWARDS
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.identity import check
from callrouter.web.pages.filled_forms import (
    Fault,
    Fields,
    Filler,
    SearchText,
    Viewer,
    acted,
    asked_of,
    done_of,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {
    "/extensions/leave": "set_presence",
    "/extensions/return": "clear_presence",
    "/extensions/forward": "set_forward",
    "/extensions/usual": "clear_forward",
}
_SHOWN: Final = 100


@router.get("/extensions")
def show_extensions(request: Request, who: Viewer, part: SearchText = "") -> Response:
    """The extensions; an agent sees their own."""
    return _show(request, who, Fault(given={"part": part.strip()}))


@router.post("/extensions/leave")
def leave(request: Request, who: Filler, form: Fields) -> Response:
    """Ring an extension no more."""
    reason = form.get("reason", "").strip() or "away"
    extension = form.get("extension", "")
    return acted(
        request, who, form, presence.set_presence, _show, extension=extension, reason=reason
    )


@router.post("/extensions/return")
def come_back(request: Request, who: Filler, form: Fields) -> Response:
    """Ring an extension again."""
    extension = form.get("extension", "")
    return acted(request, who, form, presence.clear_presence, _show, extension=extension)


@router.post("/extensions/forward")
def forward(request: Request, who: Filler, form: Fields) -> Response:
    """Have calls go on elsewhere."""
    values = {name: form.get(name, "").strip() for name in ("extension", "when", "to")}
    return acted(request, who, form, forwards.set_forward, _show, **values)


@router.post("/extensions/usual")
def usual(request: Request, who: Filler, form: Fields) -> Response:
    """Let calls go as the dialplan says."""
    values = {name: form.get(name, "") for name in ("extension", "when")}
    return acted(request, who, form, forwards.clear_forward, _show, **values)


def _show(request: Request, who: WebIdentity, fault: Fault) -> Response:
    check(who, Scope.PRESENCE)
    part = fault.given.get("part", "")
    found = asked_of(
        request,
        who,
        extension_states.list_extensions,
        extension=who.only_own,
        part=part or None,
        most=_SHOWN,
    )
    phones = None
    if who.may(Scope.NUMBERS):
        phones = asked_of(request, who, registrations.list_registrations)
    return page(
        request,
        "extensions.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        extensions=found,
        part=part,
        phones=phones,
        kinds={kind: kind for kind in FORWARDS},
    )
