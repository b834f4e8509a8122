"""What a party hears of a worker: files, tones, other parties; and when."""

import math
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


def off(tones: list[Tone], hertz: list[int], lengths: list[float]) -> float:
    """By how many seconds the length of a tone is wrong at most; they have to be these tones.

    A machine that stands still stretches one or cuts it: so it is measured `at_best`.
    """
    if [tone.hertz for tone in tones] != hertz:
        return math.inf
    return max(abs(tone.seconds - length) for tone, length in zip(tones, lengths, strict=True))


async def test_files_play_in_order_without_a_gap_and_their_end_is_told_once(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    first = hearing.write(tmp_path / "first.wav", hearing.sine(400, 0.5))
    second = hearing.write(tmp_path / "second.wav", hearing.sine(1000, 0.33))

    async def share() -> float:
        """How much it takes of what a length may be wrong, or a gap long."""
        session = await worker.open()
        await worker.play(session, first, second, first)
        await phone.record(tmp_path / "heard.wav")
        await phone.talk(worker.uri(session))
        await worker.report("played", session)
        sound = await heard_out(phone, tmp_path / "heard.wav")
        await phone.hang_up()
        await worker.report("closed", session)
        assert worker.heard == []
        tones = hearing.tones(sound, (400, 1000))
        wrong = off(tones, [400, 1000, 400], [0.5, 0.33, 0.5])
        return max(wrong / 0.04, hearing.longest_gap(sound) / 0.02)

    assert await at_best(share, 0.99) < 1.0


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

    async def share() -> float:
        """How much it takes of what the notice may be too long or short, or late."""
        await phone.record(tmp_path / "heard.wav")
        await worker.play(session, music, loop=True)
        await worker.next_beat()
        await worker.play(session, notice)
        await worker.report("played", session)
        sound = await heard_out(phone, tmp_path / "heard.wav")
        before, *rest = hearing.tones(sound, (400, 1000))
        assert before.hertz == 400
        wrong = off(rest, [1000], [0.3])
        return max(wrong / 0.04, (rest[0].start - before.end) / 0.06 if rest else math.inf)

    assert await at_best(share, 0.99) < 1.0
    await phone.hang_up()


async def test_a_tone_has_its_pitch_and_length(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    session = await worker.dial(phone)

    async def wrong() -> float:
        await phone.record(tmp_path / "heard.wav")
        await worker.do("tone", session, hertz=1000, seconds=0.4)
        await worker.report("played", session)
        sound = await heard_out(phone, tmp_path / "heard.wav")
        return off(hearing.tones(sound, (850, 1000, 1150)), [1000], [0.4])

    assert await at_best(wrong, 0.04) < 0.04
    await phone.hang_up()


async def test_bridged_parties_hear_each_other_until_they_are_parted(
    worker: WorkerAtWork, phones: Maker, tmp_path: Path
) -> None:
    parties = [await phones(), await phones()]
    said = [hearing.noise(1.0, seed) for seed in (1, 2)]
    sessions = [await worker.dial(party) for party in parties]
    files = [hearing.write(tmp_path / f"said{at}.wav", sound) for at, sound in enumerate(said)]

    async def both_speak() -> list[float]:
        began = [(await party.play(file))["at"] for party, file in zip(parties, files, strict=True)]
        for party in parties:
            await party.event("played")
        return began

    async def share() -> float:
        """How much it takes of what may be missing, or late, or heard after they were parted."""
        heards = [tmp_path / f"heard{at}.wav" for at in range(2)]
        begun = [
            (await party.record(file))["at"] for party, file in zip(parties, heards, strict=True)
        ]
        await worker.do("bridge", sessions[0], other=sessions[1])
        spoke = await both_speak()
        for party, file in zip(parties, heards, strict=True):
            await party.hears(file, hearing.has_ended)
        await worker.do("unbridge", sessions[0], other=sessions[1])
        await both_speak()
        shares = []
        for at, party in enumerate(parties):
            sound, other = await heard(party, heards[at]), said[1 - at]
            offset = hearing.match(sound, other).offset
            shares += [
                (1.0 - hearing.found(sound, other)) / 0.2,
                (begun[at] + offset - spoke[1 - at]) / 0.3,
                (hearing.last_sound(sound) - offset) / 1.1,
            ]
        return max(shares)

    assert await at_best(share, 1.0) <= 1.0
    for party in parties:
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

    async def missing() -> float:
        await stays.record(tmp_path / "heard.wav")
        await comes.says(tmp_path / "said.wav", said)
        return 1.0 - hearing.found(await heard_out(stays, tmp_path / "heard.wav"), said)

    assert await at_best(missing, 0.21) < 0.21
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
