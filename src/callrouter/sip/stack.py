"""The stack: bytes in, events to its user, bytes out. Sans-IO (RFC 3261 sections 17 and 18).

Theory. `receive` takes one message and runs it to completion: absorbed by the transaction it
repeats, or handed to the one user it is for. All that is to be sent lies in `outgoing` when it
returns. The owner of the sockets sends it, and calls `run_timers` no later than `deadline`.

Rules. No byte from outside makes `receive` raise. A request is matched before anything is built
for it; the core decides whether a request outside any dialog gets a transaction at all (`accept`)
or an answer without state (`reply`).
"""

from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import Final, Protocol

from callrouter.errors import ParseError, SipError
from callrouter.metric import Rows, counter, gauge
from callrouter.sip.body import DESCRIBING, check_session
from callrouter.sip.client_tx import COMPLETED, ClientTransaction
from callrouter.sip.flow import ClientUser, Flow, Layer, Transaction
from callrouter.sip.framing import FramingError
from callrouter.sip.grammar import MAGIC_COOKIE
from callrouter.sip.headers import Via, parse_via
from callrouter.sip.message import Request, Response, check_request, check_response, parse
from callrouter.sip.render import render_response, response_flow, response_head
from callrouter.sip.server_tx import ACCEPTED, REQUEST, ServerTransaction
from callrouter.sip.sizes import BODY_SIZE, HEADER_SIZE, HEADERS, USUAL, Sizes, TooLargeError
from callrouter.sip.uas import inspect
from callrouter.sip.uri import usual_port

_RESPONSE: Final = b"SIP/2.0 "
_INVITE: Final = b"INVITE "
_SAID_ELSEWHERE: Final = frozenset((401, 403, 407, 482, 503))
"""Who has to prove who it is, strangers, what came twice, and calls without room."""
_TAG_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


class DialogUser(Protocol):
    """The owner of a dialog, found by its local tag."""

    @property
    def call_id(self) -> str:
        """The dialog's Call-ID."""

    def on_request(self, tx: ServerTransaction, request: Request) -> None:
        """A request inside the dialog, to be answered on `tx`."""

    def on_ack(self, request: Request) -> None:
        """An ACK to a 2xx of ours, perhaps once more."""


class Core(Protocol):
    """The UAS core, which takes requests outside any dialog."""

    def on_request(self, request: Request, flow: Flow) -> None:
        """Answer it with `Stack.accept` or `Stack.reply`; a SipError raised is the answer too."""


def server_key(request: Request, method: str) -> str:
    """What a request's transaction is known by (section 17.2.3, with RFC 2543's rules)."""
    via = request.via()
    branch = via.branch
    if branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE):
        return f"{branch} {via.host}:{via.port} {method}"
    number = request.cseq()[0]
    return (
        f"{request.uri} {request.from_tag()} {request.get('call-id')} {number} {via.text} {method}"
    )


def _is_for(tx: ClientTransaction, response: Response) -> bool:
    """Whether the one Via of a response is ours: with more it is meant for another (8.1.3.3)."""
    if response.more is not None and "via" in response.more:
        return False
    via = response.headers["via"]
    if "," in via and response.via().rest.strip(", \t"):
        return False
    return f" {tx.sent_by};" in via or _is_of(response.via(), tx)


def _is_of(via: Via, tx: ClientTransaction) -> bool:
    """Say whether a Via names where we sent a request from, in whatever spelling (18.1.2)."""
    host, _, port = tx.sent_by.rpartition(":")
    if (via.port or usual_port(tx.flow.transport)) != int(port):
        return False
    said, ours = via.host.strip("[]").lower(), host.strip("[]").lower()
    if ":" not in said:
        return said == ours
    try:
        return ip_address(said) == ip_address(ours)
    except ValueError:
        return False


def _unheard(flow: Flow, status: int, why: str) -> None:
    """Nobody is told of it."""


class Stack(Layer):
    """All transactions and dialogs of one process.

    core: set by its owner before the first message. refused: told of an INVITE that is refused
    before it is a call, or a part of one: its flow, the status, and why; not when there is no room.
    dialogs: by local tag. malformed: messages that were not SIP, or over a limit. over: the latter
    by limit. stray: responses and ACKs that belong to nothing. absorbed: requests that were a
    retransmission.
    """

    __slots__ = (
        *("_connect", "_salt", "_sizes"),
        *("absorbed", "core", "dialogs", "malformed", "over", "refused", "stray"),
    )

    core: Core

    def __init__(
        self,
        token: Callable[[], str],
        connect: Callable[[str, str, int, str], Flow],
        sizes: Sizes = USUAL,
    ) -> None:
        """token: gives unguessable strings of 64 bits or more. connect: see the method.

        sizes: how much one message may have.
        """
        super().__init__(token)
        self._sizes = sizes
        self.over = {HEADERS: 0, HEADER_SIZE: 0, BODY_SIZE: 0}
        self._salt = token()
        self._connect = connect
        self.dialogs: dict[str, DialogUser] = {}
        self.refused: Callable[[Flow, int, str], None] = _unheard
        self.malformed = 0
        self.stray = 0
        self.absorbed = 0

    def connect(self, transport: str, host: str, port: int, name: str = "") -> Flow:
        """The flow to a place. transport: "UDP", "TCP" or "TLS". host: an IP address.

        name: on TLS, whom the peer's certificate has to name, "" for host. Raises SipError 503 when
        there is no way there.
        """
        return self._connect(transport, host, port, name)

    def way_back(self, flow: Flow, data: bytes) -> Flow:
        """A response whose connection is lost goes to the Via's address (section 18.2.2)."""
        if not data.startswith(_RESPONSE):
            return flow
        row = data[: data.find(b"\r\n\r\n") + 2].decode("utf-8", "surrogateescape")
        via = parse_via(row.split("\r\n", 2)[1].removeprefix("Via: "))
        port = via.port or usual_port(flow.transport)
        try:
            return self.connect(flow.transport, flow.remote_host, port, flow.name)
        except SipError:
            return flow

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message that came on `flow`."""
        self.now = now
        try:
            message = parse(data, self._sizes)
            if isinstance(message, Request):
                self._receive_request(message, flow)
            else:
                self._receive_response(message)
        except TooLargeError as large:  # another name: compiled, one name has one type
            self.over[large.limit] += 1
            self._refuse(large.rest, flow, large.status)
            if data.startswith(_INVITE):
                self.refused(flow, large.status, str(large))
        except ParseError:
            self.malformed += 1

    def broken(self, error: FramingError, flow: Flow, now: float) -> None:
        """A stream cannot be cut any further: answer what can be answered."""
        self.now = now
        self._refuse(error.message, flow, error.status)

    def _refuse(self, data: bytes, flow: Flow, status: int) -> None:
        """Answer what is not even taken as a message, if it can be answered."""
        self.malformed += 1
        try:
            message = parse(data, self._sizes)
            if isinstance(message, Request):
                self.reply(message, flow, status)
        except ParseError:
            return

    def run_timers(self, now: float) -> None:
        """Run what is due."""
        self.now = now
        self.timers.run(now)

    def deadline(self) -> float | None:
        """When `run_timers` is needed next, None for never."""
        return self.timers.deadline()

    def unanswered(self) -> int:
        """How many requests of ours still wait for a final response."""
        return sum(
            isinstance(tx, ClientTransaction) and tx.state < COMPLETED
            for tx in self.clients.values()
        )

    def flow_failed(self, flow: Flow, now: float) -> None:
        """A connection could not be opened, or is lost: its open requests fail (17.1.4).

        But a peer may close what nobody uses in the very moment that we use it again. So what was
        lost on a connection that had served before is sent once more over a new one: the same
        bytes, which to the peer are a retransmission (17.2.3).
        """
        self.now = now
        waiting = flow.waiting or {}
        for tx, reused in list(waiting.items()):
            if not (reused and flow.used and tx.unheard and self._move(tx, flow)):
                tx.fail()

    def _move(self, tx: Transaction, lost: Flow) -> bool:
        try:
            fresh = self.connect(lost.transport, lost.remote_host, lost.remote_port, lost.name)
        except SipError:
            return False
        tx.move(fresh)
        return True

    def accept(self, request: Request, flow: Flow) -> ServerTransaction:
        """Open a transaction for a request outside any dialog.

        Raises SipError 482 for an INVITE that came another way before (section 8.2.2.2) and is in
        progress, answered, or refused and not acknowledged yet.
        """
        merged = ""
        if request.method == "INVITE":
            headers = request.headers
            merged = f"{headers['call-id']} {request.from_tag()} {headers['cseq']}"
            if merged in self.merged:
                raise SipError("merged request", 482)
        return self._open(request, flow, merged)

    def reply(self, request: Request, flow: Flow, status: int, extra: str = "") -> None:
        """Answer without keeping anything (section 8.2.7); an ACK to it is dropped as stray.

        Raises ParseError when the request cannot be answered at all.
        """
        if request.method == "ACK":
            return
        for name in ("from", "to", "call-id", "cseq"):
            request.headers.setdefault(name, "")
        to = request.get("to")
        head = response_head(request, flow)
        try:
            tagged = bool(request.to_tag())
        except ParseError:
            tagged = False
        # The same request gets the same tag each time it comes (section 8.2.7).
        tag = "" if tagged else f"{hash((self._salt, head)) & _TAG_MASK:016x}"
        self.send(response_flow(request, flow), render_response(status, head, to, tag, extra, b""))

    def request(
        self, flow: Flow, branch: str, data: bytes, user: ClientUser | None, *, invite: bool = False
    ) -> ClientTransaction:
        """Send a request that was rendered with this branch and hear of its responses."""
        return ClientTransaction(self, branch, flow, data, user, invite)

    def cancel(self, flow: Flow, branch: str, data: bytes) -> None:
        """Send the CANCEL of the INVITE with this branch; its own outcome changes nothing."""
        ClientTransaction(self, branch + "CANCEL", flow, data, None, invite=False)

    def stop_cancel(self, branch: str) -> None:
        """The INVITE with this branch is finally answered: its CANCEL is not sent again (9.1)."""
        tx = self.clients.get(branch + "CANCEL")
        if isinstance(tx, ClientTransaction):
            tx.abandon(self.now)

    def branch(self) -> str:
        """A fresh branch."""
        return MAGIC_COOKIE + self.token()

    def _open(self, request: Request, flow: Flow, merged: str) -> ServerTransaction:
        return ServerTransaction(
            self, request.key, flow, response_flow(request, flow), request, merged
        )

    def _receive_response(self, response: Response) -> None:
        check_response(response)
        key = response.branch()
        method = response.cseq()[1]
        if method == "CANCEL":
            key += "CANCEL"
        tx = self.clients.get(key)
        # The method as well (section 17.1.3): an ACK that is answered has its INVITE's branch.
        if (
            isinstance(tx, ClientTransaction)
            and tx.invite == (method == "INVITE")
            and _is_for(tx, response)
        ):
            tx.receive(response)
        else:
            self.stray += 1

    def _receive_request(self, request: Request, flow: Flow) -> None:
        try:
            check_request(request)
            self._dispatch(request, flow)
        except ParseError as error:
            self.reply(request, flow, error.status)
            self.malformed += 1
            if request.method == "INVITE":
                self.refused(flow, error.status, str(error))
        except SipError as refusal:  # another name: compiled, one name has one type
            self.reply(request, flow, refusal.status, getattr(refusal, "extra", ""))
            if request.method == "INVITE" and refusal.status not in _SAID_ELSEWHERE:
                self.refused(flow, refusal.status, str(refusal))

    def _dispatch(self, request: Request, flow: Flow) -> None:
        method = request.method
        request.key = server_key(request, "INVITE" if method in {"ACK", "CANCEL"} else method)
        tx = self.servers.get(request.key)
        if method == "CANCEL":
            self._cancel(tx, request, flow)
        elif isinstance(tx, ServerTransaction) and not (method == "ACK" and tx.state == ACCEPTED):
            # The ACK to a 2xx is the user's, even when it has the INVITE's branch (RFC 6026 7.1).
            self.absorbed += 1
            if method == "ACK":
                tx.acknowledge(request)
            else:
                tx.receive(REQUEST)
        elif tag := request.to_tag():
            self._receive_inside(request, flow, tag)
        elif method == "ACK":
            self.stray += 1
        else:
            self.core.on_request(request, flow)

    def _receive_inside(self, request: Request, flow: Flow, tag: str) -> None:
        """A request that claims the dialog with this tag of ours (section 12.2.2)."""
        method = request.method
        user = self.dialogs.get(tag)
        known = user is not None and user.call_id == request.headers["call-id"]
        if method == "ACK":
            if user is not None and known:
                user.on_ack(request)
            else:
                self.stray += 1
        elif user is not None and known:
            inspect(request)
            if request.body and method in DESCRIBING:
                check_session(request)
            user.on_request(self._open(request, flow, ""), request)
        else:
            self.reply(request, flow, 481)

    def _cancel(self, tx: object, request: Request, flow: Flow) -> None:
        """A CANCEL is answered without state: as long as its INVITE lives, the same 200 again."""
        if not isinstance(tx, ServerTransaction):
            self.reply(request, flow, 481)
            return
        to = request.get("to")
        head = response_head(request, flow)
        tag = "" if request.to_tag() else tx.tag
        self.send(response_flow(request, flow), render_response(200, head, to, tag, "", b""))
        if tx.pending and tx.user is not None:
            tx.user.on_cancel(request)


def _over(limit: str, stack: Stack) -> int:
    return stack.over[limit]


METRICS: Final[Rows[Stack]] = (
    gauge(
        "callrouter_active_legs",
        "This many legs (SIP dialogs) stand now; a call has two as a rule, more while it rings "
        "several targets.",
        lambda it: len(it.dialogs),
    ),
    gauge(
        "callrouter_transactions",
        "This many SIP transactions are open now; past limits.transactions new calls are refused.",
        lambda it: len(it.clients) + len(it.servers),
    ),
    gauge(
        "callrouter_timers",
        "This many timers are armed now; a number that only ever grows is a bug of ours.",
        lambda it: it.timers.live,
    ),
    counter(
        "callrouter_retransmissions",
        "Each SIP message that we sent again counts one; many for each call mean a lossy path "
        "or a peer that is down.",
        lambda it: it.retransmitted,
    ),
    counter(
        "callrouter_malformed",
        "Each datagram or frame that was no SIP message, or over a limit, counts one; it grows "
        "with broken devices and attacks.",
        lambda it: it.malformed,
    ),
    *(
        counter(
            f"callrouter_over_{limit}",
            f"Each message over limits.{limit} counts one, and one as malformed; a peer of yours "
            "may need a higher limit.",
            partial(_over, limit),
        )
        for limit in (HEADERS, HEADER_SIZE, BODY_SIZE)
    ),
    counter(
        "callrouter_dropped",
        "Each response or ACK that nothing of ours waited for counts one and was dropped; "
        "refused floods and late answers are such.",
        lambda it: it.stray,
    ),
)
