"""The agents that a queue offers to who waits in it, while they ring as legs of that call (D1).

Theory. The queue says which agents are to be rung (`call/services/queue_port.py`); each is rung by
the hunt of its extension. Who picks up is acknowledged at once, and taken when it has stayed for a
moment: until then the others ring on, so an agent that hangs up at once costs nobody anything.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import inf
from typing import Final, NamedTuple

from callrouter.call.call import Call
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.legs.events import (
    Answered,
    Deadline,
    Event,
    Failed,
    HungUp,
    Lost,
    Progress,
    Replied,
)
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.queue_place import ask_queues
from callrouter.call.services.queue_port import QueueOffered, QueueWithdrawn
from callrouter.call.wait import attend, wait
from callrouter.route.rules.number_rules import Extension
from callrouter.route.values.plan import Hunt, Target, Verdict
from callrouter.route.values.seeded_random import Dice

_STAYS_SECONDS: Final = 0.1
"""How long an agent must have stayed, from its answer on, to be connected."""
_MARGIN_SECONDS: Final = 1.0
"""The queue ends an offer; our own timers are there for when it does not."""


class AgentTaken(NamedTuple):
    """The agent that has answered and is the one. name: its extension."""

    name: str
    answered: Answered


class _Agent:
    """An agent that rings. rounds: of its hunt, still to come. why: how its last leg ended.

    answered: None while it rings. until: it has stayed long enough then.
    """

    __slots__ = ("_call", "answered", "name", "ringing", "rounds", "token", "until", "why")

    def __init__(self, call: Call, offer: QueueOffered, hunt: Hunt) -> None:
        self._call = call
        self.token = offer.token
        self.name = offer.agent
        self.ringing = Ringing(call, hunt, self._left)
        self.rounds = iter(hunt.rounds)
        self.why = "unreachable"
        self.answered: Answered | None = None
        self.until = inf

    def _left(self, leg: BLeg) -> None:
        """One of its legs is out."""
        self.why = self._call.record.legs[leg.number - 1].result
        if self.answered is not None and self.answered.leg is leg:
            self.answered, self.until = None, inf
            self.why = "hung_up"
            self.rounds = iter(())
        _recycle(self._call, leg)


class OfferedAgents:
    """The agents that ring for one call, of one queue."""

    __slots__ = ("_agents", "_call", "_noted", "_offers", "_other", "queue")

    def __init__(self, call: Call, queue: str, other: Callable[[Event], None]) -> None:
        """other: takes what happens while a service is asked and is not about agents."""
        self._call = call
        self.queue = queue
        self._other = other
        self._agents: dict[int, _Agent] = {}
        self._offers: list[QueueOffered] = []
        self._noted: set[str] = set()

    @property
    def any(self) -> bool:
        """Somebody rings, or is to."""
        return bool(self._agents or self._offers)

    @property
    def until(self) -> float:
        """When `Deadline` is needed next, infinite for never."""
        until = inf
        for agent in self._agents.values():
            until = min(until, agent.ringing.until, agent.until)
        return until

    def take(self, event: Event) -> bool:
        """Take an event that may be about agents; False when it is not."""
        match event:
            case QueueOffered():
                self._offers.append(event)
            case QueueWithdrawn():
                self._withdrawn(event)
            case Deadline():
                for agent in [*self._agents.values()]:
                    if agent.ringing.until <= self._call.now:
                        agent.ringing.expire()
            case Progress() | Answered() | Failed() | HungUp() | Lost():
                return self._of_legs(event)
            case _:
                return False
        return True

    async def go_on(self) -> AgentTaken | None:
        """Ring who was offered, and who comes next; returns who has answered and stayed.

        Raises Over.
        """
        call = self._call
        while self._offers:
            await self._ring(self._offers.pop(0))
        for agent in [*self._agents.values()]:
            if not agent.ringing.branches:
                await self._next_round(agent)
        for agent in [*self._agents.values()]:
            answered = agent.answered
            if answered is None or call.now < agent.until:
                continue
            agent.until = inf
            asked = call.shared.queues.accepted(agent.token, call.now)
            accepted = await ask_queues(call, asked, partial(wait, call))
            if accepted is True:
                call.lines.count(call.dialplan.extensions[agent.name].hold)
                return AgentTaken(agent.name, answered)
        return None

    def _of_legs(self, event: Progress | Answered | Failed | HungUp | Lost) -> bool:
        for agent in self._agents.values():
            if event.leg in agent.ringing.branches:
                self._of_agent(agent, event)
                return True
        return False

    def _of_agent(self, agent: _Agent, event: Progress | Answered | Failed | HungUp | Lost) -> None:
        call, ringing = self._call, agent.ringing
        match event:
            case Progress():
                ringing.progress(event)
            case Answered():
                self._picked_up(agent, event)
            case Failed():
                call.leg_ended(event, stops=False)
                ringing.failed(event)
            case HungUp(leg=BLeg() as leg) | Lost(leg=BLeg() as leg):
                ringing.lost(leg)

    async def _ring(self, offer: QueueOffered) -> None:
        """Ring an agent by the hunt of its extension, for as long as it is offered."""
        call = self._call
        extension = call.dialplan.extensions.get(offer.agent)
        if extension is None:
            call.shared.queues.failed(offer.token, "unreachable", call.now)
            return
        self._note_offer(extension)
        snapshot = call.shared.snapshot()
        hunt = extension.rule.at(Dice(snapshot.seed), 0, snapshot, [])
        rounds = [*hunt.rounds]
        if rounds:
            rounds[-1] = tuple(_until(target, offer.until - call.now) for target in rounds[-1])
        agent = _Agent(call, offer, replace(hunt, rounds=tuple(rounds)))
        self._agents[offer.token] = agent
        await self._next_round(agent)

    def _note_offer(self, extension: Extension) -> None:
        """Note an agent in the trace, once however often it is rung."""
        if extension.key not in self._noted:
            self._noted.add(extension.key)
            why = f"is an agent of queue {self.queue}, and free"
            place = extension.file, extension.line
            verdict = Verdict(extension.hold, True, extension.key, why, *place)
            self._call.record.trace = (*self._call.record.trace, verdict)

    async def _next_round(self, agent: _Agent) -> None:
        """Ring the agent's next targets, or give the agent up."""
        call = self._call
        while not agent.ringing.branches:
            targets = next(agent.rounds, None)
            if targets is None:
                del self._agents[agent.token]
                why = "unreachable" if agent.why == "redirected" else agent.why
                call.shared.queues.failed(agent.token, why, call.now)
                return
            phones = await agent.ringing.reached(targets, self.asking)
            if agent.token not in self._agents:
                return  # withdrawn meanwhile
            agent.ringing.begin(phones)

    async def asking(self, until: float) -> Event:
        """Await the next event while a service is asked. Raises Over."""
        event = await attend(self._call, until, alone=True)
        if not isinstance(event, Deadline | Replied) and not self.take(event):
            self._other(event)
        return event

    def _withdrawn(self, event: QueueWithdrawn) -> None:
        """An agent is offered no more; one that did not answer has missed the call."""
        self._offers = [offer for offer in self._offers if offer.token != event.token]
        agent = self._agents.pop(event.token, None)
        if agent is None:
            return
        call = self._call
        for leg in [*agent.ringing.branches]:
            if event.why == "no_answer":
                call.leg_failed(leg, 408, "no_answer" if leg.heard else "unreachable")
            else:
                call.leg_withdrawn(leg, "")
            _recycle(call, leg)

    def _picked_up(self, agent: _Agent, event: Answered) -> None:
        call, leg = self._call, event.leg
        if agent.answered is not None:
            return  # another telephone of the same agent: the first is connected
        known = call.shared.queues.picked_up(agent.token, call.now)
        if known is False:
            return  # that it is withdrawn is on its way
        if not leg.owes_answer:
            leg.ack()
        agent.answered = event
        agent.until = call.now + _STAYS_SECONDS
        branch = agent.ringing.branches[leg]
        branch.until = branch.ring_until = inf
        agent.ringing.rearm()


def _recycle(call: Call, leg: BLeg) -> None:
    """A leg is out: what it had of our media is there for the next."""
    if call.anchor is not None:
        call.anchor.recycle(leg)


def _until(target: Target, seconds: float) -> Target:
    """A target that rings until the queue says otherwise."""
    made = target.copied()
    made.ring_seconds = max(seconds, 0.0) + _MARGIN_SECONDS
    return made
