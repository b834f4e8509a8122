"""UDP listeners."""

import asyncio
import socket
import struct
from typing import Final, TypeAlias, cast

from callrouter.errors import CallrouterError
from callrouter.net.overload.source_filter import REFUSED, STRANGE, Narrow, SourceFilter
from callrouter.net.transport.driver import Driver
from callrouter.recent_cache import RecentCache
from callrouter.sip.flow import Flow

_RECEIVE_BUFFER: Final = 4 * 1024 * 1024
"""Bytes; a burst has to wait somewhere while the loop is busy."""
_FLOWS_KEPT: Final = 8192
_BACKLOG: Final = 1024
_SO_MEMINFO: Final = 55
"""Linux's; Python has no name for it. It gives nine u32 (linux/sock_diag.h)."""
_MEMINFO: Final = struct.Struct("=9I")
_WAITING: Final = 512 * 1024
"""Bytes, as the kernel counts them, that wait when the loop is behind by some 50 ms."""
_DATAGRAM: Final = 65_535
_KEEP_ALIVE: Final = 4
"""Bytes; nothing this short is a message (RFC 5626 section 3.5.1 pings with CRLF CRLF)."""


SocketAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
"""Host and port; of IPv6 also flow information and scope."""


class ListenError(CallrouterError):
    """An address that cannot be listened on."""


class UdpListener(asyncio.DatagramProtocol):
    """One UDP socket: the peers that are known, and the way to them.

    host, port: our address as peers see it; bound: the socket's own host. strangers: judges who is
    not known yet; None knows everybody.
    """

    def __init__(
        self,
        driver: Driver,
        advertised: tuple[str, int] | None = None,
        strangers: SourceFilter | None = None,
    ) -> None:
        self._driver = driver
        self._strangers = strangers
        self._largest = _DATAGRAM if strangers is None else strangers.rule.message_size
        # Places whose messages are heard: of trunks, and of whoever we sent something to.
        self._flows = RecentCache[SocketAddress, Flow](_FLOWS_KEPT)
        # The same where the trunk may not send as much as it likes.
        self._paced = RecentCache[SocketAddress, Flow](_FLOWS_KEPT)
        self._transport: asyncio.DatagramTransport | None = None
        self._advertised = advertised
        self.host = ""
        self.port = 0
        self.bound = ""
        self.errors = 0
        self.lost = 0
        self._socket: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        # uvloop's transports have the methods of asyncio's, but are not of their classes.
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.bound, taken = transport.get_extra_info("sockname")[:2]
        self.host, self.port = self._advertised or (self.bound, taken)

    def datagram_received(self, data: bytes, addr: SocketAddress) -> None:
        """One message, or a keep-alive."""
        if _KEEP_ALIVE < len(data) <= self._largest:
            flow = self._flows.newer.get(addr) or self._meet(data, addr)
            if flow is not None:
                self._driver.receive(data, flow)
        elif len(data) > _KEEP_ALIVE and self._strangers is not None:
            self._strangers.counts.over_size += 1

    def error_received(self, exc: Exception) -> None:
        """An ICMP error came back; the transaction's timers find out by themselves."""
        self.errors += 1

    def flow(self, host: str, port: int) -> Flow:
        """The flow to a peer."""
        place = (host, port)
        flow = self._flows.get(place) or self._paced.get(place)
        if flow is None:
            flow = Flow("UDP", self.host, self.port, host, port, self)
            paced = self._strangers is not None and self._strangers.pace(host) is not None
            (self._paced if paced else self._flows).put(place, flow)
        return flow

    def forget(self) -> None:
        """Know nobody any more: the trunks, or the bans, have changed."""
        self._flows.clear()
        self._paced.clear()

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None:
            self._transport.sendto(data, flow.address)

    def measure(self, sock: socket.socket) -> None:
        """Know the socket whose `backlog` is asked for."""
        self._socket = sock

    def backlog(self) -> float:
        """How much waits in the socket: 1.0 is what takes some 50 ms to read."""
        sock = self._socket
        if sock is None or sock.fileno() < 0:
            return 0.0
        try:
            figures = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
        except OSError:  # a kernel before 4.12
            self._socket = None
            return 0.0
        waiting: int
        room: int
        waiting, room, *_, self.lost = _MEMINFO.unpack(figures)
        return waiting / min(_WAITING, room / 2)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _meet(self, data: bytes, addr: SocketAddress) -> Flow | None:
        """The flow that a message came on from a place that is not known; None: it is not heard."""
        host, port = addr[0], addr[1]  # of IPv6 there are two more
        strangers = self._strangers
        if strangers is None or self._flows.get((host, port)) is not None:
            return self.flow(host, port)
        if strangers.knows(host):
            pace = strangers.pace(host)
            if pace is not None and not pace.take(self._driver.time()):
                strangers.counts.over_trunk += 1
                return None
            return self.flow(host, port)
        verdict = strangers.judge(data, host, self._driver.time())
        if verdict == STRANGE:
            self._hear(data, host, port, strangers)
            return None
        return None if verdict == REFUSED else self.flow(host, port)

    def _hear(self, data: bytes, host: str, port: int, strangers: SourceFilter) -> None:
        """Hand a stranger's message on, with a way back that takes no more than it needs."""
        way = Narrow(self, len(data), strangers.counts)
        stack = self._driver.stack
        malformed = stack.malformed
        self._driver.receive(data, Flow("UDP", self.host, self.port, host, port, way))
        if stack.malformed != malformed:
            strangers.wrong(host, (), "what is no SIP")


async def listen_udp(
    driver: Driver,
    host: str,
    port: int,
    advertised: tuple[str, int] | None = None,
    strangers: SourceFilter | None = None,
) -> UdpListener:
    """Open a listener; port 0 takes a free one. Raises ListenError.

    advertised: the host and port that peers are told, when these are not the socket's.
    """
    loop = asyncio.get_running_loop()
    sock = bound("udp", host, port)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    _, listener = await loop.create_datagram_endpoint(
        lambda: UdpListener(driver, advertised, strangers), sock=sock
    )
    listener.measure(sock)
    return listener


def bound(transport: str, host: str, port: int) -> socket.socket:
    """A socket at an address: of datagrams for "udp", else of streams. Raises ListenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    datagrams = transport == "udp"
    sock = socket.socket(family, socket.SOCK_DGRAM if datagrams else socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if not datagrams:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" leaves IPv4 to a listener of its own.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        if not datagrams:
            sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        where = f"{transport}:{host}:{port}"
        raise ListenError(f"cannot listen on {where}: {error.strerror}") from error
    return sock
