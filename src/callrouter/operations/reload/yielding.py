"""Yielding of a thread whose work must not keep the event loop waiting.

The interpreter runs one thread at a time. A thread that only computes gives way every 5 ms at best,
and not at all inside one long step of C. So such work is cut into steps of about a millisecond, and
after each the thread sleeps as long as the step took: the loop never waits for more than a step,
and keeps half of the processor even on a machine with one core.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

STEP_SECONDS: Final = 0.001
_LOOK_EVERY: Final = 16
"""Items between two looks at the clock."""


class Pace:
    """Pace of a thread that gives way often enough. Not for the loop's own thread."""

    __slots__ = ("_began", "_clock", "_sleep")

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._began = clock()

    def step(self) -> None:
        """Sleep when the last sleep is a step ago."""
        took = self._clock() - self._began
        if took >= STEP_SECONDS:
            self._sleep(took)
            self._began = self._clock()

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """Give all items, with a step now and then."""
        for index, item in enumerate(items):
            if not index % _LOOK_EVERY:
                self.step()
            yield item
