"""Sessions of browsers: begun by a login, over after 8 hours without use or 24 in all."""

import time
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from callrouter.web.access.accounts_database import PEOPLE, SESSIONS, rows
from callrouter.web.access.hashed_secrets import hashed, new_secret
from callrouter.web.access.roles import ROLES, WebIdentity

IDLE_SECONDS: Final = 8 * 3600
LONGEST_SECONDS: Final = 24 * 3600
_NOTED_SECONDS: Final = 60
"""How old the note of the last use may be: not every request writes one."""


class Sessions:
    """The sessions, each known by the hash of its secret."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, name: str) -> str:
        """Begin a session of somebody; returns its secret. Those that are over are forgotten."""
        secret, now = new_secret(), time.time()
        of = SESSIONS.c
        with self._engine.begin() as connection:
            over = (of.began < now - LONGEST_SECONDS) | (of.used < now - IDLE_SECONDS)
            connection.execute(sa.delete(SESSIONS).where(over))
            connection.execute(
                sa.insert(SESSIONS).values(hash=hashed(secret), person=name, began=now, used=now)
            )
        return secret

    def identity(self, secret: str, address: str) -> WebIdentity | None:
        """Whose session it is, while it lasts."""
        now = time.time()
        query = (
            sa.select(PEOPLE.c.name, PEOPLE.c.role, PEOPLE.c.extension, SESSIONS.c.used)
            .join(SESSIONS, SESSIONS.c.person == PEOPLE.c.name)
            .where(
                SESSIONS.c.hash == hashed(secret),
                SESSIONS.c.began >= now - LONGEST_SECONDS,
                SESSIONS.c.used >= now - IDLE_SECONDS,
            )
        )
        found = rows(self._engine, query)
        if not found:
            return None
        person: dict[str, Any] = found[0]
        if person["used"] < now - _NOTED_SECONDS:
            with self._engine.begin() as connection:
                mine = SESSIONS.c.hash == hashed(secret)
                connection.execute(sa.update(SESSIONS).where(mine).values(used=now))
        return WebIdentity(
            name=person["name"],
            role=person["role"],
            scopes=ROLES[person["role"]],
            extension=person["extension"],
            address=address,
            session=secret,
        )

    def end(self, secret: str) -> None:
        """End one session."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.hash == hashed(secret)))

    def end_others(self, name: str, but: str) -> None:
        """End all sessions of somebody but one."""
        others = (SESSIONS.c.person == name) & (SESSIONS.c.hash != hashed(but))
        with self._engine.begin() as connection:
            connection.execute(sa.delete(SESSIONS).where(others))
