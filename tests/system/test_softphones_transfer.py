"""Real softphones (PJSIP): hold and resume, and transfers by the callee."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.proving import proving
from support.serving import Serving
from support.softphone import Softphone

pytestmark = pytest.mark.asyncio(loop_scope="session")


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[tuple[Serving, Softphone, Softphone, Softphone]]:
    """A callrouter, a caller, and who is called by 4210 and by 4211."""
    phones = [await Softphone.start(answer_after=after) for after in (None, 0.1, 0.1)]
    caller, agent, colleague = phones
    parts = {
        "targets": {"agent": {"uri": agent.uri}, "colleague": {"uri": colleague.uri}},
        "numbers": {
            "4210": {"route": [{"hunt": ["agent"]}]},
            "4211": {"route": [{"hunt": ["colleague"]}]},
        },
    }
    async with proving(folder, parts) as serving:
        yield serving, caller, agent, colleague
        for phone in phones:
            await phone.quit()


async def test_softphones_hold_and_the_callee_transfers_the_caller(tmp_path: Path) -> None:
    async with office(tmp_path) as (serving, caller, agent, colleague):
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
        after = await caller.event("media", remote=there["local"])
        # Sound goes straight from one to the other, and no longer to the agent.
        assert there["local"] != before["local"]
        assert there["remote"] == after["local"]
        await caller.hang_up()
        await colleague.state("disconnected")
        record = await serving.record("4210")
        assert [leg["target"] for leg in record["legs"]] == ["agent", "colleague"]


async def test_softphone_connects_its_caller_with_whom_it_has_asked(tmp_path: Path) -> None:
    async with office(tmp_path) as (serving, caller, agent, colleague):
        place = f"127.0.0.1:{serving.place.port}"
        await caller.talk(f"sip:4210@{place}")
        await agent.hold()
        await caller.media("recvonly")
        await agent.talk(f"sip:4211@{place}")
        there = await colleague.media()
        await agent.join()
        for _ in range(2):
            await agent.state("disconnected")
        after = await caller.event("media", remote=there["local"])
        await colleague.event("media", remote=after["local"])
        await caller.hang_up()
        await colleague.state("disconnected")
        record, asked = await serving.record("4210"), await serving.record("4211")
        assert [leg["target"] for leg in record["legs"]] == ["agent", "transferred"]
        assert [leg["target"] for leg in asked["legs"]] == ["colleague"]
        assert record["hung_up_by"] == "caller"
