"""Callers hang up at any moment: their records say what was, and nothing stays."""

import asyncio
import itertools
import logging
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from support.media_load import Load
from support.polling import PATIENCE, until
from support.rtp_callers import Call
from support.serving import Record

note = logging.getLogger(__name__).info

pytestmark = pytest.mark.asyncio(loop_scope="session")

_FIRST = {
    "4100": "after",
    "4101": "after",
    "4103": "short",
    "4104": "",
    "4108": "",
    "4109": "long",
    "5000": "menu0",
    "5102": "menu2",
    "5204": "menu4",
}
"""The numbers that are called, and what a caller who is answered hears first of prompts."""

_SPOKEN_TO = ("4103", "4109", "5000", "5102")
"""Those whose callers we hear until the end."""

_LONGEST = 3.0
_AT_ONCE = 12
_WORKERS = 10
_MOST_BYTES = 40_000_000
_CHOICES = "12345678"


class Left(NamedTuple):
    """A call that was left. pressed: its keys."""

    call: Call
    number: str
    user: str
    pressed: str


async def _leave_somewhere(load: Load, number: str, user: str, chance: Random) -> Left:
    """Call, press what comes to mind, and hang up after a while, unless the call ends before."""
    call = load.callers.call(number, user)
    end = call.invited + chance.random() * _LONGEST
    pressed = ""
    while not call.over.is_set() and (rest := end - time.time()) > 0:
        try:
            async with asyncio.timeout(min(0.4, rest)):
                await call.over.wait()
        except TimeoutError:
            if call.answered.is_set() and not call.over.is_set() and chance.random() < 0.3:
                pressed += chance.choice("123456789*#")
                await call.line.press(pressed[-1])
    call.hang_up()
    async with asyncio.timeout(PATIENCE):
        await call.over.wait()
    return Left(call, number, user, pressed)


def _wrong(record: Record, left: Left) -> str:
    """What in a record is not as it was."""
    call = left.call
    ended = record["started"] + record["ended_ms"] / 1000
    # It ended when we asked for it, or after the last that we heard; and before we knew.
    last = max((packet.at for packet in call.line.heard), default=call.invited)
    earliest = call.left if record["hung_up_by"] == "caller" else last
    heard = record["heard"] or []
    times = [one["ms"] for one in heard]
    keys = "".join(one["which"] for one in heard if one["what"] == "key")
    played = [one["which"] for one in heard if one["what"] == "played"]
    answered = record["answered_ms"] is not None
    first = _FIRST[left.number]
    choice = keys[:1] if keys[:1] in _CHOICES and left.number.startswith("5") else ""
    faults = {
        "times": times != sorted(times) or bool(times and times[-1] > record["ended_ms"]),
        "length": not (
            call.invited - 0.05 < record["started"] and earliest - 0.3 < ended < call.ended + 0.05
        ),
        "answered": answered < call.answered.is_set(),
        "end": not record["hung_up_by"],
        "played": answered and bool(first) and played[:1] != [first],
        "choice": bool(choice) and f"key{int(choice) - 1}" not in played,
        "keys": not left.pressed.startswith(keys),
        # The last one may have come too late.
        "missing": left.number in _SPOKEN_TO and answered and len(left.pressed) - len(keys) > 1,
    }
    return ", ".join(name for name, is_so in faults.items() if is_so)


async def _nothing_is_left(load: Load, *, full: bool) -> None:
    """No slot is used, no worker holds anything, no file is unfinished.

    full: nor is there a transaction, which takes half a minute to end.
    """

    async def look() -> bool:
        held = ("calls", "players", "recorders", "sessions")
        workers = await load.workers()
        files = (load.shared / folder / "incoming" for folder in ("voicemail", "recordings"))
        return (
            await load.is_idle()
            and not any(one[name] for one in workers for name in held)
            and not any(any(folder.iterdir()) for folder in files)
        )

    await until(look)
    if full:
        await load.serving.nothing_is_left()


async def test_hang_up_at_any_moment_leaves_a_right_record_and_nothing_else(
    tmp_path: Path, full: bool
) -> None:
    count = 300 if full else 60
    load = await Load.start(tmp_path, least=_WORKERS, most=_WORKERS, answer_after=0.3)
    room = asyncio.Semaphore(_AT_ONCE)
    numbers = sorted(_FIRST)

    async def leave(at: int) -> Left:
        async with room:
            number = numbers[at % len(numbers)]
            return await _leave_somewhere(load, number, str(2000 + at), Random(at))

    try:
        calls = await asyncio.gather(*map(leave, range(count)))
        records = {record["caller"]: record for record in await load.serving.records("", count)}
        assert len(records) == count
        for left in calls:
            wrong = _wrong(records[left.user], left)
            assert not wrong, f"{wrong}: {left.number}, keys {left.pressed}: {records[left.user]}"
        ends = Counter(record["disposition"] for record in records.values())
        note("records: %s", dict(ends))
        assert (await load.pool())["refused"] == 0
        await _nothing_is_left(load, full=full)
    finally:
        await load.stop()


async def test_many_sessions_leave_the_workers_with_nothing(tmp_path: Path, full: bool) -> None:
    count = 10_000 if full else 80
    workers = 25 if full else _WORKERS
    load = await Load.start(tmp_path, least=workers, most=workers)
    # A slot is free again 0.6 s after its call, and no call is to find none.
    rate = await load.slots() * 0.6
    loop = asyncio.get_running_loop()
    began = loop.time()
    turns = itertools.count()

    async def go_on() -> None:
        while (turn := next(turns)) < count:
            await asyncio.sleep(began + turn / rate - loop.time())  # the pace is what is tested
            call = load.callers.call("4120")
            await call.line.until(lambda packet: packet.is_loud or not turn % 3)
            if turn % 2:
                call.hang_up()
            await call.over.wait()

    try:
        await asyncio.gather(*(go_on() for _ in range(workers // 2)))
        await _nothing_is_left(load, full=full)
        pool = await load.pool()
        assert (pool["refused"], pool["lost"]) == (0, {})
        note("%d sessions, %s bytes", count, [worker["rss"] for worker in pool["workers"]])
        assert all(worker["rss"] < _MOST_BYTES for worker in pool["workers"])
    finally:
        await load.stop()
