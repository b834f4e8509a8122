"""Server transactions: RFC 3261 section 17.2 with the Accepted state of RFC 6026.

Theory. A server transaction hands one request to its user, sends the user's responses, answers
retransmissions of the request with the last of them, and stays for a while to swallow the rest.
An INVITE that was refused stands against merged copies of it until it is acknowledged: what comes
then is another try (decision 14).
The tables below are figures 7 of RFC 6026 and 8 of RFC 3261: one row a state, one column an event,
each cell (next state, action). The state changes before the action.

Rules. A response is rendered once. The retransmission of a 2xx to an INVITE belongs to the user
(section 13.3.1.4), of any other final response to the transaction. What the user sends after a
final response is not sent: the cell says nothing.
"""

from math import inf
from typing import Final

from callrouter.sip.flow import Flow, InviteServerUser, Layer, Table, Waiting
from callrouter.sip.message import Request
from callrouter.sip.render import render_response, response_head
from callrouter.sip.timers import T1, T2, T4, TIMEOUT

# States.
TRYING: Final = 0
PROCEEDING: Final = 1
COMPLETED: Final = 2
CONFIRMED: Final = 3
ACCEPTED: Final = 4
TERMINATED: Final = 5
STAY: Final = -1

# Events.
REQUEST: Final = 0
ACK: Final = 1
SEND_1XX: Final = 2
SEND_2XX: Final = 3
SEND_FINAL: Final = 4
T_RESEND: Final = 5  # Timer G
T_GIVE_UP: Final = 6  # Timer H
T_END: Final = 7  # Timer I, J or L

# Actions.
NOTHING: Final = 0
SEND: Final = 1
ACCEPT: Final = 2  # send, start Timer L
FINISH: Final = 3  # send, start Timers G and H (INVITE) or J
AGAIN: Final = 4
RESEND: Final = 5
CONFIRM: Final = 6  # start Timer I
UNACKNOWLEDGED: Final = 7
END: Final = 8

_NO: Final = (STAY, NOTHING)

INVITE_SERVER: Final[Table] = (
    # request again, ACK, send 1xx, send 2xx, send 3xx-6xx, Timer G, Timer H, Timers I and L
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Trying: other requests only
    (  # Proceeding
        (STAY, AGAIN),
        _NO,
        (STAY, SEND),
        (ACCEPTED, ACCEPT),
        (COMPLETED, FINISH),
        _NO,
        _NO,
        _NO,
    ),
    (  # Completed
        (STAY, AGAIN),
        (CONFIRMED, CONFIRM),
        _NO,
        _NO,
        _NO,
        (STAY, RESEND),
        (TERMINATED, UNACKNOWLEDGED),
        _NO,
    ),
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO, (TERMINATED, END)),  # Confirmed
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO, (TERMINATED, END)),  # Accepted
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Terminated
)

REQUEST_SERVER: Final[Table] = (
    # request again, ACK, send 1xx, send 2xx, send 3xx-6xx, -, -, Timer J
    (  # Trying
        _NO,
        _NO,
        (PROCEEDING, SEND),
        (COMPLETED, FINISH),
        (COMPLETED, FINISH),
        _NO,
        _NO,
        _NO,
    ),
    (  # Proceeding
        (STAY, AGAIN),
        _NO,
        (STAY, SEND),
        (COMPLETED, FINISH),
        (COMPLETED, FINISH),
        _NO,
        _NO,
        _NO,
    ),
    ((STAY, AGAIN), _NO, _NO, _NO, _NO, _NO, _NO, (TERMINATED, END)),  # Completed
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Confirmed: INVITE only
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Accepted: INVITE only
    (_NO, _NO, _NO, _NO, _NO, _NO, _NO, _NO),  # Terminated
)


class ServerTransaction(Waiting):
    """A server transaction: one request of a peer. invite: it is an INVITE."""

    __slots__ = ("_head", "_last", "_merged", "_to", "tag", "user")

    on_resend = T_RESEND
    on_give_up = T_GIVE_UP
    on_end = T_END

    def __init__(
        self, layer: Layer, key: str, source: Flow, flow: Flow, request: Request, merged: str
    ) -> None:
        """source: where the request came from. flow: where the responses go. merged: its entry in
        the layer's set of INVITEs, "" for none.
        """
        self._layer = layer
        self.key = key
        self._flow = flow
        self.invite = request.method == "INVITE"
        self._head = response_head(request, source)
        self._to = request.headers["to"]
        self.tag = "" if request.to_tag() else layer.token()
        self._merged = merged
        self._last = b""
        self._interval = T1
        self._give_up_at = 0.0
        self._due = inf
        self._lingers = False
        self.user: InviteServerUser | None = None
        self.state = PROCEEDING if self.invite else TRYING
        layer.servers[key] = self
        if merged:
            layer.merged.add(merged)

    @property
    def pending(self) -> bool:
        """Still without a final response."""
        return self.state <= PROCEEDING

    def respond(self, status: int, extra: str = "", body: bytes = b"") -> bytes:
        """Send a response, unless a final one was sent; returns it, b"" when nothing was sent.

        extra: header rows, each with its CRLF. The To tag is `tag` at this moment; a request that
        had one keeps it.
        """
        event = SEND_1XX if status < 200 else SEND_2XX if status < 300 else SEND_FINAL
        state, action = (INVITE_SERVER if self.invite else REQUEST_SERVER)[self.state][event]
        if action == NOTHING:
            return b""
        if state != STAY:
            self.state = state
        tag = self.tag if status > 100 else ""
        data = render_response(status, self._head, self._to, tag, extra, body)
        self._last = data
        self._layer.send(self._flow, data)
        if action == ACCEPT:
            self._last = b""
            self._linger(TIMEOUT)
        elif action == FINISH:
            self._finish()
        return data

    def receive(self, event: int) -> None:
        """Take a retransmission (REQUEST) or an ACK that matches."""
        self._step(event)

    def acknowledge(self, ack: Request) -> None:
        """Take an ACK that matches, and tell the user of the first."""
        user = self.user if self.state == COMPLETED else None
        self._step(ACK)
        if user is not None:
            user.on_acknowledged(ack)

    def _step(self, event: int) -> None:
        state, action = (INVITE_SERVER if self.invite else REQUEST_SERVER)[self.state][event]
        if state != STAY:
            self.state = state
        if action == END:  # of each transaction once; what follows is of few
            self._forget()
        elif action == AGAIN:
            if self._last:
                self._layer.resend(self._flow, self._last)
        elif action == RESEND:
            self._send_again()
        elif action == CONFIRM:
            self._stop_waiting()
            self._last = b""
            self._unmerge()  # over for whoever asked, though the transaction stays (8.2.2.2)
            self._linger(0.0 if self._flow.reliable else T4)
        elif action == UNACKNOWLEDGED:
            user = self.user
            self._forget()
            if user is not None:
                user.on_unacknowledged()

    def _finish(self) -> None:
        layer = self._layer
        if self.invite:
            self._give_up_at = layer.now + TIMEOUT
            self._due = self._give_up_at if self._flow.reliable else layer.now + T1
            layer.timers.lay(self._due, self)
        else:
            self._linger(0.0 if self._flow.reliable else TIMEOUT)

    def _send_again(self) -> None:
        self._layer.resend(self._flow, self._last)
        self._wait(min(self._interval * 2, T2))

    def _linger(self, seconds: float) -> None:
        self._head = self._to = ""  # nothing more is answered
        self._end_after(seconds)

    def _forget(self) -> None:
        self._stop_waiting()
        self.user = None
        layer = self._layer
        layer.servers.pop(self.key, None)
        self._unmerge()

    def _unmerge(self) -> None:
        """From here on the same INVITE by another branch is one of its own."""
        if self._merged:
            self._layer.merged.discard(self._merged)
            self._merged = ""
