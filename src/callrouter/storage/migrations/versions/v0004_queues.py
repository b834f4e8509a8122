"""The queues that a call waited in."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column. Rows of an earlier version have none, so it may be null."""
    op.add_column("calls", sa.Column("queues", sa.Text))
