"""Queues and agents, as operators ask for them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.controlled import PLAN, Room

from callrouter.operations.operation import NotFoundError, NoValues
from callrouter.operations.queues import (
    ListHistory,
    list_agents,
    list_history,
    list_queues,
)
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack

_QUEUES = PLAN + 'queues: {support: {agents: ["801"], max_length: 1}}\n'


def nowhere(_transport: str, _host: str, _port: int, _name: str) -> Flow:
    raise AssertionError("nothing is sent here")


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    """One caller waits for the only agent, who rings; a second one found the queue full."""
    opened = Room(tmp_path / "s.sock", _QUEUES)
    queues, clock = opened.memory.queues, opened.memory.clock
    stack = Stack(lambda: "token", nowhere)
    stack.now = clock.now() - clock.zero
    queues.start(stack, opened.events)
    plan = opened.reloader.dialplan
    queues.serve(plan.queues, plan.agents)
    for call in ("first", "second"):
        if queues.join(call, "support", stack.now, 3, (), lambda _event: None):
            queues.ready(call, stack.now)
    yield opened
    await opened.reloader.close()


async def test_queue_is_shown_with_who_waits(room: Room) -> None:
    answer = await list_queues(room.running, NoValues())
    (queue,) = answer.queues
    assert (queue.name, queue.strategy, queue.waiting) == ("support", "longest_idle", 1)
    assert (queue.offered, queue.answered, queue.overflowed) == (2, 0, 1)
    assert queue.agents == {"ringing": 1}
    (caller,) = queue.callers
    assert (caller.call, caller.position, caller.priority) == ("first", 1, 3)
    assert caller.rings == ["801"]
    assert queue.service_level["of_offered"] == 0.0
    assert queue.service_level["of_answered"] is None


async def test_agent_is_shown_with_what_it_does(room: Room) -> None:
    answer = await list_agents(room.running, NoValues())
    (agent,) = answer.agents
    assert (agent.extension, agent.queues, agent.state) == ("801", ["support"], "ringing")
    assert (agent.call, agent.why, agent.missed) == ("first", "", 0)


async def test_history_of_an_agent_is_in_order_and_of_nobody_there_is_none(room: Room) -> None:
    room.memory.presence.leave("801", "lunch")
    answer = await list_history(room.running, ListHistory(agent="801", most=2))
    assert [row.kind for row in answer.history] == ["away", "withdrawn"]
    assert answer.history[0].why == "lunch"
    with pytest.raises(NotFoundError, match="no queue has an agent 809"):
        await list_history(room.running, ListHistory(agent="809"))
