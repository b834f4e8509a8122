"""Calls and sessions of a worker: who gets in, how they end, and that nothing stays of them."""

import asyncio
import logging
from pathlib import Path

import pytest
from support import hearing
from support.rtp_callers import Callers
from support.softphone import Maker, Softphone
from support.workers import Nursery, WorkerAtWork

note = logging.getLogger(__name__).info

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def refused(phone: Softphone, uri: str) -> int:
    """Call somebody who does not want it; the status."""
    await phone.call(uri)
    status: int = (await phone.state("disconnected"))["status"]
    return status


async def test_a_call_to_no_session_gets_404(worker: WorkerAtWork, phone: Softphone) -> None:
    assert await refused(phone, worker.uri("nobody")) == 404
    session = await worker.open()
    await worker.do("close", session)
    await worker.report("closed", session)
    assert await refused(phone, worker.uri(session)) == 404


async def test_a_second_call_to_a_session_gets_486(worker: WorkerAtWork, phones: Maker) -> None:
    first, second = await phones(), await phones()
    session = await worker.dial(first)
    assert await refused(second, worker.uri(session)) == 486
    await first.hang_up()


async def test_all_slots_talk_and_one_more_gets_486(worker: WorkerAtWork, phones: Maker) -> None:
    talking = [await phones() for _ in range(worker.slots)]
    for phone in talking:
        await worker.dial(phone)
    session = await worker.open()
    assert await refused(await phones(), worker.uri(session)) == 486
    await talking[0].hang_up()
    await talking[0].talk(worker.uri(session))
    for phone in talking:
        await phone.hang_up()


async def test_closed_by_us_the_party_gets_a_bye(worker: WorkerAtWork, phone: Softphone) -> None:
    session = await worker.dial(phone)
    await worker.do("close", session)
    await phone.state("disconnected")
    await worker.report("closed", session)
    assert "no session" in (await worker.command("stop", session))["error"]


async def test_inactive_at_first_it_plays_when_it_is_offered_sendrecv_at_the_same_port(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    file = hearing.write(tmp_path / "a.wav", hearing.sine(400, 0.5))
    session = await worker.open()
    await worker.play(session, file)
    await phone.call(worker.uri(session), direction="inactive")
    await phone.state("confirmed")
    await worker.next_beat()
    assert worker.heard == [], "nothing has been played"
    await phone.record(tmp_path / "heard.wav")
    await phone.reinvite()
    first = (await phone.media())["remote"]
    await worker.report("played", session)
    await phone.hears(tmp_path / "heard.wav", hearing.has_ended)
    await phone.stop_recording()
    tones = hearing.tones(hearing.load(tmp_path / "heard.wav"), (400, 1000))
    assert [tone.hertz for tone in tones] == [400]
    assert abs(tones[0].seconds - 0.5) < 0.04
    for _ in range(3):
        await phone.reinvite("inactive")
        await phone.media("inactive")
        await phone.reinvite()
        assert (await phone.media())["remote"] == first
    await phone.hang_up()


async def test_a_party_that_holds_hears_the_rest_when_it_comes_back(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    file = hearing.write(tmp_path / "a.wav", hearing.sine(400, 1.5))
    session = await worker.dial(phone)
    await phone.record(tmp_path / "heard.wav")
    await worker.play(session, file)
    await worker.next_beat()
    await phone.hold()
    await phone.media("sendonly")
    await worker.next_beat()
    await worker.next_beat()
    await phone.reinvite()
    await phone.media("sendrecv")
    await worker.report("played", session)
    await phone.hears(tmp_path / "heard.wav", hearing.has_ended)
    await phone.stop_recording()
    tones = hearing.tones(hearing.load(tmp_path / "heard.wav"), (400, 1000))
    assert len(tones) == 2
    assert abs(sum(tone.seconds for tone in tones) - 1.5) < 0.15
    await phone.hang_up()


async def test_it_offers_when_the_invite_does_not(worker: WorkerAtWork, phone: Softphone) -> None:
    session = await worker.dial(phone, offer=False)
    await phone.press("7")
    assert (await worker.report("digit", session))["digit"] == "7"
    await phone.hang_up()


async def test_quit_ends_calls_and_finishes_recordings(
    worker: WorkerAtWork, phone: Softphone, tmp_path: Path
) -> None:
    session = await worker.dial(phone)
    await worker.record(session, tmp_path / "a.wav")
    await worker.next_beat()
    await worker.command("quit")
    await phone.state("disconnected")
    assert (await worker.report("recorded", session))["complete"]
    await worker.report("closed", session)
    assert hearing.seconds(tmp_path / "a.wav") > 0.4


async def _sessions(worker: WorkerAtWork, folder: Path, music: Path, turns: int) -> int:
    """So many in each slot, with a player and a recorder each; bytes of memory after them.

    They end in all ways there are.
    """
    callers = await Callers.open(worker.port)

    async def one_slot() -> None:
        for turn in range(turns):
            session = await worker.open(inband=turn % 5 == 0)
            file = folder / f"{session}.wav"
            await worker.play(session, music, music, loop=turn % 2 == 0)
            await worker.record(session, file)
            call = callers.call(session)
            await call.heard()
            if turn % 4 == 0:
                await worker.do("close", session)
            else:
                call.hang_up()
            await call.over.wait()
            await worker.report("recorded", session)
            await worker.report("closed", session)
            file.unlink()

    await asyncio.gather(*(one_slot() for _ in range(worker.slots)))
    callers.close()
    await worker.nothing_is_left()
    left = await worker.next_beat()
    assert (left["sessions"], left["ports"]) == (0, 0)
    rss: int = left["rss"]
    return rss


async def test_after_many_sessions_nothing_is_left(
    nursery: Nursery, tmp_path: Path, full: bool
) -> None:
    """Of several workers at once, as a slot rests after each call."""
    music = hearing.write(tmp_path / "music.wav", hearing.sine(400, 5))
    workers = [await nursery.spawn() for _ in range(8 if full else 3)]

    async def all_do(turns: int) -> list[int]:
        doing = (_sessions(worker, tmp_path, music, turns) for worker in workers)
        return await asyncio.gather(*doing)

    if full:
        # PJSIP keeps what an ended transaction had for its 32 s (RFC 3261 section 17.2): so it
        # grows at first, by 5 MB.
        before = await all_do(63)
        after = await all_do(250)
        grown = [late - early for early, late in zip(before, after, strict=True)]
        note("10,016 sessions; grown in the last 8,000 by %s bytes", grown)
        assert max(grown) < 1 << 20
    else:
        await all_do(5)
    for worker in workers:
        await worker.command("quit")
        assert await nursery.exited(worker) == 0
        await worker.close()
