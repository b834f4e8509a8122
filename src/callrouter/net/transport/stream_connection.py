"""One TCP or TLS connection: bytes in, whole messages to the driver, bytes out.

Theory. A connection has one deadline at a time: for its first message, for the rest of a message
that has begun, for any sign of life. A single timer looks whether it has passed, and is armed anew
only when the deadline came nearer or the timer ran; so a message that comes whole costs no timer.
"""

import asyncio
import socket
from math import inf
from typing import Final, Protocol, cast

from callrouter.net.overload.source_filter import KNOWN, REFUSED, SourceFilter
from callrouter.net.transport.connection_limits import Turnstile
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.tls import peer_names
from callrouter.sip.flow import Flow
from callrouter.sip.framing import Framer, FramingError

_PING: Final = b"\r\n\r\n"
_PONG: Final = b"\r\n"
_UNACKNOWLEDGED_MS: Final = 30_000
"""How long sent bytes may stay unacknowledged before the kernel gives the connection up."""
_PROBES: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS),
)


class StreamOwner(Protocol):
    """The listener that a connection belongs to."""

    driver: Driver
    turnstile: Turnstile
    strangers: SourceFilter | None

    def forget(self, stream: "Stream") -> None:
        """A connection is not to be used any more."""


class Stream(asyncio.Protocol):
    """One connection, opened by either side. What is sent before it is open waits.

    came: the peer opened it.
    """

    def __init__(self, owner: StreamOwner, flow: Flow, *, came: bool) -> None:
        self.flow = flow
        flow.edge = self
        self.came = came
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._framer = Framer(owner.turnstile.limits.message_size)
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._queued = 0
        self._timer: asyncio.TimerHandle | None = None
        self._opened = self._loop.time()
        self._last = self._opened
        # Since when an unfinished message comes, and since when a pong is awaited; inf for none.
        self._begun = inf
        self._pinged = inf
        self._asked = 0.0  # when the last ping went
        self._answers_pings = False
        self._spoke = not came
        self._known = not came or owner.strangers is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open, and on TLS both sides are who they should be."""
        # uvloop's transports have the methods of asyncio's, but are not of their classes.
        stream = cast(asyncio.Transport, transport)
        if not self.flow.open:  # closed while it was being opened
            stream.abort()
            return
        self._transport = stream
        if self.came:
            self.flow.peers = peer_names(transport.get_extra_info("peercert"))
            strangers = self._owner.strangers
            if strangers is not None and strangers.knows(self.flow.remote_host, self.flow.peers):
                self._known = True
        self._owner.turnstile.counts.open += 1
        self._opened = self._last = self._loop.time()
        sock = transport.get_extra_info("socket")
        for level, option, value in _PROBES:
            sock.setsockopt(level, option, value)
        stream.set_write_buffer_limits(self._owner.turnstile.limits.unsent)
        for data in self._waiting:
            stream.write(data)
        self._waiting = []
        self._arm(self._deadline())

    def data_received(self, data: bytes) -> None:
        """A piece of the stream."""
        framer = self._framer
        driver = self._owner.driver
        try:
            messages = framer.feed(data)
        except FramingError as error:
            for message in error.before:
                self._take(message)
            self._owner.turnstile.counts.broken += 1
            if self._known:
                driver.broken(error, self.flow)
            self.flow.used = False
            self.close()
            return
        self._last = self._loop.time()
        for message in messages:
            self._take(message)
        if framer.pongs and self._known and self._transport is not None:
            self._transport.write(_PONG * framer.pongs)
            framer.pongs = 0
        if not framer.pending:
            self._begun = inf
        elif messages or self._begun == inf:
            self._begun = self._last
            self._arm(self._deadline())
        if self._pinged != inf:
            self._pinged = inf
            self._answers_pings = self._answers_pings or data == _PONG

    def _take(self, message: bytes) -> None:
        """Hand a message on; the connection of a stranger who is not heard is dropped."""
        strangers = self._owner.strangers
        if strangers is not None and not self._known:
            if not self.flow.open:
                return
            verdict = strangers.judge(message, self.flow.remote_host, self._loop.time())
            if verdict == REFUSED:
                self._abort()
                return
            self._known = verdict == KNOWN
        self._spoke = True
        self.flow.used = not self.came
        self._owner.driver.receive(message, self.flow)

    def widen(self, _flow: Flow) -> None:
        """Whose connection it is is known now."""
        self._known = True

    def shun(self) -> None:
        """Nobody knows who wants to begin something: drop it, unless it is known for more."""
        if not self._known:
            self._abort()

    def pause_writing(self) -> None:
        """The peer does not read what it asked for."""
        self._owner.turnstile.counts.slow_reader += 1
        self._expel()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._transport is not None:
            self._transport = None
            self._owner.turnstile.counts.open -= 1
        self.fail()

    def fail(self) -> None:
        """It is not open any more, or never was: what was sent over it has failed."""
        self._waiting = []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._leave()
        self._owner.driver.flow_failed(self.flow)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message, as soon as the connection is open."""
        if self._transport is not None:
            self._transport.write(data)
        elif flow.open and self._queued + len(data) <= self._owner.turnstile.limits.unsent:
            self._waiting.append(data)
            self._queued += len(data)
        else:
            # It is lost, or far too much waits for it. Not at once: a flush calls this, and a
            # failure sends.
            self._loop.call_soon(self._owner.driver.flow_failed, flow)

    def close(self) -> None:
        """Close after what is written has gone."""
        self._leave()
        if self._transport is not None:
            self._transport.close()

    def _expel(self) -> None:
        """Drop who asked too much of us: another connection would only serve it again."""
        self.flow.used = False
        self._abort()

    def _abort(self) -> None:
        self._leave()
        if self._transport is not None:
            self._transport.abort()

    def _leave(self) -> None:
        """Let nobody send over it any more."""
        self.flow.open = False
        self._owner.forget(self)

    def _deadline(self) -> float:
        limits = self._owner.turnstile.limits
        idle = self._last + limits.idle
        deadline = min(idle, self._begun + limits.message)
        if not self._spoke:
            deadline = min(deadline, self._opened + limits.first_message)
        if self._pinged != inf:
            deadline = min(deadline, self._pinged + limits.pong)
        elif limits.ping and not self.came:
            deadline = min(deadline, max(self._last, self._asked) + limits.ping)
        return deadline

    def _arm(self, when: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        limits = self._owner.turnstile.limits
        counts = self._owner.turnstile.counts
        if self._deadline() > now:
            self._arm(self._deadline())
        elif not self._spoke and now >= self._opened + limits.first_message:
            counts.silent += 1
            self._abort()
        elif now >= self._begun + limits.message:
            counts.slow_writer += 1
            self._expel()
        elif now >= self._last + limits.idle or now >= self._pinged + limits.pong:
            self._unheard(now)
        else:
            self._ping(now)

    def _unheard(self, now: float) -> None:
        """Drop who is idle, or owes a pong; many never send one, and are only idle."""
        if now < self._last + self._owner.turnstile.limits.idle and not self._answers_pings:
            self._pinged = inf
            self._arm(self._deadline())
            return
        self._owner.turnstile.counts.idle += 1
        self._abort()

    def _ping(self, now: float) -> None:
        """Ask for a sign of life (RFC 5626 section 3.5.1)."""
        self._pinged = self._asked = now
        if self._transport is not None:
            self._transport.write(_PING)
        self._arm(self._deadline())
