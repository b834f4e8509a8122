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
