"""The table of calls as the server writes it."""

import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Final

import orjson
import sqlalchemy as sa
import structlog
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError

from callrouter.observe.cdr.crash_recovery import REASON
from callrouter.observe.cdr.rows import COLUMNS, Row
from callrouter.private import own_database
from callrouter.storage.account_books import TELLS, SettledCall, release_orphans, settle
from callrouter.storage.engine import (
    SCHEMA,
    StoreError,
    begin_writing,
    check_file,
    inode,
    is_postgres,
    open_engine,
    parse_url,
    version,
)
from callrouter.storage.outbox import OutboxEvent, enqueue

# Rows go in by statements of many rows: a third cheaper than executemany, and the interpreter's
# lock is let go for all of them at once, so that the event loop runs meanwhile. A few sizes, so
# that each is prepared once.
_ROWS_A_STATEMENT: Final = (64, 8, 1)
_NAMES: Final = ", ".join(COLUMNS)
_MARKS: Final = f"({', '.join('?' * len(COLUMNS))})"
_STATEMENTS: Final = [
    (
        size,
        f"INSERT INTO calls ({_NAMES}) VALUES {', '.join([_MARKS] * size)} "  # noqa: S608 - only names and marks of ours
        "ON CONFLICT (id) DO NOTHING",
    )
    for size in _ROWS_A_STATEMENT
]
_INSERT_JSON: Final = (
    f"INSERT INTO calls ({_NAMES}) SELECT {_NAMES} "  # noqa: S608 - only names of ours
    "FROM json_populate_recordset(NULL::calls, %s::json) ON CONFLICT (id) DO NOTHING"
)

_ACCOUNT: Final = COLUMNS.index("account")

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

SQLITE_TABLES: Final = Path(__file__).with_name("migrations") / "sqlite_tables.sql"
"""What all revisions together make of an empty file: made by `scripts/sqlite_tables.py`."""

_migrating: Final = Lock()
"""Alembic keeps its context in the module: one thread at a time."""
_MIGRATES: Final = 0x63616C6C
"""PostgreSQL's advisory lock of the process that migrates: others wait for it."""


def open_for_writing(url: str) -> Engine:
    """Open the records' database with its tables up to date; a SQLite file is made if missing.

    Raises as `OpenedForWriting` does.
    """
    parsed = parse_url(url)
    engine = open_engine(parsed, patient=False)
    if not is_postgres(engine):
        own_database(Path(str(parsed.database)))
        event.listen(engine, "connect", _use_wal)
    try:
        if is_postgres(engine):
            _bring_up_to_date(parsed, engine)
            return engine
        with _migrating, engine.begin() as connection:
            found = version(connection)
            if not found:
                _create(connection)
            elif found != SCHEMA:
                migrate(connection)
    except (StoreError, SQLAlchemyError):
        engine.dispose()
        raise
    return engine


def _bring_up_to_date(url: URL, engine: Engine) -> None:
    """Bring PostgreSQL's tables up to date; several servers may come at the same time.

    engine: fails soon. Migrating may take minutes, and gets an engine of its own.
    """
    with engine.connect() as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
        if encoding != "UTF8":
            raise StoreError(f"the database must have the encoding UTF8, not {encoding}")
        if version(connection) == SCHEMA:
            return
    patient = open_engine(url)
    try:
        with _migrating, patient.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATES})")
            if version(connection) != SCHEMA:
                migrate(connection)
    finally:
        patient.dispose()


class OpenedForWriting:
    """The records' database, open for writing and with its tables up to date.

    Opening makes the SQLite file and its folder when they are missing, and migrates older tables.
    Raises StoreError when the URL or a newer database rules it out for good; OSError or
    SQLAlchemyError when it is out of reach now.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_for_writing(url)
        self._inode = inode(self.engine)

    def check(self) -> None:
        """Raises FileNotFoundError when SQLite's file is another one by now."""
        check_file(self.engine, self._inode)

    def close(self) -> None:
        """Let it go."""
        self.engine.dispose()


class Store(OpenedForWriting):
    """The table of calls."""

    def __init__(self, url: str, *, tells: bool = False) -> None:
        """tells: what becomes of accounts goes to the outbox."""
        super().__init__(url)
        self.engine.update_execution_options(**{TELLS: tells})

    def insert(self, rows: Sequence[Row]) -> int:
        """Commit all rows in one transaction; those whose id is there already are left alone.

        rows: of calls, and events that go to the outbox. Returns how many calls are new. Raises
        SQLAlchemyError or OSError, and whatever a driver raises for a value that it does not take;
        then none of them is in.
        """
        self.check()
        events = [row for row in rows if isinstance(row, OutboxEvent)]
        if events:
            rows = [row for row in rows if not isinstance(row, OutboxEvent)]
        with self.engine.begin() as connection:
            insert = _insert_as_json if is_postgres(self.engine) else _insert_by_statements
            new = insert(connection, rows) if rows else 0
            settled = [_settled(row) for row in rows if row[_ACCOUNT]]
            for call in settle(connection, settled, time.time()) if settled else ():
                _log.error("a call is not booked: its account has another currency", call=call)
            enqueue(connection, events)
            return new

    def release_orphans(self, process: str) -> int:
        """As `account_books` has it. Raises as `insert`."""
        with begin_writing(self.engine) as connection:
            return release_orphans(connection, process)


def _settled(row: Row) -> SettledCall:
    """A row as its account settles it."""
    known = dict(zip(COLUMNS, row, strict=True))
    cost = known["cost"]
    return SettledCall(
        id=str(known["id"]),
        account=str(known["account"]),
        cost=None if cost is None else Decimal(str(cost)),
        currency=str(known["currency"] or ""),
        lost=known["reason"] == REASON,
        charges=str(known["charges"]),
    )


def _insert_by_statements(connection: sa.Connection, rows: Sequence[Row]) -> int:
    """Insert into SQLite."""
    done = new = 0
    for size, statement in _STATEMENTS:
        while len(rows) - done >= size:
            values = tuple(chain.from_iterable(rows[done : done + size]))
            new += connection.exec_driver_sql(statement, values).rowcount
            done += size
    return new


def _insert_as_json(connection: sa.Connection, rows: Sequence[Row]) -> int:
    """Insert into PostgreSQL: a tenth of the work of binding each value, and one way there."""
    text = orjson.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows]).decode()
    return connection.exec_driver_sql(_INSERT_JSON, (text,)).rowcount


def _use_wal(connection: DBAPIConnection, _: object) -> None:
    """Readers and the writer do not wait for each other; a commit costs no fsync.

    With synchronous=NORMAL a killed process loses nothing; a machine that loses power may lose
    the last commits, never the file.
    """
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _create(connection: sa.Connection) -> None:
    """Make the tables of a new SQLite file, all or none, as the revisions would make them.

    Few machines ever see another file, and alembic is a seventh of a start.
    """
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    for statement in SQLITE_TABLES.read_text(encoding="utf-8").split(";\n")[:-1]:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (SCHEMA,))


def prepare_to_migrate() -> None:
    """Import what migrating takes, which few starts need. Raises ImportError."""
    import alembic.command  # noqa: F401, PLC0415 - a tenth of a start


def migrate(connection: sa.Connection) -> None:
    """Bring the tables up to date by the revisions. Raises SQLAlchemyError."""
    from alembic import command  # noqa: PLC0415 - see `prepare_to_migrate`
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "callrouter.storage:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
