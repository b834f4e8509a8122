"""The outbox of events, and how far each endpoint of a webhook has been told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables. What is looked for at each step is what still waits, so few rows."""
    position = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers no other kind
    op.create_table(
        "outbox",
        sa.Column("position", position, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_index("outbox_subject", "outbox", ["subject", "seq"])
    op.create_index("outbox_at", "outbox", ["at"])
    op.create_table(
        "webhook_endpoints",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("disabled", sa.Text, nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("endpoint", sa.Text, primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due", sa.Double, nullable=False),
        sa.Column("tried", sa.Double, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    waits = sa.text("state = 'waiting'")
    for name, columns in (
        ("webhook_deliveries_due", ["endpoint", "due", "position"]),
        ("webhook_deliveries_subject", ["endpoint", "subject", "position"]),
    ):
        op.create_index(
            name, "webhook_deliveries", columns, sqlite_where=waits, postgresql_where=waits
        )
