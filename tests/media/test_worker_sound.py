"""What a party hears of a worker: files, tones, other parties; and when."""

import time
from pathlib import Path

import pytest
from support import hearing
from support.hearing import Tone
from support.media_load import at_best
from support.softphone import Maker, Softphone
from support.workers import WorkerAtWork

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def heard(phone: Softphone, file: Path) -> hearing.Sound:
    await phone.stop_recording()
    return hearing.load(file)


async def heard_out(phone: Softphone, file: Path) -> hearing.Sound:
    """What it hears until it is silent: what the worker has sent is on its way for a while."""
    await phone.hears(file, hearing.has_ended)
    return await heard(phone, file)


def near(tones: list[Tone], hertz: list[int], lengths: list[float]) -> bool:
    """The tones are these, of these lengths in seconds but for 40 ms."""
    return [tone.hertz for tone in tones] == hertz and all(
        abs(tone.seconds - length) < 0.04 for tone, length in zip(tones, lengths, strict=True)
    )


async def test_files_play_in_order_without_a_gap_and_their_end_is_told_once(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    first = hearing.write(tmp_path / "first.wav", hearing.sine(400, 0.5))
    second = hearing.write(tmp_path / "second.wav", hearing.sine(1000, 0.33))
    session = await worker.open()
    await worker.play(session, first, second, first)
    await phone.record(tmp_path / "heard.wav")
    await phone.talk(worker.uri(session))
    await worker.report("played", session)
    sound = await heard_out(phone, tmp_path / "heard.wav")
    assert near(hearing.tones(sound, (400, 1000)), [400, 1000, 400], [0.5, 0.33, 0.5])
    assert hearing.longest_gap(sound) < 0.02
    await phone.hang_up()
    await worker.report("closed", session)
    assert worker.heard == []


async def test_first_sound_comes_within_100_ms_of_the_command(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    file = hearing.write(tmp_path / "a.wav", hearing.sine(400, 0.3))
    session = await worker.dial(phone)

    async def took() -> float:
        began: float = (await phone.record(tmp_path / "heard.wav"))["at"]
        told = time.monotonic()
        await worker.play(session, file)
        await worker.report("played", session)
        sound = await heard(phone, tmp_path / "heard.wav")
        return began + hearing.first_sound(sound) - told

    assert await at_best(took, 0.1) < 0.1
    await phone.hang_up()


async def test_a_loop_goes_on_until_stop_and_falls_silent_within_100_ms(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    files = [
        hearing.write(tmp_path / f"{hertz}.wav", hearing.sine(hertz, 0.2)) for hertz in (400, 1000)
    ]

    async def share() -> float:
        """How much it takes of the time that it may go on for, or that a gap may last."""
        session = await worker.open()
        await worker.play(session, *files, loop=True)
        began = (await phone.record(tmp_path / "heard.wav"))["at"]
        await phone.talk(worker.uri(session))
        await phone.hears(
            tmp_path / "heard.wav", lambda sound: len(hearing.tones(sound, (400, 1000))) > 5
        )
        told = time.monotonic()
        await worker.do("stop", session)
        await worker.next_beat()
        sound = await heard(phone, tmp_path / "heard.wav")
        await phone.hang_up()
        await worker.report("closed", session)
        assert worker.heard == [], "nothing that was stopped has played to its end"
        late: float = began + hearing.last_sound(sound) - told
        return max(late / 0.1, hearing.longest_gap(sound) / 0.03)

    assert await at_best(share, 1.0) <= 1.0


async def test_what_plays_is_replaced_by_the_next_play(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    music = hearing.write(tmp_path / "music.wav", hearing.sine(400, 5))
    notice = hearing.write(tmp_path / "notice.wav", hearing.sine(1000, 0.3))
    session = await worker.dial(phone)
    await phone.record(tmp_path / "heard.wav")
    await worker.play(session, music, loop=True)
    await worker.next_beat()
    await worker.play(session, notice)
    await worker.report("played", session)
    sound = await heard_out(phone, tmp_path / "heard.wav")
    tones = hearing.tones(sound, (400, 1000))
    assert [tone.hertz for tone in tones] == [400, 1000]
    assert abs(tones[1].seconds - 0.3) < 0.04
    assert tones[1].start - tones[0].end < 0.06
    await phone.hang_up()


async def test_a_tone_has_its_pitch_and_length(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    session = await worker.dial(phone)
    await phone.record(tmp_path / "heard.wav")
    await worker.do("tone", session, hertz=1000, seconds=0.4)
    await worker.report("played", session)
    sound = await heard_out(phone, tmp_path / "heard.wav")
    assert near(hearing.tones(sound, (850, 1000, 1150)), [1000], [0.4])
    await phone.hang_up()


async def test_bridged_parties_hear_each_other_until_they_are_parted(
    worker: WorkerAtWork, phones: Maker, tmp_path: Path
) -> None:
    parties = [await phones(), await phones()]
    said = [hearing.noise(1.0, seed) for seed in (1, 2)]
    sessions = [await worker.dial(party) for party in parties]
    await worker.do("bridge", sessions[0], other=sessions[1])
    pause = hearing.silence(0.3)
    files = [
        hearing.write(tmp_path / f"said{number}.wav", sound, pause)
        for number, sound in enumerate(said)
    ]
    began = [
        (await party.record(tmp_path / f"heard{number}.wav"))["at"]
        for number, party in enumerate(parties)
    ]
    spoke = [(await party.play(file))["at"] for party, file in zip(parties, files, strict=True)]
    for number, party in enumerate(parties):
        await party.event("played")
        await party.hears(
            tmp_path / f"heard{number}.wav",
            lambda sound, other=said[1 - number]: hearing.is_in(sound, other),
        )
    await worker.do("unbridge", sessions[0], other=sessions[1])
    for party, file in zip(parties, files, strict=True):
        await party.play(file)
    for party in parties:
        await party.event("played")
    for number, party in enumerate(parties):
        sound = await heard(party, tmp_path / f"heard{number}.wav")
        assert hearing.found(sound, said[1 - number]) >= 0.8
        offset = hearing.match(sound, said[1 - number]).offset
        assert began[number] + offset - spoke[1 - number] < 0.3
        assert hearing.last_sound(sound) < offset + 1.1, "heard after they were parted"
        await party.hang_up()


async def test_one_party_leaves_and_the_other_hears_the_next(
    worker: WorkerAtWork, phones: Maker, tmp_path: Path
) -> None:
    left, stays, comes = [await phones() for _ in range(3)]
    said = hearing.noise(0.5, 3)
    first, second = await worker.dial(left), await worker.dial(stays)
    await worker.do("bridge", first, other=second)
    await left.hang_up()
    await worker.report("closed", first)
    third = await worker.dial(comes)
    await worker.do("bridge", second, other=third)
    await stays.record(tmp_path / "heard.wav")
    await comes.says(tmp_path / "said.wav", said)
    sound = await heard_out(stays, tmp_path / "heard.wav")
    assert hearing.found(sound, said) >= 0.8
    await stays.hang_up()
    await comes.hang_up()


@pytest.mark.parametrize("files", [[], ["missing.wav"], ["text.wav"], ["text.wav", "text.wav"]])
async def test_what_cannot_be_played_is_refused_and_what_plays_goes_on(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path, files: list[str]
) -> None:
    (tmp_path / "text.wav").write_text("This is no sound.", encoding="utf-8")
    music = hearing.write(tmp_path / "music.wav", hearing.sine(400, 0.2))
    session = await worker.dial(phone)
    await worker.play(session, music)
    names = [str(tmp_path / name) for name in files]
    answer = await worker.command("play", session, files=names, loop=False)
    assert answer["error"]
    await worker.report("played", session)
    await phone.hang_up()
