"""callrouter is stopped and killed while calls come at 200 a second."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from support.phones import Outcome, Phones
from support.polling import until
from support.ports import free_port
from support.serving import Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_RATE = 200.0
_ANSWERED = "6000"
_RINGS = "6001"


@dataclass(slots=True)
class Lines:
    """A callrouter of its own, its callers and its callees."""

    serving: Serving
    callers: Phones
    made: list[Outcome]

    async def load(self, seconds: float, hold: float, rate: float = _RATE) -> None:
        """Make calls at the rate, for so long."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        for index in range(int(seconds * rate)):
            await asyncio.sleep(began + index / rate - loop.time())
            self.made.append(self.callers.call(_ANSWERED, hold))


@asynccontextmanager
async def lines(folder: Path, drain: str = "30s") -> AsyncIterator[Lines]:
    """A callrouter in the folder: one number is answered, one only rings."""
    port = free_port()
    dialplan = (
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets:\n  answers: {{uri: 'sip:service@127.0.0.1:{port}'}}\n"
        f"  rings: {{uri: 'sip:rings@127.0.0.1:{port}'}}\n"
        f"numbers:\n  '{_ANSWERED}': {{route: [{{hunt: [answers]}}]}}\n"
        f"  '{_RINGS}': {{route: [{{hunt: [rings]}}]}}\n"
    )
    serving = await Serving.start(lay_out(folder, dialplan, drain=drain))
    server = ("127.0.0.1", serving.place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    try:
        yield Lines(serving, callers, [])
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def _talking(up: Lines, count: float) -> bool:
    """So many calls have been answered."""
    return sum(outcome.answered.is_set() for outcome in up.made) >= count


async def _over(up: Lines, count: float) -> bool:
    """So many calls are over."""
    return sum(outcome.over.is_set() for outcome in up.made) > count


async def refused_from_now_on(up: Lines) -> Outcome:
    """Call until a call is refused, so the signal has arrived; the refused call."""
    while True:
        probe = up.callers.call(_ANSWERED, 0.0)
        await probe.over.wait()
        if probe.status != 200:
            return probe
        up.made.append(probe)


async def test_sigterm_under_load_refuses_new_calls_and_ends_no_call_in_progress(
    tmp_path: Path,
) -> None:
    async with lines(tmp_path) as up:
        await up.load(2.0, hold=1.0)
        await until(partial(_talking, up, 0.9 * 2.0 * _RATE))
        up.serving.signal(signal.SIGTERM)
        await up.load(0.5, hold=1.0)
        for outcome in up.made:
            await outcome.over.wait()
        assert await up.serving.ended() == 0
        talked = [outcome for outcome in up.made if outcome.status == 200]
        refused = [outcome for outcome in up.made if outcome.status != 200]
        assert len(talked) >= 0.9 * 2.0 * _RATE
        assert all(outcome.closed and not outcome.hung_up_on for outcome in talked)
        assert {(outcome.status, outcome.retry_after) for outcome in refused} == {(503, "5")}
        records = up.serving.place.records()
        assert sorted(record["call_id"] for record in records) == sorted(
            outcome.call_id for outcome in talked
        )
        assert {record["disposition"] for record in records} == {"ANSWERED"}
        assert {record["hung_up_by"] for record in records} == {"caller"}


async def test_second_sigterm_ends_all_calls_at_once_and_each_leaves_its_record(
    tmp_path: Path,
) -> None:
    async with lines(tmp_path) as up:
        talking = [up.callers.call(_ANSWERED, 60.0) for _ in range(50)]
        ringing = up.callers.call(_RINGS, 60.0)
        for outcome in talking:
            await outcome.answered.wait()
        await ringing.ringing.wait()
        up.serving.signal(signal.SIGTERM)
        refused = await refused_from_now_on(up)
        assert (refused.status, refused.retry_after) == (503, "5")
        assert not any(outcome.over.is_set() for outcome in talking)
        began = time.monotonic()
        up.serving.signal(signal.SIGTERM)
        assert await up.serving.ended() == 0
        assert time.monotonic() - began < 20.0  # a drain would be given 30
        assert all(outcome.hung_up_on and outcome.closed for outcome in talking)
        assert (ringing.status, ringing.retry_after) == (503, "5")
        records = {record["call_id"]: record for record in up.serving.place.records()}
        for outcome in talking:
            record = records[outcome.call_id]
            assert (record["disposition"], record["hung_up_by"]) == ("ANSWERED", "callrouter")
        rang = records[ringing.call_id]
        assert (rang["disposition"], rang["status"]) == ("REJECTED", 503)
        assert rang["reason"] == "shutting_down"
        assert [leg["result"] for leg in rang["legs"]] == ["cancelled"]
        assert len(records) == len(up.serving.place.records()) == 51 + len(up.made)


async def test_drain_limit_ends_the_calls_that_are_still_there(tmp_path: Path) -> None:
    async with lines(tmp_path, drain="1s") as up:
        talking = [up.callers.call(_ANSWERED, 60.0) for _ in range(20)]
        for outcome in talking:
            await outcome.answered.wait()
        began = time.monotonic()
        up.serving.signal(signal.SIGTERM)
        assert await up.serving.ended() == 0
        assert 1.0 <= time.monotonic() - began < 20.0  # the calls would last 60
        assert all(outcome.hung_up_on for outcome in talking)
        records = up.serving.place.records()
        assert {record["hung_up_by"] for record in records} == {"callrouter"}
        assert len(records) == 20


async def test_kill_9_loses_no_record_older_than_a_second_and_the_next_start_serves(
    tmp_path: Path,
) -> None:
    async with lines(tmp_path) as up:
        calling = asyncio.create_task(up.load(60.0, hold=0.2))
        await until(partial(_over, up, _RATE))
        due = {outcome.call_id for outcome in up.made if outcome.over.is_set()}
        await up.serving.lives_on(1.0)
        up.serving.signal(signal.SIGKILL)
        assert await up.serving.ended() == -signal.SIGKILL
        calling.cancel()
        found = [record["call_id"] for record in up.serving.place.records()]
        assert due <= set(found)
        assert len(found) == len(set(found))
        again = await Serving.start(up.serving.place)
        try:
            outcome = up.callers.call(_ANSWERED, 0.1)
            await outcome.over.wait()
            assert (outcome.status, outcome.closed) == (200, True)
            again.signal(signal.SIGTERM)
            assert await again.ended() == 0
            assert outcome.call_id in {record["call_id"] for record in again.place.records()}
        finally:
            await again.stop()
