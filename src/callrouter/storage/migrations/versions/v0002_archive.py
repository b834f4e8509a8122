"""The archive: voicemail messages, their deliveries, recordings; and what a call left there."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of the archive, and the columns of calls that name its entries.

    Rows that were spooled by an earlier version have no value for these columns, so they may be
    null.
    """
    op.add_column("calls", sa.Column("voicemail", sa.Text))
    op.add_column("calls", sa.Column("recordings", sa.Text))
    op.add_column("calls", sa.Column("heard", sa.Text))
    _messages()
    _recordings()


def _messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("box", sa.Text, nullable=False),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ms", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    op.create_index("messages_box", "messages", ["box", "started"])
    op.create_table(
        "deliveries",
        sa.Column("message", sa.Text, primary_key=True),
        sa.Column("way", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("deliveries_due", "deliveries", ["state", "due"])


def _recordings() -> None:
    op.create_table(
        "recordings",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("call", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("ms", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("sides", sa.Text, nullable=False),
        sa.Column("complete", sa.Boolean, nullable=False),
        sa.Column("expires", sa.Double, nullable=False),
    )
    op.create_index("recordings_started", "recordings", ["started"])
    op.create_index("recordings_expires", "recordings", ["expires"])
    op.create_table(
        "recorded",
        sa.Column("number", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("ms", sa.BigInteger, nullable=False),
    )
