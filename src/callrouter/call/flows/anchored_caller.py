"""The caller's side of a hunt while it is spoken to: greeting, ringback, confirmation, recording.

Theory. A caller whose media is with us hears the greeting, then a ringback of ours; what targets
send before they answer reaches it only through the worker.
"""

from collections.abc import Sequence
from typing import Final

from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import Call
from callrouter.call.flows.bridge.connect import join
from callrouter.call.flows.bridge.dtmf_relay import Crossing
from callrouter.call.flows.bridge.recorder import not_recorded, recorded_for
from callrouter.call.flows.confirm import Confirming
from callrouter.call.flows.hunt.hunt import CallerSide
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.flows.ivr.play_gather import (
    anchor_of,
    attach,
    open_session,
    ring_back,
    say,
    start_playing,
)
from callrouter.call.legs.events import Acknowledged, Answered, Event, Progress
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.media import Digit, Played
from callrouter.call.teardown import Over
from callrouter.call.wait import NoMedia, lost_worker
from callrouter.route.values.plan import Hunt, Target
from callrouter.route.values.refusal_reasons import NOT_RECORDABLE

_GONE: Final = 480


class AnchoredCaller(CallerSide):
    """A caller whose media is with us, or was, or is to be."""

    __slots__ = ("_anchor", "_confirming", "_crossing", "_early", "_greeted")

    def __init__(self, call: Call, step: Hunt) -> None:
        self.call = call
        self.ringing = Ringing(call, step, self._left)
        self._anchor = anchor_of(call)
        self._confirming = None
        if step.confirm is not None:
            self._confirming = Confirming(call, self._anchor, self.ringing, step.confirm)
        self._early: BLeg | None = None
        self._crossing = Crossing(call, self._anchor)
        self._greeted = False

    async def prepare(self, targets: tuple[Target, ...]) -> bool:
        """Greet the caller, and have sessions for targets that must confirm. Raises Over."""
        call, anchor, step = self.call, self._anchor, self.ringing.hunt
        if not self._greeted:
            self._greeted = True
            try:
                await _greet(call, anchor, step)
            except NoMedia:
                unrecorded(call, anchor)
        try:
            if step.confirm is not None:
                await _reserve(call, anchor, targets)
        except NoMedia:
            return False  # without its key no target may be connected
        return True

    def answered(self, event: Answered) -> Answered | None:
        """A target has answered: it is connected now, or asked to confirm."""
        if self._confirming is None:
            return event
        if not self._confirming.ask(event):
            self.ringing.unusable(event.leg)
        return None

    async def connect(self, event: Answered) -> bool:
        """Connect both, end to end or at the worker. Raises Over."""
        return await join(self.call, self._anchor, event)

    def other(self, event: Event) -> Answered | None:
        """Keys, prompts that end, the worker's loss."""
        if lost_worker(self.call, event):
            self._worker_lost()
        elif isinstance(event, Digit):
            return self._pressed(event)
        elif isinstance(event, Played):
            return self._played(event)
        elif isinstance(event, Acknowledged):
            # Its answer to our offer has come late: there was no media to wait for it.
            self._anchor.caller.heard(event.request.body)
        return None

    def progressed(self, event: Progress) -> None:
        """Early media of a target reaches the caller by the worker, when that bridges the two."""
        anchor = self._anchor
        callee = anchor.callees.get(event.leg)
        if not (event.response.body and callee is not None and callee.session is anchor.b_session):
            return
        if self._early is None and anchor.a_session is not None:
            audio = callee.party.heard(event.response.body)
            if audio is not None:
                self._early = event.leg
                anchor.crossing = True
                callee.session.connect(audio)
                anchor.hush()
                anchor.a_session.slots.bridge(anchor.a_session.name, callee.session.name)

    def _left(self, leg: BLeg) -> None:
        """A target is out: what it had is there for the next."""
        anchor = self._anchor
        if leg is self._early:
            self._early = None
            anchor.crossing = False
            if anchor.a_session is not None and anchor.b_session is not None:
                anchor.a_session.slots.unbridge(anchor.a_session.name, anchor.b_session.name)
                self._fill()
        if self._confirming is not None:
            self._confirming.asked.pop(leg, None)
        anchor.recycle(leg)

    def _fill(self) -> None:
        """Let the caller hear what it hears while nobody answers."""
        greeting = self.ringing.hunt.greeting
        if greeting is not None and greeting.repeat:
            start_playing(self.call, greeting.prompts, repeat=True)
        else:
            ring_back(self.call)

    def _worker_lost(self) -> None:
        """The worker is gone. Who was asked to confirm cannot be any more."""
        asked = [] if self._confirming is None else list(self._confirming.asked)
        self._anchor.let_go()
        self._early = None
        for leg in asked:
            self.call.leg_failed(leg, _GONE, "unreachable")
            self.ringing.forget(leg)

    def _pressed(self, event: Digit) -> Answered | None:
        if self._early is not None:
            self._crossing.pass_on(event, self._early)
        return None if self._confirming is None else self._confirming.heard(event)

    def _played(self, event: Played) -> Answered | None:
        answered = None if self._confirming is None else self._confirming.heard(event)
        if answered is None and self._anchor.is_of_caller(event.session):
            ring_back(self.call)
        return answered


async def _greet(call: Call, anchor: AnchoredMedia, hunt: Hunt) -> None:
    greeting = hunt.greeting
    # A caller who has described nothing yet does so in the ACK to an answer of ours.
    late = not call.caller_body()
    if anchor.anchored:
        if hunt.confirm is not None:
            anchor.wanted = 1 + max(len(targets) for targets in hunt.rounds)
        answer = late or (greeting is not None and greeting.answer)
        await anchor_caller(call, anchor, answer=answer, bridges=hunt.confirm is None)
    elif late and hunt.confirm is not None:
        await attach(call, answer=True)
    if greeting is not None:
        await attach(call, answer=greeting.answer)
        start_playing(call, greeting.prompts, repeat=greeting.repeat)
    else:
        ring_back(call)


async def anchor_caller(
    call: Call, anchor: AnchoredMedia, *, answer: bool, bridges: bool = True
) -> None:
    """Take the caller's media to us and, where the worker is to be the bridge, be ready for that.

    answer: as `attach` has it. bridges: targets share one session, for none of them has to confirm.
    Raises NoMedia, and Over when there is no room for a recording that has to be.
    """
    if anchor.anchored:
        _find_room(call, anchor)
    await attach(call, answer=answer)
    if anchor.anchored:
        await _notice(call, anchor)
        if bridges and anchor.b_session is None and anchor.a_session is not None:
            anchor.b_session = await open_session(call, anchor, anchor.a_session.slots, None)


async def _notice(call: Call, anchor: AnchoredMedia) -> None:
    recording = anchor.recording
    if recording is None or recording.outgoing:
        return
    if recording.notice and not anchor.noticed:
        anchor.noticed = True
        await say(call, (recording.notice,))


def unrecorded(call: Call, anchor: AnchoredMedia) -> None:
    """There is no media: the call goes on without, and its record says so.

    But a call that has to be recorded and, by what its caller describes, never can be goes nowhere.
    Raises Over then.
    """
    rule = anchor.recording
    if rule is None or not rule.at_once:
        return
    unfit = anchor.caller.unfit
    if unfit is not None:
        call.refuse_offer(unfit, NOT_RECORDABLE)
        raise Over
    not_recorded(call, "failed", "no media worker could take it")
    if rule.required:
        call.turn_away(call.refusal_for(NOT_RECORDABLE))
        raise Over


def _find_room(call: Call, anchor: AnchoredMedia) -> None:
    """See that a call that has to be recorded can be. Raises Over when there is no room."""
    rule, keeping = anchor.recording, call.media.keeping
    if rule is None or not rule.required or keeping is None:
        return
    record = call.record
    if not keeping.has_room(recorded_for(record), record.started, rule.quota_seconds):
        not_recorded(call, "full", "full")
        call.turn_away(call.refusal_for(NOT_RECORDABLE))
        raise Over


async def _reserve(call: Call, anchor: AnchoredMedia, targets: Sequence[Target]) -> None:
    """Have a session ready for each target that will have to confirm."""
    missing = len(targets) - len(anchor.free)
    if missing <= 0:
        return
    slots = anchor.a_session.slots if anchor.anchored and anchor.a_session is not None else None
    slots = slots or anchor.reserve(missing)
    if slots is None:
        raise NoMedia
    for _ in range(missing):
        anchor.free.append(await open_session(call, anchor, slots, None))
