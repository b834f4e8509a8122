"""A day of a call centre by lot, on a virtual clock, with its invariants looked at all along."""

from collections.abc import Mapping
from random import Random
from typing import TypeVar

from callrouter.queues import queue_events as events
from callrouter.queues.distribution import Distribution
from callrouter.queues.queue_events import Moved, OfferMade, OfferWithdrawn, Overflowed, SentAway
from callrouter.queues.queue_rules import (
    LONGEST_IDLE,
    RING_ALL,
    ROUND_ROBIN,
    SKILLS,
    QueueAgent,
    QueueRule,
    RetryDelays,
)
from callrouter.queues.waiting import Agent

KeyT = TypeVar("KeyT", int, str)
_STRATEGIES = (RING_ALL, LONGEST_IDLE, ROUND_ROBIN, SKILLS)
_SKILLS = ("vi", "zh", "billing")


def queues_by_lot(lot: Random) -> dict[str, QueueRule]:
    """One to five queues that share up to eight agents."""
    agents = [f"3{index:02}" for index in range(lot.randint(1, 8))]
    return {
        name: QueueRule(
            name=name,
            agents=tuple(
                QueueAgent(name=agent, skills=frozenset(lot.sample(_SKILLS, lot.randint(0, 3))))
                for agent in lot.sample(agents, lot.randint(1, len(agents)))
            ),
            strategy=lot.choice(_STRATEGIES),
            ring_seconds=lot.choice((3.0, 5.0, 15.0)),
            wrap_up_seconds=lot.choice((0.0, 3.0, 30.0)),
            max_wait_seconds=lot.choice((0.0, 20.0, 90.0)),
            max_length=lot.choice((0, 2, 5)),
            retry=RetryDelays(no_answer=lot.choice((1.0, 5.0)), busy=2.0, reject=4.0),
            away_after=lot.choice((0, 0, 3)),
            weight=lot.randint(1, 3),
        )
        for name in [f"queue{index}" for index in range(lot.randint(1, 5))]
    }


class Day:
    """Events by lot. Raises AssertionError as soon as an invariant does not hold."""

    def __init__(self, seed: int) -> None:
        self.lot = Random(seed)
        self.rules = queues_by_lot(self.lot)
        self.now = 0.0
        self.centre = Distribution()
        self.centre.serve(self.rules, 0.0)
        self.rings: dict[int, OfferMade] = {}
        self.picked_up: dict[int, OfferMade] = {}
        self.talks: dict[str, str] = {}
        self.accepted: set[str] = set()
        self.calls = 0
        self.came = dict.fromkeys(self.rules, 0)

    def run(self, steps: int) -> None:
        """Let so many things happen, then let all calls come to an end."""
        for _ in range(steps):
            self._pass(self.lot.expovariate(1.5))
            self._something()
            self._pass(0.0)
            self._look()
        for call in [*self.centre.callers]:
            self._leave(call)
        for agent in [*self.talks]:
            self._hang_up(agent)
        self._pass(3600.0)
        self._look()
        assert self.centre.deadline() is None, "something is waited for though nobody is there"
        assert not self.rings, "an agent rings though nobody is there"
        for name, queue in self.centre.queues.items():
            totals = queue.totals
            assert totals.offered == self.came[name]
            assert totals.offered == totals.answered + totals.abandoned + totals.overflowed

    def _something(self) -> None:
        doings = [self._come, self._come, self._answer, self._answer, self._decline]
        doings += [self._connect, self._connect, self._end, self._give_up, self._absent]
        doings.append(self._move)
        self.lot.choice(doings)()
        self._take()

    def _pass(self, seconds: float) -> None:
        """Let time pass, with a tick whenever one was asked for."""
        until = self.now + seconds
        while (due := self.centre.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.centre.tick(self.now)
            self._take()
            self._look()
        self.now = until
        before = len(self.centre.history)
        self.centre.tick(self.now)
        assert not self.centre.outgoing, "something happened at a time that nobody asked for"
        assert len(self.centre.history) == before

    def _come(self) -> None:
        self.calls += 1
        call = f"call{self.calls}"
        name = self.lot.choice(sorted(self.rules))
        skills = self.lot.sample(_SKILLS, self.lot.choice((0, 0, 1)))
        if self.lot.random() < 0.2:
            missed = self.now - self.lot.uniform(0.0, 300.0)
            assert self.centre.join(call, name, self.now, skills=skills, missed=missed)
            self.centre.ready(call, self.now)
            return
        self.came[name] += 1
        if self.centre.join(call, name, self.now, self.lot.choice((0, 0, 5)), skills):
            self.centre.ready(call, self.now)

    def _answer(self) -> None:
        token = self._one(self.rings)
        if token is not None and self.centre.picked_up(token, self.now):
            self.picked_up[token] = self.rings.pop(token)

    def _connect(self) -> None:
        token = self._one(self.picked_up)
        if token is None:
            return
        offer = self.picked_up.pop(token)
        if self.lot.random() < 0.1:
            self.centre.left_call(offer.agent, offer.call, self.now)
            self.centre.failed(token, events.HUNG_UP, self.now)
        elif self.centre.accepted(token, self.now):
            assert offer.call not in self.accepted, "two agents were accepted for one call"
            self.accepted.add(offer.call)
            self.talks[offer.agent] = offer.call

    def _decline(self) -> None:
        token = self._one(self.rings)
        if token is not None:
            offer = self.rings.pop(token)
            self.centre.left_call(offer.agent, offer.call, self.now)
            whys = (events.BUSY, events.REJECTED, events.UNREACHABLE)
            self.centre.failed(token, self.lot.choice(whys), self.now)

    def _end(self) -> None:
        if self.talks:
            self._hang_up(self.lot.choice(sorted(self.talks)))

    def _hang_up(self, agent: str) -> None:
        call = self.talks.pop(agent)
        if self.lot.random() < 0.5:
            self.centre.left_call(agent, call, self.now)
        self.centre.over(call, self.now)
        self._take()

    def _give_up(self) -> None:
        call = self._one(self.centre.callers)
        if call is not None:
            self._leave(call)

    def _leave(self, call: str) -> None:
        if self.lot.random() < 0.2:
            name = self.centre.callers[call].queue.rule.name
            self.centre.leave(call, self.now, events.KEY)
            self._take()
            if self.lot.random() < 0.5:
                self.came[name] += 1
                self.centre.join(call, name, self.now)
        self.centre.over(call, self.now)
        self._take()

    def _move(self) -> None:
        call = self._one(self.centre.callers)
        if call is None:
            return
        caller, name = self.centre.callers[call], self.lot.choice(sorted(self.rules))
        before = caller.queue.rule.name
        moved = self.centre.move(call, name, self.now, front=self.lot.random() < 0.5)
        assert moved != caller.is_answered
        if moved and name != before and not caller.called_back:
            self.came[name] += 1

    def _absent(self) -> None:
        name = self.lot.choice(sorted(self.centre.agents))
        change = self.lot.randrange(8)
        if change == 0:
            self.centre.away(name, "break", self.now)
        elif change == 1:
            self.centre.reachable(name, self.now, is_reachable=False)
        elif change == 2:
            self.centre.has_call(name, "elsewhere")
        elif change == 3:
            self.centre.left_call(name, "elsewhere", self.now)
        elif change == 4:
            self.centre.back(name, self.now)
        elif change > 5:
            self.centre.on_duty(name, self.now, is_on_duty=change == 6)
        else:
            self.centre.reachable(name, self.now, is_reachable=True)

    def _take(self) -> None:
        """Do what is asked for, as a telephone network would."""
        while self.centre.outgoing:
            action = self.centre.outgoing.pop(0)
            if isinstance(action, OfferMade):
                self.rings[action.token] = action
                self.centre.has_call(action.agent, action.call)
            elif isinstance(action, OfferWithdrawn):
                found = self.rings.pop(action.token, None) or self.picked_up.pop(action.token, None)
                assert found is not None, "an offer is withdrawn that is none"
                self.centre.left_call(action.agent, action.call, self.now)
            elif isinstance(action, SentAway):
                assert self.rules
            elif isinstance(action, Moved):
                assert self.centre.callers[action.call].queue.rule.name == action.queue
            else:
                assert isinstance(action, Overflowed)
                assert action.call not in self.centre.callers

    def _look(self) -> None:
        """Look at the invariants."""
        offered: dict[str, int] = {}
        for token, offer in (self.rings | self.picked_up).items():
            assert offered.setdefault(offer.agent, token) == token, "an agent has two offers"
            agent = self.centre.agents[offer.agent]
            assert agent.offer is not None
            assert agent.offer.token == token
            assert agent.offer.until >= self.now, "an agent is reserved past its deadline"
            assert offer.agent not in self.talks
        for agent in self.centre.agents.values():
            assert (agent.name in offered) == (agent.offer is not None)
            assert self.talks.get(agent.name, "") == agent.talk
            if agent.state(self.now) == "ready":
                self._nobody_for(agent)
        for queue in self.centre.queues.values():
            totals = queue.totals
            over = totals.answered + totals.abandoned + totals.overflowed
            assert totals.offered == over + queue.length
            assert queue.callers == sorted(queue.callers, key=lambda caller: caller.place)

        for caller in self.centre.callers.values():
            longest = caller.queue.rule.max_wait_seconds
            if caller.called_back:
                continue
            late = longest and caller.joined + longest < self.now
            assert not late or caller.is_answered, "a caller waits for longer than it may"

    def _nobody_for(self, agent: Agent) -> None:
        wanted = [queue.wanted(agent) for queue in agent.queues]
        assert wanted == [None] * len(wanted), "a caller waits, and an agent is free for it"

    def _one(self, among: Mapping[KeyT, object]) -> KeyT | None:
        keys = sorted(among)
        return self.lot.choice(keys) if keys else None
