"""Recordings: whose voice, how long, on which channel, and whether all of it is there."""

import resource
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import hearing
from support.softphone import Maker, Softphone
from support.workers import WorkerAtWork

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Moment(NamedTuple):
    """When something was done: between these two, seconds of the monotonic clock."""

    sooner: float
    later: float

    def __sub__(self, other: "Moment") -> "Moment":  # type: ignore[override]  # no tuple's
        """How long after another it was, at least and at most."""
        return Moment(self.sooner - other.later, self.later - other.sooner)

    def is_near(self, seconds: float, slack: float) -> bool:
        return self.sooner - slack < seconds < self.later + slack


async def done(doing: Awaitable[object]) -> Moment:
    """Do something; when."""
    sooner = time.monotonic()
    await doing
    return Moment(sooner, time.monotonic())


async def said(phone: Softphone, file: Path, sound: hearing.Sound) -> float:
    """Let a phone say something, and wait until it is heard; when it began to."""
    began: float = (await phone.play(hearing.write(file, sound, hearing.silence(0.3))))["at"]
    await phone.event("played")
    return began


def is_whole(report: dict[str, Any], file: Path, why: str) -> bool:
    """The report names the file, and its length is the file's."""
    assert report["file"] == str(file)
    assert abs(report["ms"] / 1000 - hearing.seconds(file)) < 0.01
    assert [path.name for path in file.parent.glob(".*")] == [], "no part is left"
    return bool(report["complete"]) and report["why"] == why


async def test_one_party_is_recorded_from_record_to_stop(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    file = tmp_path / "taken" / "one.wav"
    file.parent.mkdir()
    voice = hearing.noise(1.0)
    session = await worker.dial(phone)
    began = await done(worker.record(session, file))
    await said(phone, tmp_path / "said.wav", voice)
    assert not file.exists(), "the name stands for the whole"
    ended = await done(worker.do("stop_recording", session))
    assert is_whole(await worker.report("recorded", session), file, "stopped")
    assert (ended - began).is_near(hearing.seconds(file), 0.1)
    assert hearing.found(hearing.load(file), voice) >= 0.9
    assert hearing.channels(file) == 1
    assert file.stat().st_mode & 0o777 == 0o640
    await phone.hang_up()


async def test_it_begins_with_the_media_and_ends_with_the_call(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    file = tmp_path / "call.wav"
    session = await worker.open()
    await worker.record(session, file)
    await worker.next_beat()
    began = await done(phone.talk(worker.uri(session)))
    await worker.next_beat()
    ended = await done(phone.hang_up())
    assert (await worker.report("recorded", session))["why"] == "closed"
    await worker.report("closed", session)
    assert (ended - began).is_near(hearing.seconds(file), 0.1)


async def test_two_parties_are_mixed_on_one_channel(
    worker: WorkerAtWork, phones: Maker, tmp_path: Path
) -> None:
    file = tmp_path / "taken" / "mixed.wav"
    file.parent.mkdir()
    caller, agent = await phones(), await phones()
    first, second = await worker.dial(caller), await worker.dial(agent)
    await worker.do("bridge", first, other=second)
    await worker.record(first, file, other=second)
    voices = [hearing.noise(0.6, seed) for seed in (1, 2)]
    first_said = await said(caller, tmp_path / "caller.wav", voices[0])
    second_said = await said(agent, tmp_path / "agent.wav", voices[1])
    await worker.do("stop_recording", first)
    assert is_whole(await worker.report("recorded", first), file, "stopped")
    sound = hearing.load(file)
    assert min(hearing.found(sound, voice) for voice in voices) >= 0.8
    first_word, second_word = (hearing.match(sound, voice).offset for voice in voices)
    assert abs((second_word - first_word) - (second_said - first_said)) < 0.15
    await caller.hang_up()
    await agent.hang_up()


async def test_two_parties_have_a_channel_each_in_step(
    worker: WorkerAtWork, phones: Maker, tmp_path: Path
) -> None:
    file = tmp_path / "taken" / "stereo.wav"
    file.parent.mkdir()
    caller, agent = await phones(), await phones()
    first, second = await worker.dial(caller), await worker.dial(agent)
    began = await done(worker.record(first, file, other=second, stereo=True))
    voices = [hearing.noise(0.6, number) for number in (1, 2)]
    starts = [
        await said(phone, tmp_path / f"{phone.port}.wav", voice)
        for phone, voice in zip((caller, agent), voices, strict=True)
    ]
    ended = await done(worker.do("stop_recording", first))
    assert is_whole(await worker.report("recorded", first), file, "stopped")
    assert hearing.channels(file) == 2
    assert (ended - began).is_near(hearing.seconds(file), 0.1)
    for channel, start in enumerate(starts):
        sound, voice = hearing.load(file, channel), voices[channel]
        assert hearing.found(sound, voice) >= 0.8
        spoke = Moment(start, start) - began
        assert spoke.is_near(hearing.match(sound, voice).offset, 0.15)
        assert hearing.found(sound, voices[1 - channel]) == 0
    await caller.hang_up()
    await agent.hang_up()


async def test_the_second_party_leaves_and_its_channel_is_silent_from_there(
    worker: WorkerAtWork, phones: Maker, tmp_path: Path
) -> None:
    file = tmp_path / "stereo.wav"
    caller, agent = await phones(), await phones()
    first, second = await worker.dial(caller), await worker.dial(agent)
    began = await done(worker.record(first, file, other=second, stereo=True))
    await agent.play(hearing.write(tmp_path / "tone.wav", hearing.sine(400, 9)), loop=True)
    await worker.next_beat()
    left = await done(agent.hang_up())
    await worker.report("closed", second)
    await worker.next_beat()
    ended = await done(worker.do("stop_recording", first))
    assert (await worker.report("recorded", first))["complete"]
    assert (ended - began).is_near(hearing.seconds(file), 0.1)
    assert (left - began).is_near(hearing.last_sound(hearing.load(file, 1)), 0.15)
    await caller.hang_up()


async def test_it_ends_at_its_limit(worker: WorkerAtWork, phone: Softphone, tmp_path: Path) -> None:
    file = tmp_path / "limit.wav"
    session = await worker.dial(phone)
    await worker.record(session, file, max_seconds=0.7)
    report = await worker.report("recorded", session)
    assert (report["why"], report["complete"]) == ("limit", True)
    assert abs(hearing.seconds(file) - 0.7) < 0.1
    await worker.record(session, file, max_seconds=0.2)
    assert (await worker.report("recorded", session))["why"] == "limit", "it can record again"
    await phone.hang_up()


async def test_it_ends_when_the_party_has_been_silent_but_not_in_a_pause(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    file = tmp_path / "message.wav"
    session = await worker.dial(phone)
    word, pause = hearing.noise(0.4), hearing.silence(0.5)
    message = hearing.write(tmp_path / "said.wav", word, pause, word, hearing.silence(5))
    await worker.record(session, file, silence_seconds=1.0, max_seconds=9)
    await phone.play(message)
    report = await worker.report("recorded", session)
    assert (report["why"], report["complete"]) == ("silence", True)
    assert 2.2 < hearing.seconds(file) < 2.7
    assert hearing.last_sound(hearing.load(file)) > 1.25
    await phone.hang_up()


async def test_a_party_on_hold_is_recorded_as_silence(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    file = tmp_path / "held.wav"
    session = await worker.dial(phone)
    began = await done(worker.record(session, file))
    await phone.play(hearing.write(tmp_path / "tone.wav", hearing.sine(400, 20)), loop=True)
    await worker.next_beat()
    held = await done(offered(phone, "inactive"))
    await worker.next_beat()
    resumed = await done(offered(phone, "sendrecv"))
    await worker.next_beat()
    ended = await done(worker.do("stop_recording", session))
    assert (await worker.report("recorded", session))["complete"]
    assert (ended - began).is_near(hearing.seconds(file), 0.1)
    assert (resumed - held).is_near(hearing.longest_gap(hearing.load(file)), 0.2)
    await phone.hang_up()


async def offered(phone: Softphone, direction: str) -> None:
    """Let a phone offer its media in another way, and wait until it goes so."""
    await phone.reinvite(direction)
    await phone.media(direction)


async def test_a_file_that_cannot_be_written_is_said_to_have_failed(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    session = await worker.dial(phone)
    await worker.record(session, tmp_path / "missing" / "one.wav")
    report = await worker.report("recorded", session)
    assert (report["why"], report["complete"], report["ms"]) == ("failed", False, 0)
    await phone.hang_up()


async def test_a_recording_that_never_began_is_said_to_be_broken(
    worker: WorkerAtWork, tmp_path: Path
) -> None:
    session = await worker.open()
    await worker.record(session, tmp_path / "never.wav")
    await worker.do("close", session)
    report = await worker.report("recorded", session)
    assert (report["why"], report["complete"], report["ms"]) == ("closed", False, 0)
    await worker.report("closed", session)


async def test_what_the_disk_did_not_take_is_said_to_be_missing(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    session = await worker.dial(phone)
    # To the writer a file that may not grow is like a full disk.
    full = 16_000
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    await worker.record(session, tmp_path / "cut.wav", max_seconds=1.6)
    report = await worker.report("recorded", session)
    assert (report["why"], report["complete"]) == ("limit", False)
    assert (tmp_path / "cut.wav").stat().st_size <= full
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    await worker.record(session, tmp_path / "whole.wav", max_seconds=0.5)
    assert (await worker.report("recorded", session))["complete"]
    await phone.hang_up()


@pytest.mark.parametrize("stereo", [False, True])
@pytest.mark.parametrize("folder", ["file", "file/below", "n" * 300])
async def test_what_cannot_be_written_costs_the_worker_nothing(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path, folder: str, stereo: bool
) -> None:
    (tmp_path / "file").touch()
    session, other = await worker.dial(phone), await worker.open()
    await worker.record(session, tmp_path / folder / "one.wav", other=other, stereo=stereo)
    report = await worker.report("recorded", session)
    assert (report["why"], report["complete"], report["ms"]) == ("failed", False, 0)
    assert report["fault"]
    await worker.record(session, tmp_path / "two.wav", max_seconds=0.3)
    assert (await worker.report("recorded", session))["complete"], "it records the next"
    await worker.do("close", other)
    await phone.hang_up()


async def test_tracks_that_cannot_be_joined_are_left_for_the_archive(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    session, other = await worker.dial(phone), await worker.open()
    await worker.record(session, tmp_path / "one.wav", other=other, stereo=True)
    await worker.next_beat()
    # Two channels in one file need twice as much as each track: a disk that is full by then.
    parts = _tracks(tmp_path)
    most = max(part.stat().st_size for part in parts) + 8000
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    await worker.do("stop_recording", session)
    report = await worker.report("recorded", session)
    assert (report["complete"], bool(report["fault"])) == (False, True)
    assert _tracks(tmp_path) == parts
    resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    await worker.do("close", other)
    await phone.hang_up()


def _tracks(folder: Path) -> list[Path]:
    """What a worker has not made one file of."""
    return sorted(folder.glob(".one.*.part.wav"))
