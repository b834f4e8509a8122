"""Whom a worker hears: signalling alone at its SIP port, one source at each port of media."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from support import hearing
from support.hearing import Sound
from support.message import SDP, Message
from support.polling import PATIENCE
from support.rtp_callers import Call, Callers
from support.rtp_line import RtpLine
from support.workers import Nursery, WorkerAtWork

pytestmark = [pytest.mark.alone, pytest.mark.asyncio(loop_scope="session")]

_FLOOD = 1000
_CALLER, _OTHER, _STRANGER = 400, 1000, 1500
"""Hertz."""


@pytest_asyncio.fixture(loop_scope="session")
async def callers(worker: WorkerAtWork) -> AsyncIterator[Callers]:
    """Who calls the worker without a callrouter."""
    opened = await Callers.open(worker.port)
    yield opened
    opened.close()


class Recorded:
    """A call to a session that records what it hears. call: as its caller has it."""

    def __init__(self, worker: WorkerAtWork, session: str, call: Call, file: Path) -> None:
        self.call = call
        self._worker = worker
        self._session = session
        self._file = file

    @classmethod
    async def begin(cls, worker: WorkerAtWork, callers: Callers, file: Path) -> "Recorded":
        """Call, and record from the first packet on."""
        session = await worker.open()
        await worker.record(session, file)
        call = callers.call(session)
        await call.answered.wait()
        return cls(worker, session, call, file)

    def line(self) -> RtpLine:
        """Somebody else who sends to the call's port."""
        line = RtpLine()
        line.remote = self.call.line.remote
        return line

    async def end(self) -> Sound:
        """Hang up; what was recorded."""
        self.call.hang_up()
        await self.call.over.wait()
        await self._worker.report("recorded", self._session)
        await self._worker.report("closed", self._session)
        return hearing.load(self._file)


def seconds(sound: Sound, hertz: int) -> float:
    """How long a tone is heard in a sound, alone or not."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    wave = np.exp(-2j * np.pi * hertz * np.arange(160) / hearing.RATE)
    return float((np.abs(frames @ wave) / 80 > 500).sum()) * 0.02


@asynccontextmanager
async def shouting(line: RtpLine) -> AsyncIterator[None]:
    """Somebody sends many times faster than anybody speaks, and lets who speaks do so in time."""
    sound = hearing.sine(_STRANGER, 0.02)

    async def shout() -> None:
        while True:
            for _ in range(30):
                await line.say(sound)
            await asyncio.sleep(0.01)  # the pace is what is tested

    task = asyncio.create_task(shout())
    try:
        yield
    finally:
        task.cancel()
        line.close()


async def test_who_shouts_at_a_port_of_media_is_not_heard_and_hears_nothing(
    worker: WorkerAtWork, callers: Callers, tmp_path: Path
) -> None:
    recorded = await Recorded.begin(worker, callers, tmp_path / "a.wav")
    stranger = recorded.line()
    async with shouting(stranger):
        await recorded.call.line.say(hearing.sine(_CALLER, 1.5))
    sound = await recorded.end()
    assert seconds(sound, _STRANGER) == 0
    assert seconds(sound, _CALLER) > 1.4
    assert stranger.heard == []
    assert 160 * len(recorded.call.line.heard) > hearing.RATE * 1.2


async def test_other_source_is_heard_while_the_described_one_is_silent_and_only_the_first(
    worker: WorkerAtWork, callers: Callers, tmp_path: Path
) -> None:
    """As of a telephone behind NAT, which describes an address that nobody else knows."""
    recorded = await Recorded.begin(worker, callers, tmp_path / "a.wav")
    other, stranger = recorded.line(), recorded.line()
    await other.say(hearing.sine(_OTHER, 1.0))
    async with shouting(stranger):
        await other.say(hearing.sine(_OTHER, 0.6))
    before = len(other.heard)
    # Who was described is believed more.
    await recorded.call.line.say(hearing.sine(_CALLER, 0.6))
    await other.say(hearing.sine(_OTHER, 0.6))
    sound = await recorded.end()
    assert before > 10, "it is spoken to where it is heard from"
    assert seconds(sound, _STRANGER) == 0
    assert 1.0 < seconds(sound, _OTHER) < 1.5, "not in the first 0.3 s, nor at the end"
    assert seconds(sound, _CALLER) > 0.3
    other.close()


async def test_who_has_left_the_line_to_another_is_not_heard_though_it_goes_on_sending(
    worker: WorkerAtWork, callers: Callers, tmp_path: Path
) -> None:
    """As the agent who has put its caller through, until it is hung up on."""
    recorded = await Recorded.begin(worker, callers, tmp_path / "a.wav")
    before, line = recorded.call.line, RtpLine()
    await before.say(hearing.sine(_OTHER, 0.6))
    recorded.call.offer_again(line)
    await line.until(lambda _: True)
    line.remote = before.remote
    await before.say(hearing.sine(_OTHER, 1.2))
    since = len(line.heard)
    await line.say(hearing.sine(_CALLER, 0.6))
    assert len(line.heard) - since > 20, "it is spoken to where it was said to be"
    sound = await recorded.end()
    assert seconds(sound, _OTHER) < 0.8
    assert seconds(sound, _CALLER) > 0.5
    before.close()


async def test_flood_of_invites_from_elsewhere_reaches_no_worker(
    nursery: Nursery,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.setblocking(False)
        callers = await Callers.open(0)
        port = int(callers.place.rpartition(":")[2])
        worker = await nursery.spawn(signalling=[["127.0.0.1", port]])
        callers.server = ("127.0.0.1", worker.port)
        session = await worker.open()
        for number in range(_FLOOD):
            stranger.sendto(_invite(worker.uri(session), number), callers.server)
        call = callers.call(session)
        async with asyncio.timeout(PATIENCE):
            await call.answered.wait()
        call.hang_up()
        await call.over.wait()
        await worker.report("closed", session)
        with pytest.raises(BlockingIOError):
            stranger.recv(1)
    callers.close()
    await worker.command("quit")
    assert await nursery.exited(worker) == 0
    await worker.close()


def _invite(uri: str, number: int) -> bytes:
    rows = [
        ("Via", f"SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{number}"),
        ("Max-Forwards", "70"),
        ("From", f"<sip:a@127.0.0.1>;tag={number}"),
        ("To", f"<{uri}>"),
        ("Call-ID", str(number)),
        ("CSeq", "1 INVITE"),
        ("Contact", "<sip:a@127.0.0.1:9>"),
        ("Content-Type", "application/sdp"),
    ]
    return Message(f"INVITE {uri} SIP/2.0", rows, SDP).render()
