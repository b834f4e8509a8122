"""The lab's queues, 4300 to 4302, with softphones as agents and callers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.heard_lab import Lab
from support.softphone import Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MUSIC = 660


@pytest_asyncio.fixture(loop_scope="session")
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    started = await Lab.start(tmp_path)
    yield started
    await started.hang_up_all()
    log = started.serving.log()
    await started.stop()
    assert "Traceback" not in log, log


async def hears(phone: Softphone, file: Path, hertz: int) -> None:
    """Wait until a telephone has heard a tone from now on."""
    await phone.record(file)
    await phone.hears_tone(file, hertz)
    await phone.stop_recording()


async def test_4300_rings_the_next_agent_after_five_seconds(lab: Lab, tmp_path: Path) -> None:
    await lab.target("5081", answer_after=None)
    second, phone = await lab.target("5082"), await lab.phone()
    await phone.talk(lab.number("4300"))
    await hears(phone, tmp_path / "music.wav", _MUSIC)
    await second.state("confirmed")
    await second.play(hearing.write(tmp_path / "said.wav", hearing.sine(1000, 1.0)), loop=True)
    await hears(phone, tmp_path / "agent.wav", 1000)
    await second.hang_up()
    await phone.state("disconnected")
    record = await lab.record("4300")
    (wait,) = record["queues"]
    assert (wait["outcome"], wait["agent"]) == ("answered", "302")
    results = [(leg["target"], leg["result"]) for leg in record["legs"]]
    assert results == [("uas_5081", "no_answer"), ("uas_5082", "answered")]
    missed, answered = record["legs"]
    assert 4900 < missed["ended_ms"] - missed["started_ms"] < 5500
    assert answered["started_ms"] - missed["ended_ms"] < 100


async def test_4300_goes_on_to_5080_after_twenty_seconds(lab: Lab) -> None:
    last, phone = await lab.target("5080"), await lab.phone()
    await phone.talk(lab.number("4300"))  # nobody is at 5081, 5082 and 5083
    await last.state("confirmed")
    await phone.hang_up()
    record = await lab.record("4300")
    (wait,) = record["queues"]
    assert wait["outcome"] == "timeout"
    assert 20_000 <= wait["left_ms"] - wait["joined_ms"] < 20_500
    assert (record["legs"][-1]["target"], record["disposition"]) == ("uas_5080", "ANSWERED")


async def test_4301_rings_all_agents_and_keeps_one(lab: Lab, tmp_path: Path) -> None:
    await lab.target("5081", answer_after=None)
    second = await lab.target("5082", answer_after=1.0)
    await lab.target("5083", answer_after=None)
    phone = await lab.phone()
    await phone.talk(lab.number("4301"))
    await second.state("confirmed")
    await second.play(hearing.write(tmp_path / "said.wav", hearing.sine(1000, 1.0)), loop=True)
    await hears(phone, tmp_path / "agent.wav", 1000)
    await phone.hang_up()
    await second.state("disconnected")
    record = await lab.record("4301")
    assert record["queues"][0]["agent"] == "302"
    results = {leg["target"]: leg["result"] for leg in record["legs"]}
    assert results == {"uas_5081": "cancelled", "uas_5082": "answered", "uas_5083": "cancelled"}


async def test_4302_says_the_place_and_refuses_the_third(lab: Lab) -> None:
    first, second, third = [await lab.phone() for _ in range(3)]
    for phone in (first, second):
        await phone.talk(lab.number("4302"))
    await third.call(lab.number("4302"))
    await third.state("disconnected")
    refused = await lab.record("4302")
    assert (refused["status"], refused["reason"]) == (486, "queue_full")
    assert refused["queues"][0]["outcome"] == "full"
    for phone in (second, first):
        await phone.hang_up()
    waited = [it for it in await lab.serving.records("4302", 3) if it["status"] == 200]
    said = [[one["which"] for one in it["heard"] if one["what"] == "played"] for it in waited]
    places = [[word for word in words if word.startswith("digit_")] for words in said]
    assert [words[0] for words in places] == ["digit_1", "digit_2"]
