"""Which way a call went: whose telephone called, and the line that it went out by."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns. Rows of an earlier version have none, so they may be null."""
    for name in ("direction", "extension", "line"):
        op.add_column("calls", sa.Column(name, sa.Text))
