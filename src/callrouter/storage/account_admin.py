"""Administration of accounts: how they stand, their ledger, payments, and suspension by hand."""

import time
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from callrouter.billing.account_rules import (
    AccountEvent,
    AccountState,
    LedgerEntry,
    PackageSale,
    Statement,
)
from callrouter.pending import Later
from callrouter.storage import account_books as books
from callrouter.storage.account_service import AccountService
from callrouter.storage.package_books import add_package, packages_of

_OURS: Final = {"top_up": books.CASH, "adjustment": books.ADJUSTMENTS}
"""The account of ours that each kind of booking is made with."""


class AccountAdmin:
    """Accounts, as operators have them. Each answer is Unavailable while the database is away."""

    def __init__(self, service: AccountService) -> None:
        self._service = service

    def accounts(self) -> Later[list[AccountState]]:
        """All accounts, by name."""

        def act(connection: sa.Connection) -> list[AccountState]:
            found = connection.execute(sa.select(books.ACCOUNTS).order_by(books.ACCOUNTS.c.name))
            return [_read(AccountState, row) for row in found]

        return self._service.ask(act)

    def statement(self, name: str, most: int) -> Later[Statement | str]:
        """An account with its newest entries; text that says why not."""

        def act(connection: sa.Connection) -> Statement | str:
            state = _state(connection, name)
            if state is None:
                return f"no account is named {name}"
            entries = _newest(connection, books.LEDGER, name, most)
            events = _newest(connection, books.EVENTS, name, most)
            return Statement(
                account=state,
                packages=tuple(packages_of(connection, name)),
                ledger=tuple(_read(LedgerEntry, row) for row in entries),
                events=tuple(_read(AccountEvent, row) for row in events),
            )

        return self._service.ask(act)

    def book(
        self, name: str, amount: Decimal, kind: str, reference: str, who: str, note: str
    ) -> Later[AccountState | str]:
        """Pay in, or adjust; returns how the account stands then, or text that says why not.

        kind: top_up or adjustment. reference: known by it, once for all accounts.
        """

        def act(connection: sa.Connection) -> AccountState | str:
            state = _state(connection, name)
            if state is None:
                return f"no account is named {name}"
            booking = books.Booking(
                name=f"{kind} {reference}",
                account=name,
                amount=amount,
                currency=state.currency,
                ours=_OURS[kind],
                kind=kind,
                at=time.time(),
                who=who,
                note=note,
            )
            if not books.book(connection, booking):
                if books.is_booked(connection, booking):
                    return f"{reference} is booked already"
                return f"{reference} is of another account: expected another reference"
            return _state(connection, name) or ""

        return self._service.ask(act)

    def buy(self, sale: PackageSale, who: str, note: str) -> Later[AccountState | str]:
        """Sell a package to an account, which pays for it at once; as `book`."""

        def act(connection: sa.Connection) -> AccountState | str:
            state = _state(connection, sale.account, locked=True)
            if state is None:
                return f"no account is named {sale.account}"
            if state.credit is not None:
                spare = state.balance + state.credit - state.reserved
                if spare < sale.price:
                    return f"it costs {sale.price:f} {state.currency}, and {spare:f} are left"
            payment = books.Booking(
                name=f"package {sale.name}",
                account=sale.account,
                amount=-sale.price,
                currency=state.currency,
                ours=books.REVENUE,
                kind="package",
                at=time.time(),
                who=who,
                note=note,
            )
            # Before it is paid for: who has one may have spent the last on it.
            owner = add_package(connection, sale, payment.at)
            if owner == sale.account:
                return f"{sale.name} is booked already"
            if owner:
                return f"{sale.name} is a package of another account: expected another reference"
            books.book(connection, payment)
            return _state(connection, sale.account) or ""

        return self._service.ask(act)

    def hold(self, name: str, who: str, *, on: bool) -> Later[AccountState | str]:
        """Suspend an account by hand, or resume it; as `book`."""

        def act(connection: sa.Connection) -> AccountState | str:
            if _state(connection, name) is None:
                return f"no account is named {name}"
            if not books.hold(connection, name, time.time(), who, on=on):
                return f"it {'is' if on else 'is not'} suspended by hand{' already' if on else ''}"
            return _state(connection, name) or ""

        return self._service.ask(act)


def _state(connection: sa.Connection, name: str, *, locked: bool = False) -> AccountState | None:
    query = sa.select(books.ACCOUNTS).where(books.ACCOUNTS.c.name == name)
    row = connection.execute(query.with_for_update() if locked else query).one_or_none()
    return None if row is None else _read(AccountState, row)


def _newest(connection: sa.Connection, table: sa.Table, name: str, most: int) -> Any:
    query = sa.select(table).where(table.c.account == name)
    return connection.execute(query.order_by(table.c.at.desc()).limit(most))


def _read(kind: Any, row: Any) -> Any:
    return kind(**{field.name: row._mapping[field.name] for field in fields(kind)})
