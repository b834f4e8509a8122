"""A leg, what both of a call have in common: an established dialog and what happens inside it.

Rules. A leg ends its own loose ends: whatever a script has already left behind, the leg answers,
acknowledges or hangs up alone. Each leg posts to one inbox and never speaks to the other leg.
"""

from typing import Final

from callrouter.call.interwork.header_policy import passed_reason
from callrouter.call.legs.digest_client import DigestClient
from callrouter.call.legs.events import UNANSWERED_OFFER, Asked, Event, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.offer_answer import (
    LATER,
    OURS_SAID,
    PENDING,
    PUT,
    SETTLED,
    THEIRS_SAID,
    THEY_ANSWER,
    THEY_ASK,
    THEY_CONFIRM,
    THEY_OFFER,
    THEY_REFUSE,
    WE_ANSWER,
    WE_ASK,
    WE_CONFIRM,
    WE_OFFER,
    WE_REFUSE,
    OfferAnswer,
)
from callrouter.call.legs.option_tags import supported
from callrouter.call.legs.provisional import Acknowledger, Provisionals
from callrouter.call.legs.retransmit_2xx import AckUser, Reliable2xx
from callrouter.call.legs.sdp_origin import Identity
from callrouter.call.legs.session_timer import SessionTimer, least_row, too_short
from callrouter.call.legs.unconfirmed import Unconfirmed
from callrouter.errors import ParseError, SipError
from callrouter.route.rules.peer_profile import USUAL
from callrouter.sip.body import DESCRIBING
from callrouter.sip.client_tx import COMPLETED, ClientTransaction
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import ClientUser
from callrouter.sip.message import Message, Request, Response
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.timers import TIMEOUT, Timer
from callrouter.sip.uas import ACCEPT, ALLOW, SUPPORTED
from callrouter.sip.uri import usual_port

# States of a leg.
SETTING_UP: Final = 0
ANSWERED: Final = 1  # a 2xx was sent or received, its ACK is still to come or to go
UP: Final = 2
CLOSING: Final = 3  # our BYE is out
ENDED: Final = 4

UNACKNOWLEDGED: Final = "unacknowledged"
"""Why a party is lost that never acknowledges what it was answered."""
LEAVE_SECONDS: Final = 4.0
"""For who was told that its transfer is done, to hang up: T2, so that a lost BYE may come again."""
_REPLACES: Final = supported(reliable=False, replaces=True, timer=False)
_RETRY: Final = "Retry-After: 2\r\n"


def _event_of(request: Request) -> int:
    """What a request of the peer's is to offer and answer."""
    return THEY_ASK if request.method == "INVITE" and not request.body else THEY_OFFER


class Leg(OfferAnswer):
    """One side of a call. number: 0 for the A-leg, from 1 in the order the B-legs were dialled.

    identity: who we are in the descriptions we send it; None while another party's go through.
    digest_client: answers the peer's challenges; None for a peer that we have no login for. peer:
    how the other end is dealt with. private: nothing of what it sends may say who it is, as it
    asked for when its call was set up. session: its session timer, None for none. reliable: the
    provisional responses that it is to acknowledge, None for none. refused: the final status it was
    sent that is no 2xx, 0 before. shown: something has come that names our tag, so what we send
    gets to it. unconfirmed: who is to be told of that, None for nobody.
    """

    __slots__ = (
        "_asked",
        "_deferred_bye",
        "_invite_cseq",
        "_leaving",
        "_offering",
        "_reinvite",
        "_reliable_2xx",
        "dialog",
        "digest_client",
        "identity",
        "inbox",
        "number",
        "peer",
        "private",
        "refused",
        "reliable",
        "session",
        "shown",
        "stack",
        "state",
        "unconfirmed",
    )

    def __init__(
        self, stack: Stack, inbox: Inbox, dialog: Dialog, number: int, offer: bytes, *, ours: bool
    ) -> None:
        """offer, ours: as `OfferAnswer` has them."""
        super().__init__(offer, ours=ours)
        self.stack = stack
        self.inbox: Inbox | None = inbox
        self.dialog = dialog
        self.number = number
        self.state = SETTING_UP
        self.identity: Identity | None = None
        self.peer = USUAL
        self.private = False
        self.session: SessionTimer | None = None
        self.digest_client: DigestClient | None = None
        self.reliable: Provisionals | None = None
        self.refused = 0
        self.shown = False
        self.unconfirmed: Unconfirmed | None = None
        # What waits for its answer, with the rows of that about the session timer.
        self._asked: dict[ServerTransaction, str] | None = None
        self._offering: ServerTransaction | None = None  # the one of them with an offer
        self._reinvite: ClientTransaction | None = None
        self._reliable_2xx: Reliable2xx | None = None
        self._deferred_bye: str | None = None
        self._invite_cseq = dialog.remote_cseq
        self._leaving: Timer | None = None
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

    # As the caller's leg. Whom we have rung ourselves, to call others for it, waits for nothing.

    def ring(
        self,
        status: int,
        fork: str,
        extra: str,
        body: bytes,
        source: Acknowledger | None = None,
    ) -> None:
        """Tell a caller that it rings; see `ALeg`."""

    def answer(self, status: int, fork: str, extra: str, body: bytes) -> None:
        """Tell a caller that somebody has answered."""

    def reject(self, status: int, extra: str = "") -> None:
        """Tell a caller that nobody will."""

    # What the peer asks.

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        """A request inside the dialog (RFC 3261 section 12.2.2)."""
        dialog = self.dialog
        number = request.cseq()[0]
        if request.from_tag() != dialog.remote_tag and dialog.remote_tag:
            tx.respond(481)
        elif number <= dialog.remote_cseq and (
            # Only what is lower came out of order (12.2.2). An equal number, by another branch,
            # is a fault of the peer's; who wants to leave may do so all the same.
            number < dialog.remote_cseq or request.method != "BYE"
        ):
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
            self.post(HungUp(self, passed_reason(request)))

    def _on_other(self, tx: ServerTransaction, request: Request) -> None:
        method = request.method
        if method == "OPTIONS":
            tx.respond(200, f"{ALLOW}{ACCEPT}{SUPPORTED}")
            return
        if method == "PRACK" and not self._pracked(tx, request):
            return
        renews = method in {"INVITE", "UPDATE"}
        rows = ""
        if renews:
            if method == "INVITE" or request.body:
                status = self._in_the_way(request)
                if status:
                    tx.respond(status, _RETRY if status == LATER else "")
                    return
            renewed = self._renewed(tx, request)
            if renewed is None:
                return
            rows = renewed
        if method == "INVITE":
            self._invite_cseq = self.dialog.remote_cseq
            tx.respond(100)
        if self.inbox is None:
            tx.respond(481)
            return
        if self._asked is None:
            self._asked = {}
        self._asked[tx] = rows
        if renews:
            self._put(tx, request)
        self.post(Asked(self, tx, request))

    def _in_the_way(self, request: Request) -> int:
        """The status for an offer of the peer while another one is under way, 0 when none is."""
        if request.method == "INVITE" and self.state == SETTING_UP:
            # The first INVITE has no final response yet (section 14.2).
            return PENDING if self.number else LATER
        status = self.keeps_out(_event_of(request))
        return status or (LATER if self._reliable_2xx is not None else 0)

    def _put(self, tx: ServerTransaction, request: Request) -> None:
        """What a request of the peer's describes is under way until it has its final response.

        An UPDATE that describes nothing keeps others out as well (RFC 3311 section 5.2).
        """
        if self.step(_event_of(request), request.body) == PUT:
            self._offering = tx

    def _pracked(self, tx: ServerTransaction, _request: Request) -> bool:
        """A PRACK has come; False when it is answered with that."""
        tx.respond(481)
        return False

    def _renewed(self, tx: ServerTransaction, request: Request) -> str | None:
        """Take what an INVITE or UPDATE says of the dialog; None when it is answered with that.

        Returns the rows of its 2xx about the session timer.
        """
        try:
            self.dialog.refresh_target(request)
        except ParseError:
            tx.respond(400)
            return None
        rule, rows = self.peer.timer, ""
        if rule is not None and (self.session is not None or "session-expires" in request.headers):
            if too_short(request, rule):
                tx.respond(422, least_row(rule))
                return None
            if self.session is None:
                self.session = SessionTimer(self, rule)
            rows = self.session.answer_rows(request)
            bare = request.method == "UPDATE" and not request.body
            if rows and bare and self.state >= ANSWERED:
                # It refreshes the session of this leg, which is no affair of the other party's.
                self.session.begin()
                tx.respond(200, f"Contact: {self.dialog.contact}\r\n{rows}")
                return None
        return rows

    def on_ack(self, request: Request) -> None:
        """An ACK to a 2xx of ours: the first stops its retransmission.

        One that repeats the ACK to an earlier INVITE does not (RFC 3261 section 13.2.2.4).
        """
        reliable = self._reliable_2xx
        if reliable is None or request.cseq()[0] != self._invite_cseq:
            return
        self._reliable_2xx = None
        reliable.stop()
        answers = self.exchange == OURS_SAID
        if answers and not self.answered_by(request, THEY_CONFIRM):
            self._left_unanswered(reliable)
        else:
            if not answers:
                request.body = b""
            self._acknowledged(request, reliable)
        if self._deferred_bye is not None:
            self._send_bye(self._deferred_bye)

    def _acknowledged(self, request: Request, reliable: "Reliable2xx") -> None:
        if reliable.waiting is not None:
            reliable.waiting.on_acknowledged(request)

    def _left_unanswered(self, reliable: "Reliable2xx") -> None:
        """The ACK does not answer the offer of our 2xx: the session is none (section 13.2.1)."""
        self.state = UP
        if reliable.waiting is not None:
            reliable.waiting.on_abandoned()
        self.post(Lost(self, UNANSWERED_OFFER))

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
        accepts = 200 <= status < 300
        rows: str | None = None
        if status >= 200 and self._asked is not None:
            rows = self._asked.pop(tx, None)
        if tx is self._offering and status >= 200:
            self._offering = None
            self.step(WE_ANSWER if accepts and body else WE_REFUSE, body)
        if accepts:
            if rows and self.session is not None:
                self.session.begin()
            able = self._able() if tx.invite else ""
            extra = f"Contact: {self.dialog.contact}\r\n{able}{rows or ''}{extra}"
        data = tx.respond(status, extra, body)
        if data and tx.invite and accepts:
            self._reliable_2xx = Reliable2xx(self, tx, data, waiting)

    def _able(self) -> str:
        """The row of a 2xx that says what we can (RFC 3261 section 20.37)."""
        peer = self.peer
        return supported(
            reliable=peer.reliable, replaces=self.identity is None, timer=peer.timer is not None
        )

    def ask(self, method: str, extra: str, body: bytes, user: ClientUser) -> int:
        """Send a request inside the dialog; `user` hears what becomes of it. Returns its CSeq."""
        dialog = self.dialog
        dialog.local_cseq += 1
        branch = self.stack.branch()
        self._find_peer()
        again = False
        if self.digest_client is not None:
            known = user
            user = self.digest_client.asking(self, method, extra, body, user)
            again = user is known
            extra = f"{self.digest_client.row(method, dialog.target)}{extra}"
        if method in {"INVITE", "UPDATE"}:
            rows = "" if self.session is None else self.session.request_rows()
            if method == "INVITE" and self.identity is None:
                rows = f"{_REPLACES}{rows}"
            extra = f"Contact: {dialog.contact}\r\n{rows}{extra}"
        if method in DESCRIBING and not again:
            self._describe(method, body)
        data = dialog.request(method, branch, dialog.local_cseq, extra, body)
        number = dialog.local_cseq
        tx = self.stack.request(dialog.flow, branch, data, user, invite=method == "INVITE")
        if method == "INVITE":
            self._reinvite = tx
        return number

    def _describe(self, method: str, body: bytes) -> None:
        """An INVITE, UPDATE or PRACK of ours goes out with this description."""
        if method == "PRACK" and self.owes_answer:
            self.step(WE_CONFIRM, body)
        elif body:
            self.step(WE_OFFER, body)
        elif method == "INVITE":
            self.step(WE_ASK)

    def answered(self, response: Response) -> bool:
        """The peer accepted what we offered it, or asked it for; False when it accepts nothing.

        What is in its 2xx and is no answer, or no offer, is left out.
        """
        return self.answered_by(response, THEY_ANSWER)

    def unanswered(self) -> None:
        """The peer has refused what we have offered it, or asked it for, or is silent."""
        self.step(THEY_REFUSE)

    def refreshed(self, response: Response) -> None:
        """The peer accepted our INVITE or UPDATE: take what its 2xx says of the dialog."""
        self.learn_target(response)
        self._agree(response)

    def send_ack(self, cseq: int, extra: str = "", body: bytes = b"") -> bytes:
        """Acknowledge a 2xx to an INVITE of ours (section 13.2.2.4); returns what was sent."""
        self._find_peer()
        dialog = self.dialog
        if self.digest_client is not None:
            # The ACK says what its INVITE said (section 22.1).
            cseq = self.digest_client.cseq(cseq)
            extra = f"{self.digest_client.invite_row}{extra}"
        if self.exchange == THEIRS_SAID:
            self.step(WE_CONFIRM, body)
        data = dialog.request("ACK", self.stack.branch(), cseq, extra, body)
        self.stack.send(dialog.flow, data)
        return data

    def let_leave(self) -> None:
        """End an answered leg that is about to end itself: it has a while to hang up first."""
        if self.state < CLOSING and self._leaving is None:
            due = self.stack.now + LEAVE_SECONDS
            self._leaving = self.stack.timers.start(due, self._on_stayed)

    def _on_stayed(self, _now: float) -> None:
        self._leaving = None
        self.hang_up()

    def hang_up(self, reason: str = "") -> None:
        """End an answered leg. A BYE never overtakes the ACK to our 2xx (section 15)."""
        if self.state >= CLOSING or self._leaving is not None:
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
        self.post(Lost(self, UNACKNOWLEDGED))

    def reachable(self) -> bool:
        """A request inside the dialog can be sent: it stands, be it early, and is not ending."""
        return self.state < CLOSING and bool(self.dialog.remote_tag)

    def may_offer(self) -> bool:
        """An offer may be made: none is under way, and what we answered was acknowledged."""
        return self.exchange == SETTLED and self.state < CLOSING and self._reliable_2xx is None

    def may_reinvite(self) -> bool:
        """An INVITE may be sent: no other one is under way either (RFC 3261 section 14.1)."""
        return self.state != SETTING_UP and self.may_offer()

    def learn_target(self, message: Message) -> None:
        """Take the peer's new Contact; one that is of no use leaves the old target."""
        try:
            self.dialog.refresh_target(message)
        except ParseError:
            return

    def _agree(self, response: Response) -> None:
        """Take what a 2xx says of the session timer."""
        if self.session is not None:
            self.session.agreed(response)

    def described(self, body: bytes) -> bytes:
        """The other party's description as this one is to see it."""
        if self.identity is None or not body:
            return body
        return self.identity.show(body)

    # Ends.

    def _find_peer(self) -> None:
        """Point the dialog's flow to where the next request has to go (section 12.2.1.1)."""
        dialog = self.dialog
        flow = dialog.flow
        if flow.open and (flow.reliable or dialog.pinned):
            return
        try:
            hop = dialog.next_hop()
            transport = hop.transport or flow.transport
            if dialog.secure or hop.scheme == "sips":
                transport = "TLS"  # never downgraded (RFC 3261 section 26.2.2)
            port = hop.port or usual_port(transport)
            if not (
                flow.open
                and hop.host == flow.remote_host
                and port == flow.remote_port
                and transport == flow.transport
            ):
                dialog.flow = self.stack.connect(transport, hop.host, port, flow.name)
        except SipError:
            # A name nobody resolves, or an unknown transport: where it was last heard is left.
            return

    def _stop_waiting(self) -> None:
        if self.session is not None:
            self.session.stop()
            self.session = None
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if self._reliable_2xx is not None:
            self._reliable_2xx.abandon()
            self._reliable_2xx = None
        if self._asked is not None:
            for tx in self._asked:
                tx.respond(487)
            self._asked = None
            self._offering = None

    def _end(self) -> None:
        self._stop_waiting()
        self.state = ENDED
        self.stack.dialogs.pop(self.dialog.local_tag, None)
        reinvite = self._reinvite
        if reinvite is not None and reinvite.state < COMPLETED:
            # Who has left the dialog may never answer it, and nothing else would end it.
            self.stack.timers.start(self.stack.now + TIMEOUT, reinvite.abandon)
