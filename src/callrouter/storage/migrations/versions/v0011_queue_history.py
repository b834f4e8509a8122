"""The history of queues: what happened to callers and agents."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Create the table. What happened under an earlier version is in its log."""
    op.create_table(
        "queue_history",
        sa.Column("at", sa.Double, nullable=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("kind", "queue", "call", "agent", "why")
        ),
        sa.Column("waited", sa.Double, nullable=False),
    )
    op.create_index("queue_history_at", "queue_history", ["at"])
    op.create_index("queue_history_call", "queue_history", ["call"])
