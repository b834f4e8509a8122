"""Overload control: new calls are turned away so that the running ones go on undisturbed.

Theory. The process is overloaded when its event loop comes round late, or when more datagrams wait
in the sockets than it reads in that time: a socket is read in small portions, so the loop alone can
be punctual while its calls are not. Both are measured 50 times a second and said in seconds. The
share of new calls that is refused follows them as a PI controller does: one part of it is what the
last second's errors add up to and so finds the share that is right for as long as the load lasts,
the other follows the error of the moment and so keeps the queue short meanwhile (RFC 8033 section
4.2 has a packet queue kept so). A share, not all: as many calls are taken as there is room for.
What is spread evenly refuses two of three calls, never all of one second and none of the next.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from callrouter.net.overload.rate_limit import Bucket

_STANDING: Final = 3
"""So many measurements in a row have to be late: one long step is no overload."""
_MOST: Final = 0.95
"""Some calls are always tried: else nothing would tell that they would do."""
_LASTING: Final = 1.0
"""How fast the lasting part grows: in a second by this, when all is twice as late as it may be."""
_PASSING: Final = 0.5
"""The passing part then."""
_WORST: Final = 3.0
"""Whoever is later than by so many times is no worse: a moment's stall would last for seconds."""
_LONGEST: Final = 0.1
"""Seconds that one measurement counts for at most."""


class Overload:
    """The overload control, which says of each new call whether it is refused.

    Times are seconds of a monotonic clock.

    late, fast, full: calls refused because the process is overloaded, because there were too many
    in one second, and because there were too many transactions. granted: the next call that is
    asked for has been let in already.
    """

    __slots__ = (
        *("_at", "_lasting", "_latest", "_most", "_owed", "_pace", "_transactions", "_within"),
        *("fast", "full", "granted", "late", "share"),
    )

    def __init__(
        self,
        within: float,
        calls_per_second: int,
        most: int,
        transactions: Callable[[], int],
    ) -> None:
        """within: how late all may be. calls_per_second: 0 for any number.

        most: transactions that new calls may begin beside. transactions: how many there are.
        """
        self._within = within
        self._most = most
        self._transactions = transactions
        self._pace = Bucket(calls_per_second, calls_per_second) if calls_per_second else None
        self._latest: deque[float] = deque([0.0], _STANDING)
        self._at = 0.0
        self._lasting = 0.0
        self._owed = 0.0
        self.granted = False
        self.share = 0.0
        self.late = 0
        self.fast = 0
        self.full = 0

    def measured(self, seconds: float, now: float) -> None:
        """Note how late all is."""
        passed = min(now - self._at, _LONGEST)
        self._at = now
        self._latest.append(seconds)
        error = min(min(self._latest) / self._within - 1, _WORST)
        self._lasting = min(max(self._lasting + _LASTING * error * passed, 0.0), _MOST)
        self.share = min(max(self._lasting + _PASSING * error, 0.0), _MOST)

    @property
    def is_busy(self) -> bool:
        """A new call may be refused just now."""
        return self.share > 0 or self._pace is not None or self._transactions() >= self._most

    def refuses(self) -> bool:
        """Say whether one more call is refused."""
        if self.granted:
            self.granted = False
            return False
        if self._pace is not None and not self._pace.take(self._at):
            self.fast += 1
            return True
        if self._transactions() >= self._most:
            self.full += 1
            return True
        if not self.share:
            return False
        self._owed += self.share
        if self._owed < 1:
            return False
        self._owed -= 1
        self.late += 1
        return True
