"""A hunt of a call that is spoken to: greetings, confirmation, and targets rung for the worker.

Theory. It is the hunt of any call with more that can happen. A caller whose media is with us hears
the greeting, then a ringback of ours; what targets send before they answer reaches it only through
the worker.
"""

from collections.abc import Callable, Sequence
from typing import Final

from callrouter.call.anchored_media import Speech
from callrouter.call.call import Call
from callrouter.call.flows.bridge.connect import join
from callrouter.call.flows.bridge.dtmf_relay import Crossing
from callrouter.call.flows.bridge.recorder import not_recorded
from callrouter.call.flows.hunt.confirm import Confirming
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.flows.ivr.play_gather import (
    attach,
    hush,
    open_session,
    ring_back,
    say,
    speech_of,
    start_playing,
)
from callrouter.call.flows.ivr.wait import (
    NoMedia,
    Over,
    answer_asked,
    caller_left,
    quit_now,
)
from callrouter.call.legs.events import (
    Acknowledged,
    Answered,
    Asked,
    Cancelled,
    Deadline,
    Event,
    Failed,
    HungUp,
    Lost,
    Progress,
    Shutdown,
)
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.media import Digit, MediaLost, Played
from callrouter.route.values.plan import Hunt, Target
from callrouter.route.values.refusal_reasons import NOT_RECORDABLE

_GONE: Final = 480


class Stopped(Exception):  # noqa: N818 - it is no error
    """The end of the whole call by a target's answer."""


async def ring_spoken(call: Call, hunt: Hunt) -> bool:
    """Ring the rounds of a hunt; True when a target is connected.

    Raises Over when the caller leaves, Stopped when a target's answer ends the call.
    """
    speech = speech_of(call)
    try:
        await _prepare(call, speech, hunt)
    except NoMedia:
        _unrecorded(call, speech)
    ringing = _Ringing(call, hunt)
    hunting = _Hunting(call, speech, ringing)
    for targets in hunt.rounds:
        try:
            if hunt.confirm is not None:
                await _reserve(call, speech, targets)
        except NoMedia:
            return False  # without its key no target may be connected
        ringing.begin(targets)
        while ringing.lines:
            answered = hunting.on(await call.inbox.next(ringing.until))
            if answered is not None and await join(call, speech, answered):
                return True
            if answered is not None:
                hunting.gone(answered.leg)
    return False


async def _prepare(call: Call, speech: Speech, hunt: Hunt) -> None:
    greeting = hunt.greeting
    # A caller who has described nothing yet does so in the ACK to an answer of ours.
    late = not call.caller_body()
    if speech.anchored:
        _find_room(call, speech)
        if hunt.confirm is not None:
            speech.wanted = 1 + max(len(targets) for targets in hunt.rounds)
        await attach(call, answer=late or (greeting is not None and greeting.answer))
        await _notice(call, speech)
        if hunt.confirm is None and speech.far is None and speech.ear is not None:
            speech.far = await open_session(call, speech, speech.ear.slots, None)
    elif late and hunt.confirm is not None:
        await attach(call, answer=True)
    if greeting is not None:
        await attach(call, answer=greeting.answer)
        start_playing(call, greeting.prompts, repeat=greeting.repeat)
    else:
        ring_back(call)


async def _notice(call: Call, speech: Speech) -> None:
    recording = speech.recording
    if recording is not None and recording.notice and not speech.noticed:
        speech.noticed = True
        await say(call, (recording.notice,))


def _unrecorded(call: Call, speech: Speech) -> None:
    """There is no media: the call goes on without, and its record says so.

    But a call that has to be recorded and, by what its caller describes, never can be goes nowhere.
    Raises Over then.
    """
    rule = speech.recording
    if rule is None or not rule.at_once:
        return
    unfit = speech.caller.unfit
    if unfit is not None:
        call.refuse_offer(unfit, NOT_RECORDABLE)
        raise Over
    not_recorded(call, "failed", "no media worker could take it")
    if rule.required:
        call.turn_away(call.refusal_for(NOT_RECORDABLE))
        raise Over


def _find_room(call: Call, speech: Speech) -> None:
    """See that a call that has to be recorded can be. Raises Over when there is no room."""
    rule, keeping = speech.recording, call.media.keeping
    if rule is None or not rule.required or keeping is None:
        return
    record = call.record
    if not keeping.has_room(record.number, record.started, rule.quota_seconds):
        not_recorded(call, "full", "full")
        call.turn_away(call.refusal_for(NOT_RECORDABLE))
        raise Over


async def _reserve(call: Call, speech: Speech, targets: Sequence[Target]) -> None:
    """Have a session ready for each target that will have to confirm."""
    missing = len(targets) - len(speech.free)
    if missing <= 0:
        return
    slots = speech.ear.slots if speech.anchored and speech.ear is not None else None
    slots = slots or speech.reserve(missing)
    if slots is None:
        raise NoMedia
    for _ in range(missing):
        speech.free.append(await open_session(call, speech, slots, None))


class _Ringing(Ringing):
    """Ringing that says who has left, before another target is rung with the same session."""

    __slots__ = ("left",)

    left: Callable[[BLeg], None]

    def _drop(self, leg: BLeg, followed: Sequence[Target] = ()) -> None:
        self.left(leg)
        super()._drop(leg, followed)


class _Hunting:
    """What happens while targets ring."""

    __slots__ = ("_call", "_confirming", "_crossing", "_early", "_ringing", "_speech")

    def __init__(self, call: Call, speech: Speech, ringing: _Ringing) -> None:
        self._call = call
        self._speech = speech
        self._ringing = ringing
        confirm = ringing.hunt.confirm
        self._confirming = None
        if confirm is not None:
            self._confirming = Confirming(call, speech, ringing, confirm)
        self._early: BLeg | None = None
        self._crossing = Crossing(call, speech)
        ringing.left = self._let_go

    def on(self, event: Event) -> Answered | None:
        """Take an event; returns the answer of a target that is to be connected now.

        Raises Over, Stopped.
        """
        match event:
            case Cancelled() | Shutdown():
                quit_now(self._call, event)
            case HungUp() | Lost():
                self._left(event)
            case MediaLost():
                self._media_lost()
            case Played() | Digit():
                return self._heard(event)
            case Asked():
                return self._asked(event)
            case Deadline():
                self._ringing.expire()
            case Progress() | Answered() | Failed():
                return self._said(event)
            case Acknowledged():
                # Its answer to our offer has come late: there was no media to wait for it.
                self._speech.caller.heard(event.request.body)
            case _:
                pass
        return None

    def gone(self, leg: BLeg) -> None:
        """A target will not be connected."""
        if leg in self._ringing.lines:
            self._ringing.gone(leg)

    def _said(self, event: Progress | Answered | Failed) -> Answered | None:
        leg = event.leg
        if leg not in self._ringing.lines:
            if isinstance(event, Failed):
                self._media_lost()  # it was the worker
            return None
        if isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Failed):
            self._failed(event)
        elif self._confirming is None:
            return event
        elif not self._confirming.ask(event):
            self._call.leg_failed(leg, 488, "rejected")
            self.gone(leg)
        return None

    def _failed(self, event: Failed) -> None:
        ringing = self._ringing
        if event.status in ringing.hunt.stop_codes:
            self._call.leg_ended(event, stops=True)
            self._call.withdraw(f"SIP;cause={event.status}")
            raise Stopped
        self._call.leg_ended(event, stops=False)
        ringing.failed(event)

    def _progress(self, event: Progress) -> None:
        """Early media of a target reaches the caller by the worker, when that bridges the two."""
        self._ringing.progress(event)
        speech = self._speech
        callee = speech.callees.get(event.leg)
        if not (event.response.body and callee is not None and callee.session is speech.far):
            return
        if self._early is None and speech.ear is not None:
            audio = callee.party.heard(event.response.body)
            if audio is not None:
                self._early = event.leg
                speech.crossing = True
                callee.session.connect(audio)
                hush(self._call)
                speech.ear.slots.bridge(speech.ear.name, callee.session.name)

    def _let_go(self, leg: BLeg) -> None:
        speech = self._speech
        if leg is self._early:
            self._early = None
            speech.crossing = False
            if speech.ear is not None and speech.far is not None:
                speech.ear.slots.unbridge(speech.ear.name, speech.far.name)
                self._fill()
        if self._confirming is not None:
            self._confirming.asked.pop(leg, None)
        speech.recycle(leg)

    def _fill(self) -> None:
        """Let the caller hear what it hears while nobody answers."""
        greeting = self._ringing.hunt.greeting
        if greeting is not None and greeting.repeat:
            start_playing(self._call, greeting.prompts, repeat=True)
        else:
            ring_back(self._call)

    def _left(self, event: HungUp | Lost) -> None:
        leg = event.leg
        if leg is self._call.a:
            caller_left(self._call, event)
        if isinstance(leg, BLeg) and leg in self._ringing.lines:
            self._call.leg_failed(leg, _GONE, "rejected" if leg.offered else "unreachable")
            self.gone(leg)
        elif isinstance(leg, BLeg):
            self._media_lost()

    def _media_lost(self) -> None:
        """The worker is gone. Who was asked to confirm cannot be any more."""
        asked = [] if self._confirming is None else list(self._confirming.asked)
        self._speech.let_go()
        self._early = None
        for leg in asked:
            self._call.leg_failed(leg, _GONE, "unreachable")
            self.gone(leg)

    def _heard(self, event: Played | Digit) -> Answered | None:
        speech = self._speech
        if isinstance(event, Digit):
            if not speech.pressed(event):
                return None
            if self._early is not None:
                self._crossing.pass_on(event, self._early)
        if self._confirming is not None:
            answered = self._confirming.heard(event)
            if answered is not None:
                return answered
        if isinstance(event, Played) and speech.is_ear(event.session):
            ring_back(self._call)
        return None

    def _asked(self, event: Asked) -> Answered | None:
        key = answer_asked(self._call, event)
        if key is not None and self._early is not None:
            self._crossing.pass_on(key, self._early)
        if key is not None and self._confirming is not None:
            return self._confirming.heard(key)
        return None
