"""The service level of a queue: its counters, and the four formulas that the trade has for it."""

from dataclasses import dataclass
from typing import Final

ANSWERED: Final = "answered"
ABANDONED: Final = "abandoned"
OVERFLOWED: Final = "overflowed"


@dataclass(slots=True)
class QueueTotals:
    """What has become of a queue's callers so far.

    offered: callers who came. Each who waits no more is one of the others: answered by an agent,
    abandoned (hung up), or overflowed: gone on by the route, from a full queue, after the longest
    wait or by a key. in time: before `QueueRule.answer_within_seconds` were over. waited_seconds:
    of all who were answered.
    """

    offered: int = 0
    answered_in_time: int = 0
    answered_late: int = 0
    abandoned_in_time: int = 0
    abandoned_late: int = 0
    overflowed: int = 0
    waited_seconds: float = 0.0

    @property
    def answered(self) -> int:
        """Connected with an agent."""
        return self.answered_in_time + self.answered_late

    @property
    def abandoned(self) -> int:
        """Hung up while they waited."""
        return self.abandoned_in_time + self.abandoned_late

    def count(self, outcome: str, waited: float, *, in_time: bool) -> None:
        """Count a caller who waits no more."""
        if outcome == ANSWERED:
            self.waited_seconds += waited
            if in_time:
                self.answered_in_time += 1
            else:
                self.answered_late += 1
        elif outcome == ABANDONED:
            if in_time:
                self.abandoned_in_time += 1
            else:
                self.abandoned_late += 1
        else:
            self.overflowed += 1


def of_answered(totals: QueueTotals) -> float | None:
    """Answered in time, of all answered."""
    return _percent(totals.answered_in_time, totals.answered)


def with_short_abandons(totals: QueueTotals) -> float | None:
    """Answered or abandoned in time, of all: who hung up soon counts as served."""
    return _percent(totals.answered_in_time + totals.abandoned_in_time, _over(totals))


def of_offered(totals: QueueTotals) -> float | None:
    """Answered in time, of all: who hung up soon counts against it."""
    return _percent(totals.answered_in_time, _over(totals))


def without_short_abandons(totals: QueueTotals) -> float | None:
    """Answered in time, of all but those who hung up in time."""
    return _percent(totals.answered_in_time, _over(totals) - totals.abandoned_in_time)


FORMULAS: Final = {
    "without_short_abandons": without_short_abandons,
    "of_answered": of_answered,
    "with_short_abandons": with_short_abandons,
    "of_offered": of_offered,
}
"""By name; the first is the one that is shown where there is room for one."""


def _over(totals: QueueTotals) -> int:
    """Callers who wait no more."""
    return totals.answered + totals.abandoned + totals.overflowed


def _percent(part: int, whole: int) -> float | None:
    """None while there is nothing to divide by."""
    return 100 * part / whole if whole else None
