"""What takes 32 seconds, and what must not be there when all stories are told."""

import pytest
from support.stage import Scene, Stage, story


@story()
async def test_lost_acks_end_the_call_for_both_after_32_seconds(scene: Scene) -> None:
    callee = await scene.callee("callee_answers")
    caller = await scene.caller("caller_never_acknowledges")
    await caller.done()
    await callee.done()
    record = await scene.record()
    assert (record["disposition"], record["status"]) == ("ANSWERED", 200)
    assert (record["hung_up_by"], record["cause"]) == ("caller", 102)
    assert 32_000 <= record["ended_ms"] - record["answered_ms"] < 40_000
    # At 0, 0.5, 1.5, 3.5, then every 4 s: eleven, and one less for each 4 s that it came late.
    assert caller.statuses().count(200) in {9, 10, 11}


@pytest.mark.asyncio(loop_scope="session")
async def test_each_call_left_one_record(stage: Stage) -> None:
    await stage.all_told()
    records = stage.serving.place.records()
    assert len({record["call_id"] for record in records}) == len(records)
    assert "internal error" not in stage.serving.log()


@pytest.mark.asyncio(loop_scope="session")
async def test_no_call_leg_transaction_or_timer_is_left_over(stage: Stage) -> None:
    await stage.all_told()
    await stage.serving.nothing_is_left()
