"""Invoices in the database: made from records and the ledger, and kept when a month is closed.

Rules.

- What is on a closed invoice is noted, booking by booking, so each is on one invoice, once.
- A call that was charged anew before it was invoiced is invoiced as it is charged now; one that was
  on an invoice leads to a correction on the next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa

from callrouter.billing.account_rules import AccountTerms
from callrouter.billing.invoices import ChargedLegs, Invoice, InvoiceLine, InvoiceLines, total
from callrouter.billing.months import Month, month_at, read_month
from callrouter.observe.cdr.call_charges import charges_in
from callrouter.rating.charges import total as total_cost
from callrouter.rating.packages import pay_legs
from callrouter.route.values.decision import OUTBOUND
from callrouter.storage import account_books as books
from callrouter.storage.amounts import Money
from callrouter.storage.engine import ReadSession, StoreError, begin_writing
from callrouter.storage.package_books import uses_of

_SETUP_SECONDS: Final = 86400.0
"""A call is answered within a day of its start, or never."""
_READ_AT_ONCE: Final = 2000

_CALLS: Final = sa.table(
    "calls",
    *(
        sa.column(name)
        for name in (
            *("id", "account", "started", "number", "extension", "direction", "currency"),
            *("ringing_ms", "answered_ms", "ended_ms", "charges"),
        )
    ),
)
_INVOICES: Final = sa.table(
    "invoices",
    *(sa.column(name) for name in ("account", "month", "currency", "lines", "closed")),
    sa.column("total", Money),
)
_INVOICED: Final = sa.table(
    "invoiced", *(sa.column(name) for name in ("account", "booking", "month"))
)


class InvoiceStore(ReadSession):
    """The database, open for invoices."""

    def invoice(
        self, terms: AccountTerms, month: Month, now: float, *, close: bool = False
    ) -> Invoice:
        """The invoice of a month: that which is closed, or what it would be.

        close: close it. Raises StoreError when the month is not over, or there is no such account.
        """
        with begin_writing(self._engine) as connection:
            kept = _kept(connection, terms.name, month)
            if kept is not None:
                return kept
            if close and now < month.bounds(ZoneInfo(terms.timezone))[1]:
                raise StoreError(f"{month} is not over: it can be closed when it is")
            _see_account(connection, terms)
            books.book_fees(connection, terms, now)
            draft = _Draft(connection, terms, month)
            draft.add_calls()
            draft.add_bookings()
            made = draft.invoice(now if close else None)
            if close:
                _keep(connection, made, draft.bookings)
            return made


def _see_account(connection: sa.Connection, terms: AccountTerms) -> None:
    known = books.ACCOUNTS.c
    found = connection.execute(sa.select(known.currency).where(known.name == terms.name))
    currency = found.scalar_one_or_none()
    if currency != terms.currency:
        kept = f"is kept in {currency}" if currency else "is not in the database"
        raise StoreError(f"the account {terms.name} {kept}; `callrouter serve` opens accounts")


def _kept(connection: sa.Connection, account: str, month: Month) -> Invoice | None:
    query = sa.select(_INVOICES).where(
        _INVOICES.c.account == account, _INVOICES.c.month == str(month)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    lines = tuple(
        InvoiceLine(**{**line, "amount": Decimal(line["amount"])})
        for line in orjson.loads(row.lines)
    )
    return Invoice(
        id=f"{account}-{month}",
        account=account,
        month=str(month),
        currency=row.currency,
        lines=lines,
        total=row.total,
        closed=row.closed,
    )


def _keep(connection: sa.Connection, made: Invoice, bookings: Sequence[str]) -> None:
    lines = [{**asdict(line), "amount": f"{line.amount:f}"} for line in made.lines]
    kept = {
        "account": made.account,
        "month": made.month,
        "currency": made.currency,
        "lines": orjson.dumps(lines).decode(),
        "total": made.total,
        "closed": made.closed,
    }
    connection.execute(sa.insert(_INVOICES), kept)
    done = [{"account": made.account, "booking": name, "month": made.month} for name in bookings]
    if done:
        connection.execute(sa.insert(_INVOICED), done)


class _Draft:
    """An invoice that is made. bookings: those that are on it."""

    def __init__(self, connection: sa.Connection, terms: AccountTerms, month: Month) -> None:
        self.bookings: list[str] = []
        self._connection = connection
        self._terms = terms
        self._month = month
        self._zone = ZoneInfo(terms.timezone)
        self._lines = InvoiceLines()
        closed = sa.select(_INVOICES.c.month).where(_INVOICES.c.account == terms.name)
        self._closed = {read_month(text) for text in connection.execute(closed).scalars()}

    def invoice(self, closed: float | None) -> Invoice:
        """It."""
        lines = self._lines.all()
        return Invoice(
            id=f"{self._terms.name}-{self._month}",
            account=self._terms.name,
            month=str(self._month),
            currency=self._terms.currency,
            lines=lines,
            total=total(lines),
            closed=closed,
        )

    def add_calls(self) -> None:
        """Add the calls of the month, and those of earlier ones that came too late."""
        used = uses_of(self._connection, self._terms.name)
        for row in self._calls():
            of = month_at(_moment(row), self._zone)
            if not self._is_on(of):
                continue
            legs = charges_in(row.charges or "[]")
            paid = pay_legs(legs, used.get(row.id, ()))
            call = ChargedLegs(
                number=row.number,
                extension=row.extension or "",
                outbound=row.direction == OUTBOUND,
                answered=row.answered_ms is not None,
                charges=orjson.loads(row.charges or "[]"),
                month=self._said(of),
                packaged=sum(paid.taken.values()),
                saved=total_cost(legs) - paid.money,
            )
            self._lines.add_call(call)
            self.bookings.append(f"call {row.id}")

    def _calls(self) -> Iterator[sa.Row[Any]]:
        begin, end = self._month.bounds(self._zone)
        earliest = min([*self._closed, self._month]).bounds(self._zone)[0]
        at = _CALLS.c.started
        query = (
            sa.select(_CALLS)
            .where(_CALLS.c.account == self._terms.name, _CALLS.c.account != "")
            .where(_CALLS.c.currency == self._terms.currency)
            .where(at >= min(begin, earliest) - _SETUP_SECONDS, at < end)
            .where(~self._invoiced(sa.literal("call ") + _CALLS.c.id))
        )
        yield from self._connection.execute(query.execution_options(yield_per=_READ_AT_ONCE))

    def add_bookings(self) -> None:
        """Add fees, packages, what was written off, and corrections of what is invoiced already."""
        ledger = books.LEDGER
        query = (
            sa.select(ledger)
            .where(ledger.c.account == self._terms.name)
            .where(ledger.c.kind.in_(("fee", "package", "written_off", "rerated")))
            .where(~self._invoiced(ledger.c.booking))
            .order_by(ledger.c.at, ledger.c.booking)
        )
        here = set(self.bookings)
        for row in self._connection.execute(query).all():
            if row.kind == "fee":
                self._add_fee(row)
                continue
            if row.kind == "package":
                self._add_package(row)
                continue
            call = " ".join(row.booking.split(" ", 2)[:2])
            if row.kind == "rerated" and call in here:
                self.bookings.append(row.booking)  # the call is on it as it is charged now
                continue
            of = month_at(row.at, self._zone)
            if self._is_on(of):
                self._add_correction(row, self._said(of), call)

    def _add_correction(self, row: sa.Row[Any], month: str, call: str) -> None:
        if row.kind == "written_off" or self._is_invoiced(call):
            self._lines.add_correction("", row.kind.replace("_", " "), -row.amount, month)
            self.bookings.append(row.booking)

    def _add_fee(self, row: sa.Row[Any]) -> None:
        month, number, what = row.booking.split(" ", 4)[2:]
        of = read_month(month)
        if self._is_on(of):
            named = "" if number == "-" else number
            self._lines.add_fee(named, what, -row.amount, self._said(of))
            self.bookings.append(row.booking)

    def _add_package(self, row: sa.Row[Any]) -> None:
        of = month_at(row.at, self._zone)
        if self._is_on(of):
            self._lines.add_package(row.booking.partition(" ")[2], -row.amount, self._said(of))
            self.bookings.append(row.booking)

    def _is_on(self, of: Month) -> bool:
        """Whether what is of a month belongs here: of a closed one it was late."""
        return of == self._month or (of < self._month and of in self._closed)

    def _said(self, of: Month) -> str:
        return "" if of == self._month else str(of)

    def _invoiced(self, name: Any) -> sa.Exists:
        it = _INVOICED.c
        return sa.exists().where(it.account == self._terms.name, it.booking == name)

    def _is_invoiced(self, name: str) -> bool:
        return bool(self._connection.execute(sa.select(self._invoiced(name))).scalar_one())


def _moment(row: sa.Row[Any]) -> float:
    """When a call was answered, or began to ring when nobody did; as it is charged."""
    for ms in (row.answered_ms, row.ringing_ms, row.ended_ms):
        if ms is not None:
            return float(int(row.started + ms / 1000))
    return float(row.started)
