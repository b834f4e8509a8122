"""Selection of the worker that takes the next call.

Theory. A worker is one thread: what one call does in it (open a file, close a recording) the other
calls of that worker wait for, and a crash takes all of them. So calls are spread, to whoever has
most slots free. But the slots of one reservation lie in one worker, so the last of the emptiest
workers is kept back as long as another one will do: a call that needs many slots finds them.
"""

from typing import Generic, Protocol, TypeVar


class SelectableWorker(Protocol):
    """A worker that a `WorkerSelection` has."""

    @property
    def free(self) -> int:
        """Slots that nobody has reserved."""


W = TypeVar("W", bound=SelectableWorker)


class WorkerSelection(Generic[W]):
    """The workers that take calls, in a row for each number of free slots."""

    __slots__ = ("_places", "_rows")

    def __init__(self) -> None:
        self._rows: list[dict[W, None]] = []
        self._places: dict[W, int] = {}

    def put(self, worker: W) -> None:
        """Put a worker where its free slots say, wherever it was."""
        self.remove(worker)
        free = worker.free
        while len(self._rows) <= free:
            self._rows.append({})
        self._rows[free][worker] = None
        self._places[worker] = free

    def remove(self, worker: W) -> None:
        """Give it no more calls."""
        place = self._places.pop(worker, -1)
        if place >= 0:
            del self._rows[place][worker]

    def __contains__(self, worker: W) -> bool:
        return worker in self._places

    def best(self, count: int) -> W | None:
        """Choose a worker that has `count` slots free; who waits longest among equals."""
        kept: W | None = None
        for free in range(len(self._rows) - 1, count - 1, -1):
            row = self._rows[free]
            if not row:
                continue
            if kept is None and len(row) == 1:
                kept = next(iter(row))
                continue
            return next(iter(row))
        return kept
