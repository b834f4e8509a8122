"""The streams of the API, as server-sent events: live calls, and what webhooks are told of."""

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request
from sse_starlette import EventSourceResponse
from starlette.concurrency import run_in_threadpool

from callrouter.api.client import Followed
from callrouter.api.request_reading import read_request
from callrouter.api.routes import route_of
from callrouter.operations import webhooks
from callrouter.operations.call_feed import FollowedEvent
from callrouter.operations.operation import SentEvent
from callrouter.operations.webhooks import LATEST
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.asked_server import streamed
from callrouter.web.core.masking import masked_values
from callrouter.web.http.identity import needing
from callrouter.web.http.operations_api import PREFIX
from callrouter.web.http.problems import RESPONSES
from callrouter.web.http.site import Site, site_of

router: Final = APIRouter(prefix=f"{PREFIX}/v1", tags=["operations"], responses=RESPONSES)

LOOK_SECONDS: Final = 15.0
"""How long an account that is gone may still listen, at most."""
PING_SECONDS: Final = 15
_LISTENING: Final = "listening"
"""A comment of the stream: from here on, no event is missing."""
_EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events; `data` is JSON.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get(
    "/calls/events",
    operation_id="follow_calls",
    responses={**_EVENTS, **RESPONSES},
    response_class=EventSourceResponse,
)
async def follow_calls(
    request: Request, who: Annotated[WebIdentity, Depends(needing(Scope.CALLS))]
) -> EventSourceResponse:
    """Tell what happens to calls from now on, as it happens."""
    events = _events(site_of(request), who)
    return EventSourceResponse(events, ping=PING_SECONDS)


@router.get(
    "/events",
    operation_id="follow_events",
    responses={**_EVENTS, **RESPONSES},
    response_class=EventSourceResponse,
)
async def follow_events(
    request: Request,
    _who: Annotated[WebIdentity, Depends(needing(Scope.NUMBERS))],
    after: Annotated[int | None, Query(ge=0, le=LATEST)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Tell of the events that webhooks are told of; `Last-Event-ID` says which was read last."""
    route = route_of(webhooks.follow_events)
    query = [] if after is None else [("after", str(after))]
    query = query if last_event_id is None else [("after", last_event_id)]
    asked = read_request(route, {}, query, b"")
    server = site_of(request).server
    followed = await run_in_threadpool(server.follow, webhooks.follow_events, asked)
    return EventSourceResponse(_sent(followed), ping=PING_SECONDS)


async def _sent(followed: Followed[SentEvent]) -> AsyncIterator[dict[str, str]]:
    async for event in streamed(followed):
        yield {"id": event.id, "event": event.event, "data": orjson.dumps(event.data).decode()}


async def _events(site: Site, who: WebIdentity) -> AsyncIterator[dict[str, str]]:
    async with site.live.listening() as listener:
        said, known = False, Known(site, who)
        while not site.live.closed and await known.still():
            if site.live.connected and not said:
                yield {"comment": _LISTENING}
            said = site.live.connected
            for event in await listener.take(LOOK_SECONDS):
                yield {"event": event.event, "data": _data(event, who)}


class Known:
    """Whether the session of who reads a stream is still good, looked at now and then.

    An API token is asked for when it comes again.
    """

    def __init__(self, site: Site, who: WebIdentity) -> None:
        self._site = site
        self._who = who
        self._next = time.monotonic() + LOOK_SECONDS

    async def still(self) -> bool:
        """Look, if it is time."""
        who, now = self._who, time.monotonic()
        if not who.session or now < self._next:
            return True
        self._next = now + LOOK_SECONDS
        found = await run_in_threadpool(self._site.sessions.identity, who.session, who.address)
        return found is not None


def _data(event: FollowedEvent, who: WebIdentity) -> str:
    plain = event.model_dump(mode="json", exclude_unset=True)
    return orjson.dumps(plain if who.sees_numbers else masked_values(plain)).decode()
