"""The engine of the records' database, its URL, and the version of the tables in it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as insert_into_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_into_sqlite
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from callrouter.errors import CallrouterError, masked
from callrouter.storage.amounts import use_decimals

SCHEMA: Final = "0013"
"""The newest revision under `migrations/`; they are numbered, so they compare as text."""

# One batch waits this long for another process's lock and then goes to the spool instead; with
# the quarter second between batches, a record is on disk within a second of its call's end.
_LOCK_SECONDS: Final = 0.5

_ANSWER_SECONDS: Final = 2.0
"""How long PostgreSQL may say nothing to a batch before that goes to the spool instead."""
_REFUSED_STATES: Final = ("22", "23", "54", "P0")
"""Classes of SQLSTATE that speak of a row: its values, its constraints, its size, its triggers."""


class StoreError(CallrouterError):
    """A database that cannot be used as it is: ops have to change the URL, the file or us."""


def parse_url(url: str) -> URL:
    """The URL of a SQLite file or a PostgreSQL database, or StoreError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # the latter for a port that is no number
        raise StoreError(
            "the database is not a URL such as sqlite:///calls.db or "
            "postgresql://user@host:5432/calls"
        ) from error
    if parsed.drivername in {"postgresql", "postgres"}:  # libpq takes both
        if "@" in (parsed.host or ""):
            raise StoreError("the password in the database's URL must have %40 for @ and %2F for /")
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite":
        raise StoreError(f"the database must be sqlite or postgresql, not {parsed.drivername}")
    if parsed.database in {None, "", ":memory:"}:
        raise StoreError("the database must be a file: sqlite:///calls.db")
    return parsed


def is_postgres(engine: Engine) -> bool:
    """Whether it is PostgreSQL's and not a SQLite file's."""
    return engine.dialect.name == "postgresql"


def open_engine(url: URL, *, patient: bool = True) -> Engine:
    """An engine that takes positional parameters; nothing is connected yet.

    patient: it may take its time over a statement; else it fails soon, when others wait. Statements
    and their parameters stay out of its error messages: they are callers' data. Raises StoreError
    when the URL has a parameter that libpq does not know.
    """
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(
            url, hide_parameters=True, connect_args={"timeout": _LOCK_SECONDS}
        )
        sa.event.listen(engine, "connect", use_decimals)
        return engine
    # Here, because SQLite's users need not wait until psycopg is loaded.
    from callrouter.storage.postgresql import connect_with_limits  # noqa: PLC0415

    # In UTF-8 whatever PGCLIENTENCODING says; hstore, which we have none of, is not asked for.
    engine = sa.create_engine(
        url,
        hide_parameters=True,
        paramstyle="format",
        client_encoding="utf8",
        use_native_hstore=False,
    )
    try:
        connect_with_limits(engine, None if patient else _ANSWER_SECONDS)
    except ValueError as error:
        raise StoreError(f"the database's URL: {masked(str(error)).strip()}") from error
    return engine


@contextmanager
def begin_writing(engine: Engine) -> Iterator[sa.Connection]:
    """A transaction that reads what it is going to change: of SQLite, with the lock from the start.

    Otherwise another writer could come in between.
    """
    with engine.begin() as connection:
        if not is_postgres(engine):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """An INSERT that may say what is to be done on a conflict."""
    if connection.dialect.name == "postgresql":
        return insert_into_postgresql(table)
    return insert_into_sqlite(table)


def refuses_row(error: SQLAlchemyError) -> bool:
    """Whether PostgreSQL says that it was a row, and would take others."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return isinstance(state, str) and state.startswith(_REFUSED_STATES)


def is_busy(error: Exception) -> bool:
    """Whether somebody else had SQLite's file for too long: it is there all the same."""
    return str(getattr(getattr(error, "orig", None), "sqlite_errorname", "")) == "SQLITE_BUSY"


def version(connection: sa.Connection) -> str:
    """The revision of the tables, "" when the database has none.

    Raises StoreError when it is newer than this code, SQLAlchemyError when it cannot be read.
    """
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    found = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
    if found > SCHEMA:
        raise StoreError(
            f"the database has version {found} of the tables and this callrouter knows only "
            f"{SCHEMA}: it was made by a newer callrouter"
        )
    return found


def open_existing(url: str) -> Engine:
    """Open a database that the server has made: it is never made or migrated here.

    Raises StoreError when it is missing, unreadable or of another version.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        _see_file(Path(str(parsed.database)))
    engine = open_engine(parsed)
    try:
        with engine.connect() as connection:
            found = version(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise unreadable(error) from error
    if found != SCHEMA:
        engine.dispose()
        raise StoreError(
            f"the database has version {found or 'none'} of the tables, not {SCHEMA}; "
            "`callrouter serve` brings it up to date"
        )
    return engine


def _see_file(file: Path) -> None:
    """Raises StoreError when a SQLite file is not there, or is another user's."""
    try:
        is_there = stat.S_ISREG(file.stat().st_mode)
        is_ours = os.access(file, os.R_OK)
    except (FileNotFoundError, NotADirectoryError):
        is_there = is_ours = False
    except PermissionError:  # in a folder that we may not look into
        is_there, is_ours = True, False
    except OSError as error:
        raise StoreError(f"the database {file} cannot be read: {error.strerror}") from error
    if not is_there:
        raise StoreError(f"there is no database {file}; `callrouter serve` makes it")
    if not is_ours:
        raise StoreError(
            f"the database {file} cannot be read: Permission denied; the user that the server runs "
            "as may read it, and root"
        )


def unreadable(error: SQLAlchemyError) -> StoreError:
    """What to say when a query fails."""
    return StoreError(f"the database cannot be read: {said(error)}")


def said(error: Exception) -> str:
    """What the database said, without the password of its URL."""
    return masked(str(getattr(error, "orig", None) or error))


def inode(engine: Engine) -> int:
    """Of SQLite's file, 0 when it is gone; 0 of PostgreSQL.

    SQLite would go on writing into a file that was removed, and all of it would be lost.
    """
    if is_postgres(engine):
        return 0
    try:
        return Path(str(engine.url.database)).stat().st_ino
    except OSError:
        return 0


def check_file(engine: Engine, expected: int) -> None:
    """Raises FileNotFoundError when SQLite's file is not the one that was opened."""
    if inode(engine) != expected:
        raise FileNotFoundError(f"{engine.url.database} was replaced")


class ReadSession:
    """A database that the server has made, open until the end of `with`: never made or migrated.

    Raises StoreError when it is missing, unreadable or of another version; what fails inside the
    `with` is one at its end.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_existing(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self._engine.dispose()
        if isinstance(error, SQLAlchemyError):
            raise StoreError(f"the database cannot be used: {said(error)}") from error
