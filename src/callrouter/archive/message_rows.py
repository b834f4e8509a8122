"""The rows of messages and of their deliveries. All raise SQLAlchemyError."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from callrouter.archive.tables import DELIVERIES, MESSAGES, all_of, as_dict, inserting

_M: Final = MESSAGES.c
_D: Final = DELIVERIES.c
_LIVE: Final = _M.state != "deleted"


class Due(NamedTuple):
    """A delivery to try now, and the message's row."""

    way: str
    tries: int
    until: float
    message: dict[str, Any]


def add(engine: Engine, row: dict[str, Any], ways: Sequence[str], now: float, until: float) -> bool:
    """Put in a message and its deliveries, due at once; False when it is there already."""
    with engine.begin() as connection:
        known = connection.execute(inserting(engine, MESSAGES).values(row).on_conflict_do_nothing())
        if not known.rowcount:
            return False
        for way in ways:
            connection.execute(
                sa.insert(DELIVERIES).values(
                    message=row["id"],
                    way=way,
                    state="waiting",
                    tries=0,
                    due=now,
                    until=until,
                    error="",
                )
            )
        return True


def listed(engine: Engine, box: str | None, *, deleted: bool = False) -> list[dict[str, Any]]:
    """The messages of a box, or of all; the new ones first, each group oldest first."""
    query = sa.select(MESSAGES).order_by(_M.box, _M.state != "new", _M.started, _M.id)
    if box is not None:
        query = query.where(_M.box == box)
    if not deleted:
        query = query.where(_LIVE)
    return all_of(engine, query)


def one(engine: Engine, id: str) -> dict[str, Any] | None:
    """The message with this id, its deliveries as a list under `deliveries`."""
    with engine.connect() as connection:
        row = connection.execute(sa.select(MESSAGES).where(_M.id == id)).mappings().first()
        if row is None:
            return None
        deliveries = connection.execute(
            sa.select(DELIVERIES).where(_D.message == id).order_by(_D.way)
        ).mappings()
        return as_dict(row) | {"deliveries": [as_dict(delivery) for delivery in deliveries]}


def usage(engine: Engine) -> dict[str, tuple[int, int]]:
    """Of each box: its count of messages, and their bytes."""
    query = sa.select(_M.box, sa.func.count(), sa.func.sum(_M.bytes)).where(_LIVE).group_by(_M.box)
    with engine.connect() as connection:
        return {box: (count, int(size)) for box, count, size in connection.execute(query)}


def states(engine: Engine) -> dict[str, str]:
    """The state of every message, by its file."""
    with engine.connect() as connection:
        return {row.file: row.state for row in connection.execute(sa.select(_M.file, _M.state))}


def heard(engine: Engine, id: str) -> None:
    """Mark a message; one that is deleted stays so."""
    with engine.begin() as connection:
        connection.execute(sa.update(MESSAGES).where(_M.id == id, _LIVE).values(state="heard"))


def deleted(engine: Engine, id: str) -> None:
    """Mark a message whose file is gone; what was not delivered yet never is."""
    with engine.begin() as connection:
        connection.execute(sa.update(MESSAGES).where(_M.id == id).values(state="deleted"))
        connection.execute(
            sa.update(DELIVERIES)
            .where(_D.message == id, _D.state == "waiting")
            .values(state="dropped")
        )


def forget(engine: Engine, ids: Sequence[str]) -> None:
    """Remove the rows of messages whose files are gone."""
    with engine.begin() as connection:
        connection.execute(sa.delete(DELIVERIES).where(_D.message.in_(ids)))
        connection.execute(sa.delete(MESSAGES).where(_M.id.in_(ids)))


def hasten(engine: Engine, latest: float, now: float) -> None:
    """Let what is due after `latest` be due now: the system's clock was put back since."""
    late = (_D.state == "waiting", _D.due > latest)
    with engine.connect() as connection:
        if connection.execute(sa.select(_D.message).where(*late).limit(1)).first() is None:
            return
    with engine.begin() as connection:
        connection.execute(sa.update(DELIVERIES).where(*late).values(due=now))


def due(engine: Engine, now: float, most: int) -> list[Due]:
    """Deliveries to be tried now, the longest due first."""
    query = (
        sa.select(_D.way, _D.tries, _D.until, MESSAGES)
        .join(MESSAGES, _M.id == _D.message)
        .where(_D.state == "waiting", _D.due <= now)
        .order_by(_D.due)
        .limit(most)
    )
    with engine.connect() as connection:
        rows = connection.execute(query).mappings().all()
    return [Due(row["way"], row["tries"], row["until"], as_dict(row)) for row in rows]


def tried(engine: Engine, id: str, way: str, values: dict[str, Any]) -> None:
    """Write down how a try went; not for a message that was deleted meanwhile."""
    with engine.begin() as connection:
        connection.execute(
            sa.update(DELIVERIES)
            .where(_D.message == id, _D.way == way, _D.state == "waiting")
            .values(values)
        )
