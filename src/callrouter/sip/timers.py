"""One heap for all timers of the process (RFC 3261 section 17.1.1.1 and appendix A).

A timer is started with the time it is due, and called back with the time it is run. Cancelling
only empties it: the heap entry is dropped when its time comes, which keeps both O(1).
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

T1: Final = 0.5
"""Round-trip estimate, seconds."""
T2: Final = 4.0
"""Longest interval between retransmissions of non-INVITE requests and INVITE responses."""
T4: Final = 5.0
"""How long the network keeps a message."""
TIMEOUT: Final = 64 * T1
"""Timers B, D (at least), F, H, J, L and M."""


class Timer:
    """A pending call-back; `cancel` may be called at any time, also after it has run."""

    __slots__ = ("_callback", "_timers")

    def __init__(self, timers: "Timers", callback: Callable[[float], None]) -> None:
        self._timers = timers
        self._callback: Callable[[float], None] | None = callback

    def cancel(self) -> None:
        """Forget the call-back, and with it all that it holds."""
        if self._callback is not None:
            self._callback = None
            self._timers.live -= 1

    def run(self, now: float) -> None:
        """Call back once, unless cancelled."""
        callback = self._callback
        if callback is not None:
            self._callback = None
            self._timers.live -= 1
            callback(now)


class Timers:
    """The heap. live: timers that are neither run nor cancelled."""

    __slots__ = ("_count", "_heap", "live")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._count = 0
        self.live = 0

    def start(self, when: float, callback: Callable[[float], None]) -> Timer:
        """Call `callback(now)` at the first `run` at or after `when`."""
        timer = Timer(self, callback)
        self._count += 1
        self.live += 1
        heappush(self._heap, (when, self._count, timer))
        return timer

    def deadline(self) -> float | None:
        """When `run` has work next, None for never; a cancelled timer may still be counted."""
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Run all that is due, in order of their times."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            heappop(heap)[2].run(now)
