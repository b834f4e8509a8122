"""A caller in a queue: answered, it hears music and its place until an agent is connected (D1).

Theory. The agents that it is offered ring as legs of this call (`call/flows/offered_agents.py`).
Until one is connected the music goes on, so an agent that hangs up at once costs nobody anything.

Rules. An announcement never holds up an agent. A caller for whom there is no media waits all the
same: unanswered it hears that it rings, answered it hears nothing. Whatever ends the wait, the
queue is told, and who rings is let go.
"""

from collections.abc import Sequence
from functools import partial
from math import inf
from typing import Final, NamedTuple

from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import Call
from callrouter.call.flows.anchored_caller import anchor_caller, unrecorded
from callrouter.call.flows.bridge.connect import join
from callrouter.call.flows.ivr.play_gather import anchor_of, ring_back, start_playing
from callrouter.call.flows.offered_agents import OfferedAgents
from callrouter.call.legs.events import (
    Event,
)
from callrouter.call.legs.reply import reply
from callrouter.call.queue_place import leave_place, take_place
from callrouter.call.services.media import Digit, Played
from callrouter.call.services.queue_port import QueueMoved, QueueOverflowed, QueuePlace
from callrouter.call.services.record import QueueRecord
from callrouter.call.services.shared_state import SECONDS
from callrouter.call.wait import NoMedia, attend, wait
from callrouter.route.decide.menu_choice import choose
from callrouter.route.rules.queue_setup import CallQueue
from callrouter.route.values.media_steps import EnterQueue, VoiceStep
from callrouter.route.values.plan import Hunt

_MOST_SPOKEN: Final = 9
"""The highest number that is said; above it, it is said to be more."""


class Waited(NamedTuple):
    """What came of a wait. outcome: as `QueueRecord` has it. steps: of the key that ended it."""

    outcome: str
    steps: tuple[Hunt | VoiceStep, ...] = ()


async def wait_for_agent(call: Call, step: EnterQueue) -> Waited:
    """Let a caller wait in a queue; returns what came of it, `answered` when it is connected.

    Raises Over when the caller leaves.
    """
    why = await take_place(call, step, partial(wait, call))
    return Waited(why) if why else await wait_at_place(call, step)


async def wait_at_place(call: Call, step: EnterQueue) -> Waited:
    """Let a caller wait at the place that it has; as `wait_for_agent`."""
    record = call.record.queues[-1]
    try:
        await _receive(call)
        waiting = _Wait(call, call.dialplan.queues[step.queue], record)
        call.inbox.queued = True
        await waiting.run()
    finally:
        call.inbox.queued = False
        record = leave_place(call)
    return Waited(record.outcome, waiting.steps)


async def _receive(call: Call) -> None:
    """Answer the caller, and take its media to us. Raises Over.

    Where there is no media for it, it is not answered: it hears that it rings, for as long as it
    waits.
    """
    anchor = anchor_of(call)
    try:
        await anchor_caller(call, anchor, answer=True)
    except NoMedia:
        unrecorded(call, anchor)
        if call.record.answered_ms is None:
            call.a.ring(180, "", "", b"")
            if call.record.ringing_ms is None:
                call.rings()


class _Wait:
    """The wait itself, from when the caller hears us. steps: of the key that ended it."""

    __slots__ = (
        "_agents",
        "_anchor",
        "_announce_at",
        "_announcing",
        "_call",
        "_queue",
        "_record",
        "steps",
    )

    def __init__(self, call: Call, queue: CallQueue, record: QueueRecord) -> None:
        self._call = call
        self._queue = queue
        self._record = record
        self._anchor: AnchoredMedia = anchor_of(call)
        self._agents = OfferedAgents(call, record.queue, self._other)
        self.steps: tuple[Hunt | VoiceStep, ...] = ()
        announcements = queue.announcements
        self._announce_at = inf if announcements is None else call.now
        self._announcing = False

    async def run(self) -> None:
        """Wait until something ends it, which the record says. Raises Over."""
        call = self._call
        self._play_music()
        call.shared.queues.ready(call.record.id, call.now)
        while not self._record.outcome:
            if call.now >= self._announce_at:
                await self._announce()
            self._on(await attend(call, self._until(), alone=True))
            taken = await self._agents.go_on()
            if taken is not None:
                self._record.agent = taken.name
                self._record.outcome = "answered"
                if not await join(call, self._anchor, taken.answered):
                    self._record.outcome = "failed"

    def _until(self) -> float:
        until = min(self._announce_at, self._agents.until)
        return 0.0 if until == inf else until

    def _on(self, event: Event) -> None:
        if not self._agents.take(event):
            self._other(event)

    def _other(self, event: Event) -> None:
        match event:
            case QueueOverflowed():
                self._record.outcome = event.why
            case QueueMoved():
                self._moved(event.queue)
            case Digit():
                self._pressed(event)
            case Played():
                if self._announcing and self._anchor.is_of_caller(event.session):
                    self._play_music()
            case _:
                pass  # late answers, and legs that are gone

    def _moved(self, name: str) -> None:
        """Somebody has let the caller wait in another queue."""
        call, before = self._call, self._record
        before.outcome, before.left_ms = "moved", call.ms()
        self._record = QueueRecord(queue=name, joined_ms=call.ms())
        call.record.queues += (self._record,)
        self._agents.queue = name
        queue = call.dialplan.queues.get(name)
        if queue is not None:  # else a reload has brought it, and it sounds as the one before
            self._queue = queue
            self._announce_at = inf if queue.announcements is None else call.now
            self._play_music()

    # What the caller hears.

    def _play_music(self) -> None:
        self._announcing = False
        call, music = self._call, None
        if self._queue.music:
            music = call.dialplan.prompts.music.get(self._queue.music)
        a_session = self._anchor.a_session
        if a_session is None:
            return
        if music is None:
            ring_back(call)
            return
        a_session.slots.play(a_session.name, [music.path], loop=True)

    async def _announce(self) -> None:
        """Interrupt the music; it goes on when everything is said."""
        call, announcements = self._call, self._queue.announcements
        assert announcements is not None  # noqa: S101 - else there is no time for it
        self._announce_at = call.now + announcements.every_seconds
        names = [*announcements.prompts]
        if announcements.position or announcements.wait:
            asked = call.shared.queues.place(call.record.id, call.now)
            place = await reply(call.inbox, self._agents.asking, asked, call.now + SECONDS)
            if isinstance(place, QueuePlace):
                names += _place_words(place, said=announcements.position, wait=announcements.wait)
        if names and self._anchor.a_session is not None and start_playing(call, names):
            self._announcing = True

    def _pressed(self, event: Digit) -> None:
        call, keys = self._call, self._queue.keys
        if keys is None or not self._anchor.is_of_caller(event.session):
            return
        snapshot, number = call.shared.snapshot(), call.record.number
        chosen = choose(call.dialplan, call.facts, snapshot, number, keys, event.digit)
        if chosen is not None and not chosen.barred:
            call.record.trace += chosen.trace
            self._anchor.language = chosen.language or self._anchor.language
            self.steps = chosen.plan.steps
            self._record.outcome = "key"


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
