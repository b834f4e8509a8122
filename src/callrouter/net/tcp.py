"""TCP listeners and connections (RFC 3261 section 18)."""

import asyncio
import socket
from typing import Final, cast

from callrouter.net.pump import Pump
from callrouter.net.udp import ListenError
from callrouter.sip.flow import Flow
from callrouter.sip.framing import Framer, FramingError

_PONG: Final = b"\r\n"
_WRITE_LIMIT: Final = 1024 * 1024
"""Bytes that may wait for a peer that does not read; past that it is dropped."""
_CONNECTIONS: Final = 4096
_CONNECT_SECONDS: Final = 5.0
_STALL_SECONDS: Final = 30.0
"""How long the rest of a message may take to come."""


class TcpConnection(asyncio.Protocol):
    """One connection, opened by either side. What is sent before it is open waits."""

    def __init__(self, edge: "TcpListener", flow: Flow | None) -> None:
        self._edge = edge
        self._framer = Framer()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._stalled: asyncio.TimerHandle | None = None
        self.flow = flow or Flow("TCP", edge.host, edge.port, "", 0, self)
        self.flow.edge = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        # uvloop's transports have the methods of asyncio's, but are not of their classes.
        stream = cast(asyncio.Transport, transport)
        self._transport = stream
        host, port = transport.get_extra_info("peername")[:2]
        if not self.flow.remote_host:
            self.flow = Flow("TCP", self._edge.host, self._edge.port, host, port, self)
            if not self._edge.admit(self):
                stream.abort()
                return
        stream.set_write_buffer_limits(_WRITE_LIMIT)
        for data in self._waiting:
            stream.write(data)
        self._waiting = []

    def data_received(self, data: bytes) -> None:
        """A piece of the stream."""
        framer = self._framer
        try:
            messages = framer.feed(data)
        except FramingError as error:
            for message in error.before:
                self._edge.pump.receive(message, self.flow)
            self._edge.pump.broken(error, self.flow)
            if self._transport is not None:
                self._transport.close()
            return
        for message in messages:
            self._edge.pump.receive(message, self.flow)
        if framer.pongs and self._transport is not None:
            self._transport.write(_PONG * framer.pongs)
            framer.pongs = 0
        self._watch(stalled=framer.pending > 0)

    def pause_writing(self) -> None:
        """The peer does not read what it asked for."""
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.flow.open = False
        self._transport = None
        self._watch(stalled=False)
        self._edge.forget(self)
        self._edge.pump.flow_failed(self.flow)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message, as soon as the connection is open."""
        if self._transport is not None:
            self._transport.write(data)
        elif flow.open:
            self._waiting.append(data)

    def close(self) -> None:
        """Close after what is written has gone."""
        if self._transport is not None:
            self._transport.close()

    def _watch(self, *, stalled: bool) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        if stalled and self._transport is not None:
            loop = asyncio.get_running_loop()
            self._stalled = loop.call_later(_STALL_SECONDS, self._transport.abort)


class TcpListener:
    """One listening socket, and all connections made from or to its address."""

    def __init__(self, pump: Pump) -> None:
        self.pump = pump
        self.host = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[tuple[str, int], TcpConnection] = {}
        self._opening: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> None:
        """Open the socket; port 0 takes a free one. Raises ListenError."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._server = await loop.create_server(
                lambda: TcpConnection(self, None), host, port, family=family
            )
        except OSError as error:
            raise ListenError(f"cannot listen on tcp:{host}:{port}: {error.strerror}") from error
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    def flow(self, host: str, port: int) -> Flow:
        """The flow to a peer: over a connection that is there already, or a new one."""
        connection = self._connections.get((host, port))
        if connection is None:
            flow = Flow("TCP", self.host, self.port, host, port, self)
            connection = TcpConnection(self, flow)
            self._connections[host, port] = connection
            task = asyncio.get_running_loop().create_task(self._open(connection))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        return connection.flow

    def admit(self, connection: TcpConnection) -> bool:
        """Keep a connection that a peer opened; False when there are too many."""
        if len(self._connections) >= _CONNECTIONS:
            return False
        self._connections[connection.flow.address] = connection
        return True

    def forget(self, connection: TcpConnection) -> None:
        """A connection is gone."""
        if self._connections.get(connection.flow.address) is connection:
            del self._connections[connection.flow.address]

    def close(self) -> None:
        """Stop listening and close all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._opening:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()

    async def _open(self, connection: TcpConnection) -> None:
        loop = asyncio.get_running_loop()
        flow = connection.flow
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: connection,
                    flow.remote_host,
                    flow.remote_port,
                    local_addr=(self.host, 0),
                )
        except (OSError, TimeoutError):
            flow.open = False
            self.forget(connection)
            self.pump.flow_failed(flow)
