"""The spool: the file where records wait while the database is away.

JSON lines, one record or event a line, by column name, so that a later version can still read them.
A batch is on disk (fsync) when `append` returns. Rows may be in the file twice, after a write that
failed half way, and may be replayed twice, after a crash: the database's primary key makes that
once.

What the table does not take is set aside in a file of its own, for somebody to look at: it must not
hold up what comes behind it. That is said once until the spool is empty again.
"""

import json
import os
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import orjson
import structlog

from callrouter.observe.cdr.rows import COLUMNS, Row, row_of
from callrouter.private import FILE, new_file, own_folder, tighten
from callrouter.storage.engine import StoreError
from callrouter.storage.outbox import EVENT_KEYS, OutboxEvent, event_of

_LONGEST: Final = 4 << 20
"""Bytes of a line: no record has so many."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def server_id(folder: Path) -> str:
    """The name of the server whose folder this is: made up once, and kept. Raises StoreError."""
    path = folder / "server-id"
    try:
        try:
            tighten(path, FILE)
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            name = uuid.uuid4().hex
            with new_file(path) as file:
                file.write(f"{name}\n".encode())
            return name
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be used: {error}") from error


class Spool:
    """A spool folder, which this process has claimed (`callrouter.private`); used by one thread.

    Raises StoreError when the folder cannot be used. A file left there by an earlier process is
    simply found again. rejected: records that were set aside.
    """

    def __init__(self, folder: Path) -> None:
        self.rejected = 0
        self._path = folder / "records.jsonl"
        self._aside = folder / "rejected.jsonl"
        self._read_to = 0
        self._told = False
        try:
            own_folder(folder)
            tighten(self._path, FILE)
            tighten(self._aside, FILE)
        except OSError as error:
            raise StoreError(f"the spool folder {folder} cannot be used: {error}") from error

    def append(self, rows: Sequence[Row]) -> None:
        """Put the rows on disk. Raises OSError, and then some of them may be there."""
        lines = [orjson.dumps(_entry(row), option=orjson.OPT_APPEND_NEWLINE) for row in rows]
        self._write(self._path, lines)

    def set_aside(self, row: Row, why: str) -> None:
        """Put a row that the table does not take on disk beside the spool. Raises OSError."""
        line = json.dumps(_entry(row), default=repr).encode()
        self._reject([line], why, call=str(row[0]))

    def pending(self) -> bool:
        """Whether any row waits to be replayed. Raises OSError."""
        try:
            return self._path.stat().st_size > self._read_to
        except FileNotFoundError:
            return False

    def next(self, count: int) -> tuple[list[Row], int]:
        """At most `count` lines' rows, oldest first, and the place behind them. Raises OSError.

        A line that is no record for this table, as a crash in mid-write or another version leaves
        it, is set aside.
        """
        rows: list[Row] = []
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            for _ in range(count):
                begins = file.tell()
                line = file.readline(_LONGEST)
                if not line:
                    break
                try:
                    if len(line) == _LONGEST:
                        raise ValueError(f"expected a record of less than {_LONGEST} bytes")
                    rows.append(_row(orjson.loads(line)))
                except ValueError as error:  # orjson's, too
                    if rows:  # which may come again, and this line must not come with them
                        return rows, begins
                    self._reject(_whole(file, line), str(error), offset=begins)
                    self._read_to = file.tell()
            return rows, file.tell()

    def done(self, end: int) -> None:
        """All before `end` is in the database: remove the file when that was the rest of it."""
        self._read_to = end
        if not self.pending():
            self._path.unlink(missing_ok=True)
            self._read_to = 0
            self._told = False

    def _reject(self, pieces: Iterable[bytes], why: str, **place: object) -> None:
        """Put what makes up a line into the file beside. Raises OSError."""
        self._write(self._aside, pieces)
        self.rejected += 1
        if not self._told:
            self._told = True
            _log.error("a call record was set aside", why=why, file=str(self._aside), **place)

    def _write(self, path: Path, pieces: Iterable[bytes]) -> None:
        flags = os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, FILE), "a+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # a write that was cut off: it must not spoil this one
                    file.write(b"\n")
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())


def _entry(row: Row) -> dict[str, object]:
    """A record or an event by column name."""
    if isinstance(row, OutboxEvent):
        return row._asdict()
    return dict(zip(COLUMNS, row, strict=True))


def _row(entry: object) -> Row:
    """What `_entry` wrote. Raises ValueError."""
    if isinstance(entry, dict) and entry.keys() == EVENT_KEYS:
        return event_of(entry)
    return row_of(entry)


def _whole(file: BinaryIO, line: bytes) -> Iterable[bytes]:
    """The pieces of a line of any length, of which the first was read."""
    yield line
    while not line.endswith(b"\n"):
        line = file.readline(_LONGEST)
        if not line:
            yield b"\n"
            return
        yield line
