"""The lab's numbers as callers and targets hear them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.heard_lab import Lab
from support.polling import until
from support.serving import Record
from support.softphone import Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOTH = [440, 880]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Lab]:
    started = await Lab.start(folder)
    yield started
    await started.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running_lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """The lab of those tests that leave nothing in it but records."""
    async with opened(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest_asyncio.fixture(loop_scope="session")
async def lab(running_lab: Lab) -> AsyncIterator[Lab]:
    """It, with nobody in it."""
    running_lab.forget()
    yield running_lab
    await left(running_lab)


@pytest_asyncio.fixture(loop_scope="session")
async def own_lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab of one test, which keeps messages or recordings there or switches something."""
    async with opened(tmp_path) as lab:
        yield lab
        await left(lab)


async def left(lab: Lab) -> None:
    """Everybody leaves it, and nothing was raised there."""
    await lab.hang_up_all()
    log = lab.serving.log()
    assert "Traceback" not in log, log


async def listened(phone: Softphone, file: Path, expected: list[int]) -> list[hearing.Tone]:
    """What a telephone heard until now."""
    await phone.stop_recording()
    return hearing.tones(hearing.load(file), expected)


def whats(record: Record, what: str) -> list[str]:
    """What the caller heard or pressed of one kind."""
    return [one["which"] for one in record["heard"] if one["what"] == what]


async def says(phone: Softphone, file: Path, hertz: int) -> None:
    """Say a tone, over and over."""
    await phone.play(hearing.write(file, hearing.sine(hertz, 1.0)), loop=True)


async def hears(phone: Softphone, file: Path, hertz: int) -> None:
    """Wait until a telephone has heard a tone from now on."""
    await phone.record(file)
    await phone.hears_tone(file, hertz)
    await phone.stop_recording()


async def leaves_a_message(phone: Softphone, folder: Path) -> None:
    """Skip the greeting, wait for the beep, and say something for three seconds."""
    await phone.press("5")
    await hears(phone, folder / "beep.wav", 1000)
    await phone.says(folder / "said.wav", hearing.sine(600, 3.0), hearing.silence(0.3))


async def test_4100_plays_a_prompt_and_hangs_up(lab: Lab, tmp_path: Path) -> None:
    phone = await lab.phone()
    heard = tmp_path / "heard.wav"
    await phone.record(heard)
    await phone.call(lab.number("4100"))
    await phone.state("disconnected")
    (tone,) = await listened(phone, heard, BOTH)
    assert tone.hertz == 440
    assert tone.end - tone.start == pytest.approx(2.0, abs=0.06)
    record = await lab.record("4100")
    assert (record["disposition"], record["hung_up_by"]) == ("ANSWERED", "callrouter")
    assert whats(record, "played") == ["lab-tone"]


async def test_4101_greets_until_the_answer_then_both_talk_directly(
    lab: Lab, tmp_path: Path
) -> None:
    phone, target = await lab.phone(), await lab.target("5081", answer_after=3.0)
    heard = tmp_path / "heard.wav"
    await phone.record(heard)
    await phone.call(lab.number("4101"))
    await target.state("confirmed")
    await phone.state("confirmed")
    tones = await listened(phone, heard, BOTH)
    assert {tone.hertz for tone in tones} == {440}
    assert hearing.longest_gap(hearing.load(heard)[: int(2.9 * 8000)]) < 0.06 + tones[0].start
    port = (await target.media())["local"].rpartition(":")[2]
    await phone.until(lambda line: str(line.get("remote", "")).endswith(f":{port}"))
    await says(phone, tmp_path / "said.wav", 600)
    await hears(target, tmp_path / "target.wav", 600)
    await phone.hang_up()
    record = await lab.record("4101")
    assert record["answered_ms"] >= 2900
    assert record["ringing_ms"] is None


async def test_4102_key_2_rings_the_second_target(lab: Lab, tmp_path: Path) -> None:
    phone, target = await lab.phone(), await lab.target("5082")
    await phone.talk(lab.number("4102"))
    await phone.press("2")
    await target.state("confirmed")
    await says(phone, tmp_path / "said.wav", 600)
    await hears(target, tmp_path / "target.wav", 600)
    await target.hang_up()
    await phone.state("disconnected")
    record = await lab.record("4102")
    assert [leg["target"] for leg in record["legs"]] == ["uas_5082"]
    assert whats(record, "key") == ["2"]


async def test_4102_extension_is_dialled_by_its_digits(lab: Lab) -> None:
    phone, target = await lab.phone(), await lab.target("5081")
    await phone.talk(lab.number("4102"))
    await phone.press("101", "info")
    await target.state("confirmed")
    await phone.hang_up()
    record = await lab.record("4102")
    assert [leg["target"] for leg in record["legs"]] == ["uas_5081"]


async def test_4102_silence_plays_twice_then_says_goodbye(lab: Lab, tmp_path: Path) -> None:
    phone = await lab.phone()
    heard = tmp_path / "heard.wav"
    await phone.record(heard)
    await phone.call(lab.number("4102"))
    await phone.state("disconnected")
    tones = await listened(phone, heard, BOTH)
    assert [tone.hertz for tone in tones] == [440, 440, 880]
    assert tones[1].start - tones[0].end == pytest.approx(3.0, abs=0.3)


async def test_4105_refuses_with_words_before_the_answer(lab: Lab, tmp_path: Path) -> None:
    phone = await lab.phone()
    heard = tmp_path / "heard.wav"
    await phone.record(heard)
    await phone.call(lab.number("4105"))
    ended = await phone.state("disconnected")
    assert ended["status"] == 403
    (tone,) = await listened(phone, heard, BOTH)
    assert tone.hertz == 440
    record = await lab.record("4105")
    assert (record["answered_ms"], record["reason"]) == (None, "suspended")


async def test_4107_who_presses_the_key_is_connected(lab: Lab, tmp_path: Path) -> None:
    phone, target = await lab.phone(), await lab.target("5081")
    await phone.call(lab.number("4107"))
    await target.state("confirmed")
    await target.media()
    await target.press("1")
    await phone.state("confirmed")
    await says(phone, tmp_path / "said.wav", 600)
    await hears(target, tmp_path / "target.wav", 600)
    await phone.hang_up()
    assert (await lab.record("4107"))["disposition"] == "ANSWERED"


async def test_4107_who_presses_nothing_is_not(lab: Lab) -> None:
    phone, target = await lab.phone(), await lab.target("5081")
    await phone.call(lab.number("4107"))
    await target.state("confirmed")
    await target.hang_up()
    assert (await phone.state("disconnected"))["status"] == 480
    record = await lab.record("4107")
    assert record["legs"][0]["result"] == "rejected"


async def test_4108_asks_the_caller_when_the_callee_has_left(lab: Lab) -> None:
    phone, target = await lab.phone(), await lab.target("5081")
    await phone.talk(lab.number("4108"))
    await target.state("confirmed")
    await target.hang_up()
    await phone.media()
    await phone.press("4")
    await phone.state("disconnected")
    record = await lab.record("4108")
    assert record["hung_up_by"] == "callee"
    assert whats(record, "survey") == ["4"]


def kept(lab: Lab, folder: str) -> Path:
    """The only file in a part of the archive."""
    (file,) = (lab.shared / folder / "kept").glob("*.wav")
    return file


async def test_4103_message_is_kept_with_its_length_and_its_sound(
    own_lab: Lab, tmp_path: Path
) -> None:
    phone = await own_lab.phone()
    heard = tmp_path / "heard.wav"
    await phone.record(heard)
    await phone.talk(own_lab.number("4103"))
    await phone.press("5")  # skips the greeting
    await hears(phone, tmp_path / "beep.wav", 1000)
    await phone.says(tmp_path / "said.wav", hearing.sine(600, 2.0), hearing.silence(0.3))
    await phone.press("#")
    await phone.state("disconnected")
    record = await own_lab.record("4103")
    (message,) = record["voicemail"]
    assert (message["of"], message["result"]) == ("lab", "complete")
    file = kept(own_lab, "voicemail")
    assert hearing.seconds(file) == pytest.approx(message["ms"] / 1000, abs=0.1)
    (tone,) = hearing.tones(hearing.load(file), [600])
    assert tone.end - tone.start == pytest.approx(2.0, abs=0.1)


async def test_4103_caller_who_hangs_up_has_left_a_message(own_lab: Lab, tmp_path: Path) -> None:
    phone = await own_lab.phone()
    await phone.talk(own_lab.number("4103"))
    await leaves_a_message(phone, tmp_path)
    await phone.hang_up()
    record = await own_lab.record("4103")
    assert record["hung_up_by"] == "caller"
    assert [one["result"] for one in record["voicemail"]] == ["complete"]
    assert hearing.tones(hearing.load(kept(own_lab, "voicemail")), [600])


async def test_4104_both_sides_are_recorded_each_in_its_channel(
    own_lab: Lab, tmp_path: Path
) -> None:
    phone, target = await own_lab.phone(), await own_lab.target("5081")
    await phone.talk(own_lab.number("4104"))
    await target.state("confirmed")
    await target.media()
    heard = {phone: tmp_path / "phone.wav", target: tmp_path / "target.wav"}
    for one, hertz in ((phone, 600), (target, 900)):
        await one.record(heard[one])
        await one.play(hearing.write(tmp_path / f"{hertz}.wav", hearing.sine(hertz, 1.0)))
    for one, hertz in ((phone, 900), (target, 600)):
        await one.event("played")
        await one.hears_tone(heard[one], hertz)
    await phone.hang_up()
    record = await own_lab.record("4104")
    (recording,) = record["recordings"]
    assert recording["result"] == "complete"
    assert whats(record, "played")[0] == "recording_notice"
    file = kept(own_lab, "recordings")
    assert hearing.channels(file) == 2
    assert [tone.hertz for tone in hearing.tones(hearing.load(file, 0), [600, 900])] == [600]
    assert [tone.hertz for tone in hearing.tones(hearing.load(file, 1), [600, 900])] == [900]


async def test_4106_nobody_answers_then_a_message_is_taken(own_lab: Lab, tmp_path: Path) -> None:
    phone = await own_lab.phone()
    await own_lab.target("5081", answer_after=None)
    await phone.call(own_lab.number("4106"))
    await phone.state("confirmed")
    await phone.media()
    await phone.press("5")
    await hears(phone, tmp_path / "beep.wav", 1000)
    await phone.says(tmp_path / "said.wav", hearing.silence(3.0))
    await phone.press("#")
    await phone.state("disconnected")
    record = await own_lab.record("4106")
    assert [leg["result"] for leg in record["legs"]] == ["no_answer"]
    assert [one["of"] for one in record["voicemail"]] == ["lab"]


async def test_4110_message_is_heard_after_the_pin_and_can_be_deleted(
    own_lab: Lab, tmp_path: Path
) -> None:
    phone = await own_lab.phone()
    await phone.talk(own_lab.number("4103"))
    await leaves_a_message(phone, tmp_path)
    await phone.hang_up()
    await own_lab.record("4103")
    file = kept(own_lab, "voicemail")
    await phone.talk(own_lab.number("4110"))
    await phone.press("2468#")
    await hears(phone, tmp_path / "heard.wav", 600)
    await phone.press("3")

    async def gone() -> bool:
        return not file.exists()

    await until(gone)
    await phone.hang_up()
    record = await own_lab.record("4110")
    assert "2468" not in "".join(one["which"] for one in record["heard"])


async def test_4111_who_is_on_hold_hears_music(lab: Lab, tmp_path: Path) -> None:
    phone, target = await lab.phone(), await lab.target("5081")
    await phone.talk(lab.number("4111"))
    await target.state("confirmed")
    await target.hold()
    await hears(phone, tmp_path / "held.wav", 660)
    await target.reinvite("sendrecv")
    await target.media()
    await says(phone, tmp_path / "said.wav", 600)
    await hears(target, tmp_path / "target.wav", 600)
    await phone.hang_up()


async def test_4112_callee_starts_and_ends_the_recording(own_lab: Lab, tmp_path: Path) -> None:
    phone, target = await own_lab.phone(), await own_lab.target("5081")
    await phone.talk(own_lab.number("4112"))
    await target.state("confirmed")
    await target.media()
    await target.press("*1")
    await phone.says(tmp_path / "caller.wav", hearing.sine(600, 3.0))
    await target.press("*1")
    await phone.hang_up()
    record = await own_lab.record("4112")
    (recording,) = record["recordings"]
    assert recording["result"] == "complete"
    assert recording["ms"] > 1500
    assert hearing.tones(hearing.load(kept(own_lab, "recordings")), [600])


async def test_star_21_and_22_switch_the_callers_own_extension(own_lab: Lab) -> None:
    phone = await own_lab.phone(user="101")
    await phone.call(own_lab.number("*21"))
    await phone.state("disconnected")
    record = await own_lab.record("*21")
    assert whats(record, "played") == ["presence_away"]
    other, target = await own_lab.phone(), await own_lab.target("5080")
    await other.talk(f"{own_lab.number('4004')};ext=101")
    await target.state("confirmed")
    await other.hang_up()
    record = await own_lab.record("4004")
    assert [leg["target"] for leg in record["legs"]] == ["uas_5080"]


async def test_star_31_closes_the_office_whatever_the_time(own_lab: Lab) -> None:
    phone, target = await own_lab.phone(), await own_lab.target("5082")
    await phone.call(own_lab.number("*31"))
    await phone.state("disconnected")
    assert whats(await own_lab.record("*31"), "played") == ["override_closed"]
    await phone.talk(own_lab.number("4010"))
    await target.state("confirmed")
    await phone.hang_up()
    assert [leg["target"] for leg in (await own_lab.record("4010"))["legs"]] == ["uas_5082"]
    assert "feature code carried out call=" in own_lab.serving.log()


async def test_star_31_that_cannot_be_kept_on_disk_is_logged_as_such(own_lab: Lab) -> None:
    state = own_lab.serving.place.folder / "var" / "state.db"
    state.unlink()
    state.mkdir()  # as full as a disk can be, and one that root cannot write to either
    phone = await own_lab.phone()
    await phone.call(own_lab.number("*31"))
    await phone.state("disconnected")
    assert whats(await own_lab.record("*31"), "played") == ["override_closed"]

    async def is_logged() -> bool:
        return "carried out, but not kept on disk" in own_lab.serving.log()

    await until(is_logged)


async def test_4112_recording_is_begun_and_ended_by_command(own_lab: Lab, tmp_path: Path) -> None:
    phone, target = await own_lab.phone(), await own_lab.target("5081")
    await phone.talk(own_lab.number("4112"))
    await target.state("confirmed")
    (call,) = json.loads(await own_lab.command("calls", "--json"))["calls"]
    assert "recording" in await own_lab.command("recordings", "start", call["id"])
    await phone.says(tmp_path / "caller.wav", hearing.sine(600, 2.0), hearing.silence(0.3))
    await own_lab.command("recordings", "stop", call["id"])
    await phone.hang_up()
    (recording,) = (await own_lab.record("4112"))["recordings"]
    assert recording["result"] == "complete"
    fetched = tmp_path / "fetched.wav"
    await own_lab.command("recordings", "fetch", recording["id"], "--to", str(fetched))
    assert hearing.tones(hearing.load(fetched), [600])
