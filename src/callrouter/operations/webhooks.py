"""Webhooks, as operators ask for them: endpoints, attempts, again, on and off; and the stream."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from pydantic import Field

from callrouter.errors import CallrouterError
from callrouter.operations.operation import (
    AnswerStream,
    BadValueError,
    ConflictError,
    Count,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
    SentEvent,
    UnavailableError,
    Until,
)
from callrouter.operations.webhook_port import Follower, WebhookService

T = TypeVar("T")

FOLLOWERS = 16
"""Who may follow the events at the same time."""
LATEST = 2**53

Place = Annotated[
    int,
    Field(ge=0, le=LATEST, description=f"the id of an event of the stream, from 0 to {LATEST}"),
]


class WebhookStatus(OperationAnswer):
    """An endpoint. events, numbers: that it wants, none for all. disabled: why, or "".

    waiting: events that it has not been told of, since: when the oldest of them happened. failed:
    those given up. tried, status, error: of the newest attempt. Times: Unix seconds, 0 for none.
    """

    name: str
    url: str
    events: list[str]
    numbers: list[str]
    disabled: str
    waiting: int
    since: float
    failed: int
    tried: float
    status: int
    error: str


class WebhookList(OperationAnswer):
    """webhooks: in the order of the settings."""

    webhooks: list[WebhookStatus]


class ListAttempts(OperationRequest):
    """endpoint, event, call: of one alone. most: events at most, the newest."""

    endpoint: Name | None = None
    event: Name | None = None
    call: Name | None = None
    most: Count = 100


class WebhookAttempt(OperationAnswer):
    """An event at an endpoint. subject: the call, mostly. at: when it happened.

    state: waiting, delivered, failed (given up), not wanted (by the endpoint's events and numbers)
    or unseen (the delivery has not come to it). due: of the next attempt; tried, status, error: of
    the last. Times: Unix seconds.
    """

    event: str
    kind: str
    subject: str
    seq: int
    number: str
    at: float
    endpoint: str
    state: str
    tries: int = 0
    due: float = 0.0
    tried: float = 0.0
    status: int = 0
    error: str = ""


class AttemptList(OperationAnswer):
    """attempts: the newest events first."""

    attempts: list[WebhookAttempt]


class ResendEvents(OperationRequest):
    """endpoint: its name. event: the id of one event; or since: all from then on, Unix seconds."""

    endpoint: Name
    event: Name | None = None
    since: Until | None = None


class ResentEvents(OperationAnswer):
    """events: how many it is told of again."""

    endpoint: str
    events: int


class OneEndpoint(OperationRequest):
    """endpoint: its name."""

    endpoint: Name


class DisableEndpoint(OneEndpoint):
    """why: for people."""

    why: Name = "by hand"


class FollowEvents(OperationRequest):
    """after: the id of the last event that was read; left out, from now on."""

    after: Place | None = None


async def list_webhooks(running: RunningServer, _request: NoValues) -> WebhookList:
    """The endpoints that are told of events, and how they are."""
    service = _service(running)
    states = await _answer(service.states)
    return WebhookList(
        webhooks=[
            WebhookStatus(
                name=name,
                url=it.url,
                events=sorted(it.kinds or ()),
                numbers=sorted(it.numbers or ()),
                **states[name],
            )
            for name, it in service.endpoints.items()
        ]
    )


async def list_attempts(running: RunningServer, request: ListAttempts) -> AttemptList:
    """The newest events, and what became of each at each endpoint."""
    service = _service(running)
    if request.endpoint is not None:
        _known(service, request.endpoint)
    asked = request.endpoint, request.event, request.call, request.most
    rows = await _answer(lambda: service.attempts(*asked))
    return AttemptList(
        attempts=[WebhookAttempt(event=row.pop("id"), **row) for row in rows],
    )


async def resend_events(running: RunningServer, request: ResendEvents) -> ResentEvents:
    """Tells an endpoint again of one event, or of all since a time."""
    service = _service(running)
    _known(service, request.endpoint)
    if (request.event is None) == (request.since is None):
        raise BadValueError("expected one of event and since", "event", "one of event and since")
    since = request.since or 0.0
    count = await _answer(lambda: service.resend(request.endpoint, request.event, since))
    if request.event is not None and not count:
        raise NotFoundError(f"there is no event {request.event}: they are kept for seven days")
    return ResentEvents(endpoint=request.endpoint, events=count)


async def disable_webhook(running: RunningServer, request: DisableEndpoint) -> WebhookList:
    """Tells an endpoint of nothing more until it is enabled; its events wait, over restarts too."""
    service = _service(running)
    _known(service, request.endpoint)
    await _answer(lambda: service.disable(request.endpoint, request.why))
    return await list_webhooks(running, NoValues())


async def enable_webhook(running: RunningServer, request: OneEndpoint) -> WebhookList:
    """Tells an endpoint of events again, first of those that wait."""
    service = _service(running)
    _known(service, request.endpoint)
    await _answer(lambda: service.disable(request.endpoint, ""))
    return await list_webhooks(running, NoValues())


async def follow_events(running: RunningServer, request: FollowEvents) -> AnswerStream[SentEvent]:
    """Tells of events as server-sent events; `Last-Event-ID` says which was read last."""
    service = _service(running)
    if _OutboxStream.open_now >= FOLLOWERS:
        raise UnavailableError(f"{FOLLOWERS} follow the events already")
    try:
        follower = await _answer(lambda: service.follow(request.after))
    except LookupError as error:
        said = f"events behind {request.after} are not kept any more, or not there yet: {error}"
        raise NotFoundError(said) from error
    return _OutboxStream(follower)


class _OutboxStream(AnswerStream[SentEvent]):
    """Stream that reads the outbox itself, as fast as who follows reads it: none is lost."""

    open_now = 0

    def __init__(self, follower: Follower) -> None:
        super().__init__(0, self._left)
        _OutboxStream.open_now += 1
        self._follower = follower

    async def take(self) -> list[SentEvent]:
        """Wait for events, and take them; none once it is closed."""
        return [
            SentEvent(id=str(event["position"]), event=event["kind"], data=event["body"])
            for event in await self._follower.next()
        ]

    def _left(self, _stream: AnswerStream[SentEvent]) -> None:
        _OutboxStream.open_now -= 1
        self._follower.close()


def _service(running: RunningServer) -> WebhookService:
    if running.webhooks is None:
        raise ConflictError("nobody is told of events: the settings have no webhooks")
    return running.webhooks


def _known(service: WebhookService, name: str) -> None:
    if name not in service.endpoints:
        raise NotFoundError(f"the settings have no webhook {name}")


async def _answer(ask: Callable[[], Awaitable[T]]) -> T:
    try:
        return await ask()
    except CallrouterError as error:
        raise UnavailableError(str(error)) from error
