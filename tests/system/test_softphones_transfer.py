"""Real softphones (PJSIP): hold and resume, and a blind transfer by the callee."""

from pathlib import Path

import pytest
from support.proving import proving
from support.softphone import Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_softphones_hold_and_the_callee_transfers_the_caller(tmp_path: Path) -> None:
    caller, agent = await Softphone.start(), await Softphone.start(answer_after=0.1)
    colleague = await Softphone.start(answer_after=0.1)
    parts = {
        "targets": {"agent": {"uri": agent.uri}, "colleague": {"uri": colleague.uri}},
        "numbers": {
            "4210": {"route": [{"hunt": ["agent"]}]},
            "4211": {"route": [{"hunt": ["colleague"]}]},
        },
    }
    async with proving(tmp_path, parts) as serving:
        place = f"127.0.0.1:{serving.place.port}"
        await caller.talk(f"sip:4210@{place}")
        before = await agent.media()
        await agent.hold()
        await caller.media("recvonly")
        await agent.reinvite()
        await caller.media()
        await agent.transfer(f"sip:4211@{place}")
        await agent.state("disconnected")
        there = await colleague.media()
        after = await caller.media()
        # Sound goes straight from one to the other, and no longer to the agent.
        assert after["remote"] == there["local"] != before["local"]
        assert there["remote"] == after["local"]
        await caller.hang_up()
        await colleague.state("disconnected")
        record = await serving.record("4210")
        assert [leg["target"] for leg in record["legs"]] == ["agent", "colleague"]
        for phone in (caller, agent, colleague):
            await phone.quit()
