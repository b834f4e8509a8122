"""The page of call-backs: who is to be called back, and who is no more."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import call_backs
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.identity import check
from callrouter.web.pages.filled_forms import (
    NO_FAULT,
    Fault,
    Fields,
    Filler,
    Viewer,
    acted,
    asked_of,
    done_of,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {"/callbacks/add": "add_call_back", "/callbacks/cancel": "cancel_call_back"}
STATES: Final = ("waiting", "calling", "ended")
_SHOWN: Final = 200


@router.get("/callbacks")
def show_call_backs(request: Request, who: Viewer) -> Response:
    """Who is to be called back, and who was."""
    return _show(request, who, NO_FAULT)


@router.post("/callbacks/add")
def add(request: Request, who: Filler, form: Fields) -> Response:
    """Have somebody called back."""
    values = {name: form.get(name, "").strip() for name in ("rule", "caller", "number")}
    return acted(request, who, form, call_backs.add_call_back, _show, **values)


@router.post("/callbacks/cancel")
def cancel(request: Request, who: Filler, form: Fields) -> Response:
    """Have somebody called back no more."""
    return acted(request, who, form, call_backs.cancel_call_back, _show, id=form.get("id", ""))


def _show(request: Request, who: WebIdentity, fault: Fault) -> Response:
    check(who, Scope.NUMBERS)
    found = asked_of(request, who, call_backs.list_call_backs, most=_SHOWN)
    return page(
        request,
        "call_backs.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        call_backs=found.call_backs,
        changes=who.may(Scope.CALL_BACKS),
    )
