"""Output of a played call, for people and for programs."""

from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from callrouter.call.services.record import CallRecord, KeptRecord, LegRecord
from callrouter.observe.cdr.call_charges import charges_of
from callrouter.simulate.simulated_call import SimulatedCall
from callrouter.simulate.timeline import CALLER, Moment, timeline
from callrouter.sip.grammar import reason_phrase

_STYLES: Final = {"1": "yellow", "2": "green", "3": "magenta", "n": "red", "c": "dim"}
_FAILED: Final = "red"


def lines(played: SimulatedCall) -> RenderableType:
    """The time line, then what the record says."""
    moments = timeline(played)
    width = max(len(moment.party) for moment in moments)
    shown = [_line(moment, width) for moment in moments]
    record = played.record
    return Group(*shown, Text(), _outcome(record), *_kept(record), *_cost(record))


def as_dict(played: SimulatedCall) -> dict[str, Any]:
    """Everything as one JSON object; `record` is null when it was no call."""
    record = played.record
    return {
        "events": [moment._asdict() for moment in timeline(played)],
        "record": None if record is None else _record(record),
    }


def _line(moment: Moment, width: int) -> Text:
    text = Text(f"{moment.at:6.1f} s  ")
    text.append(f"{moment.party:{width}}  ", "bold" if moment.party == CALLER else "cyan")
    event = moment.event.removeprefix("gets ")
    text.append(moment.event, _FAILED if event[0] in "456" else _STYLES.get(event[0], ""))
    if moment.effect:
        text.append(f" → {moment.effect}", "bold")
    return text


def _outcome(record: CallRecord | None) -> Text:
    if record is None:
        return Text("no call: refused before its route was decided", _FAILED)
    answered = _answered_by(record)
    if record.answered_ms is not None:
        by = "callrouter" if answered is None else answered.target
        return Text(f"{record.disposition} by {by}", "bold green")
    text = Text(f"{record.disposition}: ", f"bold {_FAILED}")
    text.append(f"{record.status} {reason_phrase(record.status)}, cause {record.cause}")
    if record.reason:
        text.append(f", {record.reason}")
    return text


def _kept(record: CallRecord | None) -> list[Text]:
    """What the call has left in the archive, one line each."""
    if record is None:
        return []
    kinds = (("message for box", record.voicemail), ("recording of", record.recordings))
    return [
        Text(f"{kind} {kept.of}: {kept.ms / 1000:.1f} s, {kept.result}")
        for kind, found in kinds
        for kept in found
    ]


def _cost(record: CallRecord | None) -> list[Text]:
    """What the call costs, if it is charged."""
    charges = None if record is None else charges_of(record)
    return [] if charges is None else [Text(f"cost {charges.cost:f} {charges.currency}")]


def _charged(record: CallRecord) -> dict[str, Any]:
    charges = charges_of(record)
    if charges is None:
        return {"currency": None, "billed_seconds": None, "cost": None, "charges": []}
    return {
        "currency": charges.currency,
        "billed_seconds": charges.seconds,
        "cost": f"{charges.cost:f}",
        "charges": charges.as_dicts(),
    }


def _answered_by(record: CallRecord) -> LegRecord | None:
    return next((leg for leg in record.legs if leg.answered_ms is not None), None)


def _record(record: CallRecord) -> dict[str, Any]:
    answered = _answered_by(record)
    return {
        "dialplan": record.dialplan,
        "number": record.number,
        "disposition": record.disposition.value,
        "status": record.status,
        "cause": record.cause,
        "reason": record.reason,
        "answered_by": None if answered is None else answered.target,
        "ringing_ms": record.ringing_ms,
        "answered_ms": record.answered_ms,
        "ended_ms": record.ended_ms,
        "legs": [{name: getattr(leg, name) for name in _LEG} for leg in record.legs],
        "heard": [
            {"at_ms": ms, "what": what, "which": which} for ms, what, which in record.heard or ()
        ],
        "voicemail": [_archived(kept) for kept in record.voicemail],
        "recordings": [_archived(kept) for kept in record.recordings],
        "rate_plan": record.rate_plan,
        **_charged(record),
        "trace": [verdict.as_dict() for verdict in record.trace],
    }


def _archived(kept: KeptRecord) -> dict[str, Any]:
    return {"of": kept.of, "ms": kept.ms, "result": kept.result}


_LEG: Final = (
    "target",
    "uri",
    "started_ms",
    "progress_ms",
    "answered_ms",
    "ended_ms",
    "status",
    "cause",
    "result",
)
