"""callrouter is killed while calls are up: each that was answered has its record in the end."""

import asyncio
import signal
from pathlib import Path

import pytest
from support.phones import Outcome, Phones
from support.polling import until
from support.ports import free_port
from support.serving import Place, Record, Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RATE = 100.0
_NUMBER = "6000"


def plan(port: int) -> str:
    return (
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets: {{answers: {{uri: 'sip:service@127.0.0.1:{port}'}}}}\n"
        f"numbers: {{'{_NUMBER}': {{route: [{{hunt: [answers]}}]}}}}\n"
    )


async def load(callers: Phones, seconds: float, shortest: float) -> list[Outcome]:
    """Calls at the rate, for so long, that stay up; every fourth for the shortest time."""
    began = callers.loop.time()
    made = []
    for index in range(int(seconds * _RATE)):
        await asyncio.sleep(began + index / _RATE - callers.loop.time())
        made.append(callers.call(_NUMBER, shortest if index % 4 == 0 else 600.0))
    return made


async def killed_under_load(
    place: Place, port: int, seconds: float, *, shortest: float
) -> tuple[list[str], float]:
    """Serve, make calls, kill it in the midst of them, when most of them are answered.

    Returns the Call-IDs of those that were answered, and after how many seconds it was killed.
    """
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    began = callers.loop.time()
    try:
        made = await load(callers, seconds, shortest)

        async def served() -> bool:
            return sum(outcome.answered.is_set() for outcome in made) > 0.8 * len(made)

        await until(served)
        serving.signal(signal.SIGKILL)
        assert await serving.ended() == -signal.SIGKILL
        took = callers.loop.time() - began
        await callers.caught_up()
        return [outcome.call_id for outcome in made if outcome.answered.is_set()], took
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


def lost(records: list[Record]) -> list[Record]:
    return [record for record in records if record["reason"] == "lost"]


async def test_each_call_that_was_answered_has_one_record_after_kills(
    tmp_path: Path, full: bool
) -> None:
    port = free_port()
    place = lay_out(tmp_path, plan(port))
    kills, seconds = (10, 6.7) if full else (2, 2.5)
    answered: list[str] = []
    longest = 0.0
    for _ in range(kills):
        new, took = await killed_under_load(place, port, seconds, shortest=1.0)
        answered += new
        longest = max(longest, took)
    # Killed once more, while it may still be writing what the last one lost.
    again = await Serving.start(place)
    again.signal(signal.SIGKILL)
    await again.ended()
    last = await Serving.start(place)
    try:
        records = await last.records(_NUMBER, len(answered))
        metrics = await last.metrics()
    finally:
        await last.stop()
    assert sorted(record["call_id"] for record in records) == sorted(answered)
    assert {record["disposition"] for record in records} == {"ANSWERED"}
    assert len(lost(records)) > 0.5 * len(answered)
    for record in lost(records):
        assert (record["cause"], record["status"], record["hung_up_by"]) == (41, 200, "callrouter")
        assert (record["trunk"], record["number"], record["called"]) == ("lab", _NUMBER, _NUMBER)
        assert record["dialplan"]
        (leg,) = record["legs"]
        assert (leg["target"], leg["result"], leg["cause"]) == ("answers", "answered", 41)
        # It ended when the process was last known to be alive, which it says each second.
        assert record["answered_ms"] <= record["ended_ms"] <= longest * 1000 + 1500
    assert metrics["callrouter_journal_rejected_total"] == 0
    assert metrics["callrouter_calls_unjournaled_total"] == 0


async def test_next_start_counts_what_was_lost_and_says_so(tmp_path: Path) -> None:
    port = free_port()
    place = lay_out(tmp_path, plan(port))
    answered, _ = await killed_under_load(place, port, 0.5, shortest=600.0)
    serving = await Serving.start(place)
    try:
        records = await serving.records(_NUMBER, len(answered))
        assert (await serving.metrics())["callrouter_calls_lost_total"] == len(answered)
        assert {record["reason"] for record in records} == {"lost"}
        await serving.logged("calls were lost: callrouter was killed")
        serving.signal(signal.SIGTERM)
        assert await serving.ended() == 0
    finally:
        await serving.stop()
    # A stop that was asked for leaves nothing open.
    assert [path.name for path in (tmp_path / "var" / "spool").glob("up-*")] == []
