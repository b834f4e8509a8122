"""Queues and agents, as operators ask for them: who waits, who is free, and how well it went."""

from itertools import islice

from callrouter.operations.operation import (
    MOST,
    ConflictError,
    Count,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
    Switch,
)
from callrouter.queues.service_level import FORMULAS
from callrouter.queues.waiting import Queue, WaitingCaller


class QueuedCaller(OperationAnswer):
    """A caller who waits. position: from 1. waits: seconds. rings: agents that ring for it.

    called_back: it is not on the telephone, but is called once an agent is there.
    """

    call: str
    position: int
    priority: int
    waits: float
    rings: list[str]
    called_back: bool = False


class QueueStatus(OperationAnswer):
    """A queue. agents: how many are in each state. longest: who waits so long waits longest, 0 for
    nobody; seconds. From offered on: since the start of callrouter. answer_wait: the mean, in
    seconds, None before anybody was answered. service_level: percent, by formula, the first is the
    usual one; None before anybody has left the queue.
    """

    name: str
    strategy: str
    waiting: int
    longest: float
    agents: dict[str, int]
    offered: int
    answered: int
    abandoned: int
    overflowed: int
    answer_wait: float | None
    service_level: dict[str, float | None]
    callers: list[QueuedCaller]


class QueueList(OperationAnswer):
    """queues: in the order of the dialplan."""

    queues: list[QueueStatus]


class AgentStatus(OperationAnswer):
    """An agent. state: ready, ringing, talking, wrap_up, on_call, away, off_duty or
    unreachable.

    why: it is away. call: that it rings for or talks in, "" for none. ready_in: seconds that are
    left of wrap-up, or of the rest after a missed call. idle: seconds since its last talk. missed:
    calls in a row.
    """

    extension: str
    queues: list[str]
    state: str
    why: str
    call: str
    ready_in: float
    idle: float
    missed: int


class AgentList(OperationAnswer):
    """agents: by extension."""

    agents: list[AgentStatus]


class ListHistory(OperationRequest):
    """agent: its extension. most: rows at most, the newest."""

    agent: Name
    most: Count = 100


class MoveCaller(OperationRequest):
    """call: its id. to: the queue, that in which it waits when left out. front: before all."""

    call: Name
    to: Name | None = None
    front: Switch = False


class MovedCaller(OperationAnswer):
    """queue: in which it waits now. position: from 1."""

    call: str
    queue: str
    position: int


class HistoryRow(OperationAnswer):
    """What an agent did, or was done to it. at: Unix seconds. waited: seconds, of the caller."""

    at: float
    kind: str
    queue: str
    call: str
    why: str
    waited: float


class AgentHistory(OperationAnswer):
    """history: the oldest first."""

    history: list[HistoryRow]


async def list_queues(running: RunningServer, _request: NoValues) -> QueueList:
    """The queues: who waits, and how well it went."""
    now = _now(running)
    found = islice(running.queues.centre.queues.values(), MOST)
    return QueueList(queues=[_queue(queue, now) for queue in found])


async def list_agents(running: RunningServer, _request: NoValues) -> AgentList:
    """The agents of all queues, and what they do."""
    now = _now(running)
    found = islice(sorted(running.queues.centre.agents.items()), MOST)
    return AgentList(
        agents=[
            AgentStatus(
                extension=name,
                queues=[queue.rule.name for queue in agent.queues],
                state=agent.state(now),
                why=agent.absent,
                call=agent.talk
                or ("" if agent.offer is None else agent.offer.caller.call)
                or min(agent.calls, default=""),
                ready_in=max(0.0, agent.ready_at - now),
                idle=max(0.0, now - agent.idle_since),
                missed=agent.missed,
            )
            for name, agent in found
        ]
    )


async def list_history(running: RunningServer, request: ListHistory) -> AgentHistory:
    """What an agent did lately: offers, calls, and when it was away."""
    if request.agent not in running.queues.centre.agents:
        raise NotFoundError(f"no queue has an agent {request.agent}")
    rows = [row for row in running.queues.history if row.agent == request.agent]
    return AgentHistory(
        history=[
            HistoryRow(
                at=running.clock.wall(row.at),
                kind=row.kind,
                queue=row.queue,
                call=row.call,
                why=row.why,
                waited=row.waited_seconds,
            )
            for row in rows[-request.most :]
        ]
    )


async def move_caller(running: RunningServer, request: MoveCaller) -> MovedCaller:
    """Lets a caller who waits go to another queue, or before all others."""
    callers = running.queues.centre.callers
    why = running.move(request.call, request.to or "", request.front)
    if why:
        raise (ConflictError if request.call in callers else NotFoundError)(why)
    caller = callers.get(request.call)
    if caller is None:
        raise ConflictError("it waits no more")
    queue = caller.queue
    return MovedCaller(call=request.call, queue=queue.rule.name, position=queue.position(caller))


def _now(running: RunningServer) -> float:
    """The time on the clock that queues go by, which is the stack's."""
    return running.clock.now() - running.clock.zero


def _queue(queue: Queue, now: float) -> QueueStatus:
    totals = queue.totals
    states: dict[str, int] = {}
    for agent in queue.agents():
        state = agent.state(now)
        states[state] = states.get(state, 0) + 1
    answered = totals.answered
    return QueueStatus(
        name=queue.rule.name,
        strategy=queue.rule.strategy,
        waiting=queue.length,
        longest=max(
            (now - caller.joined for caller in queue.callers if not caller.called_back), default=0.0
        ),
        agents=states,
        offered=totals.offered,
        answered=answered,
        abandoned=totals.abandoned,
        overflowed=totals.overflowed,
        answer_wait=totals.waited_seconds / answered if answered else None,
        service_level={name: level(totals) for name, level in FORMULAS.items()},
        callers=[
            _caller(position, caller, now)
            for position, caller in enumerate(islice(queue.callers, MOST), 1)
        ],
    )


def _caller(position: int, caller: WaitingCaller, now: float) -> QueuedCaller:
    return QueuedCaller(
        call=caller.call,
        position=position,
        priority=caller.priority,
        waits=now - caller.joined,
        rings=sorted(caller.offers),
        called_back=caller.called_back,
    )
