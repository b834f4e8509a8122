"""Hold music: who is put on hold through the worker hears it, and both each other again after."""

from typing import Final

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.call import Call
from callrouter.call.services.call_events import HoldChanged

_HOLDING: Final = frozenset(("sendonly", "inactive"))


class HoldMusic:
    """The hold music of one conversation, and who of both has the other on hold."""

    __slots__ = ("_a_session", "_b_session", "_call", "_hears", "_holding")

    def __init__(self, call: Call, a_session: MediaSession, b_session: MediaSession) -> None:
        self._call = call
        self._a_session = a_session
        self._b_session = b_session
        self._holding = (False, False)
        self._hears = ""  # the session that it is played to

    def renegotiated(self) -> None:
        """Somebody may have put the other on hold, or taken it back."""
        call = self._call
        before, self._holding = self._holding, (_holds(self._a_session), _holds(self._b_session))
        if call.events.held.subscribers:
            for party, was, on in zip(("caller", "callee"), before, self._holding, strict=True):
                if was != on:
                    call.events.held.tell(HoldChanged(call.record, party, on, call.ms()))
        self._play(*self._holding)

    def stop(self) -> None:
        """Play no more; whether both hear each other is for somebody else to say."""
        if self._hears:
            self._a_session.slots.stop(self._hears)

    def _play(self, caller: bool, callee: bool) -> None:
        """caller, callee: whether it has the other on hold."""
        voice = self._call.plan.voice
        music = None
        if voice is not None and voice.hold_music:
            music = self._call.dialplan.prompts.music.get(voice.hold_music)
        if music is None:
            return
        a_session, b_session = self._a_session, self._b_session
        hears = b_session.name if caller else a_session.name if callee else ""
        if hears == self._hears:
            return
        slots = a_session.slots
        self.stop()
        if hears:
            slots.unbridge(a_session.name, b_session.name)
            slots.play(hears, [music.path], loop=True)
        else:
            slots.bridge(a_session.name, b_session.name)
        self._hears = hears


def _holds(session: MediaSession) -> bool:
    return session.audio is not None and session.audio.direction in _HOLDING
