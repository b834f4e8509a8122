"""Call-backs: who is to be called back, and which calls were made for it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the table of jobs, and the column of the calls that were made for them.

    Rows of calls of an earlier version have none of it. Only few have: the index is of these alone,
    so that others cost nothing.
    """
    op.add_column("calls", sa.Column("call_back_of", sa.Text))
    of_some = sa.text("call_back_of <> ''")
    op.create_index(
        "calls_call_back_of",
        "calls",
        ["call_back_of"],
        sqlite_where=of_some,
        postgresql_where=of_some,
    )
    op.create_table(
        "call_backs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("called", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("dialled", sa.Text, nullable=False),
        sa.Column("missed_at", sa.Double, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("lease", sa.Double, nullable=False),
    )
    op.create_index("call_backs_state", "call_backs", ["state", "lease"])
    op.create_index("call_backs_missed_at", "call_backs", ["missed_at"])
