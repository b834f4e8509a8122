"""The file that the shared state is kept in: one row for each key, read whole at start.

Revisions of the table are statements in `_REVISIONS`; SQLite's own `user_version` says how many of
them a file has seen.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from callrouter.private import own_database
from callrouter.state.journal import Key, Value
from callrouter.storage.engine import StoreError, check_file, inode, open_engine, parse_url

_REVISIONS: Final = (
    "CREATE TABLE state (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, "
    "PRIMARY KEY (kind, key)) WITHOUT ROWID",
)
_PUT: Final = (
    "INSERT INTO state (kind, key, value) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"
)
_REMOVE: Final = "DELETE FROM state WHERE kind = ? AND key = ?"

Changes = Mapping[tuple[str, Key], Value]
"""The last value of each key that changed, by kind and key."""


class StateStore:
    """The file, open and with its table up to date; made with its folder when it is missing.

    inode: of the file that is open. is_new: it had no table before.

    Raises StoreError when the URL or a newer file rules it out for good; OSError or
    SQLAlchemyError when it is out of reach now.
    """

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise StoreError("state must be a file such as sqlite:///var/state.db")
        self._file = Path(str(parsed.database))
        own_database(self._file)
        self._engine = open_engine(parsed)
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            with self._engine.begin() as connection:
                self.is_new = self._migrate(connection)
        except (StoreError, SQLAlchemyError):
            self._engine.dispose()
            raise
        self.inode = inode(self._engine)

    def entries(self) -> Iterator[tuple[str, Key, tuple[object, ...]]]:
        """Every kind, key and value. Raises SQLAlchemyError, or ValueError for a row not ours."""
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT kind, key, value FROM state").all()
        for kind, key, value in rows:
            yield kind, tuple(json.loads(key)), tuple(json.loads(value))

    def write(self, changes: Changes) -> None:
        """Commit all changes in one transaction. Raises SQLAlchemyError or OSError: none is in.

        Without any it sees that the file is still there.
        """
        check_file(self._engine, self.inode)
        if not changes:
            return
        put = []
        removed = []
        for (kind, key), value in changes.items():
            if value is None:
                removed.append((kind, _text(key)))
            else:
                put.append((kind, _text(key), _text(value)))
        with self._engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
            if removed:
                connection.exec_driver_sql(_REMOVE, removed)
            if put:
                connection.exec_driver_sql(_PUT, put)

    def close(self) -> None:
        """Let the file go."""
        self._engine.dispose()

    def _migrate(self, connection: sa.Connection) -> bool:
        """Bring the table up to date; True when there was none."""
        seen = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if seen > len(_REVISIONS):
            raise StoreError(
                f"{self._file} has revision {seen} and this callrouter knows only "
                f"{len(_REVISIONS)}: it was made by a newer callrouter"
            )
        for statement in _REVISIONS[seen:]:
            connection.exec_driver_sql(statement)
        if seen < len(_REVISIONS):
            connection.exec_driver_sql(f"PRAGMA user_version = {len(_REVISIONS)}")
        return not seen


def _text(values: tuple[object, ...]) -> str:
    """A JSON array; what a peer wrote may not be Unicode, which JSON can still say in escapes."""
    try:
        return orjson.dumps(values).decode()
    except orjson.JSONEncodeError:
        return json.dumps(values)
