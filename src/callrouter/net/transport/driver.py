"""The driver of the sans-IO stack on the event loop: bytes in, bytes out, one timer armed.

Every message passes here, whatever its transport, so here is the one tap of raw messages. What the
source filter drops, and bytes that no message can be cut from, have not come so far.
"""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Protocol

from callrouter.net.overload.early_reject import EarlyReject
from callrouter.sip.flow import Flow
from callrouter.sip.framing import FramingError
from callrouter.sip.stack import Stack


class Edge(Protocol):
    """The socket behind a flow."""

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one message; what cannot be sent is reported by `Driver.flow_failed`."""


Tap = Callable[[bool, Flow, bytes], None]
"""Told of a message: whether we send it, though its socket may still fail; its flow; its bytes."""


class Driver:
    """The driver that feeds the stack and sends what it has to say.

    on_bug: told of an exception that is our own fault; the message that caused it is dropped and
    the loop goes on. early_reject: takes messages before they are read, once there is one. taps:
    told of each message before it goes on, in the order in which messages pass; they must not
    block.
    """

    __slots__ = ("_armed", "_handle", "_loop", "_on_bug", "early_reject", "stack", "taps")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        stack: Stack,
        on_bug: Callable[[Exception], None],
    ) -> None:
        self.stack = stack
        self.early_reject: EarlyReject | None = None
        self.taps: tuple[Tap, ...] = ()
        self._loop = loop
        self._on_bug = on_bug
        self._armed = inf
        self._handle: asyncio.TimerHandle | None = None

    def time(self) -> float:
        """The time of the loop's clock."""
        return self._loop.time()

    def receive(self, data: bytes, flow: Flow) -> None:
        """Take one message from a socket."""
        if self.taps:
            self._show(False, flow, data)
        try:
            early_reject = self.early_reject
            if early_reject is None or not early_reject.on or not early_reject.takes(data, flow):
                self.stack.receive(data, flow, self._loop.time())
        except Exception as error:  # noqa: BLE001  # a bug must not stop the listener
            self._on_bug(error)
        self.flush()

    def broken(self, error: FramingError, flow: Flow) -> None:
        """A stream sent what cannot be cut into messages."""
        self.stack.broken(error, flow, self._loop.time())
        self.flush()

    def flow_failed(self, flow: Flow) -> None:
        """A connection could not be opened or is lost. Never called from inside `flush`."""
        self.stack.flow_failed(flow, self._loop.time())
        self.flush()

    def step(self, act: Callable[[], None]) -> None:
        """Do what neither the network nor a timer asked for, as one step of the stack."""
        self.stack.now = self._loop.time()
        try:
            act()
        except Exception as error:  # noqa: BLE001  # a bug must not stop whoever asked for it
            self._on_bug(error)
        self.flush()

    def flush(self) -> None:
        """Send what is waiting and arm the timer for what is due next."""
        stack = self.stack
        outgoing = stack.outgoing
        if outgoing:
            stack.outgoing = []
            taps = self.taps
            for flow, data in outgoing:
                if taps:
                    self._show(True, flow, data)
                edge: Edge = flow.edge  # type: ignore[assignment]  # opaque to sip
                edge.send(flow, data)
        earliest = stack.timers.earliest
        if earliest < self._armed:
            self._arm(earliest)

    def _show(self, sent: bool, flow: Flow, data: bytes) -> None:
        """Let all taps see a message. Never raises."""
        for tap in self.taps:
            try:
                tap(sent, flow, data)
            except Exception as error:  # noqa: BLE001  # who looks on must not hurt a message
                self._on_bug(error)

    def close(self) -> None:
        """Run no more timers."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, when: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed = when
        self._handle = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._armed = inf
        self._handle = None
        try:
            self.stack.run_timers(self._loop.time())
        except Exception as error:  # noqa: BLE001  # the other timers run at the next tick
            self._on_bug(error)
        self.flush()
