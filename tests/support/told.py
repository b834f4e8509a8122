"""What the stream of call events tells, held against the order in which calls can go."""

from functools import partial
from typing import Final

from callrouter.call.services.call_events import (
    CallEvent,
    CallEvents,
    CallKept,
    CallMoved,
    CallTransferred,
    FeatureSwitched,
    HoldChanged,
    LegChanged,
)
from callrouter.call.services.record import CallRecord, LegRecord

_STATES: Final = ("dialled", "ringing", "answered", "ended")
_ONCE: Final = frozenset(("started", "ringing", "answered", "broken"))
_OF_A_CONVERSATION: Final = frozenset(("moved", "held", "transferred"))


class Told:
    """Subscriber to everything. Raises AssertionError when a call cannot go so.

    lines: the kind of each event and what it says, but for calls and times.
    """

    def __init__(self, events: CallEvents) -> None:
        self.lines: list[str] = []
        self._calls: dict[str, set[str]] = {}
        self._legs: dict[LegRecord, int] = {}
        self._ms: dict[str, int] = {}
        for topic in events.topics:
            topic.subscribe(partial(self._hear, topic.name))

    def _hear(self, kind: str, event: CallEvent) -> None:
        record = event if isinstance(event, CallRecord) else event.record
        self.lines.append(f"{kind} {_said(event)}".strip())
        before = self._calls.setdefault(record.id, set())
        story = f"{kind} after {sorted(before)}"
        assert (kind == "started") == (not before), story
        assert "ended" not in before, story
        assert kind not in before or kind not in _ONCE, story
        assert "answered" in before or kind not in _OF_A_CONVERSATION, story
        before.add(kind)
        if isinstance(event, LegChanged):
            state = _STATES.index(event.leg.state)
            assert state > self._legs.get(event.leg, -1), f"{kind} {_said(event)}"
            self._legs[event.leg] = state
        if isinstance(event, HoldChanged | CallMoved | CallTransferred | CallKept):
            assert event.ms >= self._ms.get(record.id, 0), story
            self._ms[record.id] = event.ms


def _said(event: CallEvent) -> str:
    said = ""
    match event:
        case LegChanged(leg=leg):
            said = f"{leg.target} {leg.state}"
        case HoldChanged(by=by, on=on):
            said = f"by {by}" if on else f"no more by {by}"
        case FeatureSwitched(what=what, to=to):
            said = f"{what} {to}"
        case CallTransferred(by=by):
            said = f"by {by}"
        case CallKept(kept=kept):
            said = f"{kept.of} {kept.result}"
        case CallRecord(hung_up_by=by) if by:
            said = f"by {by}"
    return said
