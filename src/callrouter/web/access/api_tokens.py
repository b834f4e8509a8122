"""API tokens: secrets of programs, with some of the scopes of who made them."""

import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from callrouter.web.access.accounts_database import PEOPLE, TOKENS, rows
from callrouter.web.access.hashed_secrets import hashed, new_secret
from callrouter.web.access.people import AccountError
from callrouter.web.access.roles import ROLES, Scope, WebIdentity

_PREFIX: Final = "callrouter_"
"""So that one that was put where it does not belong is found."""


class ApiTokens:
    """The tokens, each known by the hash of its secret."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def make(
        self, of: WebIdentity, purpose: str, scopes: Sequence[Scope], days: int
    ) -> tuple[str, str]:
        """Make one; returns its id, and the secret, which nobody is shown again.

        days: how long it is good, 0 for ever. Raises AccountError for a scope that they have not.
        """
        wanted = frozenset(scopes)
        if not wanted or not wanted <= of.scopes:
            had = ", ".join(sorted(of.scopes))
            raise AccountError(f"expected one or more of your own scopes: {had}", "scopes")
        secret, key, now = _PREFIX + new_secret(), secrets.token_hex(8), time.time()
        with self._engine.begin() as connection:
            connection.execute(
                sa.insert(TOKENS).values(
                    id=key,
                    hash=hashed(secret),
                    person=of.name,
                    purpose=purpose,
                    scopes=" ".join(sorted(wanted)),
                    created=now,
                    until=now + days * 86400 if days else 0,
                )
            )
        return key, secret

    def listed(self, name: str) -> list[dict[str, Any]]:
        """Those of somebody, without what lets them in."""
        of = TOKENS.c
        query = sa.select(of.id, of.purpose, of.scopes, of.created, of.until)
        found = rows(self._engine, query.where(of.person == name).order_by(of.created))
        return [{**row, "scopes": row["scopes"].split()} for row in found]

    def remove(self, name: str, id: str) -> None:
        """Remove one of somebody's. Raises AccountError."""
        mine = (TOKENS.c.id == id) & (TOKENS.c.person == name)
        with self._engine.begin() as connection:
            if not connection.execute(sa.delete(TOKENS).where(mine)).rowcount:
                raise AccountError(f"you have no token {id}")

    def identity(self, secret: str, address: str) -> WebIdentity | None:
        """For whom a token speaks, while it is good: with no more than they may do now."""
        query = (
            sa.select(PEOPLE, TOKENS.c.scopes, TOKENS.c.id)
            .join(TOKENS, TOKENS.c.person == PEOPLE.c.name)
            .where(TOKENS.c.hash == hashed(secret))
            .where((TOKENS.c.until == 0) | (TOKENS.c.until >= time.time()))
        )
        found = rows(self._engine, query)
        if not found:
            return None
        person = found[0]
        given = frozenset(map(Scope, person["scopes"].split()))
        return WebIdentity(
            name=f"{person['name']} (token {person['id']})",
            role=person["role"],
            scopes=given & ROLES[person["role"]],
            extension=person["extension"],
            address=address,
        )
