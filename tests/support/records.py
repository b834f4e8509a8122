"""What a record has to say, for the kinds of calls that many tests make."""

from typing import Any

from support.serving import Record

Leg = dict[str, Any]
"""A leg of a record."""


def answered(record: Record, number: str, by: str, *, legs: int = 1) -> None:
    """The last of so many legs answered, and `by` hung up."""
    _sound(record, number)
    assert (record["disposition"], record["status"]) == ("ANSWERED", 200)
    assert (record["cause"], record["hung_up_by"], record["reason"]) == (16, by, "")
    assert len(record["legs"]) == legs
    leg = record["legs"][-1]
    assert (leg["result"], leg["status"], leg["cause"]) == ("answered", 200, 16)
    assert leg["answered_ms"] == record["answered_ms"] <= record["ended_ms"]


def refused(record: Record, number: str, disposition: str, status: int, cause: int) -> None:
    """Nobody answered, and callrouter said so."""
    _sound(record, number)
    assert (record["disposition"], record["status"]) == (disposition, status)
    assert (record["cause"], record["hung_up_by"]) == (cause, "callrouter")
    assert record["answered_ms"] is None


def cancelled(record: Record, number: str) -> None:
    """The caller gave up while one target was rung."""
    _sound(record, number)
    assert (record["disposition"], record["status"]) == ("CANCELLED", 487)
    assert (record["cause"], record["hung_up_by"]) == (16, "caller")
    assert record["answered_ms"] is None
    leg = record["legs"][-1]
    assert (leg["result"], leg["status"], leg["cause"]) == ("cancelled", 487, 16)


def results(record: Record) -> list[tuple[str, int]]:
    """Result and status of each leg."""
    return [(leg["result"], leg["status"]) for leg in record["legs"]]


def lasted(leg: Leg, seconds: float, slack: float = 4.0) -> None:
    """The leg took this long; the slack is for a machine that has other work."""
    took = (leg["ended_ms"] - leg["started_ms"]) / 1000
    assert seconds <= took < seconds + slack, f"{took} s instead of {seconds} s"


def _sound(record: Record, number: str) -> None:
    """What holds for every call to a number: who, by which rules, and times in their order."""
    assert (record["number"], record["trunk"]) == (number, "lab")
    assert record["dialplan"]
    assert record["trace"]
    assert f"number {number}" in {rule["rule"] for rule in record["trace"] if rule["matched"]}
    ended = 0
    for leg in record["legs"]:
        order = [ended, leg["started_ms"], leg["progress_ms"], leg["answered_ms"], leg["ended_ms"]]
        times = [time for time in order if time is not None]
        assert times == sorted(times), f"times of {leg['target']}: {order}"
        assert leg["ended_ms"] is not None
        ended = leg["ended_ms"]
    assert ended <= record["ended_ms"]
