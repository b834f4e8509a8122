"""The table of calls as people read it: the last ones, one of them, or those that match."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from callrouter.observe.cdr import COLUMNS, row_to_dict
from callrouter.observe.database import open_existing, unreadable

_CALLS = sa.table("calls", *(sa.column(name) for name in COLUMNS))
_READ_AT_ONCE = 500


class Filter:
    """Which calls to find. since, until: Unix seconds, until excluded. None means any."""

    __slots__ = ("called", "caller", "disposition", "number", "since", "until")

    def __init__(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        caller: str | None = None,
        called: str | None = None,
        number: str | None = None,
        disposition: str | None = None,
    ) -> None:
        self.since = since
        self.until = until
        self.caller = caller
        self.called = called
        self.number = number
        self.disposition = disposition

    def conditions(self) -> list[sa.ColumnElement[bool]]:
        """As SQL, to be joined by AND."""
        found: list[sa.ColumnElement[bool]] = []
        if self.since is not None:
            found.append(_CALLS.c.started >= self.since)
        if self.until is not None:
            found.append(_CALLS.c.started < self.until)
        for name in ("caller", "called", "number", "disposition"):
            value = getattr(self, name)
            if value is not None:
                found.append(_CALLS.c[name] == value)
        return found


class Calls:
    """The database of calls, open for reading: it is never made, migrated or changed.

    Raises StoreError, also from the queries, when it is missing, unreadable or of another version.
    """

    def __init__(self, url: str) -> None:
        self._engine = open_existing(url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._engine.dispose()

    def last(self, count: int, wanted: Filter) -> Iterator[dict[str, Any]]:
        """The newest `count` calls that match, newest first, as `row_to_dict` shapes them.

        count 0 means all. They are read as they are taken, so memory does not grow with them.
        """
        query = (
            sa.select(_CALLS)
            .where(*wanted.conditions())
            .order_by(_CALLS.c.started.desc(), _CALLS.c.id.desc())
        )
        if count:
            query = query.limit(count)
        try:
            with self._engine.connect() as connection:
                stream = connection.execution_options(yield_per=_READ_AT_ONCE)
                for row in stream.execute(query):
                    yield row_to_dict(tuple(row))
        except SQLAlchemyError as error:
            raise unreadable(error) from error

    def one(self, id: str) -> dict[str, Any] | None:
        """The call with this record id."""
        try:
            with self._engine.connect() as connection:
                row = connection.execute(sa.select(_CALLS).where(_CALLS.c.id == id)).first()
        except SQLAlchemyError as error:
            raise unreadable(error) from error
        return None if row is None else row_to_dict(tuple(row))
