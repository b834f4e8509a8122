"""The tables of a new SQLite file, as all revisions together make them.

After a revision was added: python scripts/sqlite_tables.py
"""

import sqlalchemy as sa

from callrouter.storage.cdr_table import SQLITE_TABLES, migrate


def made_by_revisions() -> str:
    """Every statement that a migrated file has of its tables and indexes, in their order."""
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        migrate(connection)
        made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return "".join(f"{statement};\n" for statement in made.scalars())


if __name__ == "__main__":
    SQLITE_TABLES.write_text(made_by_revisions(), encoding="utf-8")
