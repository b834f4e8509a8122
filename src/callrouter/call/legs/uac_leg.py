"""A B-leg: one target's side of a call, where we are the UAC of the INVITE.

Theory. What becomes of the INVITE, whatever crosses what, is in the table below: one row a state,
one column an event, each cell (next state, action). The state changes before the action. The
dialog's state, from the answer on, is the leg's.
"""

from typing import Final

from callrouter.call.legs.digest_client import DigestClient
from callrouter.call.legs.events import Answered, Failed, Progress
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.late_answers import LateAnswers
from callrouter.call.legs.leg import ANSWERED, CLOSING, SETTING_UP, UP, Leg
from callrouter.call.legs.offer_answer import THEY_SAY
from callrouter.call.legs.provisional import Received, Silent, is_reliable
from callrouter.call.legs.reinvite import refusal
from callrouter.call.legs.session_timer import SessionTimer
from callrouter.errors import ParseError, SipError
from callrouter.register.digest_credentials import CHALLENGES, DigestCredentials
from callrouter.route.rules.digest_accounts import Login
from callrouter.route.rules.peer_profile import TIMED, USUAL, PeerProfile
from callrouter.route.values.plan import Target
from callrouter.sip.body import take_answer, take_description
from callrouter.sip.client_tx import ClientTransaction
from callrouter.sip.dialog import Dialog
from callrouter.sip.flow import Flow, Table
from callrouter.sip.message import Request, Response
from callrouter.sip.render import cancel_of, render_request
from callrouter.sip.sdp import may_answer
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from callrouter.sip.timers import TIMEOUT, Timer
from callrouter.sip.uri import is_sips

# States of the INVITE.
CALLING: Final = 0  # no response has come
RINGING: Final = 1  # one has, be it a 100
TO_CANCEL: Final = 2  # no CANCEL before a provisional response (RFC 3261 section 9.1)
CANCELLED: Final = 3
ACCEPTED: Final = 4  # a 2xx has come; more may, of this fork or of others (section 13.2.2.4)
OVER: Final = 5
STAY: Final = -1

# Events.
PROVISIONAL: Final = 0
ACCEPTANCE: Final = 1
REFUSAL: Final = 2  # any other final response
SILENCE: Final = 3  # none will come, or it could not be sent
CANCEL: Final = 4  # nobody wants the answer any more
GIVE_UP: Final = 5  # the CANCEL has led to nothing for 32 s

# Actions.
NOTHING: Final = 0
TELL: Final = 1  # post the progress
TAKE: Final = 2  # post the answer
AGAIN: Final = 3  # send it anew where the refusal asks for that, else post the failure
ELSEWHERE: Final = 4  # send it by the other transport where there is one, else post the failure
FAIL: Final = 5  # post the failure
SEND_CANCEL: Final = 6
DECLINE: Final = 7  # acknowledge the answer and hang up
ACK_AGAIN: Final = 8  # or, of another fork, acknowledge and hang up
END: Final = 9
ABANDON: Final = 10

_NO: Final = (STAY, NOTHING)

INVITE_TABLE: Final[Table] = (
    # 1xx, 2xx, 3xx-6xx, no response, cancelled by us, 32 s after the CANCEL
    (  # Calling
        (RINGING, TELL),
        (ACCEPTED, TAKE),
        (OVER, AGAIN),
        (OVER, ELSEWHERE),
        (TO_CANCEL, NOTHING),
        _NO,
    ),
    (  # Ringing
        (STAY, TELL),
        (ACCEPTED, TAKE),
        (OVER, AGAIN),
        (OVER, FAIL),
        (CANCELLED, SEND_CANCEL),
        _NO,
    ),
    (  # To be cancelled
        (CANCELLED, SEND_CANCEL),
        (ACCEPTED, DECLINE),
        (OVER, END),
        (OVER, END),
        _NO,
        _NO,
    ),
    (_NO, (ACCEPTED, DECLINE), (OVER, END), (OVER, END), _NO, (OVER, ABANDON)),  # Cancelled
    (_NO, (STAY, ACK_AGAIN), _NO, _NO, _NO, _NO),  # Accepted
    (_NO, (STAY, ACK_AGAIN), _NO, _NO, _NO, _NO),  # Over
)

_NOT_ACCEPTABLE: Final = 488


class BLeg(Leg):
    """One target being rung, or answered.

    invite: the state of its INVITE. Once cancelled it posts nothing more: a 2xx that crosses the
    CANCEL is acknowledged and hung up here. So is one whose description is of no use, for which
    `Failed` is posted; after `Answered`, `theirs` holds what it described. unpracked: the RAck
    value that a reliable response of it waits for, "" for none (RFC 3262). target: as the
    dialplan has it, None for none of its.
    """

    __slots__ = (
        "_ack",
        "_again",
        "_branch",
        "_cancel_reason",
        "_cseq",
        "_give_up",
        "_received",
        "_spare",
        "_tries",
        "_tx",
        "invite",
        "target",
        "unpracked",
    )

    def __init__(
        self,
        stack: Stack,
        inbox: Inbox,
        flow: Flow,
        number: int,
        uri: str,
        from_value: str,
        extra: str,
        body: bytes,
        spare: Flow | None = None,
        login: Login | None = None,
        peer: PeerProfile = USUAL,
    ) -> None:
        """Send the INVITE. uri: the Request-URI. extra: more rows, Max-Forwards among them.

        spare: where it is sent once more when `flow` cannot be opened (section 18.1.1). login:
        answers the target's challenges. peer: how the target is dealt with.
        """
        dialog = Dialog(stack.token(), stack.token(), flow)
        dialog.local = f"{from_value};tag={dialog.local_tag}"
        dialog.remote = f"<{uri}>"
        dialog.target = uri
        dialog.secure = is_sips(uri)
        dialog.local_cseq = 1
        super().__init__(stack, inbox, dialog, number, body, ours=True)
        self.invite = CALLING
        self._cancel_reason = ""
        self._give_up: Timer | None = None
        self._ack = b""
        self.unpracked = ""
        self.target: Target | None = None
        self._received: Received | None = None
        self._spare = None if spare is None else (spare, extra, body)
        self._tx: ClientTransaction | None = None
        self._tries = 0
        self._again: tuple[str, str, bytes] | None = (uri, extra, body)
        if login is not None:
            self.digest_client = DigestClient(DigestCredentials(login, stack.token()))
        self.peer = peer
        if peer.timer is not None:
            self.session = SessionTimer(self, peer.timer)
        self._invite(flow, extra, body)

    @property
    def heard(self) -> bool:
        """A response has come to its INVITE, be it a 100."""
        return self.invite not in {CALLING, TO_CANCEL}

    def cancel(self, reason: str = "") -> None:
        """Stop ringing. From here on the leg looks after itself."""
        if self.invite <= RINGING:
            self.release()
            self._cancel_reason = reason
            self._run(CANCEL)

    def ack(self, extra: str = "", body: bytes = b"") -> None:
        """Acknowledge the answer, once; its retransmissions get the same ACK again."""
        if not self._ack:
            self._ack = self.send_ack(self._cseq, extra, body)
            if self.state == ANSWERED:
                self.state = UP

    def hang_up(self, reason: str = "") -> None:
        """End the leg, whatever its state."""
        if self.state == SETTING_UP:
            self.cancel(reason)
            return
        if self.state == ANSWERED:
            self._refuse()
        super().hang_up(reason)

    def on_response(self, tx: object, response: Response) -> None:
        """A response to the INVITE, or to our BYE."""
        if tx is not self._tx:
            super().on_response(tx, response)
            return
        status = response.status
        event = PROVISIONAL if status < 200 else ACCEPTANCE if status < 300 else REFUSAL
        self._run(event, status, response)

    def on_failure(self, tx: object, status: int) -> None:
        """The INVITE, or our BYE, was never answered or could not be sent."""
        if tx is not self._tx:
            super().on_failure(tx, status)
            return
        self._run(SILENCE, status)

    def _run(self, event: int, status: int = 0, response: Response | None = None) -> None:
        """Go from one state of the INVITE to the next. status: as `Failed` has it."""
        state, action = INVITE_TABLE[self.invite][event]
        if state != STAY:
            self.invite = state
        if action == TELL and response is not None:
            self._on_provisional(response)
        elif action == TAKE and response is not None:
            self._on_answer(response)
        elif action == AGAIN and response is not None and self._again_after(status, response):
            return
        elif action == ELSEWHERE and self._spare is not None:
            spare, self._spare = self._spare, None
            self._invite(*spare)
        elif action in {AGAIN, ELSEWHERE, FAIL}:
            self._over()
            self.post(Failed(self, status, response))
        elif action == SEND_CANCEL:
            self._send_cancel()
        elif action == DECLINE and response is not None:
            self._accepted_by(response)
            self._decline()
        elif action == ACK_AGAIN and response is not None:
            self._ack_again(response)
        elif action == END:
            self._over()
        elif action == ABANDON and self._tx is not None:
            self._tx.abandon(self.stack.now)
            self._over()

    def _again_after(self, status: int, response: Response) -> bool:
        """Send the INVITE again if its refusal asks for that, as a new request.

        With credentials (section 22.2), or with a longer session interval (RFC 4028 section 7.3).
        """
        again = self._again
        if again is None:
            return False
        digest_client, session = self.digest_client, self.session
        if status in CHALLENGES and digest_client is not None:
            if not digest_client.credentials.take(response, self._tries):
                return False
            self._tries += 1
        elif status == 422:
            if session is None:
                # Who insists on a timer gets one, rather than no call.
                session = self.session = SessionTimer(self, TIMED)
            if not session.raised(response):
                return False
        else:
            return False
        uri, extra, body = again
        row = "" if digest_client is None else digest_client.row("INVITE", uri)
        dialog = self.dialog
        dialog.begin_again(uri)
        dialog.local_cseq += 1
        self._spare = None
        self._invite(dialog.flow, f"{row}{extra}", body)
        return True

    def _invite(self, flow: Flow, extra: str, body: bytes) -> None:
        self.invite = CALLING  # and may not be cancelled yet
        dialog = self.dialog
        dialog.flow = flow
        self._cseq = dialog.local_cseq
        self._branch = self.stack.branch()
        timed = "" if self.session is None else self.session.request_rows(initial=True)
        head = (
            f"From: {dialog.local}\r\nTo: {dialog.remote}\r\nCall-ID: {dialog.call_id}\r\n"
            f"CSeq: {self._cseq} INVITE\r\nContact: {dialog.contact}\r\n{timed}{extra}"
        )
        data = render_request("INVITE", dialog.target, flow, self._branch, head, body)
        self._tx = self.stack.request(flow, self._branch, data, self, invite=True)

    def _on_bye(self, tx: ServerTransaction, request: Request) -> None:
        if self.state == SETTING_UP:
            # A callee may not send BYE before it has answered (RFC 3261 section 15).
            tx.respond(481)
        else:
            super()._on_bye(tx, request)

    def _on_provisional(self, response: Response) -> None:
        if response.status == 100:
            return
        if response.body and not self._is_of_use(response):
            self.post(Failed(self, _NOT_ACCEPTABLE, response))
            return
        if is_reliable(response) and not self._take_reliable(response):
            return
        fork = self._learn(response)
        if self.unpracked and response.body:
            self.say_early(THEY_SAY, response.body)
        self.post(Progress(self, fork, response))
        if self.unpracked:
            rack, self.unpracked = self.unpracked, ""
            self.ask("PRACK", f"RAck: {rack}\r\n", b"", Silent())

    def _take_reliable(self, response: Response) -> bool:
        """A response has to be acknowledged; False when it is not to be looked at."""
        if self._received is None:
            self._received = Received()
        try:
            self.unpracked = self._received.next(response)
        except SipError:
            return False
        return bool(self.unpracked)

    def _on_answer(self, response: Response) -> None:
        """The first 2xx, which somebody waits for."""
        useful = self._is_of_use(response)
        fork = self._accepted_by(response)
        if self.inbox is None:
            self._decline()
        elif not useful:
            # No session can come of it (RFC 3261 section 13.2.1).
            self.hang_up()
            self.post(Failed(self, _NOT_ACCEPTABLE, response))
        else:
            self.post(Answered(self, fork, response))

    def _accepted_by(self, response: Response) -> str:
        """The first 2xx makes the dialog; returns the fork's name for the A-leg."""
        self._again = None
        fork = self._learn(response)
        self.say(THEY_SAY, response.body)
        self.dialog.take_routes(response, reverse=True)
        self.state = ANSWERED
        self._agree(response)
        if self._give_up is not None:
            self._forget_give_up()
        return fork

    def _decline(self) -> None:
        """Nobody wants the answer any more."""
        self._refuse()
        super().hang_up(self._cancel_reason)

    def _ack_again(self, response: Response) -> None:
        """Another 2xx: ours came too late, or a second fork has answered as well."""
        if response.to_tag() == self.dialog.remote_tag:
            if self._ack:
                self.stack.resend(self.dialog.flow, self._ack)
            return
        rows, body = "", b""
        if self.late and take_answer(response, b""):
            rows, body = refusal(self, response.body)
        self._late_answers().refuse(response, rows, body)

    def _late_answers(self) -> LateAnswers:
        dialog = self.dialog
        ack = self._ack or dialog.request("ACK", self.stack.branch(), self._cseq, "", b"")
        return LateAnswers(self.stack, dialog.flow, dialog.target, ack)

    def _learn(self, response: Response) -> str:
        """Take what the response says of the dialog; returns the fork's name for the A-leg."""
        dialog = self.dialog
        tag = response.to_tag()
        if tag:
            if tag != dialog.remote_tag:
                if self._told is not None:
                    self.theirs = self._told.get(tag, b"")  # another fork's is not its
                self.turn_to(tag)
            dialog.remote_tag = tag
            dialog.remote = response.headers["to"]
        self.learn_target(response)
        self.theirs = response.body or self.theirs
        return f"{self.number} {tag}"

    def _refuse(self) -> None:
        """Acknowledge an answer that nothing will come of; an offer in it is refused."""
        if self.owes_answer:
            self.ack(*refusal(self, self.theirs))
        else:
            self.ack()

    def _is_of_use(self, response: Response) -> bool:
        """Whether its body can be the answer to our offer or, to none, an offer; it is left alone.

        Once a reliable response has described the session nothing is asked of those that follow
        (RFC 3262 section 5). What rings need not describe anything.
        """
        described = self._told is not None and response.to_tag() in self._told
        try:
            take_description(response)
        except ParseError:
            response.body = b""
            return described
        if not response.body:
            return described or response.status < 200
        return described or may_answer(self._first_offer, response.body)

    def _send_cancel(self) -> None:
        tx = self._tx
        if tx is not None and tx.request:
            stack = self.stack
            stack.cancel(tx.flow, self._branch, cancel_of(tx.request, self._cancel_reason))
            self._give_up = stack.timers.start(stack.now + TIMEOUT, self._on_give_up)

    def _on_give_up(self, _now: float) -> None:
        # Cancelled, but never finally answered: the INVITE is forgotten (section 9.1).
        self._give_up = None
        self._run(GIVE_UP)

    def _end(self) -> None:
        super()._end()
        if self.invite == ACCEPTED and self._tx is not None and self._ack and not self.late:
            # The leg itself would stay for as long as another answer may come.
            self._tx.hand_over(self._late_answers())

    def _over(self) -> None:
        self._forget_give_up()
        if self.state < CLOSING:
            self._end()

    def _forget_give_up(self) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None
            self.stack.stop_cancel(self._branch)
