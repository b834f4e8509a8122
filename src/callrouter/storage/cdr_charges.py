"""The charges of calls in the database: read to be computed again, and written anew."""

import time
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from callrouter.observe.cdr.call_charges import charges_in
from callrouter.observe.cdr.rerating import READ, RatedCall
from callrouter.printable import storable
from callrouter.rating.packages import pay_legs
from callrouter.storage import package_books as packages
from callrouter.storage.account_books import ACCOUNTS, REVENUE, Booking, book_all
from callrouter.storage.engine import ReadSession, begin_writing, is_postgres

_READ_AT_ONCE: Final = 2000
_CALLS: Final = sa.table("calls", *(sa.column(name) for name in READ))
_UPDATE: Final = (
    "UPDATE calls SET rate_plan = :rate_plan, currency = :currency, "
    "billed_seconds = :billed_seconds, cost = {cost}, charges = :charges WHERE id = :id"
)


class ChargedCalls(ReadSession):
    """The database of calls, open for their charges."""

    def read(
        self, since: float | None, until: float | None, number: str | None
    ) -> Iterator[Sequence[Any]]:
        """Give the calls that began in a time and are for a number, in the order of time.

        As rows of READ. since, until: Unix seconds, until excluded; None for any.
        """
        query = sa.select(_CALLS).order_by(_CALLS.c.started)
        if since is not None:
            query = query.where(_CALLS.c.started >= since)
        if until is not None:
            query = query.where(_CALLS.c.started < until)
        if number is not None:
            query = query.where(_CALLS.c.number == storable(number))
        with self._engine.connect() as connection:
            stream = connection.execution_options(yield_per=_READ_AT_ONCE)
            for row in stream.execute(query):
                yield tuple(row)

    def write(self, calls: Sequence[RatedCall]) -> None:
        """Write what these calls cost now, all or none. Each must have changed.

        Accounts that paid for them get, or pay, the difference.
        """
        cost = "CAST(:cost AS NUMERIC)" if is_postgres(self._engine) else ":cost"
        values = [
            {"id": call.id, "rate_plan": call.rate_plan, **call.after._asdict()}
            for call in calls
            if call.after is not None
        ]
        with begin_writing(self._engine) as connection:
            connection.execute(sa.text(_UPDATE.format(cost=cost)), values)
            book_all(connection, _corrections(connection, calls))


def _corrections(connection: sa.Connection, calls: Sequence[RatedCall]) -> list[Booking]:
    """What calls cost too much, or too little. Not in another currency, as at first."""
    known, paying = ACCOUNTS.c, {call.account for call in calls if call.account}
    if not paying:
        return []
    accounts = sa.select(known.name, known.currency).where(known.name.in_(paying))
    currencies = {row.name: row.currency for row in connection.execute(accounts)}
    packaged = packages.have_bought(connection, paying)
    at = time.time()
    found = []
    for call in calls:
        if call.after is None or call.account not in currencies:
            continue
        before, after = _paid(connection, call) if call.account in packaged else call.costs
        currency = call.after.currency or call.before.currency or ""
        if before != after and currencies[call.account] == currency:
            name = f"call {call.id} rerated {uuid.uuid4().hex}"
            found.append(
                Booking(
                    name=name,
                    account=call.account,
                    amount=before - after,
                    currency=currency,
                    ours=REVENUE,
                    kind="rerated",
                    at=at,
                )
            )
    return found


def _paid(connection: sa.Connection, call: RatedCall) -> tuple[Decimal, Decimal]:
    """What money paid for a call, and would pay now: its packages pay for as much as they did."""
    used = packages.uses_of(connection, call.account, call.id).get(call.id)
    if not used or call.after is None:
        return call.costs
    before, after = (
        pay_legs(charges_in(it.charges), used).money for it in (call.before, call.after)
    )
    return before, after
