"""The audit: who changed what, who heard which recording, and who was turned away."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from callrouter.errors import CallrouterError
from callrouter.printable import storable
from callrouter.storage.engine import said
from callrouter.web.access.accounts_database import AUDIT, rows

DONE: Final = "done"
BEGUN: Final = "begun"
"""Of a change whose outcome could not be written: ask what it was for."""
REFUSED: Final = "refused"
_LONGEST: Final = 500
_HEARINGS: Final = 1000
_HEARING_SECONDS: Final = 600
"""After so long without a part that is asked for, another hearing begins."""

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class Hearings:
    """Who hears what now: a player asks for one part after the other, and that is one hearing."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, ...], float] = {}

    def begins(self, heard: tuple[str, ...], now: float) -> bool:
        """Whether a hearing begins, at a monotonic time, with this part."""
        goes_on = self._until.pop(heard, 0.0) > now
        if len(self._until) >= _HEARINGS:
            del self._until[next(iter(self._until))]
        self._until[heard] = now + _HEARING_SECONDS
        return not goes_on


class Audit:
    """The audit, which only grows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, who: str, address: str, action: str, what: str, result: str = DONE) -> None:
        """Write one row; it is on disk when this returns. Raises SQLAlchemyError."""
        with self._engine.begin() as connection:
            connection.execute(sa.insert(AUDIT).values(_values(who, address, action, what, result)))

    @contextmanager
    def change(self, who: str, address: str, action: str, what: str) -> Iterator[None]:
        """Write a row of a change before it is made, and then what became of it.

        So nothing is changed that could not be audited. Raises SQLAlchemyError before that, and
        whatever the change raises.
        """
        values = _values(who, address, action, what, BEGUN)
        with self._engine.begin() as connection:
            insert = sa.insert(AUDIT).values(values).returning(AUDIT.c.id)
            row: int = connection.execute(insert).scalar_one()
        try:
            yield
        except CallrouterError as error:
            self._became(row, f"{REFUSED}: {error}")
            raise
        self._became(row, DONE)

    def _became(self, row: int, result: str) -> None:
        """Write what became of a change; that it is made is so whether or not this can be."""
        kept = storable(result[:_LONGEST])
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.update(AUDIT).where(AUDIT.c.id == row).values(result=kept))
        except SQLAlchemyError as error:
            _log.error("the outcome of a change is not in the audit", row=row, error=said(error))

    def newest(self, most: int, before: int = 0) -> list[dict[str, Any]]:
        """The newest rows, newest first; before: the id of the one that they follow, 0 for all."""
        query = sa.select(AUDIT).order_by(AUDIT.c.id.desc()).limit(most)
        if before:
            query = query.where(AUDIT.c.id < before)
        return rows(self._engine, query)


def _values(who: str, address: str, action: str, what: str, result: str) -> dict[str, Any]:
    entry = {"who": who, "address": address, "action": action, "what": what, "result": result}
    return {name: storable(text[:_LONGEST]) for name, text in entry.items()} | {"at": time.time()}
