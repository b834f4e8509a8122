"""How many new calls are turned away so that the running ones go on undisturbed.

Theory. The process is overloaded when its event loop comes round late, or when more datagrams wait
in the sockets than it reads in that time: a socket is read in small portions, so the loop alone can
be punctual while its calls are not. Both are measured 50 times a second and said in seconds. While
95 of 100 measurements of the last second are not within the limit, a growing share of new calls is
refused; afterwards it shrinks again, in 10 seconds to nothing. A share, not all: as many calls
are taken as there is room for. What is spread evenly refuses two of three calls, never all of one
second and none of the next.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from callrouter.net.buckets import Bucket

_KEPT: Final = 50
"""Measurements; a second of them while all is well."""
_LEAST: Final = 4
"""When all is so late that there are fewer in a second, so many are looked at."""
_SECOND: Final = 1.0
_LOOK_EACH: Final = 0.25
_MOST: Final = 0.95
"""Some calls are always tried: else nothing would tell that they would do."""
_UP: Final = 0.06
_UP_FAST: Final = 0.18
_DOWN: Final = 0.025
_QUANTILE: Final = 0.95


class Overload:
    """Says of each new call whether it is refused. Times are seconds of a monotonic clock.

    late, fast, full: calls refused because the process is overloaded, because there were too many
    in one second, and because there were too many transactions.
    """

    __slots__ = (
        *("_at", "_due", "_measured", "_most", "_owed", "_pace", "_transactions", "_within"),
        *("fast", "full", "late", "share"),
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
        self._measured: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._at = 0.0
        self._due = 0.0
        self._owed = 0.0
        self.share = 0.0
        self.late = 0
        self.fast = 0
        self.full = 0

    def measured(self, seconds: float, now: float) -> None:
        """Note how late all is."""
        self._measured.append((now, seconds))
        self._at = now
        if now >= self._due:
            self._due = now + _LOOK_EACH
            self._look(now)

    def refuses(self) -> bool:
        """Say whether one more call is refused."""
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

    def _look(self, now: float) -> None:
        newest = list(self._measured)
        recent = [late for at, late in newest if now - at <= _SECOND]
        times = sorted(recent if len(recent) >= _LEAST else [late for _, late in newest[-_LEAST:]])
        # One long step is none, though it leaves few other measurements in its second.
        late = times[min(int(len(times) * _QUANTILE), len(times) - 2)] if len(times) > 1 else 0.0
        if late <= self._within:
            self.share = max(0.0, self.share - _DOWN)
        else:
            self.share = min(_MOST, self.share + (_UP_FAST if late > 3 * self._within else _UP))
