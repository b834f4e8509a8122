"""The page of queues and agents: the wallboard, which renews itself."""

import time
from threading import Lock
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from callrouter.operations import queues
from callrouter.operations.operation import NoValues
from callrouter.web.access.roles import Scope
from callrouter.web.http.identity import check
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.filled_forms import Viewer
from callrouter.web.pages.rendering import fragment, language_of, page

router: Final = APIRouter()
ACTIONS: Final[dict[str, str]] = {}
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
    check(who, Scope.CALLS)
    return page(request, "queues.html", who, **_BOARD.values(site_of(request)))


@router.get("/queues/board")
def renew(request: Request, who: Viewer) -> Response:
    """The part of it that changes."""
    check(who, Scope.CALLS)
    site = site_of(request)
    return HTMLResponse(
        fragment(site, language_of(request), "queue_board.html", _BOARD.values(site))
    )
