"""What the journal says of a call that is up, and the record of one that a killed process lost."""

from math import isfinite
from typing import Any, Final

import orjson

from callrouter.call.record import CallRecord, Disposition, LegRecord
from callrouter.observe.cdr import storable

REASON: Final = "lost"
"""The `reason` of a call that was up when callrouter was killed."""

_TEMPORARY_FAILURE: Final = 41
_TEXTS: Final = (
    "call_id",
    "trunk",
    "source",
    "caller",
    "called",
    "to_header",
    "number",
    "dialplan",
)
_LEG_TEXTS: Final = ("target", "uri", "result", "gateway", "place")
_LEG_TIMES: Final = ("started_ms", "progress_ms", "answered_ms", "ended_ms")
_LONGEST_MS: Final = (1 << 31) - 1
"""What a column of milliseconds holds: 24 days."""


def up_line(record: CallRecord) -> bytes:
    """The line of the journal for a call that is up."""
    known = {
        "call_id": record.call_id,
        "started": record.started,
        "trunk": record.trunk,
        "source": record.source,
        "caller": record.caller,
        "called": record.called,
        "to_header": record.to_header,
        "caller_number": record.caller_number,
        "called_number": record.called_number,
        "number": record.number,
        "dialplan": record.dialplan,
        "ringing_ms": record.ringing_ms,
        "answered_ms": record.answered_ms,
        "legs": [
            {
                "target": leg.target,
                "uri": leg.uri,
                "started_ms": leg.started_ms,
                "progress_ms": leg.progress_ms,
                "answered_ms": leg.answered_ms,
                "ended_ms": leg.ended_ms,
                "status": leg.status,
                "cause": leg.cause,
                "result": leg.result,
                "gateway": leg.gateway,
                "place": leg.place,
            }
            for leg in record.legs
        ],
    }
    try:
        text = orjson.dumps(known)
    except orjson.JSONEncodeError:  # text that came from bytes that are not UTF-8
        text = orjson.dumps(_all_storable(known))
    return b"+%b %b\n" % (record.id.encode(), text)


def lost_record(id: str, text: bytes, alive: float) -> CallRecord:
    """The record of a call that was up when its process was killed.

    text: what the journal says of it. alive: Unix time at which that process was last alive, and so
    was the call. Raises ValueError when the text is not what `up_line` writes.
    """
    known = orjson.loads(text)
    if not isinstance(known, dict):
        raise ValueError(f"expected an object, found {type(known).__name__}")
    started = known.get("started")
    if not isinstance(started, float) or not isfinite(started):
        raise ValueError(f"expected Unix seconds as 'started', found {started!r}")
    record = CallRecord(id, "", started)
    for name in _TEXTS:
        setattr(record, name, _text(known, name))
    for name in ("caller_number", "called_number"):  # which an earlier version does not write
        setattr(record, name, _text(known, name) if name in known else "")
    record.ringing_ms = _time(known, "ringing_ms")
    answered = _time(known, "answered_ms")
    if answered is None:
        raise ValueError("expected milliseconds as 'answered_ms', found nothing")
    record.answered_ms = answered
    record.ended_ms = max(answered, min(int((alive - started) * 1000), _LONGEST_MS))
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
    return record


def _leg(known: object) -> LegRecord:
    if not isinstance(known, dict):
        raise ValueError(f"expected an object for each leg, found {known!r}")
    leg = LegRecord("", "", 0)
    for name in _LEG_TEXTS:
        setattr(leg, name, _text(known, name))
    for name in _LEG_TIMES:
        setattr(leg, name, _time(known, name))
    leg.started_ms = leg.started_ms or 0
    leg.status = _time(known, "status") or 0
    leg.cause = _time(known, "cause") or 0
    return leg


def _text(known: dict[str, Any], name: str) -> str:
    value = known.get(name)
    if not isinstance(value, str):
        raise ValueError(f"expected a text as '{name}', found {value!r}")
    return value


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
    if isinstance(value, list):
        return [_all_storable(one) for one in value]
    if isinstance(value, dict):
        return {key: _all_storable(one) for key, one in value.items()}
    return value
