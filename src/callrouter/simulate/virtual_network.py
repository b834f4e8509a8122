"""A network and a clock that are data: stacks exchange datagrams, and time jumps to what is next.

Everything that happens is in `sent`, in order; the same parties do the same every time.
"""

import heapq
import itertools
from collections.abc import Callable
from typing import NamedTuple

from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack

_ODD = 0x9E3779B97F4A7C15
"""Makes tokens that differ in their first digits too, as real ones do."""
_MASK = 0xFFFF_FFFF_FFFF_FFFF

Place = tuple[str, int]
"""An IP address and a port."""


class Datagram(NamedTuple):
    """One datagram. at: when it was sent, seconds from the start. lost: it never arrives."""

    at: float
    source: Place
    goal: Place
    data: bytes
    lost: bool

    @property
    def start(self) -> str:
        """Its first line."""
        return self.data.split(b"\r\n", 1)[0].decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{self.at:8.3f} {self.source[0]} {self.start}{' LOST' if self.lost else ''}"


class Wire:
    """Virtual wire: carries datagrams between stacks and keeps the time.

    sent: all that was sent so far. certificates: the names that who is at a place shows, where it
    shows any.
    """

    def __init__(
        self,
        lost: Callable[[int], bool] = lambda number: False,
        delay: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """lost: whether the datagram of this number is lost. delay: of the next one, seconds."""
        self.now = 0.0
        self.sent: list[Datagram] = []
        self.certificates: dict[Place, tuple[str, ...]] = {}
        self._lost = lost
        self._delay = delay
        self._stacks: dict[Place, Stack] = {}
        self._air: list[tuple[float, int, Datagram]] = []
        self._tokens = itertools.count(1)

    def stack(self, place: Place, route: Callable[[Place], Place] = lambda goal: goal) -> Stack:
        """Put a stack at a place. route: where that lies what it sends to an address."""

        def connect(_transport: str, host: str, port: int, _name: str) -> Flow:
            return Flow("UDP", *place, *route((host, port)), None)

        stack = Stack(lambda: f"{next(self._tokens) * _ODD & _MASK:016x}", connect)
        self._stacks[place] = stack
        return stack

    def remove(self, place: Place) -> None:
        """Take a stack away: what is sent there from now on is lost."""
        del self._stacks[place]

    def run(self, until: float = 1e6) -> None:
        """Let time pass until nothing is left to happen, or until then."""
        self._collect()
        while True:
            due = [at for stack in self._stacks.values() if (at := stack.deadline()) is not None]
            if self._air:
                due.append(self._air[0][0])
            if not due or min(due) > until:
                return
            self.now = max(self.now, min(due))
            while self._air and self._air[0][0] <= self.now:
                datagram = heapq.heappop(self._air)[2]
                goal = datagram.goal
                stack = self._stacks.get(goal)
                if stack is not None:
                    flow = Flow("UDP", *goal, *datagram.source, None)
                    flow.peers = self.certificates.get(datagram.source, ())
                    stack.receive(datagram.data, flow, self.now)
                    self._collect()
            for stack in list(self._stacks.values()):
                stack.run_timers(self.now)
            self._collect()

    def _collect(self) -> None:
        for place, stack in self._stacks.items():
            outgoing, stack.outgoing = stack.outgoing, []
            for flow, data in outgoing:
                number = len(self.sent)
                datagram = Datagram(self.now, place, flow.address, data, self._lost(number))
                self.sent.append(datagram)
                if not datagram.lost and datagram.goal in self._stacks:
                    heapq.heappush(self._air, (self.now + self._delay(), number, datagram))
