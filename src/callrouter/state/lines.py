"""Lines in use, and the pace of trunks, in memory. They end with the process, as its calls do."""

from collections.abc import Iterable
from types import MappingProxyType

from callrouter.call.services.shared_state import Busy, Granted, LineReservation
from callrouter.route.values.plan import Hold


class LinesInMemory:
    """Lines of the calls of this process. Implements `Lines`.

    used: how many are, by what they are of. arrivals: when calls came in by a trunk lately.
    """

    __slots__ = ("_arrivals", "_taken_back", "_used", "arrivals", "used")

    def __init__(self) -> None:
        self._used: dict[str, int] = {}
        self._arrivals: dict[str, list[float]] = {}
        self._taken_back = self._give  # bound once, and not for each call
        self.used = MappingProxyType(self._used)
        self.arrivals = MappingProxyType(self._arrivals)

    def reserve(self, holds: tuple[Hold, ...]) -> Granted:
        """Take one line of each, or none at all."""
        used = self._used
        for name, lines in holds:
            if lines and used.get(name, 0) >= lines:
                return Busy(name)
        for name, _ in holds:
            used[name] = used.get(name, 0) + 1
        return LineReservation(holds, self._taken_back)

    def count(self, names: Iterable[str]) -> dict[str, int]:
        """How many lines are in use of each."""
        return {name: self._used.get(name, 0) for name in names}

    def arrived(self, trunk: str, at: float, most: int) -> None:
        """Count a call of a trunk; about twice as many times are kept as count."""
        times = self._arrivals.setdefault(trunk, [])
        times.append(at)
        if len(times) > 2 * most:
            del times[:-most]

    def expire(self, now: float) -> None:
        """Forget the trunks without calls lately."""
        for trunk in [name for name, times in self._arrivals.items() if times[-1] < now - 1.0]:
            del self._arrivals[trunk]

    def _give(self, holds: tuple[Hold, ...]) -> None:
        # A reservation gives back once, what it took. Should a bug of ours give back more, a line
        # too many is free; an error here would cost the end of the call, and with it its record.
        used = self._used
        for name, _ in holds:
            left = used.get(name, 0) - 1
            if left > 0:
                used[name] = left
            else:
                used.pop(name, None)
