"""The database of accounts: people, invitations, sessions, API tokens and the audit, in SQLite.

A file of its own: what it holds is nothing that the server of calls ever reads or waits for, and
whoever may read records need not read it. Of everything that lets somebody in there is only a hash.
"""

from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPIConnection

from callrouter.private import own_database
from callrouter.storage.engine import StoreError, open_engine, parse_url

VERSION: Final = 1
"""Of the tables; SQLite keeps it as `user_version`."""

_META: Final = sa.MetaData()

PEOPLE: Final = sa.Table(
    "people",
    _META,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("extension", sa.Text, nullable=False),
    sa.Column("password", sa.Text, nullable=False),
    sa.Column("totp", sa.Text, nullable=False),
    sa.Column("totp_step", sa.Integer, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
)
"""password: argon2id's own text, "" for who comes by single sign-on.

totp: secret in base32, "" for none; totp_step: the last used.
"""

INVITATIONS: Final = sa.Table(
    "invitations",
    _META,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("extension", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)

SESSIONS: Final = sa.Table(
    "sessions",
    _META,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("began", sa.Double, nullable=False),
    sa.Column("used", sa.Double, nullable=False),
)

TOKENS: Final = sa.Table(
    "tokens",
    _META,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("created", sa.Double, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
)
"""scopes: with blanks between them. until: Unix seconds, 0 for no end."""

AUDIT: Final = sa.Table(
    "audit",
    _META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
)

DIALPLANS: Final = sa.Table(
    "dialplans",
    _META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("bytes", sa.Integer, nullable=False),
    sa.Column("text", sa.LargeBinary, nullable=False),
)
"""who: has put it live, "" for what was found in the file. text: deflated UTF-8."""


def open_accounts(url: str) -> Engine:
    """Open the database, which is made when it is missing. Raises StoreError, OSError."""
    parsed = parse_url(url)
    own_database(Path(str(parsed.database)))
    engine = open_engine(parsed)
    event.listen(engine, "connect", _use_wal)
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        found = connection.exec_driver_sql("PRAGMA user_version").scalar()
        if found not in {0, VERSION}:
            engine.dispose()
            raise StoreError(
                f"the database {parsed.database} has version {found} of the accounts' tables and "
                f"this callrouter knows only {VERSION}: it was made by another callrouter"
            )
        _META.create_all(connection)
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    return engine


def rows(engine: Engine, query: "sa.Select[Any]") -> list[dict[str, Any]]:
    """The rows of a query, by plain names."""
    with engine.connect() as connection:
        found = connection.execute(query).mappings()
        return [{str(name): value for name, value in row.items()} for row in found]


def _use_wal(connection: DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()
