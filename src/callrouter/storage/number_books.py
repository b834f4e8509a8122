"""The books of numbers: the life of each, what it is, and its history, in the records' database."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any, Final

import orjson
import sqlalchemy as sa

from callrouter.billing.number_attributes import NumberAttributes, with_changes
from callrouter.billing.number_lives import LifeChange, NumberLife, changed, passed
from callrouter.route.values.snapshot import KnownNumber
from callrouter.storage.account_books import TELLS
from callrouter.storage.engine import insert_into
from callrouter.storage.outbox import enqueue, outbox_event

_SYSTEM: Final = "callrouter"

LIVES: Final = sa.table(
    "number_lives",
    *(sa.column(name) for name in ("number", "state", "since", "until", "before")),
)
HISTORY: Final = sa.table(
    "number_changes",
    *(sa.column(name) for name in ("id", "number", "at", "state", "who", "note")),
)

ATTRIBUTES: Final = sa.Table(
    "number_attributes",
    sa.MetaData(),
    sa.Column("number", sa.Text, primary_key=True),
    *(sa.Column(name, sa.Text) for name in ("line", "kind", "country", "name", "groups")),
    sa.Column("widget", sa.Boolean),
)
CHANGED: Final = "changed"
"""The state of a change that is of attributes alone."""

NumberStates = tuple[dict[str, str], dict[str, KnownNumber]]


def lives(connection: sa.Connection) -> list[NumberLife]:
    """All lives, by number."""
    found = connection.execute(sa.select(LIVES).order_by(LIVES.c.number))
    return [NumberLife(**row._mapping) for row in found]


def history(connection: sa.Connection, number: str, most: int) -> list[LifeChange]:
    """The changes of a number, the newest first."""
    query = sa.select(HISTORY).where(HISTORY.c.number == number)
    found = connection.execute(query.order_by(HISTORY.c.at.desc()).limit(most))
    names = [field.name for field in fields(LifeChange)]
    return [LifeChange(**{name: row._mapping[name] for name in names}) for row in found]


def change(
    connection: sa.Connection,
    number: str,
    what: str,
    at: float,
    who: str,
    *,
    until: float = 0.0,
    note: str = "",
) -> NumberLife:
    """Change the life of a number. until: when that ends by itself. Raises LifeError."""
    query = sa.select(LIVES).where(LIVES.c.number == number).with_for_update()
    row = connection.execute(query).one_or_none()
    life = None if row is None else NumberLife(**row._mapping)
    after = changed(number, life, what, at, until)
    _keep(connection, after, at, who, note, new=life is None)
    return after


def pass_time(connection: sa.Connection, at: float, gone_until: Callable[[float], float]) -> None:
    """End what is over: reservations, and the time in which a disconnection can be undone."""
    due = sa.select(LIVES).where(LIVES.c.until > 0, LIVES.c.until <= at)
    for row in connection.execute(due.with_for_update()).all():
        life = NumberLife(**row._mapping)
        after = passed(life, at, gone_until(life.until))
        if after != life:
            _keep(connection, after, at, _SYSTEM, "its time was over", new=False)


def is_due(connection: sa.Connection, at: float) -> bool:
    """Whether anything may be over."""
    due = sa.exists().where(LIVES.c.until > 0, LIVES.c.until <= at, LIVES.c.state != "gone")
    return bool(connection.execute(sa.select(due)).scalar_one())


def states(connection: sa.Connection) -> NumberStates:
    """The state of each number that has a life, and what else is known of numbers."""
    found = connection.execute(sa.select(LIVES.c.number, LIVES.c.state))
    known = {
        it.number: KnownNumber(
            text=str(it),
            country=it.country,
            groups=None if it.callers is None else frozenset(it.callers),
        )
        for it in attributes(connection)
    }
    return {row.number: row.state for row in found}, known


def attributes(connection: sa.Connection) -> list[NumberAttributes]:
    """What is known of numbers, by number."""
    found = connection.execute(sa.select(ATTRIBUTES).order_by(ATTRIBUTES.c.number))
    return [_attributes(row) for row in found]


def _attributes(row: sa.Row[Any]) -> NumberAttributes:
    groups = None if row.groups is None else tuple(orjson.loads(row.groups))
    return NumberAttributes(**{**row._mapping, "groups": groups, "widget": bool(row.widget)})


def set_attributes(
    connection: sa.Connection,
    number: str,
    changes: Mapping[str, Any],
    at: float,
    who: str,
    note: str,
) -> NumberAttributes:
    """Change some attributes of a number; what is as it was leaves no change in its history."""
    query = sa.select(ATTRIBUTES).where(ATTRIBUTES.c.number == number).with_for_update()
    row = connection.execute(query).one_or_none()
    before = NumberAttributes(number=number) if row is None else _attributes(row)
    after, said = with_changes(before, changes)
    values = asdict(after)
    if after.groups is not None:
        values["groups"] = orjson.dumps(after.groups).decode()
    insert = insert_into(connection, ATTRIBUTES).values(values)
    connection.execute(insert.on_conflict_do_update(index_elements=["number"], set_=values))
    if said or row is None:
        said = ": ".join(filter(None, (note, said)))
        told = {"number": number, "at": at, "state": CHANGED, "who": who, "note": said}
        connection.execute(sa.insert(HISTORY).values(id=f"number-{uuid.uuid4().hex}", **told))
    return after


def _keep(
    connection: sa.Connection, life: NumberLife, at: float, who: str, note: str, *, new: bool
) -> None:
    values: dict[str, Any] = asdict(life)
    if new:
        connection.execute(sa.insert(LIVES).values(values))
    else:
        connection.execute(sa.update(LIVES).where(LIVES.c.number == life.number).values(values))
    ident = f"number-{uuid.uuid4().hex}"
    told = {"number": life.number, "at": at, "state": life.state, "who": who, "note": note}
    connection.execute(sa.insert(HISTORY).values(id=ident, **told))
    if connection.get_execution_options().get(TELLS):
        known = {"number": life.number, "state": life.state, "until": life.until, "who": who}
        event = outbox_event(
            ident, f"number.{life.state}", life.number, at, {"life": known}, life.number
        )
        enqueue(connection, [event])
