"""The outbox: events that others are told of, in the transaction of the change that they tell of.

Theory. An event is a row of the records' database that goes in with what it tells of, or not at
all. Who is told of it (`webhooks`) reads it from there afterwards, so nothing is lost that happens
in between. Its `position` is the order in which events were committed: who has read up to one has
missed none before it.

Rules. `enqueue` is called only where the settings have `webhooks`: nobody else would ever read the
rows, or remove them. An event whose id is there already is left alone, so whoever is in doubt
whether it got in, enqueues it again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa

from callrouter.printable import storable

_SERIALIZES: Final = 0x6F757462
"""PostgreSQL's advisory lock of who enqueues: positions become visible in their order."""

_INSERT: Final = (
    "INSERT INTO outbox (id, kind, subject, number, at, data, seq) "
    "SELECT ?, ?, ?, ?, ?, ?, "
    "(SELECT COALESCE(MAX(seq), 0) + 1 FROM outbox WHERE subject = ?) "
    "WHERE true ON CONFLICT (id) DO NOTHING"
)
_INSERT_FORMAT: Final = _INSERT.replace("?", "%s")
"""The same, as psycopg has it."""

OUTBOX: Final = sa.Table(
    "outbox",
    sa.MetaData(),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("id", sa.Text),
    sa.Column("kind", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("seq", sa.BigInteger),
    sa.Column("number", sa.Text),
    sa.Column("at", sa.Double),
    sa.Column("data", sa.Text),
)
"""seq: from 1, of its subject's events. The others as an `OutboxEvent` has them."""


class OutboxEvent(NamedTuple):
    """An event to be put into the outbox.

    id: its own for ever, without a point; who puts it in twice gives it the same. kind: such as
    `call.ended`. subject: what its order is kept of: the id of a call, a number, an account.
    number: the dialplan's key of the number that it is about, "" for none. at: Unix seconds. data:
    a JSON object, as text.
    """

    id: str
    kind: str
    subject: str
    number: str
    at: float
    data: str


EVENT_KEYS: Final = frozenset(OutboxEvent._fields)


def outbox_event(
    id: str, kind: str, subject: str, at: float, data: Mapping[str, Any], number: str = ""
) -> OutboxEvent:
    """Make an event of its data. See `OutboxEvent`."""
    return OutboxEvent(id, kind, subject, number, at, _text(data))


def enqueue(connection: sa.Connection, events: Sequence[OutboxEvent]) -> None:
    """Put events into the outbox, in this transaction and in this order.

    Raises SQLAlchemyError.
    """
    if not events:
        return
    insert = _INSERT
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_SERIALIZES})")
        insert = _INSERT_FORMAT
    connection.exec_driver_sql(insert, [(*event, event.subject) for event in events])


def event_of(entry: Mapping[str, Any]) -> OutboxEvent:
    """Read what is said to be an event by column name, as the spool has it. Raises ValueError."""
    for name in OutboxEvent._fields:
        value = entry[name]
        if name == "at":
            fits = type(value) in {float, int}
        else:
            fits = isinstance(value, str) and "\0" not in value
        if not fits:
            raise ValueError(f"{name}: expected {'seconds' if name == 'at' else 'text'}")
    return OutboxEvent(**entry)


def _text(data: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(data).decode()
    except orjson.JSONEncodeError:  # text that came from bytes that are not UTF-8
        return orjson.dumps(_storable(data)).decode()


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {key: _storable(one) for key, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, list | tuple) else value
