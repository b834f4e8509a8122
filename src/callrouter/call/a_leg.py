"""The A-leg: the caller's side of a call, where we are the UAS of its INVITE."""

from callrouter.call.events import Acknowledged, Cancelled
from callrouter.call.inbox import Inbox
from callrouter.call.leg import ANSWERED, UP, Leg, Reliable2xx
from callrouter.sip.dialog import Dialog
from callrouter.sip.message import Request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.uas import ALLOW


class ALeg(Leg):
    """The caller's leg.

    A target, or one fork behind it, is one early dialog for the caller as well: the first one gets
    the tag of our first response, and another one a tag of its own once SDP has been sent, since
    one dialog can take one answer only (RFC 3261 section 13.2.1).
    """

    __slots__ = ("_fork", "_sdp_sent", "_tags", "_tx", "late_offer")

    def __init__(
        self, stack: Stack, inbox: Inbox, tx: ServerTransaction, request: Request, target: str
    ) -> None:
        """target: the URI of the INVITE's Contact."""
        dialog = Dialog(request.get("call-id"), tx.tag, tx.flow)
        dialog.target = target
        dialog.take_routes(request, reverse=False)
        dialog.remote = request.get("from")
        dialog.remote_tag = request.from_tag()
        dialog.remote_cseq = request.cseq()[0]
        dialog.local = f"{request.get('to')};tag={tx.tag}"
        super().__init__(stack, inbox, dialog, 0)
        self._tx: ServerTransaction | None = tx
        self._fork = ""
        self._sdp_sent = False
        self._tags: dict[str, str] | None = None
        self.late_offer = not request.body
        tx.user = self

    def ring(self, status: int, fork: str, extra: str, body: bytes) -> None:
        """Send a provisional response above 100 on behalf of a fork."""
        tx = self._tx
        if tx is not None:
            self._use_fork(tx, fork)
            self._sdp_sent = self._sdp_sent or bool(body)
            tx.respond(status, f"Contact: {self.dialog.flow.contact}\r\n{extra}", body)

    def answer(self, status: int, fork: str, extra: str, body: bytes) -> None:
        """Send the 2xx, and send it again until the caller acknowledges it."""
        tx = self._tx
        if tx is None:
            return
        self._use_fork(tx, fork)
        self._tx = tx.user = None
        self._forget_other_tags(tx.tag)
        rows = f"Contact: {self.dialog.flow.contact}\r\n{ALLOW}{extra}"
        data = tx.respond(status, rows, body)
        self.state = ANSWERED
        self._reliable_2xx = Reliable2xx(self, tx, data, None)

    def reject(self, status: int, extra: str = "") -> None:
        """Send a final response that is no 2xx: the leg is over."""
        tx = self._tx
        if tx is not None:
            self._tx = None
            self._forget_other_tags(self.dialog.local_tag)
            self._end()
            tx.respond(status, extra)

    def on_cancel(self, request: Request) -> None:
        """The caller gave up; the script answers 487."""
        self.post(Cancelled(request.get("reason")))

    def on_unacknowledged(self) -> None:
        """A rejection was never acknowledged: the call is over either way."""

    def _acknowledged(self, request: Request, reliable: Reliable2xx) -> None:
        if self.state == ANSWERED:
            self.state = UP
            if self.late_offer:
                self.post(Acknowledged(self, request))
        else:
            super()._acknowledged(request, reliable)

    def _use_fork(self, tx: ServerTransaction, fork: str) -> None:
        """Switch to the early dialog that stands for this fork."""
        if fork == self._fork:
            return
        tag = self._tags.get(fork) if self._tags is not None else None
        if tag is None and not (self._fork and self._sdp_sent):
            self._fork = fork
            return
        if self._tags is None:
            self._tags = {}
        self._tags[self._fork] = tx.tag
        # Of a tag that is taken up again, SDP is taken to have been sent with it: always safe.
        self._sdp_sent = tag is not None
        if tag is None:
            tag = self.stack.token()
            self.stack.dialogs[tag] = self
        self._fork = fork
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
        invite = self._tx
        if invite is not None:
            tx.respond(200)
            self.post(Cancelled(request.get("reason")))
            return
        super()._on_bye(tx, request)
