"""The caller's and the called number, as numbers are compared."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns, and look calls up by the one of them instead of by what was sent.

    Rows of an earlier version have none, so they may be null. No index by caller, as before.
    """
    op.add_column("calls", sa.Column("caller_number", sa.Text))
    op.add_column("calls", sa.Column("called_number", sa.Text))
    op.drop_index("calls_called", "calls")
    op.create_index("calls_called_number", "calls", ["called_number", "started"])
