"""Who a distribution brings together: callers, agents, offers; the strategies that choose one."""

from collections import deque
from collections.abc import Iterator
from typing import Final

from callrouter.queues.queue_rules import (
    LONGEST_IDLE,
    RING_ALL,
    ROUND_ROBIN,
    SKILLS,
    QueueAgent,
    QueueRule,
)
from callrouter.queues.service_level import QueueTotals

_DEPARTURES: Final = 20
_RECENT_SECONDS: Final = 1800.0


class Offer:
    """A reservation of one agent for one caller. token: no other offer ever has the same.

    until: when it ends by itself. picked_up: the agent has answered, and is about to be connected.
    """

    __slots__ = ("agent", "caller", "picked_up", "token", "until")

    def __init__(self, token: int, caller: "WaitingCaller", agent: "Agent", until: float) -> None:
        self.token = token
        self.caller = caller
        self.agent = agent
        self.until = until
        self.picked_up = False


class WaitingCaller:
    """A caller in a queue.

    since: what its place counts from. ready: it can be connected. offers: by agent. missed: how
    often each agent has missed it. skills: what an agent must have. called_back: it is not on the
    telephone, but is called once an agent is there.
    """

    __slots__ = (
        "call",
        "called_back",
        "joined",
        "missed",
        "offers",
        "order",
        "priority",
        "queue",
        "ready",
        "since",
        "skills",
    )

    def __init__(
        self,
        call: str,
        queue: "Queue",
        joined: float,
        since: float,
        order: int,
        priority: int,
        skills: frozenset[str],
    ) -> None:
        self.call = call
        self.queue = queue
        self.joined = joined
        self.since = since
        self.order = order
        self.priority = priority
        self.skills = skills
        self.ready = False
        self.called_back = False
        self.offers: dict[str, Offer] = {}
        self.missed: dict[str, int] = {}

    @property
    def place(self) -> tuple[int, float, int, int]:
        """What callers are sorted by: priority, then who waits longest, then the queue's weight."""
        return (-self.priority, self.since, -self.queue.rule.weight, self.order)

    @property
    def is_answered(self) -> bool:
        """An agent has picked up, and is about to be connected."""
        return any(offer.picked_up for offer in self.offers.values())


class Agent:
    """An agent of one or several queues.

    absent: why it is away, "" when it is not. reachable: its telephone is. on_duty: it is within
    its hours. calls: all that it has part in, offers too. offer: who it rings for. talk: the call
    that it talks in, and for which queue. ready_at: its own, whatever queue it comes from.
    idle_since: its last talk's end. missed: offers in a row. queues: it belongs to.
    """

    __slots__ = (
        "absent",
        "calls",
        "idle_since",
        "missed",
        "name",
        "offer",
        "on_duty",
        "queues",
        "reachable",
        "ready_at",
        "talk",
        "talk_queue",
    )

    def __init__(self, name: str, now: float) -> None:
        self.name = name
        self.absent = ""
        self.reachable = True
        self.on_duty = True
        self.calls: set[str] = set()
        self.offer: Offer | None = None
        self.talk = ""
        self.talk_queue: QueueRule | None = None
        self.ready_at = now
        self.idle_since = now
        self.missed = 0
        self.queues: tuple[Queue, ...] = ()

    def state(self, now: float) -> str:
        """What it does, in one word; `ready` alone is offered anything."""
        if self.talk:
            return "talking"
        if self.offer is not None:
            return "ringing"
        if self.absent or not self.on_duty:
            return "away" if self.absent else "off_duty"
        if not self.reachable:
            return "unreachable"
        if self.calls:
            return "on_call"
        return "ready" if now >= self.ready_at else "wrap_up"


class Queue:
    """A queue with who waits in it. departures: when the last of them left."""

    __slots__ = ("callers", "departures", "members", "rule", "totals", "turn")

    def __init__(self, rule: QueueRule) -> None:
        self.rule = rule
        self.members: list[tuple[QueueAgent, Agent]] = []
        self.callers: list[WaitingCaller] = []
        self.totals = QueueTotals()
        self.departures: deque[float] = deque(maxlen=_DEPARTURES)
        self.turn = 0

    @property
    def length(self) -> int:
        """How many wait on the telephone."""
        return sum(not caller.called_back for caller in self.callers)

    def position(self, caller: WaitingCaller) -> int:
        """Where a caller stands, from 1."""
        return self.callers.index(caller) + 1

    def expected_wait(self, position: int, now: float) -> float | None:
        """Seconds until who stands there is next, by how fast callers left lately.

        None while too few have left to say.
        """
        recent = [at for at in self.departures if at > now - _RECENT_SECONDS]
        if len(recent) < 2:
            return None
        return position * (now - recent[0]) / len(recent)

    def wanted(self, agent: Agent) -> WaitingCaller | None:
        """The caller that an agent who is free now is offered."""
        skills = next(member.skills for member, known in self.members if known is agent)
        for caller in self.callers:
            if not caller.ready or not caller.skills <= skills:
                continue
            if not caller.offers or (self.rule.strategy == RING_ALL and not caller.is_answered):
                return caller
        return None

    def chosen(self, caller: WaitingCaller, now: float) -> list[Agent]:
        """The agents that a caller is offered to now: all for ring all, else one; none if none is
        free.
        """
        free = [
            (index, member, agent)
            for index, (member, agent) in enumerate(self.members)
            if caller.skills <= member.skills and agent.state(now) == "ready"
        ]
        if not free:
            return []
        strategy = self.rule.strategy
        if strategy == RING_ALL:
            return [agent for _, _, agent in free]
        size = len(self.members)

        def key(found: tuple[int, QueueAgent, Agent]) -> tuple[int, float, float, int]:
            index, member, agent = found
            missed = caller.missed.get(agent.name, 0)
            if strategy == ROUND_ROBIN:
                return (missed, (index - self.turn) % size, 0.0, index)
            if strategy == SKILLS:
                return (missed, len(member.skills), agent.idle_since, index)
            assert strategy == LONGEST_IDLE  # noqa: S101 - there are four
            return (missed, agent.idle_since, 0.0, index)

        return [min(free, key=key)[2]]

    def turned(self, agent: Agent) -> None:
        """An agent has had its turn: the one after it is next."""
        places = [index for index, known in enumerate(self.agents()) if known is agent]
        self.turn = (places[0] + 1) % len(self.members)

    def agents(self) -> Iterator[Agent]:
        """All of them."""
        return (agent for _, agent in self.members)
