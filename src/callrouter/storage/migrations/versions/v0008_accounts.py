"""Accounts: balances, what calls in progress have reserved, the ledger, events, and invoices."""

from decimal import Decimal

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_ONLY_ADDED = "the ledger is only added to"


def upgrade() -> None:
    """Create the tables, and the column of calls that says which account pays.

    SQLite knows no exact decimals: it would keep an amount as a binary fraction.
    """
    op.add_column("calls", sa.Column("account", sa.Text))
    op.create_index(
        "calls_account",
        "calls",
        ["account", "started"],
        sqlite_where=sa.text("account <> ''"),
        postgresql_where=sa.text("account <> ''"),
    )
    amount = sa.Numeric().with_variant(sa.Text, "sqlite")
    _accounts(amount)
    _ledger(amount)
    _events(amount)
    _invoices(amount)


def _accounts(amount: sa.Numeric[Decimal]) -> None:
    op.create_table(
        "accounts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("balance", amount, nullable=False),
        sa.Column("reserved", amount, nullable=False),
        sa.Column("credit", amount),
        sa.Column("notice", amount),
        sa.Column("suspend", amount),
        sa.Column("reclaim_seconds", sa.Double),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("noticed", sa.Boolean, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("opened", sa.Double, nullable=False),
        sa.Column("mails", sa.Boolean, nullable=False),
    )
    op.create_table(
        "reservations",
        sa.Column("call", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("amount", amount, nullable=False),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )


def _ledger(amount: sa.Numeric[Decimal]) -> None:
    op.create_table(
        "ledger",
        sa.Column("booking", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("amount", amount, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_index("ledger_account", "ledger", ["account", "at"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION ledger_only_added() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_ONLY_ADDED}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER ledger_only_added BEFORE UPDATE OR DELETE ON ledger "
            "FOR EACH ROW EXECUTE FUNCTION ledger_only_added()"
        )
    else:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER ledger_no_{change.lower()} BEFORE {change} ON ledger "
                f"BEGIN SELECT RAISE(ABORT, '{_ONLY_ADDED}'); END"
            )


def _events(amount: sa.Numeric[Decimal]) -> None:
    op.create_table(
        "account_events",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("balance", amount, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("mail", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
    )
    due = sa.text("mail = 'due'")
    op.create_index(
        "account_events_mail", "account_events", ["due"], sqlite_where=due, postgresql_where=due
    )
    op.create_index("account_events_account", "account_events", ["account", "at"])


def _invoices(amount: sa.Numeric[Decimal]) -> None:
    op.create_table(
        "invoices",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("total", amount, nullable=False),
        sa.Column("closed", sa.Double, nullable=False),
    )
    op.create_table(
        "invoiced",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("booking", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, nullable=False),
    )
