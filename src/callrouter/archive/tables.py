"""The tables of the archive, in the records' database."""

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Engine

from callrouter.storage.engine import is_postgres

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

_META: Final = sa.MetaData()


def _sound() -> list[sa.Column[Any]]:
    """What every kept sound has."""
    return [
        sa.Column("call", sa.Text),
        sa.Column("caller", sa.Text),
        sa.Column("started", sa.Double),
        sa.Column("ms", sa.BigInteger),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("file", sa.Text),
    ]


MESSAGES: Final = sa.Table(
    "messages",
    _META,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("box", sa.Text),
    *_sound(),
    sa.Column("complete", sa.Boolean),
    sa.Column("state", sa.Text),
    sa.Column("expires", sa.Double),
)
"""state: new, heard or deleted; the file of a deleted one is gone."""

DELIVERIES: Final = sa.Table(
    "deliveries",
    _META,
    sa.Column("message", sa.Text, primary_key=True),
    sa.Column("way", sa.Text, primary_key=True),
    sa.Column("state", sa.Text),
    sa.Column("tries", sa.Integer),
    sa.Column("due", sa.Double),
    sa.Column("until", sa.Double),
    sa.Column("error", sa.Text),
)
"""way: mail or webhook. state: waiting, delivered, failed, or dropped with a deleted message. due:
when it is tried next; until: when it is given up. error: of the last try, "" for none."""

RECORDINGS: Final = sa.Table(
    "recordings",
    _META,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("number", sa.Text),
    *_sound(),
    sa.Column("sides", sa.Text),
    sa.Column("complete", sa.Boolean),
    sa.Column("expires", sa.Double),
)
"""sides: mixed or stereo."""

RECORDED: Final = sa.Table(
    "recorded",
    _META,
    sa.Column("number", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("ms", sa.BigInteger),
)
"""How much of a number was recorded in a month such as 2026-03 (UTC), what is deleted included."""


def inserting(engine: Engine, table: sa.Table) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT with ON CONFLICT, which both databases have and SQLAlchemy keeps in each."""
    if not is_postgres(engine):
        return sqlite.insert(table)
    # Here, because the engine has loaded it, and SQLite's users need not.
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    return postgresql.insert(table)


def all_of(engine: Engine, query: "sa.Select[Any]") -> list[dict[str, Any]]:
    """The rows of a query, by plain names."""
    with engine.connect() as connection:
        return [as_dict(row) for row in connection.execute(query).mappings()]


def as_dict(row: sa.RowMapping) -> dict[str, Any]:
    """A row by plain names: SQLAlchemy's own are of a class that JSON does not take."""
    return {str(name): value for name, value in row.items()}


def expired(engine: Engine, table: sa.Table, now: float, most: int) -> list[tuple[str, str]]:
    """The ids and files of messages or recordings whose time is over. Raises SQLAlchemyError."""
    of = table.c
    query = sa.select(of.id, of.file).where(of.expires <= now).order_by(of.expires).limit(most)
    with engine.connect() as connection:
        return [(row_id, file) for row_id, file in connection.execute(query)]
