"""Packages of accounts, and what calls use of them; attributes of numbers; owners to call."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "packages",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("seconds", "used", "held")),
        *(sa.Column(name, sa.Double, nullable=False) for name in ("expires", "bought")),
        sa.Column("price", sa.Numeric().with_variant(sa.Text, "sqlite"), nullable=False),
        sa.CheckConstraint("used >= 0 AND held >= 0 AND used + held <= seconds"),
    )
    op.create_index("packages_account", "packages", ["account", "expires"])
    for kind, name in ((sa.Double, "call_due"), (sa.Integer, "call_tries")):
        op.add_column("account_events", sa.Column(name, kind, nullable=False, server_default="0"))
    due = sa.text("call_due > 0")
    op.create_index(
        "account_events_call",
        "account_events",
        ["call_due"],
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_table(
        "number_attributes",
        sa.Column("number", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("line", "kind", "country", "name")),
        sa.Column("groups", sa.Text),
        sa.Column("widget", sa.Boolean, nullable=False),
    )
    op.create_table(
        "package_holds",
        sa.Column("call", sa.Text, primary_key=True),
        sa.Column("package", sa.Text, primary_key=True),
        sa.Column("seconds", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "package_uses",
        sa.Column("call", sa.Text, primary_key=True),
        sa.Column("package", sa.Text, primary_key=True),
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
    )
