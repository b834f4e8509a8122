"""The books of accounts in a database of either kind, without callrouter's own queries."""

from collections import defaultdict
from decimal import Decimal
from typing import Final

import sqlalchemy as sa

from callrouter.billing.account_rules import AccountTerms
from callrouter.storage.amounts import Money
from callrouter.storage.engine import open_existing

NO_THRESHOLDS: Final = {"notice": Decimal(0), "suspend": Decimal(0), "reclaim_seconds": None}
_ROWS: Final = {
    name: sa.table(
        name, *(sa.column(one) for one in texts), *(sa.column(one, Money) for one in sums)
    )
    for name, texts, sums in (
        ("accounts", ("name", "state", "held", "noticed"), ("balance", "reserved")),
        ("ledger", ("booking", "account", "kind", "currency"), ("amount",)),
        ("reservations", ("call", "account"), ("amount",)),
        ("account_events", ("account", "what", "at"), ("balance",)),
        ("packages", ("name", "account", "seconds", "used", "held"), ("price",)),
        ("package_holds", ("call", "package", "seconds"), ()),
        ("package_uses", ("call", "package", "seconds"), ()),
    )
}


def terms(name: str = "acme", **known: object) -> AccountTerms:
    """A prepaid account without thresholds, but for what is said."""
    usual: dict[str, object] = {
        "kind": "prepaid",
        "currency": "CNY",
        "credit": Decimal(0),
        "go_on": True,
        **NO_THRESHOLDS,
    }
    return AccountTerms(name=name, **{**usual, **known})  # type: ignore[arg-type]  # as said


def rows(url: str, table: str) -> list[sa.Row[tuple[object, ...]]]:
    """All rows of a table."""
    return snapshot(url, table)[0]


def snapshot(url: str, *tables: str) -> list[list[sa.Row[tuple[object, ...]]]]:
    """All rows of some tables, at one moment."""
    engine = open_existing(url)
    try:
        if engine.dialect.name == "postgresql":
            engine.update_execution_options(isolation_level="REPEATABLE READ")
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            return [list(connection.execute(sa.select(_ROWS[name])).all()) for name in tables]
    finally:
        engine.dispose()


def balances(url: str) -> dict[str, tuple[Decimal, Decimal]]:
    """The balance of each account, and what is reserved of it."""
    return {row.name: (row.balance, row.reserved) for row in rows(url, "accounts")}


def audit(url: str) -> None:
    """Money is never made or lost: the ledger is 0 in all, and each balance is the sum of its rows.

    What an account has reserved is what its calls have. So it is with the time of packages.
    """
    of_booking: defaultdict[str, Decimal] = defaultdict(Decimal)
    of_account: defaultdict[str, Decimal] = defaultdict(Decimal)
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    accounts, ledger, reservations, packages, holds, uses = snapshot(
        url, "accounts", "ledger", "reservations", "packages", "package_holds", "package_uses"
    )
    for row in ledger:
        of_booking[row.booking] += row.amount
        of_account[row.account] += row.amount
    for row in reservations:
        held[row.account] += row.amount
    assert not any(of_booking.values())
    for account in accounts:
        assert account.balance == of_account[account.name]
        assert account.reserved == held[account.name]
    for package in packages:
        used, taken = (
            sum(row.seconds for row in rows if row.package == package.name)
            for rows in (uses, holds)
        )
        assert (package.used, package.held) == (used, taken)
        assert used + taken <= package.seconds
