"""The feed of call events to operators: each as it was when it happened, to all who follow.

An event is taken down at once, since its record goes on changing, and once for all. While nobody
follows, the feed subscribes to nothing.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from callrouter.call.services.call_events import (
    CallEvent,
    CallEvents,
    CallKept,
    CallTransferred,
    FeatureSwitched,
    HoldChanged,
    LegChanged,
    Topic,
)
from callrouter.call.services.record import CallRecord
from callrouter.metric import Rows, counter
from callrouter.operations.operation import (
    AnswerStream,
    OperationAnswer,
    StreamedAnswer,
    UnavailableError,
)

FOLLOWERS: Final = 16
"""Who may follow at the same time."""
QUEUE: Final = 1000
"""Events that wait for one who follows, at most: those of a hundred calls."""


class EventLeg(OperationAnswer):
    """A target. state: dialled, ringing, answered or ended. status: SIP, cause: Q.850; 0 for none.

    gateway: by which it is reached, "" for none.
    """

    target: str
    state: str
    status: int
    cause: int
    gateway: str


class EventFile(OperationAnswer):
    """A message or a recording, as the record has it. of: the box or the number."""

    id: str
    of: str
    ms: int
    result: str


class EventCall(OperationAnswer):
    """The call of an event, as it was then. since: Unix seconds. dialplan: its version.

    state: routing, ringing, answered or ended. talking: to these targets. The last five only once
    it has ended, as the record has them.
    """

    id: str
    trunk: str
    caller: str
    called: str
    number: str
    dialplan: str
    since: float
    state: str
    talking: list[str]
    disposition: str = ""
    status: int = 0
    cause: int = 0
    reason: str = ""
    hung_up_by: str = ""


class FollowedEvent(StreamedAnswer):
    """One event of one call. event: the kind. seconds: from the start of the call.

    leg: of an event leg. by: who holds or transfers, caller or callee. on: the hold begins. file:
    of recorded and message. what, to: of switched.
    """

    event: str
    call: EventCall
    seconds: float
    leg: EventLeg | None = None
    by: str = ""
    on: bool = False
    file: EventFile | None = None
    what: str = ""
    to: str = ""


class CallFeed:
    """Feed of all events to all who follow. lost: events that one of them did not read in time."""

    def __init__(self, events: CallEvents) -> None:
        self.lost = 0
        self._followers: list[AnswerStream[FollowedEvent]] = []
        self._subscribers: list[tuple[Topic[Any], Callable[[Any], None]]] = [
            (topic, partial(self._hear, topic.name)) for topic in events.topics
        ]

    def follow(self) -> AnswerStream[FollowedEvent]:
        """All events from now on. Raises UnavailableError when too many follow."""
        if len(self._followers) >= FOLLOWERS:
            raise UnavailableError(f"{FOLLOWERS} follow the calls already")
        if not self._followers:
            for topic, subscriber in self._subscribers:
                topic.subscribe(subscriber)
        stream = AnswerStream[FollowedEvent](QUEUE, self._leave)
        self._followers.append(stream)
        return stream

    def _leave(self, stream: AnswerStream[FollowedEvent]) -> None:
        self._followers.remove(stream)
        if not self._followers:
            for topic, subscriber in self._subscribers:
                topic.unsubscribe(subscriber)

    def _hear(self, kind: str, event: CallEvent) -> None:
        answer = _taken_down(kind, event)
        for stream in self._followers:
            if not stream.put(answer):
                self.lost += 1


def _taken_down(kind: str, event: CallEvent) -> FollowedEvent:
    """Write an event down with what is true at this moment."""
    record = event if isinstance(event, CallRecord) else event.record
    more: dict[str, Any] = {}
    match event:
        case LegChanged(leg=leg):
            more["leg"] = EventLeg(
                target=leg.target,
                state=leg.state,
                status=leg.status,
                cause=leg.cause,
                gateway=leg.gateway,
            )
        case HoldChanged(by=by, on=on):
            more = {"by": by, "on": on}
        case CallTransferred(by=by):
            more["by"] = by
        case FeatureSwitched(what=what, to=to):
            more = {"what": what, "to": to}
        case CallKept(kept=kept):
            more["file"] = EventFile(id=kept.id, of=kept.of, ms=kept.ms, result=kept.result)
    call = _call(record, ended=kind == "ended")
    return FollowedEvent(event=kind, call=call, seconds=_ms(kind, event) / 1000, **more)


def _ms(kind: str, event: CallEvent) -> int:
    """When it happened, in ms from the start of the call."""
    if isinstance(event, LegChanged):
        return event.leg.changed_ms
    if not isinstance(event, CallRecord):
        return event.ms
    times = {"ringing": event.ringing_ms, "answered": event.answered_ms, "ended": event.ended_ms}
    return times.get(kind) or 0


def _call(record: CallRecord, *, ended: bool) -> EventCall:
    end: dict[str, Any] = {}
    if ended:
        end = {
            "disposition": record.disposition._value_,
            "status": record.status,
            "cause": record.cause,
            "reason": record.reason,
            "hung_up_by": record.hung_up_by,
        }
    return EventCall(
        id=record.id,
        trunk=record.trunk,
        caller=record.caller,
        called=record.called,
        number=record.number,
        dialplan=record.dialplan,
        since=record.started,
        state="ended" if ended else record.state,
        talking=[leg.target for leg in record.talking()],
        **end,
    )


METRICS: Final[Rows[CallFeed]] = (
    counter(
        "callrouter_followed_events_lost",
        "Each call event that one who follows the calls did not read in time counts one; calls go "
        "on, and whoever follows is told how many are missing.",
        lambda it: it.lost,
    ),
)
