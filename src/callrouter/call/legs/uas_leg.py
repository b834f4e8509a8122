"""The A-leg: the caller's side of a call, where we are the UAS of its INVITE."""

from callrouter.call.interwork.header_policy import is_private, passed_reason
from callrouter.call.legs.events import UNANSWERED_OFFER, Acknowledged, Cancelled, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import ANSWERED, UNACKNOWLEDGED, UP, Leg
from callrouter.call.legs.offer_answer import THEY_CONFIRM, WE_SAY
from callrouter.call.legs.provisional import Acknowledger, Provisionals, wanted_by
from callrouter.call.legs.retransmit_2xx import Reliable2xx
from callrouter.call.legs.session_timer import SessionTimer
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.sip.body import warning
from callrouter.sip.dialog import Dialog
from callrouter.sip.message import Request
from callrouter.sip.sdp import BAD_DESCRIPTION, may_answer
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.uas import ALLOW
from callrouter.sip.uri import is_sips


class ALeg(Leg):
    """The caller's leg.

    A target, or one fork behind it, is one early dialog for the caller as well: the first one gets
    the tag of our first response, and another one a tag of its own once SDP has been sent, since
    one dialog can take one answer only (RFC 3261 section 13.2.1).
    """

    __slots__ = (
        "_late_answer",
        "_sdp_sent",
        "_tags",
        "_tx",
        "_wish",
    )

    def __init__(
        self, stack: Stack, inbox: Inbox, tx: ServerTransaction, request: Request, target: str
    ) -> None:
        """target: the URI of the INVITE's Contact."""
        headers = request.headers
        dialog = Dialog(headers["call-id"], tx.tag, tx.flow)
        dialog.target = target
        dialog.secure = is_sips(request.uri)
        dialog.take_routes(request, reverse=False)
        dialog.remote = headers["from"]
        dialog.remote_tag = request.from_tag()
        dialog.remote_cseq = request.cseq()[0]
        dialog.local = f"{headers['to']};tag={tx.tag}"
        super().__init__(stack, inbox, dialog, 0, request.body, ours=False)
        self._tx: ServerTransaction | None = tx
        self._wish: Request | None = None
        self._late_answer: tuple[int, str, str, bytes] | None = None
        self._sdp_sent = False
        self._tags: dict[str, str] | None = None
        tx.user = self

    def meet(self, peer: PeerProfile, request: Request) -> None:
        """Deal with the caller as its trunk says. request: its INVITE."""
        self.peer = peer
        self.private = is_private(request)
        if peer.timer is not None:
            self._wish = request
        if "supported" in request.headers or "require" in request.headers:
            taken, required = wanted_by(request, peer)
            if taken and self._tx is not None:
                cseq = request.cseq()[0]
                self.reliable = Provisionals(self, self._tx, cseq, required=required)

    def ring(
        self,
        status: int,
        fork: str,
        extra: str,
        body: bytes,
        source: Acknowledger | None = None,
    ) -> None:
        """Send a provisional response above 100 on behalf of a fork.

        source: the target that said it, which the caller's PRACK is for if it waits for one.
        """
        tx = self._tx
        if tx is not None:
            self._use_fork(tx, fork)
            self._sdp_sent = self._sdp_sent or bool(body)
            self.ours = body or self.ours
            rows = f"Contact: {self.dialog.contact}\r\n{extra}"
            reliable = self.reliable
            if reliable is not None and (reliable.required or (source and source.unpracked)):
                offers = bool(body) and self.late and not self.told(fork)
                if body:
                    self.say_early(WE_SAY, body)
                reliable.send(status, f"{ALLOW}{rows}", body, source, offers=offers)
            else:
                tx.respond(status, rows, body)

    def answer(self, status: int, fork: str, extra: str, body: bytes) -> None:
        """Send the 2xx, and send it again until the caller acknowledges it."""
        tx = self._tx
        if tx is None:
            return
        if self.reliable is not None:
            if self.reliable.open:
                self._late_answer = (status, fork, extra, body)
                return
            self.reliable.stop()
        self._use_fork(tx, fork)
        self._tx = tx.user = None
        self._forget_other_tags(tx.tag)
        self.ours = body or self.ours
        self.say(WE_SAY, body)
        rows = f"Contact: {self.dialog.contact}\r\n{ALLOW}{self._able()}{self._timed()}{extra}"
        data = tx.respond(status, rows, body)
        self.state = ANSWERED
        self._reliable_2xx = Reliable2xx(self, tx, data, None)

    def may_offer(self) -> bool:
        """An offer may be made: before the 2xx only after the PRACK (RFC 3311 section 5.1)."""
        return super().may_offer() and (self.reliable is None or not self.reliable.open)

    def never_pracked(self) -> None:
        """A reliable response was never acknowledged: the INVITE ends (RFC 3262 section 3)."""
        self.reject(504)
        self.post(Lost(self, UNACKNOWLEDGED))

    def _pracked(self, tx: ServerTransaction, request: Request) -> bool:
        reliable = self.reliable
        if reliable is None or not reliable.acknowledged(request):
            tx.respond(481)
            return False
        if reliable.offer and not self._answers(reliable, request):
            tx.respond(488, warning(BAD_DESCRIPTION, "no answer to the offer"))
            self.post(Lost(self, UNANSWERED_OFFER))
            return False
        relayed = reliable.relayed is not None
        if not relayed:
            # What it offers was asked of nobody: there is no target that could answer it.
            tx.respond(488 if request.body and not reliable.offer else 200)
        elif request.body and not reliable.offer:
            self._put(tx, request)
        answer = self._late_answer
        if answer is not None and not reliable.open:
            self._late_answer = None
            self.answer(*answer)
        return relayed

    def _answers(self, reliable: Provisionals, prack: Request) -> bool:
        """Take what a PRACK answers to the offer of the response that it is for."""
        if not may_answer(reliable.offer, prack.body):
            return False
        if not reliable.open:  # else another fork has offered as well
            self.offer = reliable.offer
            self.step(THEY_CONFIRM, prack.body)
        return True

    def _timed(self) -> str:
        """The rows of the 2xx about the session timer, which begins with it."""
        wish = self._wish
        rule = self.peer.timer
        if wish is None or rule is None:
            return ""
        self._wish = None
        self.session = SessionTimer(self, rule)
        rows = self.session.answer_rows(wish)
        self.session.begin()
        return rows

    def reject(self, status: int, extra: str = "") -> None:
        """Send a final response that is no 2xx: the leg is over."""
        tx = self._tx
        if tx is not None:
            self._tx = None
            if self.reliable is not None:
                self.reliable.stop()
            self._forget_other_tags(self.dialog.local_tag)
            self._end()
            self.refused = status
            tx.respond(status, extra)

    def on_cancel(self, request: Request) -> None:
        """The caller gave up; the script answers 487."""
        if self._late_answer is None:
            self.post(Cancelled(self, passed_reason(request)))
        else:
            # For the call it was answered already.
            self._late_answer = None
            self.reject(487)
            self.post(HungUp(self, passed_reason(request)))

    def hang_up(self, reason: str = "") -> None:
        """End an answered leg; one whose answer still waits for a PRACK is refused instead."""
        if self._late_answer is None:
            super().hang_up(reason)
        else:
            self._late_answer = None
            self.reject(480)

    def on_unacknowledged(self) -> None:
        """A rejection was never acknowledged: the call is over either way."""

    def on_acknowledged(self, ack: Request) -> None:
        """A rejection was acknowledged, with our tag by who has got it."""
        if self.unconfirmed is not None and ack.to_tag() == self.dialog.local_tag:
            self._show()

    def on_ack(self, request: Request) -> None:
        """An ACK to a 2xx of ours."""
        if not self.shown:
            self._show()
        super().on_ack(request)

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        """A request inside the dialog."""
        if not self.shown:
            self._show()
        super().on_request(tx, request)

    def _show(self) -> None:
        self.shown = True
        unconfirmed, self.unconfirmed = self.unconfirmed, None
        if unconfirmed is not None:
            unconfirmed.shown()

    def _acknowledged(self, request: Request, reliable: Reliable2xx) -> None:
        if self.state == ANSWERED:
            self.state = UP
            if self.late:
                self.post(Acknowledged(self, request))
        else:
            super()._acknowledged(request, reliable)

    def _use_fork(self, tx: ServerTransaction, fork: str) -> None:
        """Switch to the early dialog that stands for this fork."""
        before = self._fork
        if fork == before:
            return
        self.turn_to(fork)
        tag = self._tags.get(fork) if self._tags is not None else None
        if tag is None and not (before and self._sdp_sent):
            return
        if self._tags is None:
            self._tags = {}
        self._tags[before] = tx.tag
        # Of a tag that is taken up again, SDP is taken to have been sent with it: always safe.
        self._sdp_sent = tag is not None
        if tag is None:
            tag = self.stack.token()
            self.stack.dialogs[tag] = self
        dialog = self.dialog
        dialog.local = dialog.local.removesuffix(tx.tag) + tag
        dialog.local_tag = tx.tag = tag

    def _forget_other_tags(self, kept: str) -> None:
        if self._tags is not None:
            for tag in self._tags.values():
                if tag != kept:
                    self.stack.dialogs.pop(tag, None)
            self._tags = None

    def _on_bye(self, tx: ServerTransaction, request: Request) -> None:
        # A BYE of the caller in an early dialog ends that dialog, so the INVITE too (15.1.2).
        if self._tx is not None:
            tx.respond(200)
            self.on_cancel(request)
            return
        super()._on_bye(tx, request)
