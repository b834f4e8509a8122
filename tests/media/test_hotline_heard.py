"""docs/hotline.md, heard: the lab's hotline out of hours and in hours."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.heard_lab import Lab
from support.softphone import Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    started = await Lab.start(tmp_path)
    yield started
    await started.hang_up_all()
    await started.stop()


def spoken(lab: Lab, name: str) -> hearing.Sound:
    """A prompt as the lab plays it."""
    return hearing.load(lab.prompt(name))


async def conversation(phone: Softphone, target: Softphone, folder: Path) -> None:
    """Both say something, and both hear the other."""
    heard = {one: folder / f"{name}.wav" for name, one in (("a", phone), ("b", target))}
    for one, file in heard.items():
        await one.record(file)
    await phone.play(hearing.write(folder / "600.wav", hearing.sine(600, 2.0)))
    await target.play(hearing.write(folder / "900.wav", hearing.sine(900, 2.0)))
    for one, file in heard.items():
        await one.event("played")
        await one.hears_tone(file, 900 if one is phone else 600)
        await one.stop_recording()


async def test_out_of_hours_the_caller_hears_so_and_leaves_a_message(
    lab: Lab, tmp_path: Path
) -> None:
    await lab.command("override", "set", "office", "closed")
    phone = await lab.phone()
    heard = tmp_path / "heard.wav"
    await phone.record(heard)
    await phone.talk(lab.number("4113"))
    closed = spoken(lab, "out_of_hours")
    greeting = spoken(lab, "voicemail_greeting")
    await phone.hears_tone(heard, 1000)
    await phone.says(tmp_path / "said.wav", hearing.sine(600, 3.0), hearing.silence(0.3))
    await phone.stop_recording()
    await phone.hang_up()
    sound = hearing.load(heard)
    assert hearing.found(sound, closed) > 0.6
    assert hearing.found(sound, greeting) > 0.6
    assert hearing.tones(sound, [1000])
    record = await lab.record("4113")
    (message,) = record["voicemail"]
    listed = json.loads(await lab.command("voicemail", "list", "--json"))
    assert [one["id"] for one in listed] == [message["id"]]
    fetched = tmp_path / "message.wav"
    await lab.command("voicemail", "fetch", message["id"], "--to", str(fetched))
    assert hearing.tones(hearing.load(fetched), [600])


async def test_in_hours_key_2_connects_and_the_recording_has_both_voices(
    lab: Lab, tmp_path: Path
) -> None:
    await lab.command("override", "set", "office", "open")
    phone, target = await lab.phone(), await lab.target("5082", answer_after=1.0)
    heard = tmp_path / "heard.wav"
    await phone.record(heard)
    await phone.talk(lab.number("4113"))
    welcome = spoken(lab, "hotline-welcome")
    await phone.hears(heard, lambda sound: hearing.is_in(sound, welcome))
    await phone.press("2")
    await target.state("confirmed")
    await target.media()
    await phone.stop_recording()
    sound = hearing.load(heard)
    assert hearing.found(sound, welcome) > 0.6
    assert hearing.found(sound, spoken(lab, "recording_notice")) > 0.6
    assert hearing.tones(sound, [450]), "a ringback"
    await conversation(phone, target, tmp_path)
    await phone.hang_up()
    record = await lab.record("4113")
    assert [leg["target"] for leg in record["legs"]] == ["uas_5082"]
    (recording,) = record["recordings"]
    fetched = tmp_path / "recording.wav"
    await lab.command("recordings", "fetch", recording["id"], "--to", str(fetched))
    for channel, hertz in ((0, 600), (1, 900)):
        tones = hearing.tones(hearing.load(fetched, channel), [600, 900])
        assert {tone.hertz for tone in tones} == {hertz}
