"""A call record as a row of the table `calls`, and a row as a dict for people and programs.

Everything here runs in the writer's thread, once for each call, so it is written to be cheap: one
tuple in column order, one JSON text for the legs, and one for the trace, which the routing engine
shares between calls that took the same way and which is therefore encoded once.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from callrouter.call.services.record import CallRecord, KeptRecord, LegRecord, QueueRecord, bounded
from callrouter.observe.cdr.call_charges import CallCharges, charges_of
from callrouter.printable import storable

COLUMNS: Final = (
    "id",
    "call_id",
    "started",
    "trunk",
    "source",
    "caller",
    "called",
    "to_header",
    "number",
    "dialplan",
    "ringing_ms",
    "answered_ms",
    "ended_ms",
    "disposition",
    "status",
    "cause",
    "reason",
    "hung_up_by",
    "legs",
    "trace",
    "voicemail",
    "recordings",
    "heard",
    "caller_number",
    "called_number",
    "queues",
    "rate_plan",
    "currency",
    "billed_seconds",
    "cost",
    "charges",
    "direction",
    "extension",
    "line",
    "account",
    "call_back_of",
)

LISTS: Final = ("legs", "trace", "voicemail", "recordings", "heard", "queues", "charges")
"""Those that are JSON: lists of objects."""

Row = tuple[str | int | float | None, ...]
"""The values of one call in the order of COLUMNS."""


class Charged(NamedTuple):
    """The columns of a row that say what a call is charged; all but the last None for nothing."""

    currency: str | None = None
    billed_seconds: int | None = None
    cost: str | None = None
    charges: str = "[]"


_FREE: Final = Charged()

LATEST: Final = 4_102_444_800
"""Unix time of the year 2100: what a record can have as `started` is from 0 to before it."""
_INTEGERS: Final = {
    **dict.fromkeys(("ringing_ms", "answered_ms", "ended_ms", "billed_seconds"), 63),
    "status": 31,
    "cause": 31,
}
"""Those that are integers, with their bits in the table; `started` is seconds, all else is text."""
_LONGEST_WHY: Final = 2000
"""Characters: the targets of a long hunt, or what a peer wrote and no number is like."""
_OPTIONAL: Final = {"ringing_ms", "answered_ms", *COLUMNS[COLUMNS.index("trace") + 1 :]}
"""Those that may be null: rows of an earlier version have none of the later columns."""
_KEYS: Final = {
    "legs": {
        *("target", "uri", "started_ms", "progress_ms", "answered_ms", "ended_ms"),
        *("status", "cause", "result"),
    },
    "trace": {"rule", "matched", "value", "why", "file", "line"},
    "voicemail": {"id", "of", "ms", "result"},
    "recordings": {"id", "of", "ms", "result"},
    "heard": {"ms", "what", "which"},
    "queues": {"queue", "joined_ms", "left_ms", "outcome", "agent"},
    "charges": {"leg", "plan", "rate", "seconds", "fee", "cost", "blocks"},
}
"""What the objects of a list have at least, and who shows calls looks for."""

_AMOUNT: Final = re.compile(r"[0-9]{1,40}(\.[0-9]{1,12})?", re.ASCII)

_TRACES_KEPT: Final = 1024


def encode(record: CallRecord) -> Row:
    """The record in column order; all text is storable as UTF-8 by SQLite and PostgreSQL.

    Here a call is charged, and not while it lasts.
    """
    costs = _FREE if record.rate_plans is None else charged(charges_of(record))
    row = (
        record.id,
        record.call_id,
        record.started,
        record.trunk,
        record.source,
        record.caller,
        record.called,
        record.to_header,
        record.number,
        record.dialplan,
        record.ringing_ms,
        record.answered_ms,
        record.ended_ms,
        record.disposition._value_,  # an Enum's `.value` is a call, and its hash another
        record.status,
        record.cause if -1 < record.cause < 128 else 0,  # may be a peer's word; Q.850 has 7 bits
        bounded(record.reason),
        record.hung_up_by,
        _legs_text(record.legs) if record.legs else "[]",
        _trace_text(record.trace),
        _kept_text(record.voicemail) if record.voicemail else "[]",
        _kept_text(record.recordings) if record.recordings else "[]",
        _heard_text(record.heard) if record.heard else "[]",
        record.caller_number,
        record.called_number,
        _queues_text(record.queues) if record.queues else "[]",
        record.rate_plan,
        *costs,
        record.direction,
        record.extension,
        record.line,
        record.account,
        record.call_back_of,
    )
    # What a peer wrote reaches these columns, and one row that cannot be stored would hold
    # up its whole batch for ever. One look at all of them costs less than one look at each.
    foreign = f"{record.call_id}{record.caller}{record.called}{record.to_header}{record.reason}"
    if foreign.isascii() and "\0" not in foreign:
        return row
    return tuple(storable(value) if isinstance(value, str) else value for value in row)


def charged(charges: CallCharges | None) -> Charged:
    """Return the columns of what a call is charged; None for nothing."""
    if charges is None:
        return _FREE
    text = _json_text(charges.as_dicts())
    return Charged(charges.currency, charges.seconds, f"{charges.cost:f}", text)


# By its verdicts, which the engine shares: each decision puts them into a tuple of its own.
@lru_cache(maxsize=_TRACES_KEPT)
def _trace_text(trace: tuple[Any, ...]) -> str:
    return _json_text(
        [
            entry
            | {
                "value": bounded(str(entry["value"])),
                "why": bounded(str(entry["why"]), _LONGEST_WHY),
            }
            for entry in (verdict.as_dict() for verdict in trace)
        ]
    )


def row_of(entry: object) -> Row:
    """Read what is said to be a row by column name, of this version or an earlier one.

    Raises ValueError, which says what the table would not take.
    """
    if not isinstance(entry, dict):
        raise ValueError("expected an object")
    unknown = entry.keys() - set(COLUMNS)
    if unknown:
        raise ValueError(f"unknown column {min(unknown)[:40]!r}: of a later version?")
    row = tuple(entry.get(name) for name in COLUMNS)
    mistake = misfit(row)
    if mistake:
        raise ValueError(mistake)
    return row


def misfit(row: Row) -> str:
    """What the table would not take of a row, "" when it fits."""
    for name, value in zip(COLUMNS, row, strict=True):
        if value is None:
            fits, expected = name in _OPTIONAL, "a value"
        elif name == "started":
            fits, expected = is_started(value), f"seconds from 0 to {LATEST}"
        elif name in _INTEGERS:
            bits = _INTEGERS[name]
            fits = type(value) is int and value.bit_length() <= bits
            expected = f"an integer of {bits} bits"
        elif name == "cost":
            fits = isinstance(value, str) and _AMOUNT.fullmatch(value) is not None
            expected = "an amount as text"
        elif name in _KEYS:
            fits, expected = _is_list(value, _KEYS[name]), "a list of its objects as JSON"
        else:
            fits = isinstance(value, str) and _is_text(value) and (value != "" or name != "id")
            expected = "text"
        if not fits:
            return f"{name}: expected {expected}"
    return ""


def is_started(value: object) -> bool:
    """Whether it can be the time at which a call started, in Unix seconds."""
    # Whoever reads rows makes a date of it, which no number past all calendars is.
    return (type(value) is float or type(value) is int) and 0 <= value < LATEST


def _is_text(value: str) -> bool:
    """PostgreSQL takes no NUL; nobody takes half a character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _is_list(text: object, keys: set[str]) -> bool:
    if not isinstance(text, str) or not _is_text(text):
        return False
    try:
        entries = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(entries, list) and all(
        isinstance(entry, dict) and keys <= entry.keys() for entry in entries
    )


def row_to_dict(row: Sequence[Any]) -> dict[str, Any]:
    """The row of either database by column name: lists are lists of dicts, the cost is text."""
    values: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for name in LISTS:
        # A row of an earlier version has none of the later columns.
        values[name] = orjson.loads(values[name] or "[]")
    if isinstance(values["cost"], Decimal):  # as PostgreSQL gives it
        values["cost"] = f"{values['cost']:f}"
    return values


def _legs_text(legs: list[LegRecord]) -> str:
    return _json_text(
        [
            {
                "target": bounded(leg.target),
                "uri": bounded(leg.uri),
                "started_ms": leg.started_ms,
                "progress_ms": leg.progress_ms,
                "answered_ms": leg.answered_ms,
                "ended_ms": leg.ended_ms,
                "status": leg.status,
                "cause": leg.cause if -1 < leg.cause < 128 else 0,
                "result": leg.result,
                "gateway": leg.gateway,
                "place": leg.place,
                "rate_plan": leg.rate_plan,
            }
            for leg in legs
        ]
    )


def _heard_text(heard: list[tuple[int, str, str]]) -> str:
    return _json_text([{"ms": ms, "what": what, "which": which} for ms, what, which in heard])


def _kept_text(kept: tuple[KeptRecord, ...]) -> str:
    return _json_text(
        [{"id": one.id, "of": one.of, "ms": one.ms, "result": one.result} for one in kept]
    )


def _queues_text(waits: tuple[QueueRecord, ...]) -> str:
    return _json_text(
        [
            {
                "queue": wait.queue,
                "joined_ms": wait.joined_ms,
                "left_ms": wait.left_ms,
                "outcome": wait.outcome,
                "agent": wait.agent,
            }
            for wait in waits
        ]
    )


def _json_text(entries: Sequence[Mapping[str, Any]]) -> str:
    try:
        return orjson.dumps(entries).decode()
    except orjson.JSONEncodeError:  # text that came from bytes that are not UTF-8
        return orjson.dumps(
            [
                {
                    key: storable(value) if isinstance(value, str) else value
                    for key, value in entry.items()
                }
                for entry in entries
            ]
        ).decode()
