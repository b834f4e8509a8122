"""The page of webhooks: how the endpoints are, what became of events there, and to tell again."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import webhooks
from callrouter.operations.operation import ConflictError, NotFoundError
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
    fault_of,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {
    "/webhooks/resend": "resend_events",
    "/webhooks/disable": "disable_webhook",
    "/webhooks/enable": "enable_webhook",
}
STATES: Final = ("waiting", "delivered", "failed", "not wanted", "unseen")
_SHOWN: Final = 100


@router.get("/webhooks")
def show_webhooks(
    request: Request, who: Viewer, endpoint: SearchText = "", call: SearchText = ""
) -> Response:
    """The endpoints, and the newest events."""
    given = {"endpoint": endpoint.strip(), "call": call.strip()}
    return _show(request, who, Fault(given=given))


@router.post("/webhooks/resend")
def resend(request: Request, who: Filler, form: Fields) -> Response:
    """Tell an endpoint of one event again."""
    values = {name: form.get(name, "") for name in ("endpoint", "event")}
    return acted(request, who, form, webhooks.resend_events, _show, **values)


@router.post("/webhooks/disable")
def disable(request: Request, who: Filler, form: Fields) -> Response:
    """Tell an endpoint of nothing more."""
    why, endpoint = f"by {who.name}", form.get("endpoint", "")
    return acted(request, who, form, webhooks.disable_webhook, _show, endpoint=endpoint, why=why)


@router.post("/webhooks/enable")
def enable(request: Request, who: Filler, form: Fields) -> Response:
    """Tell an endpoint of events again."""
    endpoint = form.get("endpoint", "")
    return acted(request, who, form, webhooks.enable_webhook, _show, endpoint=endpoint)


def _show(request: Request, who: WebIdentity, fault: Fault) -> Response:
    check(who, Scope.DIALPLAN)
    endpoints, attempts, why = [], [], ""
    wanted = {name: fault.given.get(name) or None for name in ("endpoint", "call")}
    try:
        endpoints = asked_of(request, who, webhooks.list_webhooks).webhooks
        asked = asked_of(request, who, webhooks.list_attempts, **wanted, most=_SHOWN)
        attempts = asked.attempts
    except ConflictError as error:  # there are none
        why = str(error)
    except NotFoundError as error:
        fault = fault_of(request, fault.given, error)
    return page(
        request,
        "webhooks.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        endpoints=endpoints,
        attempts=attempts,
        missing=why,
        wanted=wanted,
    )
