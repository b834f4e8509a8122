"""The rows of recordings, and how much of each number was recorded. All raise SQLAlchemyError."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from callrouter.archive.tables import RECORDED, RECORDINGS, all_of, inserting

_R: Final = RECORDINGS.c


def add(engine: Engine, row: dict[str, Any], month: str) -> bool:
    """Put in a recording and count it for its number; False when it is there already."""
    counted = inserting(engine, RECORDED).values(number=row["number"], month=month, ms=row["ms"])
    with engine.begin() as connection:
        known = connection.execute(
            inserting(engine, RECORDINGS).values(row).on_conflict_do_nothing()
        )
        if not known.rowcount:
            return False
        connection.execute(
            counted.on_conflict_do_update(
                index_elements=["number", "month"],
                set_={"ms": RECORDED.c.ms + counted.excluded.ms},
            )
        )
        return True


def listed(engine: Engine, number: str | None, most: int) -> list[dict[str, Any]]:
    """The newest recordings, of one number or of all, newest first; most 0 means all."""
    query = sa.select(RECORDINGS).order_by(_R.started.desc(), _R.id.desc())
    if number is not None:
        query = query.where(_R.number == number)
    if most:
        query = query.limit(most)
    return all_of(engine, query)


def one(engine: Engine, id: str) -> dict[str, Any] | None:
    """The recording with this id."""
    found = all_of(engine, sa.select(RECORDINGS).where(_R.id == id))
    return found[0] if found else None


def files(engine: Engine) -> set[str]:
    """The files of all recordings."""
    with engine.connect() as connection:
        return set(connection.execute(sa.select(_R.file)).scalars())


def usage(engine: Engine, month: str) -> dict[str, int]:
    """Milliseconds recorded in a month, by number."""
    query = sa.select(RECORDED.c.number, RECORDED.c.ms).where(RECORDED.c.month == month)
    with engine.connect() as connection:
        return {number: int(ms) for number, ms in connection.execute(query)}


def forget(engine: Engine, ids: Sequence[str]) -> None:
    """Remove the rows of recordings whose files are gone."""
    with engine.begin() as connection:
        connection.execute(sa.delete(RECORDINGS).where(_R.id.in_(ids)))
