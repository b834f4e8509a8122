"""Calls on slots of a pool: what a script asks for, heard and told by a real phone."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.polling import PATIENCE, until
from support.pools import Ear, Rig, pooled
from support.softphone import Maker, Softphone

from callrouter.call.services.media import Digit, MediaLost, Played, Recorded
from callrouter.media.pool.reservation import Reservation

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def rig() -> AsyncIterator[Rig]:
    async with pooled(1, 1) as opened:
        yield opened


async def heard(ear: Ear, kind: type[object], within: float = PATIENCE) -> object:
    """The first event of a kind."""

    async def look() -> list[object]:
        return [event for event in ear.heard if isinstance(event, kind)]

    return (await until(look, within))[0]


async def dialled(phone: Softphone, slots: Reservation) -> str:
    session = slots.open()
    await phone.talk(f"sip:{session}@{slots.host}:{slots.port}")
    return session


async def test_call_plays_hears_keys_records_and_gives_its_slot_back(
    rig: Rig, phone: Softphone, tmp_path: Path
) -> None:
    ear = Ear()
    slots = rig.pool.reserve(1, ear.post)
    assert slots is not None
    session = await dialled(phone, slots)
    slots.tone(session, 440, 0.3)
    await heard(ear, Played)
    await phone.press("7")
    digit = await heard(ear, Digit)
    assert isinstance(digit, Digit)
    assert (digit.session, digit.digit, digit.method) == (session, "7", "rfc4733")
    file = tmp_path / "said.wav"
    slots.record(session, file)
    await phone.press("1")
    slots.stop_recording(session)
    recorded = await heard(ear, Recorded)
    assert isinstance(recorded, Recorded)
    assert (recorded.file, recorded.complete, recorded.why) == (file, True, "stopped")
    await phone.hang_up()
    slots.release()
    assert rig.pool.used == 1  # until the worker has let go of the call

    async def is_free() -> bool:
        return rig.pool.used == 0

    await until(is_free)
    assert rig.diary.said("media command failed") == []
    assert rig.diary.said("media worker leaks and is retired") == []


async def test_killed_worker_with_four_calls_is_lost_once_to_each(rig: Rig, phones: Maker) -> None:
    calls = [await phones() for _ in range(rig.pool.slots)]
    ears = [Ear() for _ in calls]
    for phone, ear in zip(calls, ears, strict=True):
        slots = rig.pool.reserve(1, ear.post)
        assert slots is not None
        slots.tone(await dialled(phone, slots), 440, 60.0)
    (pid,) = rig.pids()
    os.kill(pid, signal.SIGKILL)
    await asyncio.gather(*(ear.lost.wait() for ear in ears))
    await rig.replaced(pid, 1)
    assert [[type(event) for event in ear.heard] for ear in ears] == [[MediaLost]] * len(ears)
    ear = Ear()
    slots = rig.pool.reserve(1, ear.post)
    assert slots is not None
    fresh = await phones()
    session = await dialled(fresh, slots)
    slots.tone(session, 440, 0.2)
    await heard(ear, Played)
    await fresh.hang_up()


async def test_slots_are_free_for_the_next_calls_as_soon_as_they_are_said_to_be(
    rig: Rig, phones: Maker
) -> None:
    callers = [await phones() for _ in range(rig.pool.slots)]

    async def call_again(phone: Softphone) -> None:
        for _ in range(5):

            async def look() -> Reservation | None:
                return rig.pool.reserve(1, Ear().post)

            slots = await until(look)
            assert slots is not None
            await dialled(phone, slots)
            slots.release()
            await phone.state("disconnected")

    await asyncio.gather(*map(call_again, callers))
    assert rig.diary.said("media command failed") == []
