"""Records and sources to test with."""

from collections.abc import Callable

from callrouter.call.services.record import CallRecord, Disposition, LegRecord
from callrouter.route.values.plan import Verdict

Lines = Callable[[], list[dict[str, object]]]

TRACE = (
    Verdict("trunk lab", True, "127.0.0.1", "in 127.0.0.0/8", "lab.yaml", 4),
    Verdict("number 4000", True, "4000", "the number is in the dialplan", "lab.yaml", 17),
)


def answered(id: str = "0001", started: float = 1_700_000_000.0) -> CallRecord:
    record = CallRecord(id, f"{id}@peer", started)
    record.began = started
    record.trunk = "lab"
    record.source = "127.0.0.1:5062"
    record.caller = "+8675612345"
    record.called = record.called_number = "4000"
    record.number = "4000"
    record.dialplan = "3f2a"
    record.ringing_ms = 20
    record.answered_ms = 1500
    record.ended_ms = 61_500
    record.disposition = Disposition.ANSWERED
    record.status = 200
    record.cause = 16
    record.hung_up_by = "caller"
    leg = LegRecord("first", "sip:4000@127.0.0.1:5080", 3)
    leg.progress_ms = 18
    leg.answered_ms = 1490
    leg.ended_ms = 61_500
    leg.status = 200
    leg.cause = 16
    leg.result = "answered"
    record.legs = [leg]
    record.trace = TRACE
    return record


def refused(id: str = "0002", started: float = 1_700_000_001.0) -> CallRecord:
    record = CallRecord(id, f"{id}@peer", started)
    record.trunk = "lab"
    record.caller = "100"
    record.called = "4999"
    record.status = 404
    record.cause = 1
    record.reason = "unknown number"
    record.hung_up_by = "callrouter"
    return record
