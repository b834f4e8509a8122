"""Overrides in memory: the schedules that are switched by hand."""

from collections.abc import Callable
from types import MappingProxyType

from callrouter.route.values.snapshot import Override
from callrouter.state.journal import Journal


class OverridesInMemory:
    """Overrides of schedules. Implements `Overrides`. switched: by schedule, also those just over.

    wall: the clock on the wall, by which they end.
    """

    __slots__ = ("_journal", "_switched", "_wall", "switched")

    def __init__(self, journal: Journal, wall: Callable[[], float]) -> None:
        self._journal = journal
        self._wall = wall
        self._switched: dict[str, Override] = {}
        self.switched = MappingProxyType(self._switched)

    def standing(self) -> dict[str, Override]:
        """The schedules that are switched now."""
        self.expire(self._wall())
        return dict(self._switched)

    def override(self, schedule: str, open: bool, until: float) -> bool:
        """Switch a schedule."""
        self._switched[schedule] = Override(open=open, until=until)
        self._journal("override", (schedule,), (open, until))
        return True

    def end(self, schedule: str) -> bool:
        """Let a schedule follow its hours again; False when it did."""
        self.expire(self._wall())
        return self._end(schedule)

    def expire(self, wall: float) -> None:
        """Forget what has ended at a time of the clock on the wall."""
        for schedule in [name for name, it in self._switched.items() if 0.0 < it.until <= wall]:
            self._end(schedule)

    def restore(self, schedule: str, open: bool, until: float) -> None:
        """It was switched when the last process ended."""
        self._switched[schedule] = Override(open=open, until=until)

    def _end(self, schedule: str) -> bool:
        if self._switched.pop(schedule, None) is None:
            return False
        self._journal("override", (schedule,), None)
        return True
