"""TCP and TLS listeners, and the connections from and to them (RFC 3261 section 18).

Rules. A peer's connection is counted before anything is done for it, so that half a TLS handshake
is held against it too. A connection of ours is kept by where it leads and, on TLS, by whom it was
verified to be; requests to that place share it, in both directions (RFC 5923).
"""

import asyncio
import socket
from collections.abc import Coroutine
from typing import Any, Final

from callrouter.errors import SipError
from callrouter.net.overload.source_filter import SourceFilter
from callrouter.net.transport.connection_limits import Turnstile
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.stream_connection import Stream
from callrouter.net.transport.tls import Tls
from callrouter.net.transport.udp import bound
from callrouter.sip.flow import Flow

_ACCEPTED_AT_ONCE: Final = 64
_RETRY_SECONDS: Final = 0.5
_CONNECT_SECONDS: Final = 5.0
_SHUTDOWN_SECONDS: Final = 5.0
"""How long a peer may take to agree that a TLS connection ends."""

Peer = tuple[str, int, str]
"""Address and port, and the name that the certificate has to have; "" on TCP."""


class StreamListener:
    """One listening socket, and all connections made from or to its address.

    tls: None for plain TCP. host, port: our address as peers see it; bound: the socket's own host.
    strangers: judges who is not known; None knows everybody.
    """

    def __init__(
        self,
        driver: Driver,
        turnstile: Turnstile,
        tls: Tls | None = None,
        strangers: SourceFilter | None = None,
    ) -> None:
        self.driver = driver
        self.turnstile = turnstile
        self.strangers = strangers
        self.host = ""
        self.port = 0
        self.bound = ""
        self._tls = tls
        self._transport = "TCP" if tls is None else "TLS"
        self._socket: socket.socket | None = None
        self._streams: dict[Peer, Stream] = {}
        self._came: set[Stream] = set()
        self._opening: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int, advertised: tuple[str, int] | None = None) -> int:
        """Open the socket and return its port; port 0 takes a free one. Raises ListenError.

        advertised: the host and port that peers are told, when these are not the socket's.
        """
        self._socket = sock = bound(self._transport.lower(), host, port)
        self.bound, taken = sock.getsockname()[:2]
        self.host, self.port = advertised or (self.bound, taken)
        self._accept_on()
        return int(taken)

    def flow(self, host: str, port: int, name: str = "") -> Flow:
        """The flow to a peer: over a connection that is there already, or a new one.

        name: on TLS, whom the peer's certificate has to name; "" for its address. Raises SipError
        503 once the listener is closed.
        """
        if self._socket is None:
            raise SipError("the listener is closed", 503)
        if self._tls is not None:
            name = name or host
        stream = self._streams.get((host, port, name))
        if stream is None:
            flow = Flow(self._transport, self.host, self.port, host, port, self)
            flow.name = name
            stream = Stream(self, flow, came=False)
            self._streams[host, port, name] = stream
            self._begin(self._open(stream, name))
        return stream.flow

    def forget(self, stream: Stream) -> None:
        """A connection is not to be used any more."""
        flow = stream.flow
        key = (flow.remote_host, flow.remote_port, flow.name)
        if self._streams.get(key) is stream:
            del self._streams[key]
        if stream in self._came:
            self._came.discard(stream)
            self.turnstile.leave(flow.remote_host)

    def close(self) -> None:
        """Stop listening and close all connections."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        for task in self._opening:
            task.cancel()
        for stream in [*self._streams.values(), *self._came]:
            stream.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    def _accept_on(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().add_reader(self._socket, self._accept, self._socket)

    def _accept(self, listening: socket.socket) -> None:
        """Let in who has connected, a few at a time."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                sock, (host, port, *_) = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                # No file descriptor is left: who waits has to wait until one is.
                loop = asyncio.get_running_loop()
                loop.remove_reader(listening)
                loop.call_later(_RETRY_SECONDS, self._accept_on)
                return
            if not self._lets_in(host):
                sock.close()
                continue
            sock.setblocking(False)
            flow = Flow(self._transport, self.host, self.port, host, port, self)
            stream = Stream(self, flow, came=True)
            self._came.add(stream)
            self._streams[host, port, ""] = stream
            self._begin(self._greet(stream, sock))

    def _lets_in(self, host: str) -> bool:
        strangers = self.strangers
        known = strangers is None or strangers.knows(host)
        if strangers is not None and not known and strangers.is_banned(host):
            strangers.counts.banned += 1
            return False
        return self.turnstile.enter(host, known=known)

    async def _greet(self, stream: Stream, sock: socket.socket) -> None:
        """Take a connection that was let in, on TLS after the handshake."""
        options: dict[str, Any] = {}
        if self._tls is not None:
            options["ssl"] = self._tls.contexts.served
            options["ssl_handshake_timeout"] = self.turnstile.limits.handshake
            options["ssl_shutdown_timeout"] = _SHUTDOWN_SECONDS
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: stream, sock, **options
            )
        except OSError:  # the peer's doing, or its time is up: all of ssl's errors are OSErrors
            if self._tls is not None:
                self.turnstile.counts.handshake += 1
            stream.fail()

    async def _open(self, stream: Stream, name: str) -> None:
        loop = asyncio.get_running_loop()
        flow = stream.flow
        options: dict[str, Any] = {}
        if self._tls is not None:
            options["ssl"] = self._tls.contexts.called
            options["server_hostname"] = name
            options["ssl_handshake_timeout"] = _CONNECT_SECONDS
            options["ssl_shutdown_timeout"] = _SHUTDOWN_SECONDS
        if not _is_wildcard(self.bound):
            options["local_addr"] = (self.bound, 0)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await loop.create_connection(
                    lambda: stream, flow.remote_host, flow.remote_port, **options
                )
        except OSError:  # a time-out and what ssl raises are OSErrors too
            if self._tls is not None:
                self.turnstile.counts.handshake += 1
            stream.fail()


def _is_wildcard(host: str) -> bool:
    return host in {"0.0.0.0", "::"}
