"""Overrides in memory: the schedules that are switched by hand."""

from collections.abc import Callable

from callrouter.route.values.snapshot import Override
from callrouter.state.journal import Journal, Journalled


class OverridesInMemory:
    """Overrides of schedules. Implements `Overrides`. switched: by schedule, also those just over.

    wall: the clock on the wall, by which they end. changed: told when one was switched.
    """

    __slots__ = ("_switched", "_wall", "changed", "restore", "switched")

    def __init__(self, journal: Journal, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._switched = Journalled[Override](journal, "override", lambda it: (it.open, it.until))
        self.switched = self._switched.view
        self.restore = self._switched.restore
        self.changed: Callable[[], None] = _nobody

    def standing(self) -> dict[str, Override]:
        """The schedules that are switched now."""
        self.expire(self._wall())
        return dict(self.switched)

    def override(self, schedule: str, open: bool, until: float) -> bool:
        """Switch a schedule."""
        self._switched.put(schedule, Override(open=open, until=until))
        self.changed()
        return True

    def end(self, schedule: str) -> bool:
        """Let a schedule follow its hours again; False when it did."""
        self.expire(self._wall())
        was_switched = self._switched.drop(schedule)
        self.changed()
        return was_switched

    def expire(self, wall: float) -> None:
        """Forget what has ended at a time of the clock on the wall."""
        for schedule in [name for name, it in self.switched.items() if 0.0 < it.until <= wall]:
            self._switched.drop(schedule)


def _nobody() -> None:
    """Nobody wants to know."""
