"""What must not be there when all stories are told."""

import pytest
from support.stage import Stage


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
