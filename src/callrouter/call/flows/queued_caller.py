"""A caller in a queue: answered, it hears music and its place until an agent is connected (D1).

Theory. The queue says which agents are to be rung (`call/services/queue_port.py`); they are rung
here, each by the hunt of its extension, as legs of this call. Who picks up is acknowledged at once,
and connected when it has stayed for a moment: until then the others ring on and the music goes on,
so an agent that hangs up at once, or a caller, costs nobody anything.

Rules. An announcement never holds up an agent. A caller for whom there is no media waits all the
same: unanswered it hears that it rings, answered it hears nothing. Whatever ends the wait, the
queue is told, and who rings is let go.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from math import inf
from typing import Final, NamedTuple

from callrouter.call.anchored_media import Speech
from callrouter.call.call import Call
from callrouter.call.flows.anchored_caller import anchor, unrecorded
from callrouter.call.flows.bridge.connect import join
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.flows.ivr.play_gather import ring_back, speech_of, start_playing
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
from callrouter.call.legs.reply import reply
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.media import Digit, Played
from callrouter.call.services.queue_port import (
    QueueOffered,
    QueueOverflowed,
    QueuePlace,
    QueueWithdrawn,
)
from callrouter.call.services.record import QueueRecord
from callrouter.call.services.shared_state import SECONDS
from callrouter.call.targets.registered_contacts import with_phones
from callrouter.call.wait import NoMedia, attend, wait
from callrouter.pending import Later, Unavailable
from callrouter.route.decide.menu_choice import choose
from callrouter.route.rules.number_rules import Extension
from callrouter.route.rules.queue_setup import CallQueue
from callrouter.route.values.media_steps import EnterQueue, VoiceStep
from callrouter.route.values.plan import Hunt, Target, Verdict
from callrouter.route.values.seeded_random import Dice

_STAYS_SECONDS: Final = 0.1
"""How long an agent must have stayed, from its answer on, to be connected."""
_MARGIN_SECONDS: Final = 1.0
"""The queue ends an offer; our own timers are there for when it does not."""
_MOST_SPOKEN: Final = 9
"""The highest number that is said; above it, it is said to be more."""


class Waited(NamedTuple):
    """What came of a wait. outcome: as `QueueRecord` has it. steps: of the key that ended it."""

    outcome: str
    steps: tuple[Hunt | VoiceStep, ...] = ()


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
        if self._call.speech is not None:
            self._call.speech.recycle(leg)


async def wait_for_agent(call: Call, step: EnterQueue) -> Waited:
    """Let a caller wait in a queue; returns what came of it, `answered` when it is connected.

    Raises Over when the caller leaves.
    """
    record = QueueRecord(step.queue, call.ms())
    call.record.queues += (record,)
    queues, name = call.shared.queues, call.record.id
    asked = queues.join(name, step.queue, call.now, step.priority, step.skills, call.inbox.post)
    try:
        joined = await _reply(call, asked)
        if joined is not True:
            record.outcome = "full" if joined is False else "unavailable"
            return Waited(record.outcome)
        await _receive(call)
        waiting = _Wait(call, call.dialplan.queues[step.queue], record)
        await waiting.run()
    finally:
        record.outcome = record.outcome or "abandoned"
        record.left_ms = call.ms()
        if record.outcome != "answered":
            call.withdraw("")
            queues.leave(name, call.now, record.outcome)
    return Waited(record.outcome, waiting.steps)


async def _receive(call: Call) -> None:
    """Answer the caller, and take its media to us. Raises Over.

    Where there is no media for it, it is not answered: it hears that it rings, for as long as it
    waits.
    """
    speech = speech_of(call)
    try:
        await anchor(call, speech, answer=True)
    except NoMedia:
        unrecorded(call, speech)
        if call.record.answered_ms is None:
            call.a.ring(180, "", "", b"")
            if call.record.ringing_ms is None:
                call.rings()


async def _reply(call: Call, asked: Later[bool]) -> bool | Unavailable:
    answer = await reply(call.inbox, partial(wait, call), asked, call.now + SECONDS)
    if isinstance(answer, Unavailable):
        call.shared.failures.add("queues", answer.why)
    return answer


class _Wait:
    """The wait itself, from when the caller hears us. steps: of the key that ended it."""

    __slots__ = (
        "_agents",
        "_announce_at",
        "_announcing",
        "_call",
        "_noted",
        "_offers",
        "_queue",
        "_record",
        "_speech",
        "steps",
    )

    def __init__(self, call: Call, queue: CallQueue, record: QueueRecord) -> None:
        self._call = call
        self._queue = queue
        self._record = record
        self._speech: Speech = speech_of(call)
        self._agents: dict[int, _Agent] = {}
        self.steps: tuple[Hunt | VoiceStep, ...] = ()
        announcements = queue.announcements
        self._announce_at = inf if announcements is None else call.now
        self._announcing = False
        self._noted: set[str] = set()
        self._offers: list[QueueOffered] = []

    async def run(self) -> None:
        """Wait until something ends it, which the record says. Raises Over."""
        call = self._call
        self._play_music()
        call.shared.queues.ready(call.record.id, call.now)
        while not self._record.outcome:
            if call.now >= self._announce_at:
                await self._announce()
            self._on(await attend(call, self._until(), alone=True))
            while self._offers:
                await self._ring(self._offers.pop(0))
            await self._connect()

    def _until(self) -> float:
        until = self._announce_at
        for agent in self._agents.values():
            until = min(until, agent.ringing.until, agent.until)
        return 0.0 if until == inf else until

    def _on(self, event: Event) -> None:
        match event:
            case QueueOffered():
                self._offers.append(event)
            case QueueWithdrawn():
                self._withdrawn(event)
            case QueueOverflowed():
                self._record.outcome = event.why
            case Digit():
                self._pressed(event)
            case Played():
                if self._announcing and self._speech.is_ear(event.session):
                    self._play_music()
            case Deadline():
                for agent in [*self._agents.values()]:
                    if agent.ringing.until <= self._call.now:
                        agent.ringing.expire()
            case _:
                self._of_legs(event)

    def _of_legs(self, event: Event) -> None:
        if isinstance(event, Progress | Answered | Failed | HungUp | Lost):
            for agent in self._agents.values():
                if event.leg in agent.ringing.lines:
                    self._of_agent(agent, event)
                    break

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

    # Agents.

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
            why = f"is an agent of queue {self._record.queue}, and free"
            place = extension.file, extension.line
            verdict = Verdict(extension.hold, True, extension.key, why, *place)
            self._call.record.trace = (*self._call.record.trace, verdict)

    async def _next_round(self, agent: _Agent) -> None:
        """Ring the agent's next targets, or give the agent up."""
        call = self._call
        while not agent.ringing.lines:
            targets = next(agent.rounds, None)
            if targets is None:
                del self._agents[agent.token]
                why = "unreachable" if agent.why == "redirected" else agent.why
                call.shared.queues.failed(agent.token, why, call.now)
                return
            phones = await with_phones(targets, call, self._asking)
            if agent.token not in self._agents:
                return  # withdrawn meanwhile
            agent.ringing.begin(phones)

    async def _asking(self, until: float) -> Event:
        """Await the next event while a service is asked. Raises Over."""
        event = await attend(self._call, until, alone=True)
        if not isinstance(event, Deadline | Replied):
            self._on(event)
        return event

    def _withdrawn(self, event: QueueWithdrawn) -> None:
        """An agent is offered no more; one that did not answer has missed the call."""
        self._offers = [offer for offer in self._offers if offer.token != event.token]
        agent = self._agents.pop(event.token, None)
        if agent is None:
            return
        call = self._call
        for leg in [*agent.ringing.lines]:
            if event.why == "no_answer":
                call.leg_failed(leg, 408, "no_answer" if leg.heard else "unreachable")
            else:
                call.leg_withdrawn(leg, "")
            self._speech.recycle(leg)

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
        line = agent.ringing.lines[leg]
        line.until = line.ring_until = inf
        agent.ringing.rearm()

    async def _connect(self) -> None:
        """Go on to the next round of who rings no more; connect who has answered and stayed."""
        call = self._call
        for agent in [*self._agents.values()]:
            if not agent.ringing.lines:
                await self._next_round(agent)
        for agent in [*self._agents.values()]:
            answered = agent.answered
            if answered is None or call.now < agent.until:
                continue
            agent.until = inf
            accepted = await _reply(call, call.shared.queues.accepted(agent.token, call.now))
            if accepted is True:
                self._record.agent = agent.name
                call.lines.count(call.dialplan.extensions[agent.name].hold)
                self._record.outcome = "answered"
                if not await join(call, self._speech, answered):
                    self._record.outcome = "failed"
                return

    # What the caller hears.

    def _play_music(self) -> None:
        self._announcing = False
        call, music = self._call, None
        if self._queue.music:
            music = call.dialplan.prompts.music.get(self._queue.music)
        ear = self._speech.ear
        if ear is None:
            return
        if music is None:
            ring_back(call)
            return
        ear.slots.play(ear.name, [music.path], loop=True)

    async def _announce(self) -> None:
        """Interrupt the music; it goes on when everything is said."""
        call, announcements = self._call, self._queue.announcements
        assert announcements is not None  # noqa: S101 - else there is no time for it
        self._announce_at = call.now + announcements.every_seconds
        names = [*announcements.prompts]
        if announcements.position or announcements.wait:
            asked = call.shared.queues.place(call.record.id, call.now)
            place = await reply(call.inbox, self._asking, asked, call.now + SECONDS)
            if isinstance(place, QueuePlace):
                names += _place_words(place, said=announcements.position, wait=announcements.wait)
        if names and self._speech.ear is not None and start_playing(call, names):
            self._announcing = True

    def _pressed(self, event: Digit) -> None:
        call, keys = self._call, self._queue.keys
        if keys is None or not self._speech.is_ear(event.session):
            return
        snapshot, number = call.shared.snapshot(), call.record.number
        chosen = choose(call.dialplan, call.facts, snapshot, number, keys, event.digit)
        if chosen is not None and not chosen.barred:
            call.record.trace += chosen.trace
            self._speech.language = chosen.language or self._speech.language
            self.steps = chosen.plan.steps
            self._record.outcome = "key"


def _until(target: Target, seconds: float) -> Target:
    """A target that rings until the queue says otherwise."""
    made = target.copied()
    made.ring_seconds = max(seconds, 0.0) + _MARGIN_SECONDS
    return made


def _place_words(place: QueuePlace, *, said: bool, wait: bool) -> Sequence[str]:
    """The prompts for a place and for the minutes until its turn."""
    words: list[str] = []
    if said:
        words += _number("queue_position", place.position)
    if wait and place.expected_seconds is not None:
        words += _number("queue_wait", max(1, -int(-place.expected_seconds // 60)))
    return words


def _number(prompt: str, number: int) -> Sequence[str]:
    if number > _MOST_SPOKEN:
        return (f"{prompt}_many",)
    return (prompt, f"digit_{number}")
