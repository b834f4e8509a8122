"""Flows, where messages come from and go to, and the layer that all transactions stand on."""

from collections.abc import Callable
from math import inf
from typing import ClassVar, Final, Protocol, TypeAlias

from callrouter.sip.message import Request, Response
from callrouter.sip.timers import SlotEntry, Timers
from callrouter.sip.uri import host_port

Table: TypeAlias = tuple[tuple[tuple[int, int], ...], ...]
"""A table of states by events, each cell (next state, action).

It has no length for mypyc, which else keeps the cells as C's integers, and makes objects of all of
them for each look-up.
"""
RELIABLE: Final = frozenset(("TCP", "TLS"))


class Transaction(Protocol):
    """A transaction, as a flow that it depends on knows it."""

    @property
    def unheard(self) -> bool:
        """Nothing has come back of its request yet."""

    def move(self, flow: "Flow") -> None:
        """Send its request once more, over another connection."""

    def fail(self) -> None:
        """Its message could not be sent."""


class Flow:
    """One peer on one of our sockets: a remote address of a UDP listener, or a connection.

    transport: "UDP", "TCP" or "TLS". local_*: our address as peers see it, what Via and Contact
    name. remote_*: the peer's address; address: both, as sockets want them. edge: the socket's
    owner in `net`, opaque here. open: False once a connection is lost. used: something came over a
    connection that we opened, and what is lost with it may be sent again. waiting: the requests
    that are lost with the connection they were sent over, and whether it was used by then; None
    where there is none. contact: our Contact. sips_contact: the same inside a dialog that a sips
    URI began. sent_by: our Via's host and port. name: whom we verified the peer of our TLS
    connection to be. peers: whom a verified certificate of a peer that came to us names (RFC 5922),
    in lower case.
    """

    __slots__ = (
        "address",
        "contact",
        "edge",
        "local_host",
        "local_port",
        "name",
        "open",
        "peers",
        "reliable",
        "remote_host",
        "remote_port",
        "sent_by",
        "sips_contact",
        "transport",
        "used",
        "waiting",
    )

    def __init__(
        self,
        transport: str,
        local_host: str,
        local_port: int,
        remote_host: str,
        remote_port: int,
        edge: object,
    ) -> None:
        self.transport = transport
        self.reliable = transport in RELIABLE
        self.local_host = local_host
        self.local_port = local_port
        self.remote_host = remote_host
        self.remote_port = remote_port
        self.address = (remote_host, remote_port)
        self.edge = edge
        self.open = True
        self.used = False
        self.waiting: dict[Transaction, bool] | None = {} if self.reliable else None
        self.sent_by = host_port(local_host, local_port)
        self.contact = f"<sip:{self.sent_by}>"
        self.sips_contact = f"<sips:{self.sent_by}>"
        self.name = ""
        self.peers: tuple[str, ...] = ()
        if transport != "UDP":
            self.contact = f"<sip:{self.sent_by};transport={transport.lower()}>"

    def towards(self, port: int) -> "Flow":
        """The same peer's host at another port (RFC 3261 section 18.2.2)."""
        return Flow(
            self.transport, self.local_host, self.local_port, self.remote_host, port, self.edge
        )


class ClientUser(Protocol):
    """The user of a client transaction: it sent a request and waits for what becomes of it."""

    def on_response(self, tx: object, response: Response) -> None:
        """A response that is no retransmission; every 2xx to an INVITE, also a repeated one."""

    def on_failure(self, tx: object, status: int) -> None:
        """No final response will come: 408 timed out, 503 not sendable (section 8.1.3.1)."""


class InviteServerUser(Protocol):
    """The user of an INVITE server transaction: it answers the INVITE."""

    def on_cancel(self, request: Request) -> None:
        """A CANCEL came before a final response; the INVITE still has to be answered (487)."""

    def on_unacknowledged(self) -> None:
        """A final response other than 2xx was never acknowledged (Timer H)."""

    def on_acknowledged(self, ack: Request) -> None:
        """A final response other than 2xx was acknowledged; by its branch, whatever its tags."""


class Layer:
    """The transaction layer: the clock, the timers, the way out and the transactions' tables.

    now: seconds, monotonic, set by the stack before every step. outgoing: what is to be sent, in
    order; the owner of the sockets takes it. clients: by branch (and "CANCEL" behind the branch
    for a CANCEL). servers: by `server_key`. merged: INVITEs being served, by what a merged copy
    would share (RFC 3261 section 8.2.2.2).
    """

    __slots__ = (
        "clients",
        "merged",
        "now",
        "outgoing",
        "retransmitted",
        "servers",
        "timers",
        "token",
    )

    def __init__(self, token: Callable[[], str]) -> None:
        self.token = token
        self.now = 0.0
        self.timers = Timers()
        self.outgoing: list[tuple[Flow, bytes]] = []
        self.clients: dict[str, object] = {}
        self.servers: dict[str, object] = {}
        self.merged: set[str] = set()
        self.retransmitted = 0

    def send(self, flow: Flow, data: bytes) -> None:
        """Queue a message that is sent for the first time."""
        self.outgoing.append((flow if flow.open else self.way_back(flow, data), data))

    def resend(self, flow: Flow, data: bytes) -> None:
        """Queue a message that was sent before, the same bytes."""
        self.retransmitted += 1
        self.outgoing.append((flow if flow.open else self.way_back(flow, data), data))

    def way_back(self, flow: Flow, _data: bytes) -> Flow:
        """Where a message goes whose connection is lost: nowhere, as far as is known here."""
        return flow


class Waiting(SlotEntry):
    """The base of both kinds of transactions, which wait to send again or give up, or to end.

    A transaction waits for one of these at a time, and lies in a slot of the timers itself: most of
    what a busy process holds is transactions that wait to end. Who derives from it sets all
    attributes: a base's __init__ would cost more than it does. on_resend, on_give_up, on_end: what
    each is in its table.
    """

    __slots__ = (
        "_due",
        "_flow",
        "_give_up_at",
        "_interval",
        "_layer",
        "_lingers",
        "invite",
        "key",
        "state",
    )

    on_resend: ClassVar[int]
    on_give_up: ClassVar[int]
    on_end: ClassVar[int]

    _layer: Layer
    _flow: Flow
    _interval: float
    _give_up_at: float
    _due: float  # inf: it waits for nothing
    _lingers: bool  # it waits to end
    invite: bool
    key: str
    state: int

    @property
    def flow(self) -> Flow:
        """Where its messages go."""
        return self._flow

    def _step(self, event: int) -> None:
        """Do what the table says of an event."""
        raise NotImplementedError

    def run(self, now: float) -> None:
        """Do what it waits for, unless that is over or is to be later."""
        if now < self._due:
            return
        self._due = inf
        self._layer.timers.live -= 1
        if self._lingers:
            self._step(self.on_end)
        else:
            self._step(self.on_give_up if now >= self._give_up_at else self.on_resend)

    def _wait(self, interval: float) -> None:
        """Send again after so many seconds, but for the time to give up."""
        layer = self._layer
        self._interval = interval
        self._due = min(layer.now + interval, self._give_up_at)
        layer.timers.lay(self._due, self)

    def _end_after(self, seconds: float) -> None:
        if seconds:
            layer = self._layer
            self._lingers = True
            self._due = layer.now + seconds
            layer.timers.lay(self._due, self)
        else:
            self._step(self.on_end)

    def _stop_waiting(self) -> None:
        if self._due < inf:
            self._due = inf
            self._layer.timers.live -= 1
