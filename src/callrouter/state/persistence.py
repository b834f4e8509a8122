"""Persistence of the shared state: to the disk in a thread of its own, and back at start.

Rules, beside those of `callrouter.storage.background_writer`, whose manner this is:

- `put` appends to a queue and does nothing else.
- What changed within a quarter of a second goes to the file by one transaction, and of each key
  only the last value: a kill loses less than a second.
- The state itself is in memory, so while the file is out of reach nothing has to be spooled: the
  changes wait, one for each key, and past a bound those that waited longest are dropped.
"""

import threading
import time
from collections import deque
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from callrouter.state.journal import Key, Value
from callrouter.state.memory import Memory
from callrouter.state.state_file import StateStore
from callrouter.storage.engine import StoreError

_GATHER_SECONDS: Final = 0.25
_RETRY_SECONDS: Final = 2.0
WAITING: Final = 300_000
"""Keys whose change waits at most, while the file is out of reach."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Persistence:
    """The persistence of the state on disk: its `put` is the journal of a Memory.

    Call `open` before calls come, with the memory to fill, and `close` after the last one ended.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._store: StateStore | None = None
        self._queue: deque[tuple[str, Key, Value]] = deque()
        self._changes: dict[tuple[str, Key], Value] = {}  # of the thread alone
        self._closing = threading.Event()
        self._retry_at = 0.0
        self._away = False
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)

    @property
    def failing(self) -> bool:
        """The file cannot be written."""
        return self._away

    def open(self, memory: Memory) -> None:
        """Give the memory what an earlier process left, and begin to write.

        Raises StoreError when the file cannot be read: blocks that are forgotten silently would
        be worse than a start that fails.
        """
        try:
            self._store = StateStore(self._url)
            memory.restore(self._store.entries())
        except (SQLAlchemyError, OSError, ValueError, TypeError) as error:
            what = getattr(error, "orig", None) or error
            raise StoreError(f"the state in {self._url} cannot be read: {what}") from error
        self._thread.start()

    def put(self, kind: str, key: Key, value: Value) -> None:
        """Take a change. Never blocks, never raises."""
        self._queue.append((kind, key, value))

    def close(self) -> None:
        """Return when every change is on disk, or its loss is logged."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._store is not None:
            self._store.close()

    def _run(self) -> None:
        while not self._closing.wait(_GATHER_SECONDS):
            self._write_out()
        for _ in range(2):  # the last chance: a file that was replaced is opened anew
            self._retry_at = 0.0
            self._write_out()
        if self._changes:
            _log.error("state lost: its file could not be written", changes=len(self._changes))

    def _write_out(self) -> None:
        changes = self._changes
        while self._queue:
            kind, key, value = self._queue.popleft()
            changes[kind, key] = value
        while len(changes) > WAITING:
            del changes[next(iter(changes))]
        if not changes or (self._away and time.monotonic() < self._retry_at):
            return
        try:
            if self._store is None:
                self._store = StateStore(self._url)
            self._store.write(changes)
        except (SQLAlchemyError, OSError, StoreError) as error:
            self._failed(error)
            return
        self._changes = {}
        if self._away:
            self._away = False
            _log.info("state is kept on disk again")

    def _failed(self, error: Exception) -> None:
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        if self._store is not None:
            self._store.close()
            self._store = None  # what comes back may be another file, or an empty one
        if not self._away:
            self._away = True
            _log.error(
                "state is not kept on disk: its file cannot be written",
                error=str(getattr(error, "orig", None) or error),
            )
