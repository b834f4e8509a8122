"""DTMF relay: keys cross a call whose media is at the worker (C11).

Theory. What a party says passes the worker as sound; a key does not, for the worker tells us of it
and sends on sound only. So each key is sent again to the other party, the way that this party has
negotiated: as an event of RFC 4733 under its own payload type, or by INFO when it has named none.
Keys that were heard as tones are part of the sound, which passes: they are not sent twice.

Rule. What is pressed in a conversation is not for us to keep: PINs and card numbers are among it.
"""

from collections import deque
from typing import Final

from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import Call
from callrouter.call.legs.events import Lost
from callrouter.call.legs.leg import ANSWERED, CLOSING, Leg
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.media import Digit
from callrouter.sip.message import Response

_KEY_MS: Final = 200
"""How long a key is said to be pressed: as long as the worker's events are."""
_UNKNOWN_DIALOG: Final = frozenset((408, 481))
"""RFC 3261 section 12.2.1.2."""
_HELD: Final = frozenset(("sendonly", "inactive"))
"""Whoever described this hears nothing of us."""


class Crossing:
    """The DTMF relay of a call: its two parties' keys, as they come from the worker or by INFO."""

    __slots__ = ("_anchor", "_asking", "_call")

    def __init__(self, call: Call, anchor: AnchoredMedia) -> None:
        self._call = call
        self._anchor = anchor
        self._asking: dict[Leg, _Asking] = {}

    def pass_on(self, event: Digit, callee: BLeg | None) -> None:
        """Send a key to the party that did not press it. callee: whom the caller hears."""
        anchor = self._anchor
        leg = callee if anchor.is_of_caller(event.session) else self._call.a
        known = None if leg is None or event.method == "inband" else anchor.of(leg)
        if leg is None or known is None:
            return
        session = known[1]
        audio = session.audio
        if audio is None or audio.direction in _HELD:
            return
        if audio.event_pt:
            session.slots.press(session.name, event.digit)
        elif ANSWERED <= leg.state < CLOSING:
            if leg not in self._asking:
                self._asking[leg] = _Asking(leg)
            self._asking[leg].press(event.digit)


class _Asking:
    """Keys to one party by INFO: the next goes when the last is answered, so none overtakes."""

    __slots__ = ("_busy", "_keys", "_leg")

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._keys: deque[str] = deque()
        self._busy = False

    def press(self, key: str) -> None:
        """Send a key, now or behind those that wait."""
        self._keys.append(key)
        if not self._busy:
            self._next()

    def _next(self) -> None:
        self._busy = bool(self._keys) and self._leg.reachable()
        if self._busy:
            body = f"Signal={self._keys.popleft()}\r\nDuration={_KEY_MS}\r\n".encode()
            self._leg.ask("INFO", "Content-Type: application/dtmf-relay\r\n", body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        """The party has the key, or does not take it; the next may be another matter."""
        if response.status < 200:
            return
        if response.status in _UNKNOWN_DIALOG:
            self._leg.post(Lost(self._leg))
            return
        self._next()

    def on_failure(self, _tx: object, _status: int) -> None:
        """The party is silent."""
        self._leg.post(Lost(self._leg))
