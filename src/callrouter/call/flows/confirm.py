"""Confirmation of an answer: a target has to press a key before it is connected (B9)."""

from typing import Final

from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import Call
from callrouter.call.flows.bridge.connect import take_answer
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.legs.events import Answered
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.media import Digit, Played
from callrouter.route.values.media_steps import Confirm

_GRACE_SECONDS: Final = 2.0


class Confirming:
    """The targets of a hunt that have answered and are asked to confirm. asked: by leg."""

    __slots__ = ("_anchor", "_call", "_confirm", "_ringing", "asked")

    def __init__(
        self, call: Call, anchor: AnchoredMedia, ringing: Ringing, confirm: Confirm
    ) -> None:
        self._call = call
        self._anchor = anchor
        self._ringing = ringing
        self._confirm = confirm
        self.asked: dict[BLeg, Answered] = {}

    def ask(self, event: Answered) -> bool:
        """Play the prompt to a target that answered; False when it cannot hear us."""
        leg = event.leg
        callee = self._anchor.callees.get(leg)
        if callee is None or not take_answer(callee, event):
            return False
        leg.ack()
        self.asked[leg] = event
        sounds = self._anchor.sounds((self._confirm.prompt,))
        slots = callee.session.slots
        slots.play(callee.session.name, [sound.path for sound in sounds])
        length = sum(sound.ms for sound in sounds) / 1000
        self._wait(leg, length + _GRACE_SECONDS + self._confirm.wait_seconds)
        return True

    def heard(self, event: Played | Digit) -> Answered | None:
        """A prompt has ended or a key was pressed; returns the answer that it confirms."""
        for leg, answered in self.asked.items():
            if self._anchor.callees[leg].session.name == event.session:
                if isinstance(event, Played):
                    self._wait(leg, self._confirm.wait_seconds)
                elif event.digit == self._confirm.key:
                    self._anchor.callees[leg].session.slots.stop(event.session)
                    return answered
        return None

    def _wait(self, leg: BLeg, seconds: float) -> None:
        branch = self._ringing.branches[leg]
        branch.until = branch.ring_until = self._call.now + seconds
        self._ringing.rearm()
