"""The file where records wait while the database is away.

JSON lines, one record a line, by column name, so that a later version can still read them. A batch
is on disk (fsync) when `append` returns. Rows may be in the file twice, after a write that failed
half way, and may be replayed twice, after a crash: the database's primary key makes that once.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import orjson
import structlog

from callrouter.observe.cdr import COLUMNS, Row
from callrouter.observe.database import StoreError
from callrouter.private import FILE, own_folder, tighten

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Spool:
    """A spool folder, which this process has claimed (`callrouter.private`); used by one thread.

    Raises StoreError when the folder cannot be used. A file left there by an earlier process is
    simply found again.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "records.jsonl"
        self._read_to = 0
        try:
            own_folder(folder)
            tighten(self._path, FILE)
        except OSError as error:
            raise StoreError(f"the spool folder {folder} cannot be used: {error}") from error

    def append(self, rows: Sequence[Row]) -> None:
        """Put the rows on disk. Raises OSError, and then some of them may be there."""
        lines = [
            orjson.dumps(dict(zip(COLUMNS, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)
            for row in rows
        ]
        with self._path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # a write that was cut off: it must not spoil this one
                    file.write(b"\n")
            file.writelines(lines)
            file.flush()
            os.fsync(file.fileno())

    def pending(self) -> bool:
        """Whether any row waits to be replayed. Raises OSError."""
        try:
            return self._path.stat().st_size > self._read_to
        except FileNotFoundError:
            return False

    def next(self, count: int) -> tuple[list[Row], int]:
        """At most `count` lines' rows, oldest first, and the place behind them. Raises OSError.

        A line that is no record, as a crash in mid-write leaves, is logged and passed over.
        """
        rows: list[Row] = []
        with self._path.open("rb") as file:
            file.seek(self._read_to)
            for _ in range(count):
                line = file.readline()
                if not line:
                    break
                try:
                    record = orjson.loads(line)
                    rows.append(tuple(record.get(name) for name in COLUMNS))
                except (orjson.JSONDecodeError, AttributeError):
                    _log.warning(
                        "line of the record spool passed over",
                        file=str(self._path),
                        offset=file.tell() - len(line),
                        bytes=len(line),
                    )
            return rows, file.tell()

    def done(self, end: int) -> None:
        """All before `end` is in the database: remove the file when that was the rest of it."""
        self._read_to = end
        if not self.pending():
            self._path.unlink(missing_ok=True)
            self._read_to = 0
