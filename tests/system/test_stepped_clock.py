"""The system's clock is put forward or back while callrouter runs, and while it does not."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.message import SDP
from support.polling import until
from support.ports import free_port
from support.proving import Telephone, proving
from support.serving import Serving, command
from support.stepping import Stepping

pytestmark = pytest.mark.asyncio(loop_scope="session")

_DAY = 86_400
PARTS: dict[str, Any] = {
    "targets": {"phone": {"extension": "101"}},
    "numbers": {
        "4200": {"route": [{"hunt": ["phone"], "ring": "5s"}]},
        "4201": {
            "auto_block": {"calls": 2, "within": "60s", "for": "20s"},
            "route": [{"hunt": ["phone"], "ring": "5s"}],
        },
    },
}


class Room:
    """A callrouter whose clock can be stepped, and the telephones of one test."""

    def __init__(self, serving: Serving, clock: Stepping) -> None:
        self.serving = serving
        self.clock = clock
        self._open: list[Telephone] = []

    async def phone(self) -> Telephone:
        server = ("127.0.0.1", self.serving.place.port)
        phone = await Telephone.open("127.0.0.1", free_port(), server)
        self._open.append(phone)
        return phone

    async def step(self, seconds: int) -> None:
        """Put the clock, and wait until callrouter has seen it."""
        before = self.serving.log().count("clock was put")
        self.clock.put(seconds)
        await self.serving.logged("clock was put", times=before + 1)

    async def restart(self, seconds: int) -> None:
        """End it in good order, put the clock, and start it again."""
        self.serving.signal(signal.SIGTERM)
        assert await self.serving.ended() == 0
        self.clock.put(seconds)
        with self.clock.seen():
            self.serving = await Serving.start(self.serving.place)

    async def do(self, *arguments: str) -> dict[str, Any]:
        """The JSON answer of a command, which sees the real clock."""
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--json", "--config", self.serving.place.config),
            cwd=self.serving.place.folder,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out
        answer: dict[str, Any] = json.loads(out)
        return answer

    async def left(self) -> list[int]:
        """Seconds that each registration has left."""
        return [it["left"] for it in (await self.do("registrations"))["phones"]]

    async def blocks(self) -> int:
        """How many blocks hold."""
        found: int = (await self.do("block", "list"))["all"]
        return found

    async def bans(self) -> int:
        """How many bans hold."""
        found: int = (await self.do("ban", "list"))["all"]
        return found

    async def close(self) -> None:
        for phone in self._open:
            await phone.close()
        await self.serving.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = Stepping(tmp_path)
    with clock.seen():
        opening = proving(tmp_path, PARTS)
        serving = await opening.__aenter__()
    room = Room(serving, clock)
    yield room
    await room.close()
    await opening.__aexit__(None, None, None)


async def rings(phone: Telephone, caller: Telephone) -> None:
    """A call from one reaches the other."""
    caller.invite("4200", SDP)
    invite = await phone.expect("INVITE")
    phone.reply(invite, 486)
    await phone.expect("ACK")
    caller.ack(await caller.expect(486))


@pytest.mark.parametrize("step", [7200, -_DAY, 400 * _DAY])
async def test_registrations_blocks_and_bans_last_as_long_as_they_were_given_for(
    room: Room, step: int
) -> None:
    phone, caller = await room.phone(), await room.phone()
    began, now = time.monotonic(), time.time()
    await phone.registered(expires=600)
    await room.do("block", "add", "+8613800138001", "--for", "10m")
    blocked = time.time()
    await room.do("ban", "add", "192.0.2.2", "--for", "10m")

    async def lasts() -> bool:
        """Of 600 seconds there are left those that have not passed."""
        (left,) = await room.left()
        return began + 595 - time.monotonic() <= left <= 600

    soon = time.monotonic()
    await room.do("block", "add", "+8613800138000", "--for", "6s")
    await room.do("ban", "add", "192.0.2.1", "--for", "6s")
    await room.step(step)
    assert await lasts()
    await rings(phone, caller)

    async def over() -> bool:
        return (await room.blocks(), await room.bans()) == (1, 1)

    await until(over, every=1.0)
    assert time.monotonic() - soon >= 5.0
    # What is shown goes by the clock as it is now.
    (block,) = (await room.do("block", "list"))["blocks"]
    assert now - 5 <= block["until"] - step - 600 <= blocked + 5
    # The records, too.
    record = await room.serving.record("4200")
    assert now - 5 <= record["started"] - step <= time.time() + 5
    # Over a restart it is the same: the clock stays as it is.
    await room.restart(step)
    assert await lasts()
    assert (await room.blocks(), await room.bans()) == (1, 1)
    # And when it is put right again.
    await room.step(0)
    assert await lasts()
    assert (await room.blocks(), await room.bans()) == (1, 1)


async def talk(phone: Telephone, caller: Telephone) -> tuple[float, float]:
    """A call from one to the other is up; monotonic times that its answer lies between."""
    caller.invite("4200", SDP)
    invite = await phone.expect("INVITE")
    sooner = time.monotonic()
    phone.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    later = time.monotonic()
    await phone.expect("ACK")
    return sooner, later


@pytest.mark.parametrize("step", [7200, -3600])
async def test_calls_that_a_kill_ends_are_as_long_as_they_were(room: Room, step: int) -> None:
    phone, caller, second = await room.phone(), await room.phone(), await room.phone()
    await phone.registered(expires=600)
    before = await talk(phone, caller)
    await room.step(step)
    after = await talk(phone, second)
    await room.serving.lives_on(2.0)
    alive = time.monotonic()
    await room.serving.lives_on(2.0)
    room.serving.signal(signal.SIGKILL)
    await room.serving.ended()
    killed = time.monotonic()
    with room.clock.seen():
        room.serving = await Serving.start(room.serving.place)
    records = await room.serving.records("4200", 2)
    assert {record["reason"] for record in records} == {"lost"}
    took = sorted((record["ended_ms"] - record["answered_ms"]) / 1000 for record in records)
    # It says each second that it is alive.
    for seconds, (sooner, later) in zip(took, (after, before), strict=True):
        assert alive - later - 0.5 < seconds < killed - sooner + 0.5


async def test_clock_put_back_while_nothing_runs_lets_nothing_last_longer_than_it_had_left(
    room: Room,
) -> None:
    phone = await room.phone()
    await phone.registered(expires=600)
    await room.do("block", "add", "+8613800138000", "--for", "20s")
    await room.restart(-_DAY)
    began = time.monotonic()
    assert await room.blocks() == 1
    (left,) = await room.left()
    assert left <= 600

    async def over() -> bool:
        return await room.blocks() == 0

    await until(over, 60.0, every=1.0)
    assert time.monotonic() - began <= 60.0


async def test_automatic_block_of_20_seconds_lasts_20_seconds_when_the_clock_goes_back_a_day(
    room: Room,
) -> None:
    phone, caller = await room.phone(), await room.phone()
    await phone.registered(expires=600)
    caller.invite("4201", SDP)
    invite = await phone.expect("INVITE")
    phone.reply(invite, 486)
    await phone.expect("ACK")
    caller.ack(await caller.expect(486))
    await room.step(-_DAY)
    # The first call counts still: it was a moment ago.
    caller.invite("4201", SDP)
    refused = await caller.expect_any()
    caller.ack(refused)
    began = time.monotonic()
    assert await room.blocks() == 1

    async def over() -> bool:
        return await room.blocks() == 0

    await until(over, 60.0, every=1.0)
    assert 10.0 <= time.monotonic() - began <= 60.0
