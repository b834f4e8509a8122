"""Operation: what operators may have a running server do.

Each is a function of the running server and a request, which gives an answer or raises an
`OperationError`. Requests and answers are models, so whoever serves an operation (HTTP) and whoever
asks for one (a command, the console) read and write by the same ones. `api.routes` lists them all.

All but a reload is done in bounded time: lists are cut at `MOST`, a search looks at no more than
there can be in the shared state, and nobody waits for that longer than two seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Reversible, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, Protocol, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from callrouter.billing.account_rules import AccountState, PackageSale, Statement
from callrouter.billing.number_attributes import NumberAttributes
from callrouter.billing.number_lives import LifeAndHistory, NumberLife
from callrouter.call.services.record import CallRecord
from callrouter.call.services.shared_state import Shared
from callrouter.errors import CallrouterError
from callrouter.operations.reload.dialplan_diff import Reloaded
from callrouter.operations.webhook_port import WebhookService
from callrouter.pending import LATE, Later, Pending, Unavailable
from callrouter.queues.call_back_book import CallBackJob
from callrouter.register.gateway_registrations import GatewayRegistrations
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.state.bans_in_memory import Bans
from callrouter.state.gateway_health import Gateways
from callrouter.state.queues_in_memory import QueuesInMemory
from callrouter.state.steady_clock import SteadyClock
from callrouter.yamlfile.wording import shown

MOST = 1000
"""Entries of a list in one answer."""

_LONGEST = 200
_TEN_YEARS = 10 * 366 * 86400
_LATEST = 2**40

# The descriptions are what wrong values are told to be instead.
Name = Annotated[
    str,
    Field(min_length=1, max_length=_LONGEST, description=f"text of 1 to {_LONGEST} characters"),
]
Count = Annotated[int, Field(ge=1, le=MOST, description=f"a whole number from 1 to {MOST}")]
Seconds = Annotated[
    float, Field(gt=0, le=_TEN_YEARS, description=f"seconds, more than 0 and at most {_TEN_YEARS}")
]
Switch = Annotated[bool, Field(description="true or false")]
Until = Annotated[
    float, Field(ge=0, le=_LATEST, description=f"Unix seconds up to {_LATEST}, 0 for no end")
]


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


class ChangeAnswer(OperationAnswer):
    """Base of answers to what changes the state. kept: it is on disk, so no restart undoes it."""

    kept: bool


class StreamedAnswer(OperationAnswer):
    """Base of the answers of a stream. lost: answers before this one that were not read in time."""

    lost: int = 0


class SentEvent(StreamedAnswer):
    """Answer of a stream of server-sent events (HTML standard, section 9.2).

    id: what `Last-Event-ID` has to be for what comes behind. event: its kind. data: its body.
    """

    id: str
    event: str
    data: dict[str, Any]


_SECONDS = 2.0
"""How long an operator waits for the shared state."""

ValueT = TypeVar("ValueT")
RequestT = TypeVar("RequestT", bound=OperationRequest)
AnswerT = TypeVar("AnswerT", bound=OperationAnswer)
StreamedT = TypeVar("StreamedT", bound=StreamedAnswer)


class AnswerStream(Generic[StreamedT]):
    """A stream of answers to one reader, who takes them from a bounded queue.

    Whoever puts them in never waits: a reader that is late loses what comes while the queue is
    full, and is told with the next answer how many were lost.
    """

    def __init__(self, most: int, on_close: Callable[["AnswerStream[StreamedT]"], None]) -> None:
        """most: answers that wait. on_close: told once, when no more are wanted."""
        self._most = most
        self._on_close = on_close
        self._waiting: list[StreamedT] = []
        self._lost = 0
        self._closed = False
        self._woken = asyncio.Event()

    def put(self, answer: StreamedT) -> bool:
        """Add an answer; False when there is no room for it, so that it is lost."""
        if len(self._waiting) >= self._most:
            self._lost += 1
            return False
        if self._lost:
            answer = answer.model_copy(update={"lost": self._lost})
            self._lost = 0
        self._waiting.append(answer)
        self._woken.set()
        return True

    async def take(self) -> list[StreamedT]:
        """Wait for answers, and take all that there are; none once it is closed and read."""
        if not (self._waiting or self._closed):
            self._woken.clear()
            await self._woken.wait()
        taken, self._waiting = self._waiting, []
        return taken

    def close(self) -> None:
        """Want no more answers; those that wait can still be taken."""
        if not self._closed:
            self._closed = True
            self._woken.set()
            self._on_close(self)


class OneInProgress(Protocol):
    """A call in progress, as operations know it."""

    @property
    def record(self) -> CallRecord:
        """What is known of it; goes on changing."""


class InProgress(Protocol):
    """The calls in progress by their ids, the newest last: a dict."""

    def __len__(self) -> int: ...
    def __contains__(self, id: object, /) -> bool: ...

    def values(self) -> Reversible[OneInProgress]:
        """The calls themselves."""


class AccountsAsked(Protocol):
    """Accounts, as operators have them; text is why something cannot be done."""

    def accounts(self) -> Later[list[AccountState]]:
        """All of them, by name."""

    def statement(self, name: str, most: int) -> Later[Statement | str]:
        """One with its newest entries."""

    def book(
        self, name: str, amount: Decimal, kind: str, reference: str, who: str, note: str
    ) -> Later[AccountState | str]:
        """Make a booking, top_up or adjustment, once by its reference."""

    def buy(self, sale: PackageSale, who: str, note: str) -> Later[AccountState | str]:
        """Sell one a package, once by its name."""

    def hold(self, name: str, who: str, *, on: bool) -> Later[AccountState | str]:
        """Suspend one by hand, or resume it."""


class NumbersAsked(Protocol):
    """Lives of numbers, as operators have them; text is why something cannot be done."""

    def lives(self) -> Later[list[NumberLife]]:
        """All of them, by number."""

    def attributes(self) -> Later[list[NumberAttributes]]:
        """What is known of them, by number."""

    def set(
        self, number: str, changes: Mapping[str, Any], who: str, note: str
    ) -> Later[NumberAttributes]:
        """Change some of what is known of one."""

    def history(self, number: str, most: int) -> Later[LifeAndHistory]:
        """One with its newest changes."""

    def change(
        self, number: str, what: str, who: str, *, until: float, note: str
    ) -> Later[NumberLife | str]:
        """Change one."""


class ThrottleAsked(Protocol):
    """Who is not heard for wrong passwords, as operators have it. Times are monotonic."""

    def throttled(self, now: float) -> list[tuple[str, float]]:
        """The IP addresses, the newest first, and until when."""

    def lift(self, source: str) -> None:
        """Hear one again."""


@dataclass(slots=True, kw_only=True, frozen=True)
class RunningServer:
    """The running server, as operations know it."""

    shared: Shared
    accounts: AccountsAsked
    numbers: NumbersAsked
    bans: Bans
    throttle: ThrottleAsked
    gateways: Gateways
    queues: QueuesInMemory
    clock: SteadyClock
    calls: InProgress
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
    follow: Callable[[], AnswerStream[Any]]
    """The events of calls from now on. Raises UnavailableError."""
    listen: Callable[[str, str, str], str]
    """Lets an extension hear a call: which, by whom, listen, whisper or barge; returns why not."""
    end: Callable[[str], bool]
    """Ends a call; False when there is none of that id."""
    move: Callable[[str, str, bool], str]
    """Lets a caller wait in another queue ("": its own), or before all; returns why not."""
    call_backs: Callable[[int], Later[Sequence[CallBackJob]]]
    """Those whose calls were missed last."""
    call_back: Callable[[str, str, str, str], CallBackJob | str]
    """Calls somebody back: by which rule, whom, for which number, and how it is shown."""
    cancel_call_back: Callable[[str], CallBackJob | None]
    drain: Callable[[bool], str]
    """Begins or ends the drain; returns why not."""
    is_draining: Callable[[], bool]
    kept: Callable[[], Awaitable[bool]]
    """Whether the changes of the state so far are on disk; waits a moment for them to be."""
    webhooks: WebhookService | None = None
    """None while nobody is told of events."""

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
StreamOperation = Callable[[RunningServer, RequestT], Awaitable[AnswerStream[StreamedT]]]


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


def wrong_value(model: type[OperationRequest], error: ValidationError) -> dict[str, str]:
    """Say what is wrong with a request: the `error`, `field` and `expected` of a `Problem`."""
    wrong = error.errors(include_url=False)[0]
    field, fields = str(wrong["loc"][0]), model.model_fields
    if field not in fields:
        known = ", ".join(f"'{name}'" for name in fields)
        wanted = f"one of {known}" if known else "no values"
        said = f"no value is named {shown(field)}; expected {wanted}"
        return {"error": said, "field": field, "expected": wanted}
    wanted = expected(fields[field])
    value = None if wrong["type"] == "missing" else wrong["input"]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    found = str(value) if is_number else shown(value)
    return {
        "error": f"{field}: expected {wanted}, found {found}",
        "field": field,
        "expected": wanted,
    }


def expected(field: FieldInfo) -> str:
    """What a field takes; of one that may be left out it stands within its type."""
    if field.description is not None:
        return field.description
    inner = (meta for kind in get_args(field.annotation) for meta in get_args(kind)[1:])
    return next(str(meta.description) for meta in inner if isinstance(meta, FieldInfo))


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
