"""The audit: who changed what, who heard which recording, and who was turned away."""

import time
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from callrouter.printable import storable
from callrouter.web.access.accounts_database import AUDIT, rows

DONE: Final = "done"
REFUSED: Final = "refused"
_LONGEST: Final = 500
_HEARINGS: Final = 1000
_HEARING_SECONDS: Final = 600
"""After so long without a part that is asked for, another hearing begins."""


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
        entry = {"who": who, "address": address, "action": action, "what": what, "result": result}
        values = {name: storable(text[:_LONGEST]) for name, text in entry.items()}
        with self._engine.begin() as connection:
            connection.execute(sa.insert(AUDIT).values(at=time.time(), **values))

    def newest(self, most: int, before: int = 0) -> list[dict[str, Any]]:
        """The newest rows, newest first; before: the id of the one that they follow, 0 for all."""
        query = sa.select(AUDIT).order_by(AUDIT.c.id.desc()).limit(most)
        if before:
            query = query.where(AUDIT.c.id < before)
        return rows(self._engine, query)
