"""Versions of the dialplan's file that were put live from the console, and what they replaced."""

import time
import zlib
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from callrouter.web.access.accounts_database import DIALPLANS, rows

MOST: Final = 200
"""Versions that are kept, the newest."""


class DialplanVersions:
    """The versions, by ascending ids."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, who: str, etag: str, raw: bytes) -> int:
        """Keep one, unless it is the newest already; returns its id."""
        of = DIALPLANS.c
        newest = rows(self._engine, sa.select(of.id, of.etag).order_by(of.id.desc()).limit(1))
        if newest and newest[0]["etag"] == etag:
            return int(newest[0]["id"])
        values = {"at": time.time(), "who": who, "etag": etag, "bytes": len(raw)}
        with self._engine.begin() as connection:
            added = connection.execute(
                sa.insert(DIALPLANS).values(text=zlib.compress(raw), **values)
            )
            number = added.lastrowid
            connection.execute(sa.delete(DIALPLANS).where(of.id <= number - MOST))
        return number

    def listed(self) -> list[dict[str, Any]]:
        """All of them without their texts, the newest first."""
        of = DIALPLANS.c
        query = sa.select(of.id, of.at, of.who, of.etag, of.bytes).order_by(of.id.desc())
        return rows(self._engine, query)

    def text(self, id: int) -> str | None:
        """The text of one, None when it is not there."""
        found = rows(self._engine, sa.select(DIALPLANS.c.text).where(DIALPLANS.c.id == id))
        return zlib.decompress(found[0]["text"]).decode() if found else None
