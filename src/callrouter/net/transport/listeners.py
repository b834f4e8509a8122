"""All listeners of the process, and the flow to any place.

What is on loopback is reached from loopback: by a listener there, else by the inner one, which is
for our own media workers. Nobody else is told of it, and it takes no calls (`core_filter`).
"""

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, TypeVar

from callrouter.errors import SipError
from callrouter.metric import Rows, counter
from callrouter.net.overload.source_filter import SourceFilter
from callrouter.net.transport.connection_limits import USUAL, StreamLimits, Turnstile
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.tcp import StreamListener
from callrouter.net.transport.tls import Tls
from callrouter.net.transport.udp import ListenError, UdpListener, bound, listen_udp
from callrouter.sip.flow import Flow
from callrouter.sip.uri import is_ip_address

_Listener = TypeVar("_Listener", UdpListener, StreamListener)
_is_address: Final = lru_cache(maxsize=4096)(is_ip_address)
_INSIDE: Final = "127.0.0.1"
_WAYS_KEPT: Final = 4096


class Listeners:
    """The listeners, in the order they were opened.

    What is sent leaves by the one that has the address which the kernel would send from, else by
    the first of the family. turnstile: how many connections peers may open. tls: what listeners of
    that kind need. strangers: judges who is not known yet, set before `listen`; None knows
    everybody.
    """

    __slots__ = ("_inner", "_streams", "_udp", "_way", "strangers", "tls", "turnstile")

    def __init__(self, limits: StreamLimits = USUAL, tls: Tls | None = None) -> None:
        self.turnstile = Turnstile(limits)
        self.tls = tls
        self.strangers: SourceFilter | None = None
        self._udp: list[UdpListener] = []
        self._inner: UdpListener | None = None
        self._way = lru_cache(_WAYS_KEPT)(self._datagrams)
        self._streams: dict[str, list[StreamListener]] = {"TCP": [], "TLS": []}

    async def listen(
        self,
        driver: Driver,
        transport: str,
        host: str,
        port: int,
        advertised: tuple[str, int] | None = None,
    ) -> int:
        """Open a listener ("udp", "tcp" or "tls") and return its port. Raises ListenError.

        advertised: the host and port that peers are told, when these are not the socket's.
        """
        if transport == "udp":
            udp = await listen_udp(driver, host, port, advertised, self.strangers)
            self._udp.append(udp)
            self._way.cache_clear()
            return udp.port
        if transport == "tls" and self.tls is None:
            raise ListenError(f"cannot listen on tls:{host}:{port}: there is no certificate")
        contexts = self.tls if transport == "tls" else None
        stream = StreamListener(driver, self.turnstile, contexts, self.strangers)
        taken = await stream.listen(host, port, advertised)
        self._streams[transport.upper()].append(stream)
        return taken

    def try_out(self, listeners: Iterable[tuple[str, str, int]]) -> None:
        """See whether these can be listened on, one at a time. Raises ListenError."""
        for transport, host, port in listeners:
            bound(transport, host, port).close()

    async def listen_inside(self, driver: Driver) -> None:
        """Open the inner listener, at a free port of loopback. Raises ListenError."""
        self._inner = await listen_udp(driver, _INSIDE, 0, strangers=self.strangers)
        self._way.cache_clear()

    def towards_workers(self, listeners: Iterable[tuple[str, str, int]]) -> list[tuple[str, int]]:
        """From where our media workers are sent SIP, once these are open: see `listen`.

        Call it after `listen_inside`.
        """
        inner = [] if self._inner is None else [(_INSIDE, self._inner.port)]
        there = (
            (host, port)
            for transport, host, port in listeners
            if transport == "udp" and _is_loopback(host) and ":" not in host
        )
        return [*inner, *there]

    def is_inside(self, flow: Flow) -> bool:
        """A message came by the inner listener."""
        return self._inner is not None and flow.edge is self._inner

    def connect(self, transport: str, host: str, port: int, name: str = "") -> Flow:
        """The flow to an IP address. name: whom a certificate has to name, "" for the address.

        Raises SipError 503 when no listener has this transport and address family.
        """
        if transport == "UDP":
            return self._way(host).flow(host, port)
        if not _is_address(host):
            raise SipError(f"no {transport} listener can reach {host}", 503)
        return _nearest(self._streams.get(transport, []), transport, host).flow(host, port, name)

    def again(self, place: tuple[str, str, int, str, int]) -> Flow | None:
        """The flow of an earlier process: by UDP from the same listener; connections are gone.

        place: transport, our host and port as the peer knows them, the peer's host and port.
        """
        transport, host, port, peer, peer_port = place
        for listener in self._udp:
            if transport == "UDP" and (listener.host, listener.port) == (host, port):
                return listener.flow(peer, peer_port)
        return None

    def _datagrams(self, host: str) -> UdpListener:
        """The UDP listener to send from: what is on loopback is reached from there."""
        if not _is_address(host):
            raise SipError(f"no UDP listener can reach {host}", 503)
        inner = self._inner
        if inner is not None and _is_loopback(host) and ":" not in host:
            there = (listener for listener in self._udp if _is_loopback(listener.bound))
            return next((listener for listener in there if ":" not in listener.bound), inner)
        return _nearest(self._udp, "UDP", host)

    def forget(self) -> None:
        """Judge everybody anew who sends datagrams: the trunks, or the bans, have changed."""
        for listener in self._udp:
            listener.forget()

    def backlog(self) -> float:
        """How much waits in the fullest UDP socket: 1.0 is what takes some 50 ms to read."""
        return max((listener.backlog() for listener in self._udp), default=0.0)

    def lost(self) -> int:
        """Datagrams that the kernel dropped because a socket was full."""
        return sum(listener.lost for listener in self._udp)

    def close(self) -> None:
        """Close every socket."""
        if self._inner is not None:
            self._inner.close()
        for udp in self._udp:
            udp.close()
        for streams in self._streams.values():
            for stream in streams:
                stream.close()


def _nearest(listeners: list[_Listener], transport: str, host: str) -> _Listener:
    """The listener to send from. Raises SipError 503 when none can reach the address."""
    sixth = ":" in host
    fitting = [listener for listener in listeners if (":" in listener.host) == sixth]
    if not fitting:
        raise SipError(f"no {transport} listener can reach {host}", 503)
    if len(fitting) > 1:
        source = _source_towards(host)
        for listener in fitting:
            if listener.bound == source:
                return listener
    return fitting[0]


@lru_cache(maxsize=4096)
def _source_towards(host: str) -> str:
    """The address that the kernel sends from to an IP address, "" when it knows no way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))  # sends nothing: UDP
        except OSError:
            return ""
        return str(probe.getsockname()[0])


@lru_cache(maxsize=4096)
def _is_loopback(host: str) -> bool:
    return _is_address(host) and ip_address(host).is_loopback


METRICS: Final[Rows[Listeners]] = (
    counter(
        "callrouter_datagrams_lost",
        "Each datagram that the kernel dropped because a socket was full counts one; the "
        "process reads too slowly.",
        lambda it: it.lost(),
    ),
)
