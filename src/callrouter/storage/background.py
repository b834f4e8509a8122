"""Background writing: a thread that takes turns, and a database that may be away for a while.

Rules of all who write so: whoever hands something over appends it to a queue and does nothing else,
so no call waits for a disk. What the database does not take stays, and is tried again two seconds
later; that it is away, and that it is back, is said once.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog

from callrouter.storage.engine import said

RETRY_SECONDS: Final = 2.0

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class TurnThread:
    """A thread that takes a turn when it is woken, and after some seconds anyhow.

    last: what it does once more, after it was told to close.
    """

    def __init__(
        self, name: str, seconds: float, turn: Callable[[], None], last: Callable[[], None]
    ) -> None:
        self.closing = False
        self._seconds = seconds
        self._turn = turn
        self._last = last
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.start = self._thread.start
        self.wake = self._wake.set

    @property
    def alive(self) -> bool:
        """It was started and has not ended."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Return when the thread has ended, if it ever began."""
        self.closing = True
        self.wake()
        if self.alive:
            self._thread.join()

    def _run(self) -> None:
        while not self.closing:
            self._wake.wait(self._seconds)
            self._wake.clear()
            self._turn()
        self._last()


class Outage:
    """Whether what is written to is away. gone, back: the log lines that say so."""

    def __init__(self, gone: str, back: str) -> None:
        self.on = False
        self._gone = gone
        self._back = back
        self._retry_at = 0.0

    @property
    def waits(self) -> bool:
        """It failed less than two seconds ago."""
        return self.on and time.monotonic() < self._retry_at

    def begin(self, error: Exception) -> None:
        """It failed."""
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if not self.on:
            self.on = True
            _log.error(self._gone, error=said(error))

    def end(self) -> None:
        """It took what it was given."""
        if self.on:
            self.on = False
            _log.info(self._back)

    def retry(self) -> None:
        """Wait no more: it is the last chance for what has come back meanwhile."""
        self._retry_at = 0.0


class Closable(Protocol):
    """What is opened to be written to."""

    def close(self) -> Any:
        """Let it go."""


S = TypeVar("S", bound=Closable)


class Reopened(Outage, Generic[S]):
    """A database that is opened anew after it failed, as another file may be back."""

    def __init__(self, open: Callable[[], S], gone: str, back: str) -> None:
        super().__init__(gone, back)
        self._open = open
        self._store: S | None = None

    def store(self) -> S:
        """Return what is open, or open it. Raises what opening raises."""
        if self._store is None:
            self._store = self._open()
        return self._store

    def begin(self, error: Exception) -> None:
        """It failed."""
        self.close()
        super().begin(error)

    def close(self) -> None:
        """Let it go, if it is open."""
        if self._store is not None:
            self._store.close()
            self._store = None
