"""Automatic call distribution: callers who wait in queues, and agents who are offered them.

Theory. A state machine without clock, input and output: each method is something that has happened,
at a time `now` (seconds, never less than before), and leaves what is to be done in `outgoing` and
what has changed in `history`; the owner takes both. `deadline()` says when `tick` is needed next.

An offer is a reservation of one agent for one caller, with a token and an end. So whoever comes
late (an answer of an agent that was withdrawn, a second answer of two) is told False.

Rules.

- An agent has one offer at most, and one only when it is there, in its hours, reachable, on no call
  at all, and past `ready_at`, which is its own: wrap-up of one queue counts in all.
- A caller is accepted by one agent. Until then its other agents ring on, so the caller loses
  nothing when the first who picks up hangs up at once.
- No agent is free while a caller waits whom it could have and nobody is offered. Each event looks
  only at the agent or the caller that it is about, and this holds since it held before.
- Who may be offered to several goes to the one first in `WaitingCaller.place`.
- offered = answered + abandoned + overflowed + those who wait.
"""

from bisect import insort
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from typing import Final

from callrouter.queues import queue_events as events
from callrouter.queues.queue_events import (
    Action,
    Moved,
    OfferMade,
    OfferWithdrawn,
    Overflowed,
    SentAway,
    Transition,
)
from callrouter.queues.queue_rules import RING_ALL, ROUND_ROBIN, QueueRule
from callrouter.queues.service_level import ABANDONED, ANSWERED, OVERFLOWED
from callrouter.queues.waiting import Agent, Offer, Queue, WaitingCaller

PLACE_SECONDS: Final = 60.0
"""How long the place of a caller is kept who left by a key and may come back."""
_CONNECT_SECONDS: Final = 2.0
"""How long it may take from an agent's answer until it is accepted."""
_place: Final = attrgetter("place")


class Distribution:
    """All queues and their agents.

    queues, agents, callers: by name and by call, to be read. outgoing, history: what each step
    leaves; taken by the owner.
    """

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.agents: dict[str, Agent] = {}
        self.callers: dict[str, WaitingCaller] = {}
        self.outgoing: list[Action] = []
        self.history: list[Transition] = []
        self._offers: dict[int, Offer] = {}
        self._tokens = count(1)
        self._order = count()
        self._kept: dict[tuple[str, str], tuple[float, float]] = {}
        # Times at which to look at something. What has changed meanwhile is passed over then.
        self._due: list[tuple[float, int, str, str | int]] = []
        self._dues = count()

    # What the dialplan says.

    def serve(self, rules: Mapping[str, QueueRule], now: float) -> None:
        """Have these queues from now on. Who waits in one that is gone overflows."""
        for name in self.queues.keys() - rules.keys():
            for caller in [*self.queues[name].callers]:
                self._overflow(caller, events.REMOVED, now)
            del self.queues[name]
        known = self.agents
        self.agents = {}
        for name, rule in rules.items():
            queue = self.queues.setdefault(name, Queue(rule))
            queue.rule = rule
            queue.members = []
            for member in rule.agents:
                agent = self.agents.get(member.name) or known.get(member.name)
                agent = self.agents[member.name] = agent or Agent(member.name, now)
                queue.members.append((member, agent))
        for name, agent in known.items():
            if name not in self.agents:
                agent.queues = ()
                if agent.offer is not None:
                    self._withdraw(agent.offer, events.REMOVED, now)
        for agent in self.agents.values():
            agent.queues = tuple(queue for queue in self.queues.values() if agent in queue.agents())
        for caller in self.callers.values():
            self._limit(caller)
        for agent in self.agents.values():
            self._look_for_caller(agent, now)

    # Callers.

    def join(
        self,
        call: str,
        name: str,
        now: float,
        priority: int = 0,
        skills: Iterable[str] = (),
        missed: float | None = None,
    ) -> bool:
        """A caller comes; False when the queue is full, or not there.

        It has a place at once, and is offered to nobody before `ready`. missed: of who is not on
        the telephone but to be called back, when it called; such a one waits without limit, takes
        nobody's place in a full queue, and is in no count of callers.
        """
        queue = self.queues.get(name)
        if queue is None or call in self.callers:
            return False
        since, until = self._kept.pop((call, name), (now, now))
        since = since if until > now else now
        rule = queue.rule
        if missed is not None:
            since = missed
        else:
            queue.totals.offered += 1
        if missed is None and rule.max_length and queue.length >= rule.max_length:
            queue.totals.count(OVERFLOWED, 0.0, in_time=False)
            self._note(now, OVERFLOWED, queue, call, why=events.FULL)
            return False
        order = next(self._order)
        caller = WaitingCaller(
            call=call,
            queue=queue,
            joined=now,
            since=since,
            order=order,
            priority=priority,
            skills=frozenset(skills),
        )
        caller.called_back = missed is not None
        # Who talks to it, and has put it here, is rung after all others.
        caller.missed = {it.name: 1 for _, it in queue.members if call in it.calls}
        self.callers[call] = caller
        insort(queue.callers, caller, key=_place)
        self._note(now, events.JOINED, queue, call)
        self._limit(caller)
        return True

    def ready(self, call: str, now: float) -> None:
        """A caller can be connected from now on."""
        caller = self.callers.get(call)
        if caller is not None and not caller.ready:
            caller.ready = True
            self._look_for_agents(caller, now)

    def leave(self, call: str, now: float, why: str = "") -> None:
        """A caller waits no more. why: it goes on by its route, "" when it has hung up.

        Who goes on by KEY may come back, and has its place then.
        """
        caller = self.callers.get(call)
        if caller is None:
            return
        if why == events.KEY:
            key = (call, caller.queue.rule.name)
            self._kept[key] = (caller.since, now + PLACE_SECONDS)
            self._look_at(now + PLACE_SECONDS, "kept", call)
        self._gone(caller, OVERFLOWED if why else ABANDONED, why, now)

    def move(self, call: str, name: str, now: float, *, front: bool = False) -> bool:
        """Let a caller wait in another queue, or in its own anew; False when that cannot be.

        It keeps its place by time, and begins its longest wait anew. front: it comes before all.
        """
        caller, queue = self.callers.get(call), self.queues.get(name)
        if caller is None or queue is None or caller.is_answered:
            return False
        before = caller.queue
        rung = [*caller.offers.values()]
        for offer in rung:
            self._withdraw(offer, events.MOVED, now)
        before.callers.remove(caller)
        waited = now - caller.joined
        self._note(now, events.MOVED, before, call, why=name, waited=waited)
        if queue is not before:
            if not caller.called_back:
                in_time = waited <= before.rule.answer_within_seconds
                before.totals.count(OVERFLOWED, waited, in_time=in_time)
                queue.totals.offered += 1
            caller.queue, caller.joined = queue, now
            self.outgoing.append(Moved(call, name))
            self._limit(caller)
        if front and queue.callers:
            first = queue.callers[0]
            caller.priority, caller.since = first.priority, first.since - 1.0
        insort(queue.callers, caller, key=_place)
        for offer in rung:
            self._look_for_caller(offer.agent, now)
        self._look_for_agents(caller, now)
        return True

    def over(self, call: str, now: float) -> None:
        """A call is over: nothing of it is left, whatever was told before."""
        self.leave(call, now)
        for key in [key for key in self._kept if key[0] == call]:
            del self._kept[key]
        for agent in self.agents.values():
            if call in agent.calls or agent.talk == call:
                self.left_call(agent.name, call, now)

    # Offers.

    def picked_up(self, token: int, now: float) -> bool:
        """An agent has answered, and is connected soon; False when it is offered no more."""
        offer = self._offers.get(token)
        if offer is None:
            return False
        offer.picked_up = True
        offer.until = now + _CONNECT_SECONDS
        self._look_at(offer.until, "offer", token)
        caller = offer.caller
        self._note(now, events.PICKED_UP, caller.queue, caller.call, offer.agent)
        return True

    def accepted(self, token: int, now: float) -> bool:
        """An agent is connected; False when somebody else was, or the caller has gone."""
        offer = self._offers.get(token)
        if offer is None:
            return False
        caller, agent = offer.caller, offer.agent
        self._drop(offer)
        agent.missed = 0
        agent.talk, agent.talk_queue = caller.call, caller.queue.rule
        self._gone(caller, ANSWERED, events.ELSEWHERE, now, agent)
        return True

    def failed(self, token: int, why: str, now: float) -> None:
        """An offer came to nothing: NO_ANSWER, BUSY, REJECTED, UNREACHABLE or HUNG_UP."""
        offer = self._offers.get(token)
        if offer is not None:
            self._missed(offer, why, now)
            self._look_for_agents(offer.caller, now)

    # Agents.

    def away(self, name: str, reason: str, now: float) -> None:
        """An agent is away; an offer of it is withdrawn."""
        agent = self.agents.get(name)
        if agent is None or agent.absent == reason:
            return
        was_there = not agent.absent
        agent.absent = reason
        if was_there:
            self.history.append(Transition(now, events.AWAY, agent=name, why=reason))
        offer = agent.offer
        if offer is not None and not offer.picked_up:
            self._withdraw(offer, events.AWAY, now)
            self._look_for_agents(offer.caller, now)

    def back(self, name: str, now: float) -> None:
        """An agent is there again."""
        agent = self.agents.get(name)
        if agent is not None and agent.absent:
            agent.absent = ""
            agent.missed = 0
            self.history.append(Transition(now, events.BACK, agent=name))
            self._look_for_caller(agent, now)

    def reachable(self, name: str, now: float, *, is_reachable: bool) -> None:
        """An agent's telephone can be rung from now on, or cannot."""
        agent = self.agents.get(name)
        if agent is not None and agent.reachable != is_reachable:
            agent.reachable = is_reachable
            if is_reachable:
                self._look_for_caller(agent, now)

    def on_duty(self, name: str, now: float, *, is_on_duty: bool) -> None:
        """An agent's hours begin or end; what rings then rings on."""
        agent = self.agents.get(name)
        if agent is not None and agent.on_duty != is_on_duty:
            agent.on_duty = is_on_duty
            if is_on_duty:
                self._look_for_caller(agent, now)

    def has_call(self, name: str, call: str) -> None:
        """An agent has part in a call: one of a queue, or any other."""
        agent = self.agents.get(name)
        if agent is not None:
            agent.calls.add(call)

    def left_call(self, name: str, call: str, now: float) -> None:
        """An agent's own part in a call has ended, though the call may go on."""
        agent = self.agents.get(name)
        if agent is None:
            return
        agent.calls.discard(call)
        if agent.talk == call:
            rule = agent.talk_queue
            agent.talk, agent.talk_queue = "", None
            agent.idle_since = now
            wrap_up = 0.0 if rule is None else rule.wrap_up_seconds
            name = "" if rule is None else rule.name
            self.history.append(Transition(now, events.TALK_ENDED, name, call, agent.name))
            self._pause(agent, wrap_up, now)
        self._look_for_caller(agent, now)

    # Time.

    def deadline(self) -> float | None:
        """When `tick` is needed next; None for never, as far as is known now."""
        while self._due and not self._matters(*self._due[0]):
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def tick(self, now: float) -> None:
        """Do what is due."""
        while self._due and self._due[0][0] <= now:
            at, order, kind, key = heappop(self._due)
            if not self._matters(at, order, kind, key):
                continue
            if kind == "offer":
                offer = self._offers[int(key)]
                why = events.HUNG_UP if offer.picked_up else events.NO_ANSWER
                self._missed(offer, why, now)
                self._tell(offer, why)
                self._look_for_agents(offer.caller, now)
            elif kind == "caller":
                self._overflow(self.callers[str(key)], events.TIMEOUT, now)
            elif kind == "agent":
                self._look_for_caller(self.agents[str(key)], now)
            else:
                self._kept = {it: kept for it, kept in self._kept.items() if kept[1] > now}

    def _look_at(self, at: float, kind: str, key: str | int) -> None:
        heappush(self._due, (at, next(self._dues), kind, key))

    def _limit(self, caller: WaitingCaller) -> None:
        """See that a caller waits no longer than its queue says."""
        longest = caller.queue.rule.max_wait_seconds
        if longest and not caller.called_back:
            self._look_at(caller.joined + longest, "caller", caller.call)

    def _matters(self, at: float, _order: int, kind: str, key: str | int) -> bool:
        """Say whether there is something to do at a time that was noted once."""
        if kind == "offer":
            offer = self._offers.get(int(key))
            return offer is not None and offer.until <= at
        if kind == "caller":
            caller = self.callers.get(str(key))
            if caller is None or caller.called_back or caller.is_answered:
                return False
            longest = caller.queue.rule.max_wait_seconds
            return bool(longest) and caller.joined + longest <= at
        if kind == "agent":
            agent = self.agents.get(str(key))
            return agent is not None and agent.ready_at == at
        return any(it[0] == key and until <= at for it, (_, until) in self._kept.items())

    # How it is done.

    def _look_for_agents(self, caller: WaitingCaller, now: float) -> None:
        """Offer a caller who waits to whom it can be."""
        if not caller.ready or self.callers.get(caller.call) is not caller:
            return
        if caller.offers and (caller.queue.rule.strategy != RING_ALL or caller.is_answered):
            return
        for agent in caller.queue.chosen(caller, now):
            self._offer(caller, agent, now)

    def _look_for_caller(self, agent: Agent, now: float) -> None:
        """Offer a free agent the caller whose turn it is in all of its queues."""
        if agent.state(now) != "ready":
            return
        wanted = [queue.wanted(agent) for queue in agent.queues]
        found = [caller for caller in wanted if caller is not None]
        if found:
            self._offer(min(found, key=_place), agent, now)

    def _offer(self, caller: WaitingCaller, agent: Agent, now: float) -> None:
        queue = caller.queue
        token = next(self._tokens)
        offer = Offer(token, caller, agent, now + queue.rule.ring_seconds)
        self._offers[token] = agent.offer = caller.offers[agent.name] = offer
        if queue.rule.strategy == ROUND_ROBIN:
            queue.turned(agent)
        self._look_at(offer.until, "offer", token)
        self._note(now, events.OFFERED, queue, caller.call, agent)
        made = OfferMade(token, caller.call, queue.rule.name, agent.name, offer.until)
        self.outgoing.append(made)

    def _missed(self, offer: Offer, why: str, now: float) -> None:
        """End an offer that its agent did not take."""
        caller, agent = offer.caller, offer.agent
        rule = caller.queue.rule
        self._drop(offer)
        if offer.picked_up:
            self._limit(caller)  # that it waits too long was passed over meanwhile
        caller.missed[agent.name] = caller.missed.get(agent.name, 0) + 1
        agent.missed += 1
        self._note(now, events.MISSED, caller.queue, caller.call, agent, why)
        retry = rule.retry
        delay = retry.no_answer
        if why == events.BUSY:
            delay = retry.busy
        elif why in {events.REJECTED, events.HUNG_UP}:
            delay = retry.reject
        self._pause(agent, delay, now)
        if rule.away_after and agent.missed >= rule.away_after and not agent.absent:
            agent.absent = f"missed {agent.missed} calls of queue {rule.name}"
            self.history.append(Transition(now, events.AWAY, agent=agent.name, why=agent.absent))
            self.outgoing.append(SentAway(agent.name, agent.absent))

    def _withdraw(self, offer: Offer, why: str, now: float) -> None:
        """End an offer that its agent could not take."""
        caller = offer.caller
        self._drop(offer)
        self._note(now, events.WITHDRAWN, caller.queue, caller.call, offer.agent, why)
        self._tell(offer, why)

    def _tell(self, offer: Offer, why: str) -> None:
        withdrawn = OfferWithdrawn(offer.token, offer.caller.call, offer.agent.name, why)
        self.outgoing.append(withdrawn)

    def _drop(self, offer: Offer) -> None:
        del self._offers[offer.token]
        offer.agent.offer = None
        del offer.caller.offers[offer.agent.name]

    def _pause(self, agent: Agent, seconds: float, now: float) -> None:
        """Offer an agent nothing for so long, at least."""
        agent.ready_at = max(agent.ready_at, now + seconds)
        if agent.ready_at > now:
            self._look_at(agent.ready_at, "agent", agent.name)

    def _overflow(self, caller: WaitingCaller, why: str, now: float) -> None:
        self._gone(caller, OVERFLOWED, why, now)
        self.outgoing.append(Overflowed(caller.call, caller.queue.rule.name, why))

    def _gone(
        self, caller: WaitingCaller, outcome: str, why: str, now: float, agent: Agent | None = None
    ) -> None:
        """A caller waits no more: whoever rings for it is let go, at once free for the next."""
        queue = caller.queue
        waited = now - caller.joined
        in_time = waited <= queue.rule.answer_within_seconds
        del self.callers[caller.call]
        queue.callers.remove(caller)
        queue.departures.append(now)
        if not caller.called_back:
            queue.totals.count(outcome, waited, in_time=in_time)
        said = "" if agent is not None else why
        self._note(
            now=now,
            kind=outcome,
            queue=queue,
            call=caller.call,
            agent=agent,
            why=said,
            waited=waited,
        )
        rung = [*caller.offers.values()]
        for offer in rung:
            self._withdraw(offer, why or outcome, now)
        for offer in rung:
            self._look_for_caller(offer.agent, now)

    def _note(
        self,
        now: float,
        kind: str,
        queue: Queue,
        call: str,
        agent: Agent | None = None,
        why: str = "",
        waited: float = 0.0,
    ) -> None:
        name = "" if agent is None else agent.name
        self.history.append(
            Transition(
                at=now,
                kind=kind,
                queue=queue.rule.name,
                call=call,
                agent=name,
                why=why,
                waited_seconds=waited,
            )
        )
