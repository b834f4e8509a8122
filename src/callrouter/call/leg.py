"""What both legs of a call have in common: an established dialog and what happens inside it.

Rules. A leg ends its own loose ends: whatever a script has already left behind, the leg answers,
acknowledges or hangs up alone. Each leg posts to one inbox and never speaks to the other leg.
"""

from typing import Final

from callrouter.call.events import Asked, Event, HungUp, Lost
from callrouter.call.inbox import Inbox
from callrouter.errors import ParseError, SipError
from callrouter.sip.client_tx import COMPLETED, ClientTransaction
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import ClientUser
from callrouter.sip.message import Message, Request, Response
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.timers import T1, T2, TIMEOUT, Timer
from callrouter.sip.uas import ACCEPT, ALLOW

# States of a leg.
SETTING_UP: Final = 0
ANSWERED: Final = 1  # a 2xx was sent or received, its ACK is still to come or to go
UP: Final = 2
CLOSING: Final = 3  # our BYE is out
ENDED: Final = 4

_RETRY: Final = "Retry-After: 2\r\n"


class Leg:
    """One side of a call. number: 0 for the A-leg, from 1 in the order the B-legs were dialled."""

    __slots__ = (
        "_asked",
        "_deferred_bye",
        "_invite_cseq",
        "_offer_out",
        "_reinvite",
        "_reliable_2xx",
        "dialog",
        "inbox",
        "number",
        "stack",
        "state",
    )

    def __init__(self, stack: Stack, inbox: Inbox, dialog: Dialog, number: int) -> None:
        self.stack = stack
        self.inbox: Inbox | None = inbox
        self.dialog = dialog
        self.number = number
        self.state = SETTING_UP
        self._asked: list[ServerTransaction] | None = None
        self._offer_out = False
        self._reinvite: ClientTransaction | None = None
        self._reliable_2xx: Reliable2xx | None = None
        self._deferred_bye: str | None = None
        self._invite_cseq = dialog.remote_cseq
        stack.dialogs[dialog.local_tag] = self

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""
        return self.dialog.call_id

    def release(self) -> None:
        """The call is over: nothing more is posted, and the call can be forgotten."""
        self.inbox = None

    def post(self, event: Event) -> None:
        """Post to the call, if there still is one."""
        if self.inbox is not None:
            self.inbox.post(event)

    # What the peer asks.

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        """A request inside the dialog (RFC 3261 section 12.2.2)."""
        dialog = self.dialog
        number = request.cseq()[0]
        if request.from_tag() != dialog.remote_tag and dialog.remote_tag:
            tx.respond(481)
        elif number <= dialog.remote_cseq:
            tx.respond(500, _RETRY)
        elif request.method == "BYE":
            dialog.remote_cseq = number
            self._on_bye(tx, request)
        elif self.state >= CLOSING:
            tx.respond(481)
        else:
            dialog.remote_cseq = number
            self._on_other(tx, request)

    def _on_bye(self, tx: ServerTransaction, request: Request) -> None:
        tx.respond(200)
        if self.state < CLOSING:
            self._end()
            self.post(HungUp(self, request.get("reason")))

    def _on_other(self, tx: ServerTransaction, request: Request) -> None:
        method = request.method
        if method == "OPTIONS":
            tx.respond(200, ALLOW + ACCEPT)
            return
        if method == "INVITE" or (method == "UPDATE" and request.body):
            if method == "INVITE" and self.state == SETTING_UP:
                # The first INVITE is not answered yet, ours or the peer's (section 14.2).
                tx.respond(491 if self.number else 500, _RETRY)
                return
            if self._offer_out:
                tx.respond(491)
                return
            if self._answering():
                tx.respond(500, _RETRY)
                return
        if method in {"INVITE", "UPDATE"}:
            try:
                self.dialog.refresh_target(request)
            except ParseError:
                tx.respond(400)
                return
        if method == "INVITE":
            self._invite_cseq = self.dialog.remote_cseq
            tx.respond(100)
        if self.inbox is None:
            tx.respond(481)
            return
        if self._asked is None:
            self._asked = []
        self._asked.append(tx)
        self.post(Asked(self, tx, request))

    def _answering(self) -> bool:
        """An INVITE or an UPDATE of the peer still waits for its final response (14.2)."""
        return self._reliable_2xx is not None or (
            self._asked is not None and any(tx.pending for tx in self._asked)
        )

    def on_ack(self, request: Request) -> None:
        """An ACK to a 2xx of ours: the first stops its retransmission.

        One that repeats the ACK to an earlier INVITE does not (RFC 3261 section 13.2.2.4).
        """
        reliable = self._reliable_2xx
        if reliable is None or request.cseq()[0] != self._invite_cseq:
            return
        self._reliable_2xx = None
        reliable.stop()
        self._acknowledged(request, reliable)
        if self._deferred_bye is not None:
            self._send_bye(self._deferred_bye)

    def _acknowledged(self, request: Request, reliable: "Reliable2xx") -> None:
        if reliable.waiting is not None:
            reliable.waiting.on_acknowledged(request)

    # What is asked of the peer.

    def respond(
        self,
        tx: ServerTransaction,
        status: int,
        extra: str = "",
        body: bytes = b"",
        waiting: "AckUser | None" = None,
    ) -> None:
        """Answer a request that was posted as `Asked`.

        waiting: who is told of the ACK to a 2xx that answers a re-INVITE.
        """
        if status >= 200 and self._asked is not None and tx in self._asked:
            self._asked.remove(tx)
        if 200 <= status < 300:
            extra = f"Contact: {self.dialog.flow.contact}\r\n{extra}"
        data = tx.respond(status, extra, body)
        if data and tx.invite and 200 <= status < 300:
            self._reliable_2xx = Reliable2xx(self, tx, data, waiting)

    def ask(self, method: str, extra: str, body: bytes, user: ClientUser) -> int:
        """Send a request inside the dialog; `user` hears what becomes of it. Returns its CSeq."""
        dialog = self.dialog
        dialog.local_cseq += 1
        branch = self.stack.branch()
        self._find_peer()
        if method in {"INVITE", "UPDATE"}:
            extra = f"Contact: {dialog.flow.contact}\r\n{extra}"
        data = dialog.request(method, branch, dialog.local_cseq, extra, body)
        number = dialog.local_cseq
        if method == "INVITE" or (method == "UPDATE" and body):
            self._offer_out = True
        tx = self.stack.request(dialog.flow, branch, data, user, invite=method == "INVITE")
        if method == "INVITE":
            self._reinvite = tx
        return number

    def offer_settled(self) -> None:
        """The re-INVITE or UPDATE that was asked has its final response."""
        self._offer_out = False

    def send_ack(self, cseq: int, extra: str = "", body: bytes = b"") -> bytes:
        """Acknowledge a 2xx to an INVITE of ours (section 13.2.2.4); returns what was sent."""
        self._find_peer()
        dialog = self.dialog
        data = dialog.request("ACK", self.stack.branch(), cseq, extra, body)
        self.stack.send(dialog.flow, data)
        return data

    def hang_up(self, reason: str = "") -> None:
        """End an answered leg. A BYE never overtakes the ACK to our 2xx (section 15)."""
        if self.state >= CLOSING:
            return
        if self.state == ANSWERED and self._reliable_2xx is not None:
            self._deferred_bye = reason
        else:
            self._send_bye(reason)

    def _send_bye(self, reason: str) -> None:
        self._deferred_bye = None
        self._stop_waiting()
        self.state = CLOSING
        self.ask("BYE", f"Reason: {reason}\r\n" if reason else "", b"", self)

    def on_response(self, _tx: object, response: Response) -> None:
        """The answer to our BYE, whatever it is."""
        if response.status >= 200:
            self._end()

    def on_failure(self, _tx: object, _status: int) -> None:
        """Nobody answered our BYE."""
        self._end()

    def unacknowledged(self) -> None:
        """A 2xx of ours was never acknowledged: the session is over (section 13.3.1.4)."""
        self._reliable_2xx = None
        if self.state >= CLOSING:
            return
        self._send_bye(self._deferred_bye or "")
        self.post(Lost(self))

    def reachable(self) -> bool:
        """A request inside the dialog can be sent: it stands, be it early, and is not ending."""
        return self.state < CLOSING and bool(self.dialog.remote_tag)

    def settled(self) -> bool:
        """No offer is under way on this leg, in either direction."""
        return self.state < CLOSING and not (self._offer_out or self._answering())

    def learn_target(self, message: Message) -> None:
        """Take the peer's new Contact; one that is of no use leaves the old target."""
        try:
            self.dialog.refresh_target(message)
        except ParseError:
            return

    # Ends.

    def _find_peer(self) -> None:
        """Point the dialog's flow to where the next request has to go (section 12.2.1.1)."""
        dialog = self.dialog
        flow = dialog.flow
        if flow.reliable and flow.open:
            return
        try:
            hop = dialog.next_hop()
            transport = (hop.param("transport") or flow.transport).upper()
            port = hop.port or 5060
            if (hop.host, port, transport) != (flow.remote_host, flow.remote_port, flow.transport):
                dialog.flow = self.stack.connect(transport, hop.host, port)
        except SipError:
            # A name nobody resolves, or an unknown transport: where it was last heard is left.
            return

    def _stop_waiting(self) -> None:
        if self._reliable_2xx is not None:
            self._reliable_2xx.stop()
            self._reliable_2xx = None
        if self._asked is not None:
            for tx in self._asked:
                tx.respond(487)
            self._asked = None

    def _end(self) -> None:
        self._stop_waiting()
        self.state = ENDED
        self.stack.dialogs.pop(self.dialog.local_tag, None)
        reinvite = self._reinvite
        if reinvite is not None and reinvite.state < COMPLETED:
            # Who has left the dialog may never answer it, and nothing else would end it.
            self.stack.timers.start(self.stack.now + TIMEOUT, reinvite.abandon)


class AckUser:
    """Who waits for the ACK to a 2xx that answered a re-INVITE."""

    __slots__ = ()

    def on_acknowledged(self, request: Request) -> None:
        """The ACK has come, with its body."""
        raise NotImplementedError


class Reliable2xx:
    """A 2xx to an INVITE, sent again until its ACK comes (RFC 3261 section 13.3.1.4)."""

    __slots__ = ("_data", "_interval", "_leg", "_stop_at", "_timer", "_tx", "waiting")

    def __init__(
        self, leg: Leg, tx: ServerTransaction, data: bytes, waiting: AckUser | None
    ) -> None:
        self._leg = leg
        self._tx = tx
        self._data = data
        self.waiting = waiting
        self._interval = T1
        now = leg.stack.now
        self._stop_at = now + TIMEOUT
        self._timer: Timer = leg.stack.timers.start(now + T1, self._on_timer)

    def stop(self) -> None:
        """The ACK came, or nobody waits for it any more."""
        self._timer.cancel()

    def _on_timer(self, now: float) -> None:
        if now >= self._stop_at:
            self._leg.unacknowledged()
            return
        stack = self._leg.stack
        stack.resend(self._tx.flow, self._data)
        self._interval = min(self._interval * 2, T2)
        self._timer = stack.timers.start(min(now + self._interval, self._stop_at), self._on_timer)
