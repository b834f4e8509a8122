"""Call queues in memory: the distribution of calls, driven by this process's calls and telephones.

Theory. The distribution itself is a pure machine (`queues/`). Here it is told what happens: what
calls say through their port, who is away or registered, and in which calls its agents have part,
whoever rings them or is rung by them; that is read off the stream of call events, and only while
there are agents. What it asks for goes to the inbox of the call that it is about. One timer of the
stack stands for all that it waits for, so a queue in which nothing happens costs nothing.

Rules. Presence and registrations may change anywhere, and are told to the distribution in a step of
the stack of their own. Who waits ends with the process; who is away does not, for a distribution
that sends an agent away says so to its presence.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final

from callrouter.call.services.call_events import CallEvents, CallTransferred, LegChanged
from callrouter.call.services.queue_port import (
    QueueEvent,
    QueueMoved,
    QueueOffered,
    QueueOverflowed,
    QueuePlace,
    QueueWithdrawn,
)
from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.metric import Rows, counter, gauge
from callrouter.queues.distribution import Distribution
from callrouter.queues.queue_events import (
    Moved,
    OfferMade,
    OfferWithdrawn,
    Overflowed,
    SentAway,
    Transition,
)
from callrouter.queues.service_level import ABANDONED, FORMULAS
from callrouter.register.bindings import Bindings
from callrouter.route.rules.queue_setup import AgentTelephones, CallQueue
from callrouter.sip.stack import Stack
from callrouter.sip.timers import Timer
from callrouter.state.extensions_in_memory import PresenceInMemory
from callrouter.state.overrides_in_memory import OverridesInMemory

_HOURS_SECONDS: Final = 60.0
"""At the latest after so long it is looked who is on duty: the clock on the wall may be put."""
_HISTORY: Final = 10_000
"""Transitions that are kept to be shown; the log has all."""


def _at_once(act: Callable[[], None]) -> None:
    act()


def _nobody(_row: Transition) -> None:
    """Nobody wants to know."""


class QueuesInMemory:
    """The queues of the calls of this process. Implements `CallQueues`.

    centre: the distribution, to be read. history: the last transitions, each with its steady time.
    noted: told of each. soon: does something in a step of the stack, later.
    """

    def __init__(
        self,
        presence: PresenceInMemory,
        bindings: Bindings,
        overrides: OverridesInMemory,
        steady: Callable[[], float],
        wall: Callable[[], float],
    ) -> None:
        """steady, wall: the steady time, and that of the clock on the wall, by which hours go."""
        self.centre = Distribution()
        self.history: deque[Transition] = deque(maxlen=_HISTORY)
        self.noted: Callable[[Transition], None] = _nobody
        self.soon: Callable[[Callable[[], None]], None] = _at_once
        self._presence = presence
        self._bindings = bindings
        self._overrides = overrides
        self._steady = steady
        self._wall = wall
        self._stack: Stack | None = None
        self._events: CallEvents | None = None
        self._watching = False
        self._timer: Timer | None = None
        self._due: float | None = None
        self._hours: Timer | None = None
        self._posts: dict[str, Callable[[QueueEvent], None]] = {}
        self._agents: Mapping[str, AgentTelephones] = {}
        self._rung: dict[str, tuple[str, ...]] = {}
        self._parts: dict[str, set[str]] = {}

    # What it is run by.

    def start(self, stack: Stack, events: CallEvents) -> None:
        """Use the timers of a stack, and hear of its calls."""
        self._stack = stack
        self._events = events
        self._presence.changed = self._presence_changed
        self._bindings.changed = self._binding_changed
        self._overrides.changed = self._schedule_switched

    def serve(
        self,
        queues: Mapping[str, CallQueue],
        agents: Mapping[str, AgentTelephones],
    ) -> None:
        """Have these queues from now on."""
        now = self._now()
        self._agents = agents
        self._rung = {}
        for name, telephones in agents.items():
            for target in telephones.targets:
                self._rung[target] = (*self._rung.get(target, ()), name)
        self.centre.serve({name: queue.rule for name, queue in queues.items()}, now)
        for name in agents:
            self._tell_presence(name)
            self._tell_registration(name)
        self._tell_hours()
        for call, parts in self._parts.items():
            for name in parts:
                self.centre.has_call(name, call)
        self._watch(bool(agents))
        self._act(now)
        if not agents:
            # Nobody tells of their ends any more.
            self._posts.clear()
            self._parts.clear()

    # What calls ask of it.

    def join(
        self,
        call: str,
        queue: str,
        now: float,
        priority: int,
        skills: tuple[str, ...],
        post: Callable[[QueueEvent], None],
    ) -> bool:
        """Take a place; False when the queue is full."""
        joined = self.centre.join(call, queue, now, priority, skills)
        if joined:
            self._posts[call] = post
        self._act(now)
        return joined

    def call_back(
        self,
        call: str,
        queue: str,
        now: float,
        missed: float,
        post: Callable[[QueueEvent], None],
    ) -> bool:
        """Take a place for who is to be called back."""
        joined = self.centre.join(call, queue, now, missed=missed)
        if joined:
            self._posts[call] = post
            self.centre.ready(call, now)
        self._act(now)
        return joined

    def ready(self, call: str, now: float) -> None:
        """From now on the caller can be connected."""
        self.centre.ready(call, now)
        self._act(now)

    def leave(self, call: str, now: float, why: str) -> None:
        """Wait no more."""
        caller = self.centre.callers.get(call)
        self.centre.leave(call, now, "" if why == ABANDONED else why)
        self._act(now)
        if caller is not None and caller.called_back:
            # There may never have been a call of it whose end would tell.
            self._posts.pop(call, None)

    def move(self, call: str, queue: str, *, front: bool) -> str:
        """Let a caller wait elsewhere, in a step of the stack; returns why that cannot be.

        queue: "" for the one that it is in.
        """
        caller = self.centre.callers.get(call)
        if caller is None:
            return f"no call {call} waits in a queue"
        name = queue or caller.queue.rule.name
        if name not in self.centre.queues:
            return f"the dialplan has no queue {name}"
        now = self._now()
        moved = self.centre.move(call, name, now, front=front)
        self._act(now)
        return "" if moved else "an agent has just answered it"

    def place(self, call: str, now: float) -> QueuePlace:
        """Where the caller stands."""
        caller = self.centre.callers.get(call)
        if caller is None:
            return QueuePlace(1, None)
        position = caller.queue.position(caller)
        return QueuePlace(position, caller.queue.expected_wait(position, now))

    def picked_up(self, token: int, now: float) -> bool:
        """An agent has answered."""
        known = self.centre.picked_up(token, now)
        self._act(now)
        return known

    def accepted(self, token: int, now: float) -> bool:
        """An agent is connected now."""
        known = self.centre.accepted(token, now)
        self._act(now)
        return known

    def failed(self, token: int, why: str, now: float) -> None:
        """An agent was not had."""
        self.centre.failed(token, why, now)
        self._act(now)

    # What it does.

    def _now(self) -> float:
        return 0.0 if self._stack is None else self._stack.now

    def _act(self, now: float) -> None:
        """Do what the distribution asks for, note what has changed, and wait for what is due."""
        centre = self.centre
        while centre.outgoing:
            action = centre.outgoing.pop(0)
            if isinstance(action, SentAway):
                self._presence.leave(action.agent, action.reason)
                continue
            post = self._posts.get(action.call)
            if post is not None:
                post(_event(action))
        while centre.history:
            row = centre.history.pop(0)
            # What happens meanwhile is noted behind it: a post may end in another step of ours.
            row = row._replace(at=self._steady())
            self.history.append(row)
            self.noted(row)
        self._rearm()

    def _rearm(self) -> None:
        due = self.centre.deadline()
        if due == self._due or self._stack is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due is None else self._stack.timers.start(due, self._on_due)

    def _on_due(self, now: float) -> None:
        self._timer = self._due = None
        self.centre.tick(now)
        self._act(now)

    # Where its agents are.

    def _presence_changed(self, extension: str) -> None:
        if extension in self._agents:
            self.soon(partial(self._told, self._tell_presence, extension))

    def _binding_changed(self, extension: str) -> None:
        if extension in self._agents:
            self.soon(partial(self._told, self._tell_registration, extension))

    def _schedule_switched(self) -> None:
        if self._hours is not None:
            self.soon(self._hours_due)

    def _hours_due(self) -> None:
        self._tell_hours()
        self._act(self._now())

    def _tell_hours(self) -> None:
        """Say who is on duty, and look again when hours begin or end."""
        if self._hours is not None:
            self._hours.cancel()
            self._hours = None
        now, wall = self._now(), self._wall()
        until = wall + _HOURS_SECONDS
        limited = False
        for name, telephones in self._agents.items():
            schedule = telephones.schedule
            is_open = True
            if schedule is not None:
                limited = True
                is_open = schedule.hours(wall, self._overrides.switched).open
                until = min(until, schedule.steady_until(int(wall)))
            self.centre.on_duty(name, now, is_on_duty=is_open)
        if limited and self._stack is not None:
            due = now + max(until - wall, 0.0)
            self._hours = self._stack.timers.start(due, lambda _: self._hours_due())

    def _told(self, tell: Callable[[str], None], extension: str) -> None:
        tell(extension)
        self._act(self._now())

    def _tell_presence(self, extension: str) -> None:
        reason = self._presence.reasons.get(extension)
        if reason is None:
            self.centre.back(extension, self._now())
        else:
            self.centre.away(extension, reason or "away", self._now())

    def _tell_registration(self, extension: str) -> None:
        telephones = self._agents.get(extension)
        found = True
        if telephones is not None and telephones.registers:
            bindings = self._bindings.of(extension, self._steady())
            found = any(binding.reachable for binding in bindings)
        self.centre.reachable(extension, self._now(), is_reachable=found)

    # In which calls its agents have part.

    def _watch(self, wanted: bool) -> None:
        """Hear of calls while there are agents."""
        if self._events is None or wanted == self._watching:
            return
        self._watching = wanted
        events = self._events
        if wanted:
            events.started.subscribe(self._started)
            events.leg.subscribe(self._leg_changed)
            events.transferred.subscribe(self._transferred)
            events.ended.subscribe(self._ended)
        else:
            events.started.unsubscribe(self._started)
            events.leg.unsubscribe(self._leg_changed)
            events.transferred.unsubscribe(self._transferred)
            events.ended.unsubscribe(self._ended)

    def _calling(self, record: CallRecord) -> str:
        """The agent who has called, "" for somebody else."""
        return record.extension if record.extension in self._agents else ""

    def _started(self, record: CallRecord) -> None:
        agent = self._calling(record)
        if agent:
            self._has_part(agent, record.id)

    def _leg_changed(self, event: LegChanged) -> None:
        for agent in self._agents_at(event.leg):
            if self._is_rung(agent, event.record):
                self._has_part(agent, event.record.id)
            else:
                self._part_ended(agent, event.record.id)

    def _agents_at(self, leg: LegRecord) -> tuple[str, ...]:
        """Whose telephone a leg leads to. Who was taken over from another call says so there."""
        if leg.extension in self._agents:
            return (leg.extension,)
        return self._rung.get(leg.target) or self._rung.get(leg.extension, ())

    def _is_rung(self, agent: str, record: CallRecord) -> bool:
        """Say whether a call has a leg to an agent that is not over."""
        return any(leg.ended_ms is None and agent in self._agents_at(leg) for leg in record.legs)

    def _transferred(self, event: CallTransferred) -> None:
        agent = self._calling(event.record)
        if agent and event.by == "caller":
            self._part_ended(agent, event.record.id)

    def _ended(self, record: CallRecord) -> None:
        call = record.id
        for agent in [*self._parts.get(call, ())]:
            self._part_ended(agent, call)
        if self._posts.pop(call, None) is not None:
            self.centre.over(call, self._now())
            self._act(self._now())

    def _has_part(self, agent: str, call: str) -> None:
        self._parts.setdefault(call, set()).add(agent)
        self.centre.has_call(agent, call)

    def _part_ended(self, agent: str, call: str) -> None:
        parts = self._parts.get(call)
        if parts is None or agent not in parts:
            return
        parts.discard(agent)
        if not parts:
            del self._parts[call]
        self.centre.left_call(agent, call, self._now())
        self._act(self._now())


def _event(action: "OfferMade | OfferWithdrawn | Overflowed | Moved") -> QueueEvent:
    if isinstance(action, OfferMade):
        return QueueOffered(token=action.token, agent=action.agent, until=action.until)
    if isinstance(action, OfferWithdrawn):
        return QueueWithdrawn(token=action.token, why=action.why)
    if isinstance(action, Moved):
        return QueueMoved(queue=action.queue)
    return QueueOverflowed(why=action.why)


def _calls(queues: QueuesInMemory) -> Iterator[tuple[tuple[str, str], float]]:
    for name, queue in [*queues.centre.queues.items()]:
        totals = queue.totals
        yield (name, "answered_in_time"), totals.answered_in_time
        yield (name, "answered_late"), totals.answered_late
        yield (name, "abandoned_in_time"), totals.abandoned_in_time
        yield (name, "abandoned_late"), totals.abandoned_late
        yield (name, "overflowed"), totals.overflowed


def _levels(queues: QueuesInMemory) -> Iterator[tuple[tuple[str, str], float]]:
    for name, queue in [*queues.centre.queues.items()]:
        for formula, level in FORMULAS.items():
            found = level(queue.totals)
            if found is not None:
                yield (name, formula), found / 100


def _states(queues: QueuesInMemory) -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    now = queues._now()
    for name, queue in [*queues.centre.queues.items()]:
        for _, agent in [*queue.members]:
            key = (name, agent.state(now))
            found[key] = found.get(key, 0) + 1
    return found


METRICS: Final[Rows[QueuesInMemory]] = (
    gauge(
        "callrouter_queue_waiting",
        "This many callers wait in a queue now, those to be called back not counted.",
        lambda it: {name: queue.length for name, queue in [*it.centre.queues.items()]},
        "queue",
    ),
    gauge(
        "callrouter_queue_agents",
        "This many agents of a queue are in each state now; only those that are `ready` are "
        "offered callers.",
        _states,
        "queue",
        "state",
    ),
    counter(
        "callrouter_queue_calls",
        "Each caller who waits no more adds one, by what became of it; overflowed callers went on "
        "by their route, from a full queue, after the longest wait or by a key.",
        lambda it: dict(_calls(it)),
        "queue",
        "outcome",
    ),
    counter(
        "callrouter_queue_answer_wait_seconds",
        "How long callers who were answered had waited, summed up; by their count it is the mean.",
        lambda it: {
            name: queue.totals.waited_seconds for name, queue in [*it.centre.queues.items()]
        },
        "queue",
    ),
    gauge(
        "callrouter_queue_service_level",
        "The share of callers answered in time since the start, from 0 to 1, by each formula; "
        "docs/queues.md says what they count.",
        lambda it: dict(_levels(it)),
        "queue",
        "formula",
    ),
)
