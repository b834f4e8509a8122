"""Administration of numbers: their lives, as operators ask for them and change them."""

import time
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from callrouter.billing.number_attributes import NumberAttributes
from callrouter.billing.number_lives import DISCONNECTING, LifeAndHistory, LifeError, NumberLife
from callrouter.pending import Later
from callrouter.storage import number_books as books
from callrouter.storage.account_books import mail_administrator
from callrouter.storage.account_service import AccountService
from callrouter.storage.engine import ReadSession


class LivesOfNumbers(ReadSession):
    """The database, open for who has no server to ask."""

    def states(self) -> dict[str, str]:
        """The state of each number that has a life."""
        with self._engine.connect() as connection:
            return books.states(connection)[0]


class NumberAdmin:
    """Numbers, as operators have them. Answers are Unavailable while the database is away."""

    def __init__(self, service: AccountService) -> None:
        self._service = service

    def lives(self) -> Later[list[NumberLife]]:
        """All numbers that have a life."""
        return self._service.ask(books.lives)

    def attributes(self) -> Later[list[NumberAttributes]]:
        """What is known of numbers, by number."""
        return self._service.ask(books.attributes)

    def set(
        self, number: str, changes: Mapping[str, Any], who: str, note: str
    ) -> Later[NumberAttributes]:
        """Change some attributes of a number."""

        def act(connection: sa.Connection) -> NumberAttributes:
            return books.set_attributes(connection, number, changes, time.time(), who, note)

        answer: Later[NumberAttributes] = self._service.ask(act)
        self._service.wake()
        return answer

    def history(self, number: str, most: int) -> Later[LifeAndHistory]:
        """One number, with what became of it."""

        def act(connection: sa.Connection) -> LifeAndHistory:
            found = [life for life in books.lives(connection) if life.number == number]
            changes = tuple(books.history(connection, number, most))
            return LifeAndHistory(life=found[0] if found else None, changes=changes)

        return self._service.ask(act)

    def change(
        self, number: str, what: str, who: str, *, until: float, note: str
    ) -> Later[NumberLife | str]:
        """Change a life; returns it, or text that says why not. until: when that ends, 0: never."""

        def act(connection: sa.Connection) -> NumberLife | str:
            try:
                life = books.change(
                    connection, number, what, time.time(), who, until=until, note=note
                )
                if life.state == DISCONNECTING and self._service.administered:
                    mail_administrator(connection, life, who, note)
                return life
            except LifeError as error:
                return str(error)

        answer: Later[NumberLife | str] = self._service.ask(act)
        self._service.wake()
        return answer
