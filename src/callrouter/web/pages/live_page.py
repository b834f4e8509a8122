"""The page of live calls: its rows come as they change, over one stream for each browser."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from callrouter.web.access.roles import WebIdentity
from callrouter.web.core.live_calls import LiveCall
from callrouter.web.core.masking import masked_number
from callrouter.web.http.identity import viewing
from callrouter.web.http.live_api import LOOK_SECONDS, PING_SECONDS, Known
from callrouter.web.http.records_api import seeing
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.page_rendering import fragment, language_of, page

router: Final = APIRouter()
ACTIONS: Final[dict[str, str]] = {}

SHOWN: Final = 100
"""Calls on the page: the newest."""
_GATHER_SECONDS: Final = 0.4
"""Changes that come so soon after each other are shown together."""

Own = frozenset[str] | None
Viewer = Annotated[WebIdentity, Depends(viewing)]


class _Rows:
    """Rows of the table, rendered once for all who see the same."""

    def __init__(self) -> None:
        self._version = -1
        self._texts: dict[tuple[str, bool, str | None], str] = {}

    def text(self, site: Site, who: WebIdentity, language: str, own: Own) -> str:
        """The rows as they are now."""
        if self._version != site.live.version:
            self._version = site.live.version
            self._texts.clear()
        key = (language, who.sees_numbers, who.only_own)
        if key not in self._texts:
            self._texts[key] = fragment(site, language, "live_rows.html", _values(site, who, own))
        return self._texts[key]


_ROWS: Final = _Rows()


@router.get("/")
async def live(request: Request, who: Viewer) -> Response:
    """The page."""
    site = site_of(request)
    own = await _own(site, who)
    return page(request, "live.html", seeing(who), **_values(site, who, own))


@router.get("/live/rows")
async def live_rows(request: Request, who: Viewer) -> EventSourceResponse:
    """The rows of the table, again after each change."""
    rows = _changes(site_of(request), seeing(who), language_of(request))
    return EventSourceResponse(rows, ping=PING_SECONDS)


async def _changes(site: Site, who: WebIdentity, language: str) -> AsyncIterator[dict[str, str]]:
    async with site.live.listening() as listener:
        shown, known, own = "", Known(site, who), await _own(site, who)
        while not site.live.closed and await known.still():
            text = _ROWS.text(site, who, language, own)
            if text != shown:
                shown = text
                yield {"event": "rows", "data": text}
            await listener.take(LOOK_SECONDS)
            await asyncio.sleep(_GATHER_SECONDS)


async def _own(site: Site, who: WebIdentity) -> Own:
    """What an agent's calls are told by: their extension, and its targets; None for all calls."""
    if who.only_own is None:
        return None
    targets = await run_in_threadpool(site.own_targets.of, who)
    return frozenset(filter(None, (who.only_own, *targets)))


def _values(site: Site, who: WebIdentity, own: Own) -> dict[str, Any]:
    calls = [call for call in reversed(site.live.calls.values()) if _sees(who, own, call)]
    return {
        "calls": [_shown(who, call) for call in islice(calls, SHOWN)],
        "all": len(calls),
        "connected": site.live.connected,
        "now": time.time(),
    }


def _sees(who: WebIdentity, own: Own, call: LiveCall) -> bool:
    if own is None or not own:
        return own is None
    return call.caller == who.only_own or not own.isdisjoint((*call.talking, *call.legs))


def _shown(who: WebIdentity, call: LiveCall) -> dict[str, Any]:
    hide = str if who.sees_numbers else masked_number
    return {
        "id": call.id,
        "caller": hide(call.caller),
        "called": hide(call.called),
        "number": hide(call.number),
        "state": call.state,
        "since": call.since,
        "legs": ", ".join(map(hide, call.talking or call.legs)),
    }
