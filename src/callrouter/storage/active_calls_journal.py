"""A journal of the calls that are up, on disk, so that a killed process loses none of them.

Theory. A call that is answered is a line here before its caller is told; a second line follows when
its record is on disk. What has the first line and lacks the second when callrouter starts was up
when the process before was killed: it gets its record then. The id of the call is the key of the
record, so that nothing which is done twice, by a process that is killed while it recovers, shows.

Lines: `+ID [...]` a call is up, or somebody else talks in it (the last such line counts); `-ID` its
record is on disk. The first line of a file is `@SECONDS SECONDS`: when its process was last alive,
which is the end of the calls that it lost, and when it began, by which its files are known. The
system's clock may be put while a call is up, so the first of these goes by the monotonic clock from
the second one on, and each line has the call's start on that clock, too. A file
that has grown large is followed by a new one, and those of its calls that are still up go to a file
between both, so that the files in their order say what is so.

Rules. Lines of calls that come up are written by the event loop itself: a write to the kernel's
cache costs 1.3 µs, less than to wake a thread does, and the answer cannot overtake it. A disk that
refuses a line, or was slow with one, is left to the writer's thread from then on, until it has
taken all. What is written is safe from a kill at once; a loss of power loses what the kernel had
not written back, half a minute as a rule.
"""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Final

import structlog

from callrouter.metric import Rows, counter, gauge
from callrouter.observe.cdr.crash_recovery import lost_record
from callrouter.observe.cdr.rows import Row, encode
from callrouter.private import FILE, tighten
from callrouter.rating.rate_plan import RatePlans

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

_NAME: Final = re.compile(r"up-([0-9]{1,12})\.journal")
_LINE: Final = re.compile(rb"(?:\+([0-9a-f-]{1,64}) (\[.*\])|-([0-9a-f-]{1,64}))\n")
_HEAD: Final = re.compile(rb"@([0-9]{1,13}\.[0-9]{6}) ([0-9]{1,13}\.[0-9]{6})\n")
_BEAT_SECONDS: Final = 1.0
_LARGE: Final = 1 << 20
"""Bytes of a file that is followed by a new one, or thrice what the calls that are up need."""
_SLOW_SECONDS: Final = 0.05
_WAITING: Final = 50_000
"""Calls, and lines of ended ones, that wait for a disk at most, about 25 MB."""
_REJECTED: Final = "journal-rejected"


class Journal:
    """The journal of one process, in its spool folder, which is locked already.

    `up` is for the event loop, all else for the writer's thread. rejected: lines of earlier
    processes that were none, which are kept in the file `journal-rejected`. missed: calls for which
    there was no room to wait. zero: Unix time at zero of the monotonic clock, as it was when the
    process began.
    """

    def __init__(self, folder: Path) -> None:
        self.rejected = 0
        self.missed = 0
        self._folder = folder
        self._lock = Lock()
        self._fd = -1
        self._mark = -1
        self._aside = True  # lines wait for the thread
        self._waiting: dict[bytes, bytes] = {}  # the newest line of each call, by its id
        self._writing: dict[bytes, bytes] = {}  # those that the thread is at, for as long as it is
        self._ended: list[bytes] = []  # the thread's own
        self._torn = False
        self._failing = False
        self._began = time.time()
        self.zero = self._began - time.monotonic()
        self._beat_at = 0.0
        self._large = _LARGE
        self._number = 0
        self._earlier: list[Path] = []
        self._own: list[Path] = []

    @property
    def waiting(self) -> int:
        """Calls whose newest line is not on disk, nor their record: a kill now would lose them."""
        return len(self._writing) + len(self._waiting)

    @property
    def failing(self) -> bool:
        """The disk refuses lines, or hangs, so that they wait."""
        return self._failing or self.waiting > 0

    def open(self) -> None:
        """Find what an earlier process left, and begin a file of our own. Never raises."""
        try:
            found = sorted(
                (int(match[1]), path)
                for path in self._folder.iterdir()
                if (match := _NAME.fullmatch(path.name)) is not None
            )
            self._earlier = [path for _, path in found]
            for path in self._earlier:
                tighten(path, FILE)
            self._number = found[-1][0] if found else 0
            self._begin()
        except OSError as error:
            self._failed(error)

    # For the event loop.

    def up(self, line: bytes) -> None:
        """A call is up: write its line, or let the thread do it when the disk is no good."""
        with self._lock:
            if not self._aside:
                began = time.monotonic()
                if self._write(line):
                    self._aside = time.monotonic() - began > _SLOW_SECONDS
                    return
                self._aside = True
            name = line[1 : line.index(b" ")]
            if name in self._waiting or len(self._waiting) < _WAITING:
                self._waiting[name] = line
            else:
                self.missed += 1

    # For the thread.

    def over(self, ids: Sequence[str]) -> None:
        """The records of these calls are on disk."""
        if not ids:
            return
        line = "".join([f"-{name}\n" for name in ids]).encode()
        with self._lock:
            aside = self._aside
            if self._waiting:
                for name in ids:
                    self._waiting.pop(name.encode(), None)
        if aside or not self._write(line):
            with self._lock:
                self._aside = True
            if len(self._ended) < _WAITING:  # else they are told again, to no effect
                self._ended.append(line)

    def beat(self) -> None:
        """Say that we are alive, write what waits, and begin a new file when it is time."""
        self._drain()
        now = time.monotonic()
        if now < self._beat_at:
            return
        self._beat_at = now + _BEAT_SECONDS
        try:
            if self._fd < 0:
                self._begin()
            os.pwrite(self._mark, self._head(), 0)
            if not self._aside:
                self._failing = False
            if not self._earlier and os.fstat(self._fd).st_size > self._large:
                self._follow()
        except OSError as error:
            self._failed(error)

    def lost(self, rate_plans: RatePlans | None = None) -> list[Row]:
        """The records of the calls that earlier processes lost, charged by these rate plans.

        Raises OSError.
        """
        calls, alive, rejected = _read(self._earlier)
        rows = []
        for name, (line, process) in calls.items():
            try:
                record = lost_record(name, line[len(name) + 2 :], alive.get(process, 0.0))
            except ValueError:
                rejected.append(line)
            else:
                record.rate_plans = rate_plans
                rows.append(encode(record))
        if rejected:
            self._set_aside(rejected)
        return rows

    def forget(self) -> None:
        """What `lost` returned is on disk. Raises OSError."""
        # The oldest first: a line that says that a call is over outlives that call's own.
        while self._earlier:
            self._earlier[0].unlink(missing_ok=True)
            del self._earlier[0]

    def recovers(self) -> bool:
        """Whether an earlier process left anything."""
        return bool(self._earlier)

    def close(self, *, clean: bool) -> None:
        """End. clean: the records of all our calls are on disk, so that nothing has to be kept."""
        for handle in (self._fd, self._mark):
            if handle >= 0:
                os.close(handle)
        self._fd = self._mark = -1
        if clean:
            try:
                for path in self._own:
                    path.unlink(missing_ok=True)
            except OSError as error:
                self._failed(error)

    def _begin(self) -> None:
        """Begin a new file; from now on lines go there. Raises OSError."""
        self._number += 2  # what is still up goes between both
        path = self._path(self._number)
        mark = _opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        handle = _opened(path, os.O_WRONLY | os.O_APPEND)
        os.pwrite(mark, self._head(), 0)
        with self._lock:
            before = (self._fd, self._mark)
            self._fd, self._mark = handle, mark
            self._torn = False
            if not self._waiting:
                self._aside = False
        self._own.append(path)
        for old in before:
            if old >= 0:
                os.close(old)

    def _follow(self) -> None:
        """Begin a new file and let go of those before. Raises OSError."""
        old = list(self._own)
        self._large *= 2  # when it fails half way, it is tried again later
        self._begin()
        lines = [line for line, _ in _read(old)[0].values()]
        kept = self._path(self._number - 1)
        draft = kept.with_suffix(".draft")
        with os.fdopen(_opened(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
            file.write(self._head())
            file.writelines(lines)
            self._large = max(_LARGE, 3 * file.tell())
        draft.rename(kept)
        self._own.insert(len(old), kept)
        for path in old:
            path.unlink(missing_ok=True)
            self._own.remove(path)

    def _drain(self) -> None:
        """Write what waits; the event loop writes for itself again when nothing is left."""
        while self._fd >= 0:
            with self._lock:
                self._writing, self._waiting = self._waiting, {}
                if not self._writing and not self._ended:
                    self._aside = False
                    return
            if not self._took_all():
                with self._lock:
                    self._writing.update(self._waiting)
                    self._waiting, self._writing = self._writing, {}
                return
            self._failing = False

    def _took_all(self) -> bool:
        """Whether the disk took what the thread is at; it keeps those lines that it took."""
        # One by one: of a disk with little room, lines that begin again and again take all of it.
        for name, line in list(self._writing.items()):
            if not self._write(line):
                return False
            del self._writing[name]
        # In any order: no call has a line in both, for what has ended does not wait to be told up.
        while self._ended:
            if not self._write(self._ended[-1]):
                return False
            self._ended.pop()
        return True

    def _write(self, data: bytes) -> bool:
        """Whether the disk took the lines."""
        if self._torn:
            data = b"\n" + data  # what was cut off must not spoil this one
        try:
            done = os.write(self._fd, data)
        except OSError as error:
            self._failed(error)
            return False
        self._torn = done < len(data)
        return not self._torn

    def _set_aside(self, lines: list[bytes]) -> None:
        path = self._folder / _REJECTED
        with os.fdopen(_opened(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "wb") as file:
            file.writelines(line if line.endswith(b"\n") else line + b"\n" for line in lines)
        self.rejected += len(lines)
        _log.warning("lines of the journal set aside", count=len(lines), file=str(path))

    def _failed(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            _log.error("the journal of calls cannot be written", error=str(error))

    def _head(self) -> bytes:
        return b"@%020.6f %020.6f\n" % (self.zero + time.monotonic(), self._began)

    def _path(self, number: int) -> Path:
        return self._folder / f"up-{number:08}.journal"


def _opened(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, FILE)


def _read(
    paths: Sequence[Path],
) -> tuple[dict[str, tuple[bytes, bytes]], dict[bytes, float], list[bytes]]:
    """The calls that are up by id, each with its line and its process; when each process was last
    alive; and what are no lines. Raises OSError.
    """
    calls: dict[str, tuple[bytes, bytes]] = {}
    alive: dict[bytes, float] = {}
    rejected = []
    for path in paths:
        process = b""
        with path.open("rb") as file:
            for line in file:
                match = _LINE.fullmatch(line)
                if match is not None:
                    if match[1] is not None:
                        calls[match[1].decode()] = (line, process)
                    else:
                        calls.pop(match[3].decode(), None)
                elif (head := _HEAD.fullmatch(line)) is not None:
                    process = head[2]
                    alive[process] = max(alive.get(process, 0.0), float(head[1]))
                elif line != b"\n":
                    rejected.append(line)
    return calls, alive, rejected


METRICS: Final[Rows[Journal]] = (
    gauge(
        "callrouter_journal_waiting",
        "This many answered calls are not on disk yet; a kill now would lose them, so do not "
        "kill while it is above 0.",
        lambda it: it.waiting,
    ),
    counter(
        "callrouter_calls_unjournaled",
        "Each answered call past the 50,000 that can wait for the disk counts one; a kill loses "
        "it.",
        lambda it: it.missed,
    ),
    counter(
        "callrouter_journal_rejected",
        "Each line of an earlier process's journal that cannot be read counts one and was set "
        "aside; a lost call may have no record.",
        lambda it: it.rejected,
    ),
)
