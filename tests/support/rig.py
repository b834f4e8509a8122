"""One stack and its clock, what peers say to it, and all that it says and tells."""

import itertools
from typing import Final, NamedTuple

from callrouter.errors import SipError
from callrouter.sip.client_tx import ClientTransaction
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from callrouter.sip.render import render_request
from callrouter.sip.server_tx import ServerTransaction
from callrouter.sip.stack import Stack
from support.message import Message

US: Final = ("192.0.2.2", 5060)
PEER: Final = ("192.0.2.1", 5060)
BRANCH: Final = "z9hG4bKpeer1"


class Sent(NamedTuple):
    """One message that left the stack."""

    at: float
    flow: Flow
    data: bytes

    @property
    def message(self) -> Message:
        return Message.parse(self.data)

    @property
    def what(self) -> str:
        """The method of a request, the status of a response."""
        message = self.message
        return str(message.status) if message.status else message.method


class Heard:
    """Every kind of user there is; notes what it is told. call_id: of the dialog it stands for."""

    def __init__(self, call_id: str = "") -> None:
        self.call_id = call_id
        self.notes: list[str] = []
        self.requests: list[Request] = []
        self.responses: list[Response] = []
        self.served: list[ServerTransaction] = []
        self.acks: list[Request] = []

    def on_response(self, tx: object, response: Response) -> None:
        self.responses.append(response)
        self.notes.append(str(response.status))

    def on_failure(self, tx: object, status: int) -> None:
        self.notes.append(f"failed {status}")

    def on_cancel(self, request: Request) -> None:
        self.notes.append("cancelled")

    def on_unacknowledged(self) -> None:
        self.notes.append("unacknowledged")

    def on_acknowledged(self, ack: Request) -> None:
        self.acks.append(ack)

    def on_ack(self, request: Request) -> None:
        self.requests.append(request)
        self.notes.append("ACK")

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        self.served.append(tx)
        self.requests.append(request)
        self.notes.append(request.method)

    def told(self) -> list[str]:
        """What was noted since it was last asked."""
        notes, self.notes = self.notes, []
        return notes


class Core:
    """Opens a transaction for each request outside a dialog, and leaves the answer to the test."""

    def __init__(self, rig: "Rig") -> None:
        self._rig = rig
        self.served: list[ServerTransaction] = []
        self.requests: list[Request] = []

    def on_request(self, request: Request, flow: Flow) -> None:
        tx = self._rig.stack.accept(request, flow)
        tx.user = self._rig.user
        self.served.append(tx)
        self.requests.append(request)


class Driven:
    """A stack whose clock the test owns. now: its time."""

    now: float
    stack: Stack

    def run(self, until: float) -> list[Sent]:
        """Time passes, each timer on time; returns what is sent meanwhile."""
        sent: list[Sent] = []
        while (due := self.stack.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.stack.run_timers(self.now)
            sent += self._take()
        self.now = until
        self.stack.run_timers(until)
        return sent

    def _take(self) -> list[Sent]:
        sent = [Sent(self.now, flow, data) for flow, data in self.stack.outgoing]
        self.stack.outgoing.clear()
        return sent


class Rig(Driven):
    """A stack at 192.0.2.2 and a peer at 192.0.2.1.

    user: hears what all transactions have to tell. core: who serves requests outside dialogs.
    sent: all that left the stack, since the test last took it. closed: no connection is made.
    """

    def __init__(self, transport: str = "UDP") -> None:
        tokens = itertools.count(1)
        self.now = 0.0
        self.closed = False
        self.flow = Flow(transport, *US, *PEER, None)
        self.stack = Stack(lambda: f"{next(tokens):016x}", self._connect)
        self.user = Heard()
        self.core = Core(self)
        self.stack.core = self.core
        self.sent: list[Sent] = []

    def hear(self, data: bytes, flow: Flow | None = None) -> list[Sent]:
        """A message comes; returns what is sent because of it."""
        self.stack.receive(data, flow or self.flow, self.now)
        return self._take()

    def call(self) -> ClientTransaction:
        """Send an INVITE of ours; what it sent is in `sent`."""
        return self._request("INVITE")

    def ask(self) -> ClientTransaction:
        """Send another request of ours."""
        return self._request("BYE")

    def serve(self, data: bytes) -> ServerTransaction:
        """A request comes and is served."""
        self.hear(data)
        return self.core.served[-1]

    def respond(
        self, asked: Sent, status: int, tag: str = "theirs", body: str = "", **changes: str
    ) -> bytes:
        """The peer's response to a request of ours."""
        message = asked.message
        rows = {
            "Via": message["Via"],
            "From": message["From"],
            "To": f"{message['To']};tag={tag}" if tag else message["To"],
            "Call-ID": message["Call-ID"],
            "CSeq": message["CSeq"],
        } | {name.replace("_", "-"): value for name, value in changes.items()}
        return Message(f"SIP/2.0 {status} Said", list(rows.items()), body).render()

    def taken(self) -> list[Sent]:
        """What was sent by the test's own calls since this was last asked."""
        return self._take()

    def _request(self, method: str) -> ClientTransaction:
        branch = self.stack.branch()
        head = (
            "Max-Forwards: 70\r\nFrom: <sip:us@192.0.2.2>;tag=ours\r\nTo: <sip:peer@192.0.2.1>\r\n"
            f"Call-ID: call-of-ours\r\nCSeq: 1 {method}\r\nContact: {self.flow.contact}\r\n"
        )
        data = render_request(method, "sip:peer@192.0.2.1", self.flow, branch, head, b"")
        invite = method == "INVITE"
        return self.stack.request(self.flow, branch, data, self.user, invite=invite)

    def _take(self) -> list[Sent]:
        sent = super()._take()
        self.sent += sent
        return sent

    def _connect(self, transport: str, host: str, port: int, _name: str) -> Flow:
        if self.closed:
            raise SipError("the listener is closed", 503)
        return Flow(transport, *US, host, port, None)


def request(
    method: str = "INVITE",
    uri: str = "sip:4000@192.0.2.2",
    *,
    via: str = f"SIP/2.0/UDP 192.0.2.1;branch={BRANCH}",
    from_: str = "<sip:peer@192.0.2.1>;tag=theirs",
    to: str = "<sip:4000@192.0.2.2>",
    call_id: str = "call-of-theirs",
    cseq: str = "",
    extra: str = "",
    body: bytes = b"",
) -> bytes:
    """A request of the peer. extra: more rows, each with its CRLF."""
    return (
        f"{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from_}\r\n"
        f"To: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq or f'1 {method}'}\r\n"
        f"{extra}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def one(sent: list[Sent]) -> Sent:
    """The only one of them."""
    assert len(sent) == 1, starts(sent)
    return sent[0]


def starts(sent: list[Sent]) -> list[str]:
    """What each of them is: a method or a status."""
    return [one.what for one in sent]


def times(sent: list[Sent]) -> list[float]:
    """When each of them was sent."""
    return [one.at for one in sent]
