"""UDP listeners."""

import asyncio
import socket
from typing import Final, cast

from callrouter.errors import CallrouterError
from callrouter.net.pump import Pump
from callrouter.sip.flow import Flow

_RECEIVE_BUFFER: Final = 4 * 1024 * 1024
"""Bytes; a burst has to wait somewhere while the loop is busy."""
_FLOWS_KEPT: Final = 8192
_KEEP_ALIVE: Final = 4
"""Bytes; nothing this short is a message (RFC 5626 section 3.5.1 pings with CRLF CRLF)."""


class ListenError(CallrouterError):
    """An address cannot be listened on."""


class UdpListener(asyncio.DatagramProtocol):
    """One UDP socket: the peers seen lately, and the way to them."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self._flows: dict[tuple[str, int], Flow] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self.host = ""
        self.port = 0
        self.errors = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        # uvloop's transports have the methods of asyncio's, but are not of their classes.
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One message, or a keep-alive."""
        if len(data) > _KEEP_ALIVE:
            self._pump.receive(data, self._flows.get(addr) or self.flow(addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """An ICMP error came back; the transaction's timers find out by themselves."""
        self.errors += 1

    def flow(self, host: str, port: int) -> Flow:
        """The flow to a peer."""
        flow = self._flows.get((host, port))
        if flow is None:
            if len(self._flows) >= _FLOWS_KEPT:
                self._flows.clear()
            flow = Flow("UDP", self.host, self.port, host, port, self)
            self._flows[host, port] = flow
        return flow

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram."""
        if self._transport is not None:
            self._transport.sendto(data, flow.address)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()


async def listen_udp(pump: Pump, host: str, port: int) -> UdpListener:
    """Open a listener; port 0 takes a free one. Raises ListenError."""
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        sock.bind((host, port))
        _, listener = await loop.create_datagram_endpoint(lambda: UdpListener(pump), sock=sock)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on udp:{host}:{port}: {error.strerror}") from error
    return listener
