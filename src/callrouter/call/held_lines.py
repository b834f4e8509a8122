"""The lines that one call holds: each reservation of it, given back when the call is over."""

from callrouter.call.services.shared_state import Granted, LineReservation, Lines, PortFailures
from callrouter.pending import Pending, Unavailable
from callrouter.route.values.plan import Hold


class HeldLines:
    """The lines of one call."""

    __slots__ = ("_coming", "_failures", "_lines", "_reservations")

    def __init__(self, lines: Lines, failures: PortFailures) -> None:
        self._lines = lines
        self._failures = failures
        self._reservations: list[LineReservation] = []
        self._coming: list[Pending[Granted | Unavailable]] | None = None

    @property
    def names(self) -> list[str]:
        """What they are of; of what there are two, twice."""
        return [hold.name for it in self._reservations for hold in it.holds]

    def add(self, reservation: LineReservation) -> None:
        """Hold these until the call is over."""
        self._reservations.append(reservation)

    def drop(self, reservation: LineReservation) -> None:
        """Give these back before."""
        self._reservations.remove(reservation)
        reservation.release()

    def count(self, name: str) -> None:
        """Hold a line of something without a limit. Nobody waits for the answer."""
        answer = self._lines.reserve((Hold(name, 0),))
        if isinstance(answer, LineReservation):
            self._reservations.append(answer)
        elif isinstance(answer, Pending):
            if self._coming is None:
                self._coming = []
            self._coming.append(answer)
        else:
            self._failures.add("lines", not_granted(answer))

    def count_once(self, name: str) -> None:
        """Hold a line of something without a limit, unless the call holds one of it."""
        if name not in self.names:
            self.count(name)

    def release(self) -> None:
        """The call is over: give all back, and what comes from now on."""
        for reservation in self._reservations:
            reservation.release()
        self._reservations.clear()
        if self._coming is not None:
            for pending in self._coming:
                pending.give_up(give_back)
            self._coming = None


def give_back(answer: Granted | Unavailable) -> None:
    """Give back what was granted to nobody any more."""
    if isinstance(answer, LineReservation):
        answer.release()


def not_granted(answer: Granted | Unavailable) -> str:
    """Why a line was not granted that had to be."""
    if isinstance(answer, Unavailable):
        return answer.why
    return "it says busy of what has no limit"
