"""An offer of ours to a party inside its dialog, and what comes of it (RFC 3261 section 14)."""

from callrouter.call.events import Settled
from callrouter.call.leg import Leg
from callrouter.sip.message import Response

_ROWS = "Content-Type: application/sdp\r\n"


class Reoffer:
    """Sends a re-INVITE; `Settled` is posted to the leg's call. The ACK is sent here."""

    __slots__ = ("_acked", "_cseq", "_leg")

    def __init__(self, leg: Leg, body: bytes) -> None:
        self._leg = leg
        self._acked = b""
        self._cseq = leg.ask("INVITE", _ROWS, body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        """What the party says to it; a 2xx that is repeated gets its ACK again."""
        if response.status < 200:
            return
        leg = self._leg
        if self._acked:
            leg.stack.resend(leg.dialog.flow, self._acked)
            return
        leg.offer_settled()
        if response.status < 300:
            leg.took(response)
            self._acked = leg.send_ack(self._cseq)
        leg.post(Settled(leg, response))

    def on_failure(self, _tx: object, _status: int) -> None:
        """The party is silent."""
        self._leg.offer_settled()
        self._leg.post(Settled(self._leg, None))
