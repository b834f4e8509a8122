"""The softphone itself, on both sides of a call: what other tests say with it must be true."""

from pathlib import Path

import pytest
from support import hearing
from support.ports import free_port
from support.softphone import Maker, Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_one_phone_calls_another_and_both_hear_each_other(
    phones: Maker, tmp_path: Path
) -> None:
    caller, callee = await phones(), await phones()
    said = hearing.write(tmp_path / "said.wav", hearing.noise(1.0))
    await callee.do("answering", after=0.3)
    await caller.call(callee.uri, X_Test="yes")
    assert "X-Test: yes" in (await callee.event("incoming"))["request"]
    rang = await caller.state("early")
    answered = await caller.state("confirmed")
    assert 0.25 < answered["at"] - rang["at"] < 10
    await caller.media()
    await callee.media()
    for phone in (caller, callee):
        await phone.record(tmp_path / f"{phone.port}.wav")
        await phone.play(said)
    await caller.event("played")
    await callee.event("played")
    await caller.press("12", "info")
    assert [(await callee.event("digit"))["digit"] for _ in range(2)] == ["1", "2"]
    await callee.press("3")
    await caller.event("digit", digit="3")
    await caller.press("45", "inband")
    await caller.hold()
    await callee.media("recvonly")
    await caller.reinvite()
    await callee.media("sendrecv")
    await callee.hang_up()
    assert (await caller.state("disconnected"))["status"] == 200
    for phone in (caller, callee):
        await phone.stop_recording()
        assert hearing.found(hearing.load(tmp_path / f"{phone.port}.wav"), hearing.load(said)) > 0.8


async def test_early_media_is_heard_and_the_call_refused(phones: Maker, tmp_path: Path) -> None:
    caller, callee = await phones(), await phones()
    await caller.record(tmp_path / "heard.wav")
    await caller.call(callee.uri)
    await callee.event("incoming")
    await callee.answer(183)
    await caller.media()
    await callee.play(hearing.write(tmp_path / "tone.wav", hearing.sine(400, 0.5)), loop=True)
    await callee.event("played")
    await callee.hang_up(status=486)
    assert (await caller.state("disconnected"))["status"] == 486
    await caller.stop_recording()
    assert hearing.tones(hearing.load(tmp_path / "heard.wav"), (400, 1000))


async def test_it_listens_where_it_is_told() -> None:
    port = free_port()
    phone = await Softphone.start(port=port, answer_after=0)
    assert phone.port == port
    await phone.quit()
