"""The outbox in SQLite; tests/system/test_postgresql.py has it in PostgreSQL."""

import sqlalchemy as sa

from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.outbox import OUTBOX, OutboxEvent, enqueue, event_of, outbox_event


def event(id: str, subject: str = "c1", kind: str = "call.started") -> OutboxEvent:
    return outbox_event(id, kind, subject, 1000.5, {"caller": "021\udcff", "legs": [{"a": 1}]})


def rows(engine: sa.Engine) -> list[tuple[int, str, str, int]]:
    of = OUTBOX.c
    with engine.connect() as connection:
        query = sa.select(of.position, of.id, of.subject, of.seq).order_by(of.position)
        return [(row.position, row.id, row.subject, row.seq) for row in connection.execute(query)]


def test_events_of_a_subject_are_numbered_and_one_that_comes_again_is_left_alone(url: str):
    engine = open_for_writing(url)
    with engine.begin() as connection:
        enqueue(connection, [event("a"), event("b", "c2"), event("c")])
    with engine.begin() as connection:
        enqueue(connection, [event("c"), event("d")])
        enqueue(connection, [])
    expected = [("a", "c1", 1), ("b", "c2", 1), ("c", "c1", 2), ("d", "c1", 3)]
    assert rows(engine) == [(at, *row) for at, row in enumerate(expected, 1)]
    engine.dispose()


def test_event_is_not_there_when_its_change_is_undone(url: str):
    engine = open_for_writing(url)
    with engine.connect() as connection:
        enqueue(connection, [event("a")])
        connection.rollback()
    assert rows(engine) == []
    engine.dispose()


def test_event_comes_back_from_its_columns_with_text_that_every_database_takes():
    made = event("a")
    assert event_of(made._asdict()) == made
    assert made.data == '{"caller":"021\\\\udcff","legs":[{"a":1}]}'
