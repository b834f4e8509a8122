"""Re-INVITE: an offer of ours inside a dialog, and what comes of it (RFC 3261 section 14).

And an offer of a party that nobody is there to answer.
"""

from callrouter.call.legs.events import Settled
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.sdp_origin import Identity
from callrouter.errors import ParseError
from callrouter.sip.body import SDP_ROW, take_answer
from callrouter.sip.message import Response
from callrouter.sip.offer import refusing
from callrouter.sip.sdp import parse_sdp


def identity_after(leg: Leg, described: bytes) -> Identity:
    """Who we are to a leg; while that is nobody yet, who goes on from what it was described."""
    host = leg.dialog.flow.local_host
    return leg.identity or Identity.following(described, leg.stack.token(), host)


def refusal(leg: Leg, offer: bytes) -> tuple[str, bytes]:
    """The rows and body of an ACK that answers a party's offer by taking none of it.

    An ACK to an offer has to answer it, whatever comes next (RFC 3261 section 13.2.2.4). Both are
    empty for an offer that nobody can read.
    """
    try:
        return SDP_ROW, refusing(parse_sdp(offer), identity_after(leg, leg.ours).origin)
    except ParseError:
        return "", b""


class Reoffer:
    """A re-INVITE of ours; `Settled` is posted to the leg's call. The ACK is sent here.

    A 2xx that does not answer the offer is posted without a body.
    """

    __slots__ = ("_acked", "_cseq", "_leg", "_offer")

    def __init__(self, leg: Leg, body: bytes) -> None:
        self._leg = leg
        self._acked = b""
        self._offer = body
        self._cseq = leg.ask("INVITE", SDP_ROW, body, self)

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
            take_answer(response, self._offer)
            leg.took(response)
            self._acked = leg.send_ack(self._cseq)
        leg.post(Settled(leg, response))

    def on_failure(self, _tx: object, _status: int) -> None:
        """The party is silent."""
        self._leg.offer_settled()
        self._leg.post(Settled(self._leg, None))
