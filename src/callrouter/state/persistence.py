"""Persistence of the shared state: to the disk in a thread of its own, and back at start.

Rules, beside those of `callrouter.storage.background`:

- What changed within a quarter of a second goes to the file by one transaction, and of each key
  only the last value: a kill loses less than a second.
- The state itself is in memory, so while the file is out of reach nothing has to be spooled: the
  changes wait, one for each key, and past a bound those that waited longest are dropped.
- A file that somebody removed or put another in the place of is written anew, with all that it is
  to hold. For that each entry is known here as well, by the tuples that the journal was told.
"""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from callrouter.state.journal import Key, Value
from callrouter.state.memory import Memory
from callrouter.state.state_file import StateStore
from callrouter.storage.background import Reopened, TurnThread
from callrouter.storage.engine import StoreError, said

_GATHER_SECONDS: Final = 0.25
WAITING: Final = 300_000
"""Keys whose change waits at most, while the file is out of reach."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Persistence:
    """The persistence of the state on disk: its `put` is the journal of a Memory.

    Call `open` before calls come, with the memory to fill, and `close` after the last one ended.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._file = Reopened(
            partial(StateStore, url),
            "state is not kept on disk: its file cannot be written",
            "state is kept on disk again",
        )
        self._queue: deque[tuple[str, Key, Value]] = deque()
        # Of the thread alone, once it runs: what is to be written, and all that there is.
        self._changes: dict[tuple[str, Key], Value] = {}
        self._entries: dict[tuple[str, Key], Value] = {}
        self._inode = 0  # of the file that has all but the changes
        self._asked: deque[Callable[[bool], None]] = deque()
        self._thread = TurnThread("state", _GATHER_SECONDS, self._write_out, self._write_last)

    @property
    def failing(self) -> bool:
        """The file cannot be written."""
        return self._file.on

    def open(self, memory: Memory) -> None:
        """Give the memory what an earlier process left, and begin to write.

        Raises StoreError when the file cannot be read: blocks that are forgotten silently would
        be worse than a start that fails.
        """
        try:
            store = self._file.store()
            memory.restore(self._read(store))
            self._inode = store.inode
        except (SQLAlchemyError, OSError, ValueError, TypeError) as error:
            raise StoreError(
                f"the state in {self._url} cannot be read: {said(error)}; a start without it "
                "forgets blocks, switches and registrations: move it away for that"
            ) from error
        self._thread.start()

    def put(self, kind: str, key: Key, value: Value) -> None:
        """Take a change. Never blocks, never raises."""
        self._queue.append((kind, key, value))

    def when_written(self, told: Callable[[bool], None]) -> None:
        """Try at once to write, and tell whether every change so far is on disk.

        told: called by the thread that writes.
        """
        self._asked.append(told)
        self._thread.wake()

    def close(self) -> None:
        """Return when every change is on disk, or its loss is logged."""
        self._thread.close()
        self._file.close()

    def _read(self, store: StateStore) -> Iterator[tuple[str, Key, tuple[object, ...]]]:
        for kind, key, value in store.entries():
            self._entries[kind, key] = value
            yield kind, key, value

    def _write_last(self) -> None:
        for _ in range(2):  # the last chance: a file that was replaced is opened anew
            self._file.retry()
            self._write_out()
        if self._changes:
            _log.error("state lost: its file could not be written", changes=len(self._changes))

    def _write_out(self) -> None:
        asked = len(self._asked)  # of changes that are in the queue by now
        self._write()
        for _ in range(asked):
            self._asked.popleft()(not self._changes)

    def _write(self) -> None:
        changes = self._changes
        while self._queue:
            kind, key, value = self._queue.popleft()
            entry = (kind, key)
            changes[entry] = value
            if value is None:
                self._entries.pop(entry, None)
            else:
                self._entries[entry] = value
        while len(changes) > WAITING:
            del changes[next(iter(changes))]
        if self._file.waits:
            return
        try:
            store = self._file.store()
            is_known = store.inode == self._inode and not store.is_new
            store.write(changes if is_known else self._entries | changes)
        except (SQLAlchemyError, OSError, StoreError) as error:
            self._file.begin(error)
            return
        self._changes = {}
        self._inode, store.is_new = store.inode, False
        self._file.end()
