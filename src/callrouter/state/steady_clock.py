"""The clock that expiries go by: steady, whatever is done to the clock of the system.

Theory. Steady time is Unix time as it was when the state was new, and goes on by the monotonic
clock from then on. What happens to the system's clock changes one number, by how much that is
`ahead`. So a registration, a block or a ban ends when so much time has passed, and nothing that is
kept has to be rewritten after a step. The next process goes on where this one was, since `ahead`
is kept too; while none runs, time passes by the system's clock, but never back to before the last
mark.

What people mean by the clock on the wall goes by that: opening hours, overrides, what is shown, and
how long recordings are kept. See docs/decisions/0019-wall-clock-and-monotonic-clock.md.
"""

import time
from collections.abc import Callable
from typing import Final

from callrouter.state.journal import Journal

MARK_SECONDS: Final = 60.0
"""From one mark to the next: at most so much longer something lasts after a clock was put back
while no callrouter ran."""
STEP_SECONDS: Final = 1.0
"""What is worth a line in the log; less is how clocks are kept right."""
_NOISE_SECONDS: Final = 0.005
"""The loop's clock ticks in ms: a smaller difference is none."""


class SteadyClock:
    """The steady clock: seconds that nobody can put forward or back.

    zero: steady time at zero of the monotonic clock. ahead: what has to be added to steady time for
    that of the system, as it was seen last.
    """

    __slots__ = ("_journal", "_marked", "_monotonic", "_wall", "ahead", "zero")

    def __init__(
        self,
        journal: Journal,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._wall = wall
        self._monotonic = monotonic
        self._marked = 0.0
        self.zero = wall() - monotonic()
        self.ahead = 0.0

    def now(self) -> float:
        """The steady time of this moment."""
        return self.zero + self._monotonic()

    def since(self, monotonic: float) -> float:
        """How long ago a moment of the monotonic clock was, in seconds."""
        return self._monotonic() - monotonic

    def wall(self, steady: float) -> float:
        """What the system's clock will show or showed at a steady time; 0.0, no time, is kept."""
        return steady + self.ahead if steady else 0.0

    def look(self) -> float:
        """See whether the system's clock was put forward (> 0) or back; returns by how much."""
        ahead = self._wall() - self.now()
        step = ahead - self.ahead
        if abs(step) <= _NOISE_SECONDS:
            return 0.0
        self.ahead = ahead
        if abs(step) < STEP_SECONDS:
            return 0.0
        self.mark()
        return step

    def mark(self) -> None:
        """Have it kept what time it is."""
        self._marked = self.now()
        self._journal("clock", ("steady",), (self.ahead, self._marked))

    def mark_now_and_then(self) -> None:
        """Mark when the last one is old."""
        if self.now() - self._marked >= MARK_SECONDS:
            self.mark()

    def restore(self, ahead: float, marked: float) -> None:
        """Go on where an earlier process was when it marked last."""
        steady = max(self._wall() - ahead, marked)
        self.zero = steady - self._monotonic()
        self.ahead = self._wall() - steady
