"""Client transactions: RFC 3261 section 17.1 with the Accepted state of RFC 6026.

Theory. A client transaction sends one request until the other side is known to have it, hands the
responses that are news to its user, and stays for a while to swallow the rest. All that it does is
in the two tables below, one row a state, one column an event, each cell (next state, action), as
figures 5 and 6 of RFC 3261 and figure 8 of RFC 6026 draw them. The state changes before the action.

Rules. The request is rendered once; a retransmission is the same bytes. On a reliable transport
there are no retransmissions, and the timers that wait for them are zero. A 2xx to an INVITE is
acknowledged by the user (section 13.2.2.4), any other final response by the transaction.
"""

from typing import Final

from callrouter.sip.flow import ClientUser, Flow, Layer, Table, Waiting
from callrouter.sip.message import Response
from callrouter.sip.render import ack_of
from callrouter.sip.timers import T1, T2, T4, TIMEOUT

# States.
CALLING: Final = 0
TRYING: Final = 0
PROCEEDING: Final = 1
COMPLETED: Final = 2
ACCEPTED: Final = 3
TERMINATED: Final = 4
STAY: Final = -1

# Events.
R_1XX: Final = 0
R_2XX: Final = 1
R_FINAL: Final = 2
T_RESEND: Final = 3  # Timer A or E
T_GIVE_UP: Final = 4  # Timer B or F
T_END: Final = 5  # Timer D, K or M
ERROR: Final = 6

# Actions.
NOTHING: Final = 0
DELIVER: Final = 1
ACCEPT: Final = 2  # deliver, start Timer M
FINISH: Final = 3  # acknowledge (INVITE), start Timer D or K, deliver
ACK_AGAIN: Final = 4
RESEND: Final = 5
TIME_OUT: Final = 6
REPORT: Final = 7  # transport error
END: Final = 8

_NO: Final = (STAY, NOTHING)

INVITE_CLIENT: Final[Table] = (
    # 1xx, 2xx, 3xx-6xx, Timer A, Timer B, Timers D and M, transport error
    (  # Calling
        (PROCEEDING, DELIVER),
        (ACCEPTED, ACCEPT),
        (COMPLETED, FINISH),
        (STAY, RESEND),
        (TERMINATED, TIME_OUT),
        _NO,
        (TERMINATED, REPORT),
    ),
    (  # Proceeding
        (STAY, DELIVER),
        (ACCEPTED, ACCEPT),
        (COMPLETED, FINISH),
        _NO,
        _NO,
        _NO,
        (TERMINATED, REPORT),
    ),
    (  # Completed
        _NO,
        _NO,
        (STAY, ACK_AGAIN),
        _NO,
        _NO,
        (TERMINATED, END),
        (TERMINATED, END),
    ),
    (  # Accepted
        _NO,
        (STAY, DELIVER),
        _NO,
        _NO,
        _NO,
        (TERMINATED, END),
        _NO,
    ),
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Terminated
)

REQUEST_CLIENT: Final[Table] = (
    # 1xx, 2xx, 3xx-6xx, Timer E, Timer F, Timer K, transport error
    (  # Trying
        (PROCEEDING, DELIVER),
        (COMPLETED, FINISH),
        (COMPLETED, FINISH),
        (STAY, RESEND),
        (TERMINATED, TIME_OUT),
        _NO,
        (TERMINATED, REPORT),
    ),
    (  # Proceeding
        (STAY, DELIVER),
        (COMPLETED, FINISH),
        (COMPLETED, FINISH),
        (STAY, RESEND),
        (TERMINATED, TIME_OUT),
        _NO,
        (TERMINATED, REPORT),
    ),
    (_NO, _NO, _NO, _NO, _NO, (TERMINATED, END), (TERMINATED, END)),  # Completed
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Accepted: INVITE only
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Terminated
)

_TIMEOUT_STATUS: Final = 408
_ERROR_STATUS: Final = 503


class ClientTransaction(Waiting):
    """A client transaction: one request of ours, sent at construction.

    key: its branch, with "CANCEL" behind it for a CANCEL, which shares the INVITE's branch.
    sent_by: the host and port of its Via, whatever connection it is sent over again. invite: it is
    an INVITE.
    """

    __slots__ = ("_data", "_response", "_user", "sent_by")

    on_resend = T_RESEND
    on_give_up = T_GIVE_UP
    on_end = T_END

    def __init__(
        self,
        layer: Layer,
        key: str,
        flow: Flow,
        data: bytes,
        user: ClientUser | None,
        invite: bool,
    ) -> None:
        self._layer = layer
        self.key = key
        self._flow = flow
        self.sent_by = flow.sent_by
        self._data = data
        self._user: ClientUser | None = user
        self.invite = invite
        self._response: Response | None = None
        self._interval = T1
        self.state = CALLING
        layer.clients[key] = self
        self._due = layer.now + T1
        self._give_up_at = layer.now + TIMEOUT
        if flow.waiting is not None:
            flow.waiting[self] = flow.used
            self._due = self._give_up_at
        self._lingers = False
        layer.timers.lay(self._due, self)
        layer.send(flow, data)

    @property
    def request(self) -> bytes:
        """The request as sent; b"" once nothing can ask for it again."""
        return self._data

    @property
    def unheard(self) -> bool:
        """No response has come yet."""
        return self.state == CALLING

    def receive(self, response: Response) -> None:
        """Take a response that has this transaction's branch and method."""
        self._response = response
        status = response.status
        self._step(R_1XX if status < 200 else R_2XX if status < 300 else R_FINAL)
        self._response = None

    def hand_over(self, user: ClientUser) -> None:
        """Have somebody else hear of its further responses."""
        self._user = user

    def move(self, flow: Flow) -> None:
        """Send the request once more, over a connection that takes the place of the lost one."""
        lost = self._flow.waiting
        if lost is not None and flow.waiting is not None:
            del lost[self]
            flow.waiting[self] = False
            self._flow = flow
            self._layer.resend(flow, self._data)

    def fail(self) -> None:
        """The transport could not deliver the request (section 17.1.4)."""
        self._step(ERROR)

    def abandon(self, _now: float) -> None:
        """End without telling the user, if no final response has come (section 9.1)."""
        if self.state < COMPLETED:
            self.state = TERMINATED
            self._forget()

    def _step(self, event: int) -> None:
        table = INVITE_CLIENT if self.invite else REQUEST_CLIENT
        state, action = table[self.state][event]
        if state != STAY:
            self.state = state
        if action == DELIVER:
            self._deliver()
        elif action == ACCEPT:
            self._settle(TIMEOUT)
            self._data = b""
            self._deliver()
        elif action == FINISH:
            self._finish()
        elif action == END:  # of each transaction once; what follows is of few
            self._forget()
        elif action == ACK_AGAIN:
            self._layer.resend(self._flow, self._data)
        elif action == RESEND:
            self._send_again()
        elif action == TIME_OUT:
            self._give_over(_TIMEOUT_STATUS)
        elif action == REPORT:
            self._give_over(_ERROR_STATUS)

    def _deliver(self) -> None:
        if self.invite and self.state == PROCEEDING:
            self._stop_waiting()  # from here on it is the user who gives up
        if self._user is not None and self._response is not None:
            self._user.on_response(self, self._response)

    def _finish(self) -> None:
        response = self._response
        user = self._user
        if self.invite and response is not None:
            self._data = ack_of(self._data, response.get("to"))
            self._layer.send(self._flow, self._data)
            self._settle(0.0 if self._flow.reliable else TIMEOUT)
        else:
            self._data = b""
            self._settle(0.0 if self._flow.reliable else T4)
        self._user = None
        if user is not None and response is not None:
            user.on_response(self, response)

    def _settle(self, linger: float) -> None:
        self._stop_waiting()
        self._end_after(linger)

    def _send_again(self) -> None:
        self._layer.resend(self._flow, self._data)
        if self.invite:
            self._wait(self._interval * 2)
        else:
            self._wait(T2 if self.state == PROCEEDING else min(self._interval * 2, T2))

    def _give_over(self, status: int) -> None:
        user = self._user
        self._forget()
        if user is not None:
            user.on_failure(self, status)

    def _forget(self) -> None:
        self._stop_waiting()
        self._user = None
        self._data = b""
        if self._flow.waiting is not None:
            self._flow.waiting.pop(self, None)
        self._layer.clients.pop(self.key, None)
