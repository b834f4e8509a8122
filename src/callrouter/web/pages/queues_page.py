"""The page of queues and agents: the wallboard, which renews itself."""

import time
from threading import Lock
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from callrouter.operations import queues
from callrouter.operations.operation import NoValues
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.dialplan_api import set_queue_agent
from callrouter.web.http.identity import check
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.filled_forms import (
    NO_FAULT,
    Fault,
    Fields,
    Filler,
    Viewer,
    done_of,
    edited,
)
from callrouter.web.pages.page_rendering import fragment, language_of, page

router: Final = APIRouter()
ACTIONS: Final = {"/queues/agent": "set_queue_agent"}
AGENT_STATES: Final = ("ready", "ringing", "talking", "wrap_up", "on_call", "away", "unreachable")
_FRESH_SECONDS: Final = 1.0


class _Board:
    """The wallboard, asked for once a second, however many look."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._at = 0.0
        self._values: dict[str, Any] = {}

    def values(self, site: Site) -> dict[str, Any]:
        """What is on it, a second old at most. Raises OperationError."""
        with self._lock:
            if time.monotonic() - self._at > _FRESH_SECONDS:
                self._values = {
                    "queues": site.server.ask(queues.list_queues, NoValues()).queues,
                    "agents": site.server.ask(queues.list_agents, NoValues()).agents,
                    "states": AGENT_STATES,
                }
                self._at = time.monotonic()
            return self._values


_BOARD: Final = _Board()


@router.get("/queues")
def show_queues(request: Request, who: Viewer) -> Response:
    """The wallboard."""
    return _show(request, who, NO_FAULT)


@router.post("/queues/agent")
def change_agent(request: Request, who: Filler, form: Fields) -> Response:
    """Add an agent to a queue, or take it out, in the dialplan."""
    values = {name: form.get(name, "").strip() for name in ("queue", "extension")}
    is_on = form.get("change") == "add"
    return edited(request, who, form, set_queue_agent, _show, **values, on=is_on)


@router.get("/queues/board")
def renew(request: Request, who: Viewer) -> Response:
    """The part of it that changes."""
    check(who, Scope.CALLS)
    site = site_of(request)
    return HTMLResponse(
        fragment(site, language_of(request), "queue_board.html", _BOARD.values(site))
    )


def _show(request: Request, who: WebIdentity, fault: Fault) -> Response:
    check(who, Scope.CALLS)
    return page(
        request,
        "queues.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        edits=who.may(Scope.DIALPLAN),
        **_BOARD.values(site_of(request)),
    )
