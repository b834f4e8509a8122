"""Operation: what operators may have a running server do.

Each is a function of the running server and a request, which gives an answer or raises an
`OperationError`. Requests and answers are models, so whoever serves an operation (HTTP) and whoever
asks for one (a command, the console) read and write by the same ones. `api.routes` lists them all.

All but a reload is done in bounded time: lists are cut at `MOST`, a search looks at no more than
there can be in the shared state, and nobody waits for that longer than two seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from callrouter.call.services.shared_state import Shared
from callrouter.errors import CallrouterError
from callrouter.operations.active_calls import ActiveCalls
from callrouter.operations.reload.dialplan_diff import Reloaded
from callrouter.pending import LATE, Later, Pending, Unavailable
from callrouter.register.gateway_registrations import GatewayRegistrations
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.state.bans import Bans
from callrouter.state.gateway_health import Gateways
from callrouter.state.steady_clock import SteadyClock

MOST = 1000
"""Entries of a list in one answer."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Seconds = Annotated[float, Field(gt=0, le=10 * 366 * 86400)]
Until = Annotated[float, Field(ge=0, le=2**40)]
"""Unix seconds, 0 for no end."""


class OperationRequest(BaseModel):
    """Base of all requests: no unknown fields, no silent conversions.

    Models are built when they are needed first (`defer_build`): a command needs two or three.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class NoValues(OperationRequest):
    """A request that says nothing more."""


class Newest(OperationRequest):
    """most: entries at most."""

    most: Count = 100


class OperationAnswer(BaseModel):
    """Base of all answers. Fields that a newer server adds are passed over."""

    model_config = ConfigDict(frozen=True, defer_build=True)


_SECONDS = 2.0
"""How long an operator waits for the shared state."""

ValueT = TypeVar("ValueT")
RequestT = TypeVar("RequestT", bound=OperationRequest)
AnswerT = TypeVar("AnswerT", bound=OperationAnswer)


@dataclass(slots=True, kw_only=True, frozen=True)
class RunningServer:
    """The running server, as operations know it."""

    shared: Shared
    bans: Bans
    gateways: Gateways
    clock: SteadyClock
    live: ActiveCalls
    registrations: GatewayRegistrations
    started: float
    """Unix seconds."""
    dialplan: Callable[[], Dialplan]
    """The one that serves new calls."""
    reload: Callable[[], Awaitable[Reloaded]]
    media: Callable[[], dict[str, Any]]
    """How the media pool is."""
    record: Callable[[str, bool], str]
    """Begins or ends the recording of a call; returns why not."""
    drain: Callable[[bool], str]
    """Begins or ends the drain; returns why not."""
    is_draining: Callable[[], bool]

    async def answer_of(self, port: str, asked: Later[ValueT]) -> ValueT:
        """Wait for an answer of the shared state. Raises UnavailableError."""
        answer = asked
        if isinstance(asked, Pending):
            pending = asked
            came = asyncio.Event()
            pending.then(came.set)
            try:
                async with asyncio.timeout(_SECONDS):
                    await came.wait()
            except TimeoutError:
                pending.give_up()
            answer = LATE if pending.answer is None else pending.answer
        if isinstance(answer, Pending | Unavailable):
            why = answer.why if isinstance(answer, Unavailable) else ""
            self.shared.failures.add(port, why)
            raise UnavailableError(f"the shared state does not know now: {port}: {why}")
        return answer


Operation = Callable[[RunningServer, RequestT], Awaitable[AnswerT]]


class Problem(OperationAnswer):
    """OperationAnswer to a request that is refused, or failed.

    code: for programs; it stays the same. error: for people. field, expected: of a value that is
    wrong. diagnostics: mistakes of files, and serving: the version that serves on.
    """

    code: str
    error: str
    field: str = ""
    expected: str = ""
    diagnostics: list[str] = []
    serving: str = ""


class OperationError(CallrouterError):
    """Base of what operations are refused with. status: that of HTTP. more: fields of `Problem`."""

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.problem = Problem(code=self.code, error=error, **more)


class BadValueError(OperationError):
    """A value that cannot be taken. field: which. expected: what would be."""

    code = "bad_value"
    status = 400

    def __init__(self, error: str, field: str, expected: str) -> None:
        super().__init__(error, field=field, expected=expected)


class NotFoundError(OperationError):
    """Something that is named and is not there."""

    code = "not_found"
    status = 404


class ConflictError(OperationError):
    """Something that cannot be done as things are."""

    code = "conflict"
    status = 409


class MistakesError(OperationError):
    """A dialplan with mistakes."""

    code = "dialplan_mistakes"
    status = 409


class UnavailableError(OperationError):
    """Something that could not be done now, and might be later."""

    code = "unavailable"
    status = 503
