"""The teller: makes events of what happens to calls, and hands them to who writes records.

Rules. An event is taken down at once, since a call's record goes on changing. Those of a call's end
are made by the writer's thread, of the row that it writes, and so are those of calls that a kill
has lost. The id of an event is made of the call's and of what happened.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from callrouter.call.services.call_events import (
    CallEvents,
    CallKept,
    CallTransferred,
    LegChanged,
)
from callrouter.call.services.record import CallRecord, KeptRecord
from callrouter.observe.cdr.rows import Row
from callrouter.queues import queue_events as queue
from callrouter.queues.queue_events import Transition
from callrouter.queues.service_level import ABANDONED, ANSWERED, OVERFLOWED
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values import refusal_reasons as reasons
from callrouter.route.values.decision import INBOUND
from callrouter.route.values.fraud_guards import Alarm
from callrouter.route.values.plan import REFUSED
from callrouter.storage.background_writer import Telling
from callrouter.storage.outbox import OutboxEvent, outbox_event
from callrouter.webhooks import event_kinds as kinds
from callrouter.webhooks.call_object import Owners, ToldCall, Values, call_object, of_record, of_row

_BLOCKED: Final = frozenset(
    (
        *(reasons.NOT_LISTED, reasons.BLOCKED_CALLER, reasons.AUTO_BLOCKED),
        *(reasons.BLOCKED_BY_HAND, reasons.AREA_REFUSED, reasons.COUNTRY_REFUSED),
    )
)
"""Reasons of refusals that look at who calls."""

_SCREENING: Final = (
    "only ",
    "block ",
    "blocked callers",
    "auto_block",
    "areas of ",
    "countries of ",
)
"""How rules begin that refuse a caller for one of these reasons; the record has it at its end."""

_OF_QUEUES: Final = {
    queue.JOINED: kinds.QUEUE_JOINED,
    ANSWERED: kinds.QUEUE_ANSWERED,
    ABANDONED: kinds.QUEUE_ABANDONED,
    OVERFLOWED: kinds.QUEUE_OVERFLOWED,
    queue.AWAY: kinds.AGENT_AWAY,
    queue.BACK: kinds.AGENT_BACK,
}
"""Transitions that others are told of."""


class EventWriter(Protocol):
    """Who writes records, and events with them."""

    def put_told(self, record: CallRecord, telling: Telling) -> None:
        """Take a record, and make its events of its row."""

    def tell(self, event: OutboxEvent) -> None:
        """Take an event."""


class Cancellable(Protocol):
    """Something that comes later."""

    def cancel(self) -> None:
        """Let it not come."""


Later = Callable[[float, Callable[[], None]], Cancellable]
"""Has something done after so many seconds."""


class CallTeller:
    """Teller of calls. dialplan: the one that serves. later: on the loop of the calls."""

    def __init__(self, writer: EventWriter, dialplan: Callable[[], Dialplan], later: Later) -> None:
        self._writer = writer
        self._dialplan = dialplan
        self._later = later
        self._calls: dict[str, tuple[CallRecord, ToldCall]] = {}
        self._owners: tuple[Dialplan, Owners] | None = None

    def subscribe(self, events: CallEvents) -> None:
        """Hear of calls from now on; `ended` takes the place of the writer's own subscription."""
        events.started.subscribe(self._started)
        events.leg.subscribe(self._leg)
        events.answered.subscribe(self._answered)
        events.transferred.subscribe(self._transferred)
        events.recorded.subscribe(partial(self._kept, kinds.RECORDED))
        events.message.subscribe(partial(self._kept, kinds.VOICEMAIL))
        events.ended.subscribe(self._ended)

    def _owners_now(self, dialplan: Dialplan) -> Owners:
        if self._owners is None or self._owners[0] is not dialplan:
            self._owners = dialplan, Owners(dialplan)
        return self._owners[1]

    def _started(self, record: CallRecord) -> None:
        dialplan = self._dialplan()
        values = of_record(record)
        told = ToldCall(values, dialplan, self._owners_now(dialplan))
        if told.leads and any(
            rule.result == REFUSED and rule.rule.startswith(_SCREENING) for rule in record.trace
        ):
            told.leads = False
        self._calls[record.id] = record, told
        self._tell(kinds.STARTED, record, told, 0, {}, once=True)

    def _leg(self, event: LegChanged) -> None:
        """Who rings may have changed, and who owns the call."""
        record, leg = event.record, event.leg
        _, told = self._calls[record.id]
        if leg.caller_id and leg.caller_id != told.shown and record.line and not record.number:
            told.about(leg.caller_id, of_record(record), self._dialplan())
        state = leg.state
        if state == "ringing":
            told.ringing[leg] = told.owners.of_leg(leg) or leg.target
            self._tell(kinds.RINGING, record, told, leg.changed_ms, {})
            return
        if state == "answered":
            self._talks(record, told, told.owners.of_leg(leg))
        rang = told.ringing.pop(leg, None) is not None
        if rang and not told.ringing and not record.talking():
            self._tell(kinds.RINGING, record, told, leg.changed_ms, {})

    def _talks(self, record: CallRecord, told: ToldCall, extension: str) -> None:
        """Somebody has answered: the owner now, or once a transfer is done."""
        if len(record.talking()) > 1 or (told.owner and record.direction != INBOUND):
            told.next_owner = extension
        else:
            told.owner = extension

    def _answered(self, record: CallRecord) -> None:
        _, told = self._calls[record.id]
        self._tell(kinds.ANSWERED, record, told, record.answered_ms or 0, {}, once=True)
        seconds = told.rule.notify_seconds
        if seconds:
            told.timer = self._later(seconds, partial(self._long, record, told, seconds))

    def _long(self, record: CallRecord, told: ToldCall, seconds: float) -> None:
        ms = (record.answered_ms or 0) + round(seconds * 1000)
        self._tell(kinds.LONG, record, told, ms, {}, once=True)

    def _transferred(self, event: CallTransferred) -> None:
        _, told = self._calls[event.record.id]
        told.previous_owner, told.owner, told.next_owner = told.owner, told.next_owner, ""
        self._tell(kinds.TRANSFERRED, event.record, told, event.ms, {"by": event.by})

    def _kept(self, kind: str, event: CallKept) -> None:
        _, told = self._calls[event.record.id]
        file = {"file": _kept(event.kept)}
        self._tell(kind, event.record, told, event.ms, file)

    def queued(self, row: Transition) -> None:
        """A transition of a queue."""
        kind = _OF_QUEUES.get(row.kind)
        if kind is None:
            return
        waited = round(row.waited_seconds, 3)
        said = {"name": row.queue, "agent": row.agent, "why": row.why, "waited": waited}
        if not row.call:
            now = time.time()
            name = f"{row.agent}-{now * 1000:.0f}-{kind}".replace(".", "-")
            about = f"agent {row.agent}"
            self._writer.tell(outbox_event(name, kind, about, now, {"queue": said}))
            return
        found = self._calls.get(row.call)
        if found is not None:  # a queue notes late who left it
            record, told = found
            ms = round((time.time() - record.started) * 1000)
            self._tell(kind, record, told, ms, {"queue": said})

    def alarmed(self, alarm: Alarm, at: float) -> None:
        """A guard against fraud has found something. at: Unix seconds."""
        kind = f"fraud.{alarm.kind}"
        said = {
            "extension": alarm.extension,
            "cdr": alarm.call,
            "what": alarm.what,
            "first_of": alarm.first_of,
            "calls": alarm.calls,
            "barred": alarm.barred,
        }
        name = f"{alarm.call}-{alarm.extension}-{alarm.kind}-{at * 1000:.0f}".replace(".", "-")
        about = f"extension {alarm.extension}"
        self._writer.tell(outbox_event(name, kind, about, at, {"alarm": said}))

    def _ended(self, record: CallRecord) -> None:
        _, told = self._calls.pop(record.id)
        if told.timer is not None:
            told.timer.cancel()
        self._writer.put_told(record, partial(_end, told))

    def _tell(
        self,
        kind: str,
        record: CallRecord,
        told: ToldCall,
        ms: int,
        more: dict[str, Any],
        *,
        once: bool = False,
    ) -> None:
        told.count += 0 if once else 1
        data = {"call": call_object(told, of_record(record)), **more}
        at = record.started + ms / 1000
        name = _id(record.id, kind, 0 if once else told.count)
        self._writer.tell(outbox_event(name, kind, record.id, at, data, told.key))


def lost_call_told(dialplan: Dialplan, row: Row) -> list[OutboxEvent]:
    """The events of the end of a call that a kill has lost; by the writer's thread."""
    values = of_row(row)
    told = ToldCall(values, dialplan, Owners(dialplan))
    told.owner = told.owner or told.owners.of(values["answered_by"])
    return _end(told, row)


def _end(told: ToldCall, row: Row) -> list[OutboxEvent]:
    """The events of a call that is over; by the writer's thread."""
    values = of_row(row)
    blocked = values["reason"] in _BLOCKED
    if blocked:
        told.leads = False
    data = {"call": call_object(told, values)}
    call, at = values["id"], values["started"] + values["ended_ms"] / 1000
    found = [kinds.ENDED]
    if blocked:
        found.insert(0, kinds.BLOCKED)
    elif _missed(values):
        found.insert(0, kinds.MISSED)
    return [outbox_event(_id(call, kind, 0), kind, call, at, data, told.key) for kind in found]


def _missed(values: Values) -> bool:
    """Somebody called from outside whom nobody talked to, though somebody was meant to."""
    if values["direction"] != INBOUND or not values["number"] or values["talked"]:
        return False
    return values["answered_ms"] is None or bool(
        values["target"] or values["queue"] or values["messages"]
    )


def _kept(kept: KeptRecord) -> dict[str, Any]:
    seconds = round(kept.ms / 1000, 3)
    return {"id": kept.id, "of": kept.of, "seconds": seconds, "result": kept.result}


def _id(call: str, kind: str, count: int) -> str:
    name = f"{call}-{kind.partition('.')[2]}"
    return f"{name}-{count}" if count else name
