"""The table of calls."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table and the indexes that `callrouter cdr` looks calls up by.

    None by caller: callers are random, and such an index more than doubles the cost of a row.
    """
    op.create_table(
        "calls",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("trunk", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("to_header", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("dialplan", sa.Text, nullable=False),
        sa.Column("ringing_ms", sa.BigInteger),
        sa.Column("answered_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger, nullable=False),
        sa.Column("disposition", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("cause", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("hung_up_by", sa.Text, nullable=False),
        sa.Column("legs", sa.Text, nullable=False),
        sa.Column("trace", sa.Text, nullable=False),
    )
    op.create_index("calls_started", "calls", ["started"])
    op.create_index("calls_called", "calls", ["called", "started"])
    op.create_index("calls_number", "calls", ["number", "started"])
