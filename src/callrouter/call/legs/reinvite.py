"""Re-INVITE and UPDATE: requests of ours inside a dialog, from an offer to its answer and its ACK.

RFC 3261 section 14, RFC 3311. And an offer of a party that nobody is there to answer.
"""

from typing import TYPE_CHECKING, Final, Protocol

from callrouter.call.legs.events import Settled
from callrouter.call.legs.sdp_origin import Identity
from callrouter.errors import ParseError
from callrouter.sip.body import DESCRIBING, SDP_ROW
from callrouter.sip.message import Response
from callrouter.sip.offer import refusing
from callrouter.sip.sdp import parse_sdp
from callrouter.sip.timers import TIMEOUT

if TYPE_CHECKING:
    from callrouter.call.legs.leg import Leg

GLARES: Final = 4
"""How often an offer is made that meets one of the other side."""
SETTLE_SECONDS: Final = TIMEOUT + 8.0
"""How long an offer of ours is waited for: a silent peer is given up after 32 s, but one that says
that it is trying never is."""
_OWNER_FROM: Final = 2.1
_OWNER_TO: Final = 4.0
_OTHER_TO: Final = 2.0
_CHANCE_DIGITS: Final = 4


def back_off(leg: "Leg") -> float:
    """Seconds until an offer of ours goes out again after a 491, by chance (section 14.1).

    The Call-ID is ours in a dialog that we began.
    """
    chance = int(leg.stack.token()[:_CHANCE_DIGITS], 16) / (16**_CHANCE_DIGITS - 1)
    seconds = _OWNER_FROM + chance * (_OWNER_TO - _OWNER_FROM) if leg.number else chance * _OTHER_TO
    return round(seconds, 2)  # in units of 10 ms


def identity_after(leg: "Leg", described: bytes) -> Identity:
    """Who we are to a leg; while that is nobody yet, who goes on from what it was described."""
    host = leg.dialog.flow.local_host
    return leg.identity or Identity.following(described, leg.stack.token(), host)


def refusal(leg: "Leg", offer: bytes) -> tuple[str, bytes]:
    """The rows and body of an ACK that answers a party's offer by taking none of it.

    An ACK to an offer has to answer it, whatever comes next (RFC 3261 section 13.2.2.4). Both are
    empty for an offer that nobody can read.
    """
    try:
        return SDP_ROW, refusing(parse_sdp(offer), identity_after(leg, leg.ours).origin)
    except ParseError:
        return "", b""


class DialogRequestUser(Protocol):
    """The user of a request inside a dialog."""

    def on_provisional(self, response: Response) -> None:
        """A response below 200 has come."""

    def on_final(self, response: Response) -> None:
        """The final response has come; that of a re-INVITE, if a 2xx, comes until `ack` is called.

        A body that is no answer to the offer, or no offer where none was made, is left out.
        """

    def on_silence(self, status: int) -> None:
        """None will come: 408 for a silent peer, 503 for a request that was not sent."""


class DialogRequest:
    """One request inside a dialog; leg and session timer take what its responses say of them.

    A 2xx to an INVITE that is repeated after the ACK gets the same ACK again.
    """

    __slots__ = ("_accepted", "_acked", "_cseq", "_leg", "_offers", "_renews", "_user")

    def __init__(
        self, leg: "Leg", method: str, rows: str, body: bytes, user: DialogRequestUser
    ) -> None:
        """Send it. rows: header rows beside those of the dialog."""
        self._leg = leg
        self._user = user
        self._accepted = False
        self._acked = b""
        self._renews = method in {"INVITE", "UPDATE"}
        # An INVITE without a body asks for an offer; and a PRACK may answer one.
        describes = bool(body) and method in DESCRIBING and not leg.owes_answer
        self._offers = describes or method == "INVITE"
        self._cseq = leg.ask(method, rows, body, self)

    def on_response(self, _tx: object, response: Response) -> None:
        """What the peer says."""
        status = response.status
        if status < 200:
            self._user.on_provisional(response)
        elif self._acked:
            self._leg.stack.resend(self._leg.dialog.flow, self._acked)
        elif not self._accepted:  # else the ACK waits for that of who asked for it
            self._accepted = status < 300
            if self._offers and self._accepted:
                self._leg.answered(response)
            elif self._offers:
                self._leg.unanswered()
            if self._renews and self._accepted:
                self._leg.refreshed(response)
            self._user.on_final(response)

    def on_failure(self, _tx: object, status: int) -> None:
        """The peer is silent, or is not reached."""
        if self._offers:
            self._leg.unanswered()
        self._user.on_silence(status)

    @property
    def acknowledged(self) -> bool:
        """Its ACK is sent."""
        return bool(self._acked)

    def ack(self, rows: str = "", body: bytes = b"") -> None:
        """Acknowledge the 2xx to an INVITE."""
        self._acked = self._leg.send_ack(self._cseq, rows, body)


class Reoffer:
    """An offer of ours to a party of a call; `Settled` is posted to the leg's call.

    A 2xx that does not answer the offer is posted without a body.
    """

    __slots__ = ("_leg", "_sent")

    def __init__(self, leg: "Leg", body: bytes) -> None:
        self._leg = leg
        self._sent = DialogRequest(leg, "INVITE", SDP_ROW, body, self)

    def on_provisional(self, _response: Response) -> None:
        """It goes on."""

    def on_final(self, response: Response) -> None:
        """The party takes it, or does not."""
        if response.status < 300:
            self._sent.ack()
        self._leg.post(Settled(self._leg, response))

    def on_silence(self, _status: int) -> None:
        """The party is silent."""
        self._leg.post(Settled(self._leg, None))
