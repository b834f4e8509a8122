"""The environment that alembic runs, on the connection that `Store` gave it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
