"""What a call costs: by which rate plan, for how long, how much, and the charges of its legs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns. Rows of an earlier version, and calls that cost nothing, have none of it.

    SQLite knows no exact decimals: it would keep an amount as a binary fraction.
    """
    amount = sa.Numeric().with_variant(sa.Text, "sqlite")
    op.add_column("calls", sa.Column("rate_plan", sa.Text))
    op.add_column("calls", sa.Column("currency", sa.Text))
    op.add_column("calls", sa.Column("billed_seconds", sa.BigInteger))
    op.add_column("calls", sa.Column("cost", amount))
    op.add_column("calls", sa.Column("charges", sa.Text))
