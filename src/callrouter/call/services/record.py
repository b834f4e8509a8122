"""The record a call leaves: filled while it runs, complete at its end.

Times are Unix seconds where they say when, and milliseconds from the start of the call (`*_ms`,
None when it did not happen) where they say how long.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from callrouter.rating.rate_plan import RatePlans
from callrouter.route.values.decision import INBOUND
from callrouter.route.values.plan import Verdict


class Disposition(StrEnum):
    """The disposition of a call: how it ended, in one word."""

    ANSWERED = "ANSWERED"
    NO_ANSWER = "NO_ANSWER"
    BUSY = "BUSY"
    UNAVAILABLE = "UNAVAILABLE"
    CONGESTION = "CONGESTION"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"


_DISPOSITIONS: Final = {
    "busy": Disposition.BUSY,
    "no_answer": Disposition.NO_ANSWER,
    "unreachable": Disposition.UNAVAILABLE,
    "redirected": Disposition.UNAVAILABLE,
    "rejected": Disposition.REJECTED,
}
# Of targets that rang together the one that says most of the callee counts: who let it ring was
# there, who was busy will be; a phone that is off says nothing.
_TELLING: Final = {"redirected": 1, "unreachable": 2, "rejected": 3, "busy": 4, "no_answer": 5}
_BUSY: Final = frozenset((486, 600))
_UNREACHABLE: Final = frozenset((404, 408, 410, 480, 484, 500, 502, 503, 504))


def result_of(status: int) -> str:
    """Return the result of a target that ended by itself with a final status that is no 2xx."""
    if status in _BUSY:
        return "busy"
    if status in _UNREACHABLE:
        return "unreachable"
    return "redirected" if status < 400 else "rejected"


class LegRecord:
    """One target that was tried.

    target: its name. uri: the Request-URI sent. started_ms: INVITE sent. progress_ms: first
    provisional above 100. answered_ms: 2xx. ended_ms: the leg was over. status: final SIP status,
    0 when none ever came. cause: Q.850. result: answered, busy, no_answer, unreachable, rejected,
    redirected or cancelled. A target that callrouter left has the status it could have given: 408
    when its time was over, 487 when cancelled, with cause 26 if another one was faster. gateway,
    place: what it went out by and where that is (`udp:192.0.2.1:5060`), "" when by none. rate_plan:
    that of the target, "" for what the number's says of forwarded legs. extension: whose registered
    telephone it is, "" for none; of who was transferred in, that or the target it was rung as.
    caller_id: the number that it is shown in place of the caller's, "" for none. Both in no row.
    """

    __slots__ = (
        "answered_ms",
        "caller_id",
        "cause",
        "ended_ms",
        "extension",
        "gateway",
        "place",
        "progress_ms",
        "rate_plan",
        "result",
        "started_ms",
        "status",
        "target",
        "uri",
    )

    def __init__(self, target: str, uri: str, started_ms: int) -> None:
        self.target = target
        self.uri = uri
        self.started_ms = started_ms
        self.progress_ms: int | None = None
        self.answered_ms: int | None = None
        self.ended_ms: int | None = None
        self.status = 0
        self.cause = 0
        self.result = ""
        self.gateway = ""
        self.place = ""
        self.rate_plan = ""
        self.extension = ""
        self.caller_id = ""

    @property
    def state(self) -> str:
        """How far it got: dialled, ringing, answered or ended."""
        if self.ended_ms is not None:
            return "ended"
        if self.answered_ms is not None:
            return "answered"
        return "dialled" if self.progress_ms is None else "ringing"

    @property
    def changed_ms(self) -> int:
        """Since when that is so."""
        if self.ended_ms is not None:
            return self.ended_ms
        if self.answered_ms is not None:
            return self.answered_ms
        return self.started_ms if self.progress_ms is None else self.progress_ms

    @property
    def disposition(self) -> Disposition:
        """That of a call of which this was the last target, once it has failed."""
        return _DISPOSITIONS[self.result]

    @property
    def telling(self) -> int:
        """How much it says of the callee that it failed so; the more the higher."""
        return _TELLING[self.result]

    def rang(self) -> bool:
        """Whether it ever said anything while it was rung."""
        return self.progress_ms is not None or self.result == "no_answer"

    def end(self, ms: int, cause: int) -> None:
        """Note that an answered target is not talked to any more."""
        self.ended_ms = ms
        self.cause = cause


@dataclass(slots=True, kw_only=True, frozen=True)
class KeptRecord:
    """A message or a recording that the call left in the archive.

    id: its own, as `callrouter voicemail` and `callrouter recordings` show it; "" when there is
    none. of: the box or the number. ms: its length. result: complete, broken (kept as far as it
    goes), short or empty (not kept; empty: nobody said anything), full (the box, the quota or the
    disk had no room: nothing was recorded) or failed (it could not be written, or there was no
    media).
    """

    id: str
    of: str
    ms: int
    result: str


@dataclass(slots=True, kw_only=True)
class QueueRecord:
    """A wait in a queue. joined_ms, left_ms: from the start of the call.

    outcome: answered, abandoned, timeout, full, key (left by one), moved (to the next one of the
    record), removed (the queue is gone), failed (what the agent's telephone described could not be
    had), unavailable, ended (callrouter hung up) or lost (in a kill). agent: who answered,
    "" for nobody.
    """

    queue: str
    joined_ms: int
    left_ms: int | None = None
    outcome: str = ""
    agent: str = ""


_LONGEST: Final = 128
"""Characters of a text of a peer's in a record: a number has 15, a usual Call-ID 40."""
_KEPT: Final = 96


def bounded(text: str, longest: int = _LONGEST) -> str:
    """What is kept of a text: all of it, or its beginning with a mark and its length."""
    if len(text) <= longest:
        return text
    return f"{text[:_KEPT]}… ({len(text)} characters)"


class CallRecord:
    """The call detail record (CDR): exactly one for each call, refused ones too.

    id: unique, sortable by start. call_id: the caller's Call-ID. trunk, source, caller, called,
    to_header: what came in, `bounded` (to_header is the user part or `ext` that named an
    extension). caller_number, called_number: the numbers in these, in E.164 or as they are dialled,
    "" when there is none. number: the dialplan's key that matched, "" for none. dialplan: version
    that served it. started: Unix seconds. began: the same moment on the stack's clock, which is
    never put; in no row. ringing_ms, answered_ms, ended_ms: from the start; ringing is the first
    18x of a target that the caller was sent, or our ringback before its answer. status: final SIP
    status sent to the caller. cause: Q.850. reason: why it was refused or, once answered, ended by
    us; "" otherwise. hung_up_by: caller, callee or callrouter. direction: inbound, internal or
    outbound. rate_plan: that of the number, "" when calls to it cost nothing. rate_plans: those of
    the dialplan that served it, by which it is charged when it is written; in no row. extension:
    whose telephone calls, "" for none of ours. line: the one that it goes out by, "" for none.
    account: who pays for it, "" for nobody.
    call_back_of: the call for which this one calls back, "" for none. promised: the rule by which
    the caller was promised to be called back, "" for none; in no row.
    voicemail, recordings: what it left in the archive. queues: where it waited,
    in order. heard: what the caller heard and pressed, in order: ms from the start, one of played,
    menu, key and survey, and which; None when nothing was said to it.
    """

    __slots__ = (
        "account",
        "answered_ms",
        "began",
        "call_back_of",
        "call_id",
        "called",
        "called_number",
        "caller",
        "caller_number",
        "cause",
        "dialplan",
        "direction",
        "disposition",
        "ended_ms",
        "extension",
        "heard",
        "hung_up_by",
        "id",
        "legs",
        "line",
        "number",
        "promised",
        "queues",
        "rate_plan",
        "rate_plans",
        "reason",
        "recordings",
        "ringing_ms",
        "source",
        "started",
        "status",
        "to_header",
        "trace",
        "trunk",
        "voicemail",
    )

    def __init__(self, id: str, call_id: str, started: float) -> None:
        self.id = id
        self.call_id = call_id
        self.started = started
        self.began = 0.0
        self.trunk = ""
        self.source = ""
        self.caller = ""
        self.called = ""
        self.caller_number = ""
        self.called_number = ""
        self.to_header = ""
        self.number = ""
        self.dialplan = ""
        self.rate_plan = ""
        self.rate_plans: RatePlans | None = None
        self.direction = INBOUND
        self.extension = ""
        self.line = ""
        self.account = ""
        self.call_back_of = ""
        self.promised = ""
        self.ringing_ms: int | None = None
        self.answered_ms: int | None = None
        self.ended_ms = 0
        self.disposition = Disposition.REJECTED
        self.status = 0
        self.cause = 0
        self.reason = ""
        self.hung_up_by = ""
        self.legs: list[LegRecord] = []
        self.trace: tuple[Verdict, ...] = ()
        self.heard: list[tuple[int, str, str]] | None = None
        self.voicemail: tuple[KeptRecord, ...] = ()
        self.recordings: tuple[KeptRecord, ...] = ()
        self.queues: tuple[QueueRecord, ...] = ()

    @property
    def state(self) -> str:
        """How far a call in progress got: routing, ringing or answered."""
        if self.answered_ms is not None:
            return "answered"
        return "routing" if self.ringing_ms is None else "ringing"

    def talking(self) -> list[LegRecord]:
        """The targets that are talked to now."""
        return [leg for leg in self.legs if leg.answered_ms is not None and leg.ended_ms is None]
