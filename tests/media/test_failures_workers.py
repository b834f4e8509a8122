"""A worker dies, or stops, with calls in it: they go on elsewhere, and nobody else hears of it."""

import asyncio
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.media_load import AFTER_HERTZ, MENU_HERTZ, Load
from support.polling import until
from support.rtp_callers import Call
from support.rtp_line import arrival_gap

from callrouter.media.protocol import HUNG_SECONDS

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

_LONGEST_GAP = 0.06
_ELSEWHERE_SECONDS = 2.0
_WHOLE_SECONDS = 3.0
_CALLERS = 16
_WORKERS = 6
_BEEP_HERTZ = 1000
_CALLEE_HERTZ = 2000
_NEXT = {"50": AFTER_HERTZ, "51": _BEEP_HERTZ, "52": _CALLEE_HERTZ}
"""What is heard in the step that follows the menu: a prompt, voicemail, a callee."""

_CALLER_HERTZ = 700
_SPEECH_SECONDS = 15.0
_IN_FLIGHT = 0.05
"""A packet may have been on its way when its worker was lost."""

_WAYS = pytest.mark.parametrize(
    ("number", "notice"),
    [(signal.SIGKILL, 0.0), (signal.SIGSTOP, HUNG_SECONDS + 0.5)],
    ids=["killed", "stopped"],
)


@pytest_asyncio.fixture(loop_scope="session")
async def load(tmp_path: Path) -> AsyncIterator[Load]:
    started = await Load.start(tmp_path, least=_WORKERS, most=25, answer_after=0.1)
    started.callees.says = hearing.sine(_CALLEE_HERTZ, _SPEECH_SECONDS)
    yield started
    await started.stop()


async def _hurt(load: Load, call: Call, number: signal.Signals) -> float:
    """Send a signal to the worker that serves a call; when."""
    pid = await load.pid(load.worker_of(call))
    now = time.time()
    os.kill(pid, number)
    return now


async def _pool_is_whole(load: Load, slots: int, since: float, within: float) -> None:
    """Wait until the pool has as many slots as before, and lost none of them for longer."""

    async def fewer() -> bool:
        return (await load.serving.metrics())["callrouter_media_lost_total"] == 1

    async def whole() -> bool:
        return await load.slots() >= slots

    await until(fewer, within)
    await until(whole, within)
    assert time.time() - since < within


@_WAYS
async def test_lost_worker_costs_its_callers_one_step_and_the_others_nothing(
    load: Load, number: signal.Signals, notice: float
) -> None:
    slots = await load.slots()
    kinds = sorted(_NEXT) * _CALLERS
    calls = [load.callers.call(f"{kinds[at]}{at % 8:02}") for at in range(_CALLERS)]
    kind = dict(zip(calls, kinds, strict=False))
    for at, call in enumerate(calls):
        await call.hears(MENU_HERTZ[at % 8])
    places = {call: load.worker_of(call) for call in calls}
    fullest, most = Counter(places.values()).most_common(1)[0]
    assert most == 4
    victims = [call for call in calls if places[call] == fullest]
    hurt = await _hurt(load, victims[0], number)
    heard = await asyncio.gather(
        *(call.hears(_NEXT[kind[call]], since=hurt + _IN_FLIGHT) for call in victims)
    )
    assert max(heard) - hurt < _ELSEWHERE_SECONDS + notice
    await _pool_is_whole(load, slots, hurt, _WHOLE_SECONDS + notice)
    now = time.time()
    for call in calls:
        if call not in victims:
            assert arrival_gap(call.line.heard, hurt - 0.5, now) < _LONGEST_GAP
            assert call.line.heard[-1].at > now - _LONGEST_GAP
    for call in calls:
        call.hang_up()
        await call.over.wait()


async def _recorded(load: Load) -> tuple[Call, Call]:
    """A call that is recorded, and its callee; both speak and hear each other."""
    caller = load.callers.call("4104")
    await caller.answered.wait()
    callee = load.callees.came[-1]
    caller.say(hearing.sine(_CALLER_HERTZ, _SPEECH_SECONDS))
    await caller.hears(_CALLEE_HERTZ)
    await callee.hears(_CALLER_HERTZ)
    return caller, callee


async def _both_hear(pair: tuple[Call, Call], since: float) -> float:
    """Wait until both hear each other again; when the later of them did."""
    caller, callee = pair
    return max(
        await caller.hears(_CALLEE_HERTZ, since=since),
        await callee.hears(_CALLER_HERTZ, since=since),
    )


@_WAYS
async def test_recorded_calls_of_a_lost_worker_go_on_end_to_end(
    load: Load, number: signal.Signals, notice: float
) -> None:
    pairs = [await _recorded(load) for _ in range(6)]
    lost = load.worker_of(pairs[0][0])
    victims = [pair for pair in pairs if load.worker_of(pair[0]) == lost]
    others = [pair for pair in pairs if pair not in victims]
    hurt = await _hurt(load, victims[0][0], number)
    heard = [await _both_hear(pair, hurt + _IN_FLIGHT) for pair in victims]
    assert max(heard) - hurt < _ELSEWHERE_SECONDS + notice
    now = time.time()
    for caller, callee in victims:
        assert caller.line.remote == ("127.0.0.1", callee.line.port)
        assert callee.line.remote == ("127.0.0.1", caller.line.port)
    for call in itertools.chain(*others):
        assert arrival_gap(call.line.heard, hurt - 0.5, now) < _LONGEST_GAP
        assert call.line.heard[-1].at > now - _LONGEST_GAP
    for caller, callee in pairs:
        caller.hang_up()
        await caller.over.wait()
        await callee.over.wait()
    records = await load.serving.records("4104", len(pairs))
    results = Counter(row["result"] for record in records for row in record["recordings"])
    assert results == {"broken": len(victims), "complete": len(others)}
