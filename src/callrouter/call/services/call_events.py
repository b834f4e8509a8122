"""The stream of call events: what happens to calls, told to whoever subscribed, while it happens.

Theory. Each kind of event is a `Topic` with subscribers of its own, none as a rule. Whoever knows
that something has happened asks for subscribers first and makes the event only for them:

    if events.leg.subscribers:
        events.leg.tell(LegChanged(record, leg))

So an event that nobody listens to costs a call three attributes, and no object. Where a call
itself is all there is to tell, the event is its record.

Rules. Subscribers are called on the path of the call, in the order they came, and must not block.
What one of them raises is a bug: it is reported, and costs neither the call nor the others
anything. A record goes on changing: who keeps an event for later takes what it needs at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from callrouter.call.services.record import CallRecord, KeptRecord, LegRecord

EventT = TypeVar("EventT")


@dataclass(slots=True)
class LegChanged:
    """A target was dialled, rings, has answered or is over: `leg.state`, at `leg.changed_ms`."""

    record: CallRecord
    leg: LegRecord


@dataclass(slots=True)
class DialogBegun:
    """A dialog of the call has its Call-ID, beside the caller's, which the record has.

    party: a target's name, `media` for a worker, `replacing` or `transferred` for who came later.
    """

    record: CallRecord
    call_id: str
    party: str


@dataclass(slots=True)
class HoldChanged:
    """A party has put the other on hold, or takes it back (RFC 3264 section 8.4).

    by: caller or callee. ms: when, from the start of the call.
    """

    record: CallRecord
    by: str
    on: bool
    ms: int


@dataclass(slots=True)
class CallMoved:
    """Who talks in an answered call has changed: see `record.talking()`.

    ms: when, from the start of the call.
    """

    record: CallRecord
    ms: int


@dataclass(slots=True)
class CallTransferred:
    """A transfer was carried out: who stays talks to the new party (RFC 5589).

    by: who asked for it, caller or callee. ms: when, from the start of the call.
    """

    record: CallRecord
    by: str
    ms: int


@dataclass(slots=True)
class CallKept:
    """A message or a recording has ended, and this is what became of it.

    ms: when, from the start of the call.
    """

    record: CallRecord
    kept: KeptRecord
    ms: int


@dataclass(slots=True)
class FeatureSwitched:
    """A feature code was carried out.

    what: it switched, such as `presence of 801` or `schedule office`. to: away, back, open, closed
    or usual. ms: when, from the start of the call.
    """

    record: CallRecord
    what: str
    to: str
    ms: int


class CallBroken:
    """A bug of ours has stopped the call's script; the call ends.

    ms: when, from the start of the call.
    """

    __slots__ = ("error", "ms", "record")

    # By hand: mypyc cannot compile a dataclass with a built-in exception in it.
    def __init__(self, record: CallRecord, error: Exception, ms: int) -> None:
        self.record = record
        self.error = error
        self.ms = ms


CallEvent: TypeAlias = (
    CallRecord
    | LegChanged
    | HoldChanged
    | CallMoved
    | CallTransferred
    | CallKept
    | FeatureSwitched
    | CallBroken
)


class Topic(Generic[EventT]):
    """One kind of event, and who is told of it.

    name: of the kind. subscribers: in the order they came; a tuple, so that one that comes or
    leaves while all are told changes nothing for the others.
    """

    __slots__ = ("_on_bug", "name", "subscribers")

    def __init__(self, name: str, on_bug: Callable[[Exception], None]) -> None:
        self.name: Final = name
        self.subscribers: tuple[Callable[[EventT], None], ...] = ()
        self._on_bug = on_bug

    def subscribe(self, subscriber: Callable[[EventT], None]) -> None:
        """Tell it of all events from now on."""
        self.subscribers = (*self.subscribers, subscriber)

    def unsubscribe(self, subscriber: Callable[[EventT], None]) -> None:
        """Tell it of no more."""
        self.subscribers = tuple(one for one in self.subscribers if one != subscriber)

    def tell(self, event: EventT) -> None:
        """Tell all subscribers. Never raises."""
        for subscriber in self.subscribers:
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001  # one reader's bug must hurt nobody else
                self._on_bug(error)


class CallEvents:
    """The topics of the stream, in the order in which a call usually comes by them.

    started: a call was admitted and its route decided. leg: see `LegChanged`. ringing: the caller
    hears that it rings, by the first 18x of a target or by our ringback. answered: the caller is
    about to be sent its 200. moved, held, transferred: see their events. recorded, message: a
    recording, a voicemail message. switched: see `FeatureSwitched`. broken: see `CallBroken`; ended
    follows. ended: the call is over, and its record complete. dialog: see `DialogBegun`; for who
    reads messages, so `topics`, which tell of the call as its record does, are without it.
    """

    __slots__ = (
        "answered",
        "broken",
        "dialog",
        "ended",
        "held",
        "leg",
        "message",
        "moved",
        "recorded",
        "ringing",
        "started",
        "switched",
        "transferred",
    )

    def __init__(self, on_bug: Callable[[Exception], None]) -> None:
        """on_bug: told what a subscriber raised."""
        self.started = Topic[CallRecord]("started", on_bug)
        self.leg = Topic[LegChanged]("leg", on_bug)
        self.ringing = Topic[CallRecord]("ringing", on_bug)
        self.answered = Topic[CallRecord]("answered", on_bug)
        self.moved = Topic[CallMoved]("moved", on_bug)
        self.held = Topic[HoldChanged]("held", on_bug)
        self.transferred = Topic[CallTransferred]("transferred", on_bug)
        self.recorded = Topic[CallKept]("recorded", on_bug)
        self.message = Topic[CallKept]("message", on_bug)
        self.switched = Topic[FeatureSwitched]("switched", on_bug)
        self.broken = Topic[CallBroken]("broken", on_bug)
        self.ended = Topic[CallRecord]("ended", on_bug)
        self.dialog = Topic[DialogBegun]("dialog", on_bug)

    def dialog_begun(self, record: CallRecord, call_id: str, party: str) -> None:
        """Tell of a dialog's Call-ID, if anybody listens."""
        if self.dialog.subscribers:
            self.dialog.tell(DialogBegun(record, call_id, party))

    @property
    def topics(self) -> tuple[Topic[Any], ...]:
        """All that tell what happens to calls."""
        return (
            *(self.started, self.leg, self.ringing, self.answered, self.moved, self.held),
            *(self.transferred, self.recorded, self.message, self.switched),
            *(self.broken, self.ended),
        )
