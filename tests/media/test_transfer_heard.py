"""A recorded caller is transferred, and heard by whom it talks to then."""

from pathlib import Path

import pytest
from support import hearing
from support.heard_lab import Lab
from support.softphone import Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def heard(phone: Softphone, other: Softphone, hertz: int, folder: Path) -> None:
    """One party says something, and the other one hears it."""
    file = folder / f"{hertz}.heard.wav"
    await other.record(file)
    await phone.says(folder / f"{hertz}.wav", hearing.sine(hertz, 0.6))
    await other.hears_tone(file, hertz)
    await other.stop_recording()


async def test_recorded_caller_is_transferred_and_the_recording_goes_on(
    tmp_path: Path, full: bool
) -> None:
    if not full:
        pytest.skip("test_recorded_transfers.py plays it by the clock")
    lab = await Lab.start(tmp_path)
    try:
        caller, agent = await lab.phone(), await lab.target("5081")
        colleague = await lab.target("5080")
        await caller.talk(lab.number("4104"))
        await agent.state("confirmed")
        await heard(caller, agent, 500, tmp_path)
        await agent.hold()
        await agent.transfer(lab.number("4000"))
        await agent.state("disconnected")
        await colleague.media()
        await heard(caller, colleague, 600, tmp_path)
        await heard(colleague, caller, 900, tmp_path)
        await caller.hang_up()
        await colleague.state("disconnected")
        record = await lab.record("4104")
        assert len(record["legs"]) == 2
        (recording,) = record["recordings"]
        assert recording["result"] == "complete"
        fetched = tmp_path / "recording.wav"
        await lab.command("recordings", "fetch", recording["id"], "--to", str(fetched))
        for channel, expected in ((0, {500, 600}), (1, {900})):
            tones = hearing.tones(hearing.load(fetched, channel), [500, 600, 900])
            assert {tone.hertz for tone in tones} == expected
    finally:
        await lab.hang_up_all()
        await lab.stop()
