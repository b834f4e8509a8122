"""Keys: each press once, by each of the three ways."""

from pathlib import Path

import pytest
from support import hearing
from support.softphone import Softphone
from support.workers import WorkerAtWork

pytestmark = pytest.mark.asyncio(loop_scope="session")

_ALL = "0123456789*#ABCD"


async def pressed(worker: WorkerAtWork, session: str, count: int) -> tuple[str, set[str]]:
    """So many keys, by which methods; fails when there are more."""
    reports = [await worker.report("digit", session) for _ in range(count)]
    await worker.next_beat()
    assert worker.heard == [], "more than were pressed"
    return "".join(line["digit"] for line in reports), {line["method"] for line in reports}


@pytest.mark.parametrize("method", ["rfc4733", "info", "inband"])
async def test_each_press_is_told_once(worker: WorkerAtWork, phone: Softphone, method: str) -> None:
    session = await worker.open(inband=method == "inband")
    await phone.talk(worker.uri(session))
    await phone.press(_ALL + "11", method)
    assert await pressed(worker, session, 18) == (_ALL + "11", {method})
    await phone.hang_up()


async def test_tones_are_not_looked_for_unless_asked(
    worker: WorkerAtWork, phone: Softphone
) -> None:
    session = await worker.dial(phone)
    await phone.press("123", "inband")
    await phone.press("9", "info")
    for _ in range(2):
        await worker.next_beat()
    assert await pressed(worker, session, 1) == ("9", {"info"})
    await phone.hang_up()


async def test_once_a_key_came_in_a_better_way_its_tone_is_not_told_too(
    worker: WorkerAtWork, phone: Softphone
) -> None:
    session = await worker.open(inband=True)
    await phone.talk(worker.uri(session))
    await phone.press("5", "rfc4733")
    await phone.press("5", "inband")
    for _ in range(2):
        await worker.next_beat()
    assert await pressed(worker, session, 1) == ("5", {"rfc4733"})
    await phone.hang_up()


async def test_neither_speech_nor_music_nor_our_own_voice_is_a_key(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    chirp = hearing.np.concatenate([hearing.sine(hertz, 0.05) for hertz in range(600, 1700, 20)])
    voice = hearing.write(tmp_path / "voice.wav", hearing.noise(2.0), chirp * 0.5)
    session = await worker.open(inband=True)
    await phone.talk(worker.uri(session))
    await phone.play(voice)
    await phone.press("8", "info")
    await worker.do("tone", session, hertz=941, seconds=5.0)
    await worker.report("played", session)
    assert await pressed(worker, session, 1) == ("8", {"info"})
    await phone.hang_up()
