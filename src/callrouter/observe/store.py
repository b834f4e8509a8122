"""The table of calls as the server writes it."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from callrouter.observe.cdr import COLUMNS, Row
from callrouter.observe.database import SCHEMA, StoreError, open_engine, parse_url, version
from callrouter.private import own_database

# Rows go in by statements of many rows: a third cheaper than executemany, and the interpreter's
# lock is let go for all of them at once, so that the event loop runs meanwhile. A few sizes, so
# that each is prepared once.
_ROWS_A_STATEMENT: Final = (64, 8, 1)


_migrating: Final = Lock()
"""Alembic keeps its context in the module: one thread at a time."""


def open_for_writing(url: str) -> Engine:
    """Open the records' database with its tables up to date; a SQLite file is made if missing.

    Raises as `Store` does.
    """
    parsed = parse_url(url)
    engine = open_engine(parsed)
    if parsed.get_backend_name() == "sqlite":
        own_database(Path(str(parsed.database)))
        event.listen(engine, "connect", _use_wal)
    try:
        with _migrating, engine.begin() as connection:
            if version(connection) != SCHEMA:
                _migrate(connection)
    except (StoreError, SQLAlchemyError):
        engine.dispose()
        raise
    return engine


class Store:
    """The database of calls, open for writing and with its tables up to date.

    Opening makes the SQLite file and its folder when they are missing, and migrates older tables.
    Raises StoreError when the URL or a newer database rules it out for good; OSError or
    SQLAlchemyError when it is out of reach now.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_for_writing(url)
        self._mark = "%s"
        self._file: Path | None = None
        if self._engine.dialect.name == "sqlite":
            self._mark = "?"
            self._file = Path(str(self._engine.url.database))
        self._inode = self._file and self._file.stat().st_ino
        self._statements = [(size, self._insert_of(size)) for size in _ROWS_A_STATEMENT]

    def insert(self, rows: Sequence[Row]) -> int:
        """Commit all rows in one transaction; those whose id is there already are left alone.

        Returns how many are new. Raises SQLAlchemyError or OSError, and whatever a driver raises
        for a value that it does not take; then none of them is in.
        """
        # SQLite would go on writing into a file that was removed, and all of it would be lost.
        if self._file is not None and self._file.stat().st_ino != self._inode:
            raise FileNotFoundError(f"{self._file} was replaced")
        done = new = 0
        with self._engine.begin() as connection:
            for size, statement in self._statements:
                while len(rows) - done >= size:
                    values = tuple(chain.from_iterable(rows[done : done + size]))
                    new += connection.exec_driver_sql(statement, values).rowcount
                    done += size
        return new

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()

    def _insert_of(self, size: int) -> str:
        row = "(" + ", ".join([self._mark] * len(COLUMNS)) + ")"
        return (
            f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES {', '.join([row] * size)} "  # noqa: S608 - only names and marks of ours
            "ON CONFLICT (id) DO NOTHING"
        )


def _use_wal(connection: DBAPIConnection, _: object) -> None:
    """Readers and the writer do not wait for each other; a commit costs no fsync.

    With synchronous=NORMAL a killed process loses nothing; a machine that loses power may lose
    the last commits, never the file.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _migrate(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "callrouter.observe:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
