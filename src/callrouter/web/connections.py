"""Connections of browsers and programs: so many from one address, and none that stays silent."""

import asyncio
import socket
from ipaddress import ip_address
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from callrouter.net.transport.connection_limits import StreamLimits, Turnstile

LIMITS: Final = StreamLimits(connections=1000, per_source=200, for_trunks=0)
"""An office behind one address has several browsers, and each live page keeps a connection."""
HEAD_SECONDS: Final = 10.0
BODY_SECONDS: Final = 30.0
HANDSHAKE_SECONDS: Final = 5.0
_SECONDS: Final[dict[object, float]] = {h11.IDLE: HEAD_SECONDS, h11.SEND_BODY: BODY_SECONDS}
"""For how long a peer may be at a part of its request."""


class TimedProtocol(H11Protocol):
    """HTTP/1.1 with a time by which a head, and then its body, has come whole."""

    _phase: object = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection, which has to say something soon."""
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        self._stop()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Something was read."""
        super().handle_events()
        self._watch()

    def _watch(self) -> None:
        phase = self.conn.their_state
        if phase is self._phase or self.transport.is_closing():
            return
        self._stop()
        self._phase = phase
        if phase in _SECONDS:
            self._timer = self.loop.call_later(_SECONDS[phase], self.transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class ConnectionLoop(asyncio.SelectorEventLoop):
    """The event loop of the process: a TLS handshake takes 5 s at most, not the 60 s of asyncio."""

    async def create_server(self, *args: Any, **options: Any) -> asyncio.Server:
        """Listen, as asyncio does."""
        if options.get("ssl") is not None:
            options["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        return await super().create_server(*args, **options)


class BoundedListener(socket.socket):
    """A socket that listens, and closes at once whom there is no room for.

    A proxy on this machine asks for everybody, so it is always let in.
    """

    _turnstile: Turnstile
    _proxied: bool

    @classmethod
    def of(cls, listening: socket.socket, *, proxied: bool) -> "BoundedListener":
        """The same listening socket, in the place of `listening`."""
        bounded = cls(fileno=listening.detach())
        bounded._turnstile = Turnstile(LIMITS)
        bounded._proxied = proxied
        return bounded

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection. Raises ConnectionAbortedError when that is one too many."""
        connection, address = super().accept()
        if self._proxied and ip_address(address[0].partition("%")[0]).is_loopback:
            return connection, address
        if not self._turnstile.enter(address[0], known=False):
            connection.close()
            raise ConnectionAbortedError(f"too many connections, or too many of {address[0]}")
        return _Accepted.of(connection, self._turnstile, address[0]), address


class _Accepted(socket.socket):
    """A connection that takes room until it is closed."""

    _turnstile: Turnstile | None = None
    _host: str

    @classmethod
    def of(cls, connection: socket.socket, turnstile: Turnstile, host: str) -> "_Accepted":
        accepted = cls(fileno=connection.detach())
        accepted._turnstile, accepted._host = turnstile, host
        return accepted

    def close(self) -> None:
        turnstile, self._turnstile = self._turnstile, None
        if turnstile is not None:
            turnstile.leave(self._host)
        super().close()
