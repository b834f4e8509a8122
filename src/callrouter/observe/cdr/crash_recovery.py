"""Crash recovery: a call's line in the journal, and the record of one that a kill lost."""

from operator import attrgetter
from typing import Any, Final

import orjson

from callrouter.call.services.record import CallRecord, Disposition, LegRecord, QueueRecord
from callrouter.observe.cdr.rows import LATEST, is_started
from callrouter.printable import storable
from callrouter.route.values.decision import INBOUND

REASON: Final = "lost"
"""The `reason` of a call that was up when callrouter was killed."""

_TEMPORARY_FAILURE: Final = 41
_TEXTS: Final = (
    *("call_id", "trunk", "source", "caller", "called", "to_header", "caller_number"),
    *("called_number", "number", "dialplan"),
)
_PLAIN: Final = ("started", *_TEXTS, "ringing_ms", "answered_ms")
_LATER: Final = {
    "direction": INBOUND,
    "extension": "",
    "line": "",
    "account": "",
    "call_back_of": "",
    "queue": "",
    "agent": "",
}
"""What lines of earlier versions do not have, with what it was then; the newest last."""
_CALL: Final = (*_PLAIN, "legs", "began", "rate_plan", *_LATER)
_LEG_TEXTS: Final = ("target", "uri", "result", "gateway", "place")
_LEG_TIMES: Final = ("started_ms", "progress_ms", "answered_ms", "ended_ms", "status", "cause")
_LEG: Final = (*_LEG_TEXTS, *_LEG_TIMES, "rate_plan")
_plain_of: Final = attrgetter(*_PLAIN)
_later_of: Final = attrgetter(*[*_LATER][:-2])
_leg_of: Final = attrgetter(*_LEG)
_LONGEST_MS: Final = (1 << 31) - 1
"""What a column of milliseconds holds: 24 days."""


def up_line(record: CallRecord, zero: float) -> bytes:
    """The line of the journal for a call that is up. zero: that of the journal."""
    # A list in the order of _CALL, which costs half of what an object does.
    legs = [_leg_of(leg) for leg in record.legs]
    plain = (*_plain_of(record), legs, zero + record.began, record.rate_plan)
    waits = record.queues[-1] if record.queues else None
    queued = ("", "") if waits is None else (waits.queue, waits.agent)
    known = (*plain, *_later_of(record), *queued)
    try:
        text = orjson.dumps(known)
    except orjson.JSONEncodeError:  # text that came from bytes that are not UTF-8
        text = orjson.dumps(_all_storable(known))
    return b"+%b %b\n" % (record.id.encode(), text)


def lost_record(id: str, text: bytes, alive: float) -> CallRecord:
    """The record of a call that was up when its process was killed.

    text: what the journal says of it. alive: when that process was last alive, and so was the call,
    on the clock of its journal. Raises ValueError when the text is not what `up_line` writes.
    """
    values = orjson.loads(text)
    if isinstance(values, list) and len(values) == len(_PLAIN) + 1:
        values.append(values[0])  # versions before 'began' went by the system's clock alone
    if isinstance(values, list) and len(values) == len(_PLAIN) + 2:
        values.append("")  # versions before there were rate plans
    if isinstance(values, list) and len(_CALL) - len(_LATER) <= len(values) < len(_CALL):
        values += [*_LATER.values()][len(values) - len(_CALL) :]
    known = _named(values, _CALL)
    record = CallRecord(id, "", _seconds(known, "started"))
    record.began = _seconds(known, "began")
    record.rate_plan = _text(known, "rate_plan")
    for name in (*_TEXTS, *[*_LATER][:-2]):
        setattr(record, name, _text(known, name))
    record.ringing_ms = _time(known, "ringing_ms")
    answered = _time(known, "answered_ms")
    if answered is None:
        raise ValueError("expected milliseconds as 'answered_ms', found nothing")
    record.answered_ms = answered
    record.ended_ms = max(answered, min(int((alive - record.began) * 1000), _LONGEST_MS))
    record.disposition = Disposition.ANSWERED
    record.status = 200
    record.cause = _TEMPORARY_FAILURE
    record.reason = REASON
    record.hung_up_by = "callrouter"
    legs = known.get("legs")
    if not isinstance(legs, list):
        raise ValueError("expected a list as 'legs'")
    record.legs = [_leg(leg) for leg in legs]
    for entry in record.talking():
        entry.end(max(record.ended_ms, entry.answered_ms or 0), _TEMPORARY_FAILURE)
    queue, agent = _text(known, "queue"), _text(known, "agent")
    if queue:
        record.queues = (_wait(record, queue, agent),)
    return record


def _wait(record: CallRecord, queue: str, agent: str) -> QueueRecord:
    """The wait that a call was in, or came from when an agent had it. It begins with its answer."""
    wait = QueueRecord(queue=queue, joined_ms=record.answered_ms or 0)
    wait.agent = agent
    wait.outcome = "answered" if agent else REASON
    since = [leg.answered_ms for leg in record.legs if leg.answered_ms is not None]
    wait.left_ms = since[-1] if agent and since else record.ended_ms
    return wait


def _leg(known: object) -> LegRecord:
    if isinstance(known, list) and len(known) == len(_LEG) - 1:
        known = [*known, ""]  # as above
    named = _named(known, _LEG)
    leg = LegRecord("", "", 0)
    for name in (*_LEG_TEXTS, "rate_plan"):
        setattr(leg, name, _text(named, name))
    for name in _LEG_TIMES:
        setattr(leg, name, _time(named, name))
    leg.started_ms = leg.started_ms or 0
    leg.status = leg.status or 0
    leg.cause = leg.cause or 0
    return leg


def _named(values: object, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(values, list) or len(values) != len(names):
        raise ValueError(f"expected a list of {len(names)} values, found {str(values)[:80]}")
    return dict(zip(names, values, strict=True))


def _text(known: dict[str, Any], name: str) -> str:
    value = known.get(name)
    if not isinstance(value, str):
        raise ValueError(f"expected a text as '{name}', found {value!r}")
    return value


def _seconds(known: dict[str, Any], name: str) -> float:
    value = known[name]
    if not is_started(value):
        raise ValueError(f"expected seconds from 0 to {LATEST} as '{name}', found {value!r}")
    return float(value)


def _time(known: dict[str, Any], name: str) -> int | None:
    value = known.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LONGEST_MS:
        raise ValueError(f"expected a number from 0 to {_LONGEST_MS} as '{name}', found {value!r}")
    return value


def _all_storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, tuple | list):
        return [_all_storable(one) for one in value]
    return value
