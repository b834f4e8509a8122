"""The books of numbers, on both databases: states, what time makes of them, and who did what."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support.postgres import Postgres

from callrouter.billing.number_lives import LifeError
from callrouter.storage import number_books as books
from callrouter.storage.account_books import TELLS
from callrouter.storage.cdr_table import open_for_writing
from callrouter.storage.engine import begin_writing
from callrouter.storage.outbox import OUTBOX
from callrouter.webhooks.event_catalogue import EventData

pytestmark = pytest.mark.asyncio(loop_scope="session")
DAY = 86400.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    server = await Postgres.open()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/calls.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.new(f"numbers_{time.monotonic_ns()}")


async def test_number_goes_its_way_and_each_step_has_a_row_and_an_event(database: str) -> None:
    engine = open_for_writing(database)
    engine.update_execution_options(**{TELLS: True})
    with begin_writing(engine) as connection:
        books.change(connection, "4000", "activate", 0.0, "li")
        books.change(connection, "4001", "reserve", 0.0, "li", until=DAY)
        books.change(connection, "4000", "disconnect", DAY, "wang", until=2 * DAY, note="letter")
        states, _ = books.states(connection)
        assert states == {"4000": "disconnecting", "4001": "reserved"}
    for at, due in ((DAY - 1, False), (2 * DAY, True), (3 * DAY, False)):
        with begin_writing(engine) as connection:
            assert books.is_due(connection, at) is due
            books.pass_time(connection, at, lambda gone: gone + 90 * DAY)
    with begin_writing(engine) as connection:
        assert books.states(connection)[0] == {"4000": "gone", "4001": "reclaimed"}
        gone = books.lives(connection)[0]
        assert (gone.since, gone.until) == (2 * DAY, 92 * DAY)
        with pytest.raises(LifeError):
            books.change(connection, "4000", "activate", 91 * DAY, "li")
        history = books.history(connection, "4000", 10)
        assert [(one.state, one.who, one.note) for one in history] == [
            ("gone", "callrouter", "its time was over"),
            ("disconnecting", "wang", "letter"),
            ("active", "li", ""),
        ]
        told = connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.position)).all()
        assert [row.kind for row in told if row.number == "4000"] == [
            *("number.active", "number.disconnecting", "number.gone"),
        ]
        for row in told:
            assert EventData.model_validate_json(row.data).life is not None
    engine.dispose()


async def test_what_a_number_is_has_a_history_of_what_was_changed(database: str) -> None:
    engine = open_for_writing(database)
    with begin_writing(engine) as connection:
        said: dict[str, object] = {"name": "Hotline", "country": "CN", "groups": ("sales",)}
        books.set_attributes(connection, "4008001234", said, 1.0, "li", "new")
        books.set_attributes(connection, "4008001234", {"name": "Hotline"}, 2.0, "li", "")
        books.set_attributes(connection, "4008001234", {"line": "virtual"}, 3.0, "wang", "")
        changes = books.history(connection, "4008001234", 9)
        _, known = books.states(connection)
    assert [(one.at, one.state, one.who, one.note) for one in reversed(changes)] == [
        (1.0, "changed", "li", "new: name: Hotline, country: CN, groups: sales"),
        (3.0, "changed", "wang", "line: virtual"),
    ]
    assert {number: (it.text, it.groups) for number, it in known.items()} == {
        "4008001234": ('virtual, CN, "Hotline"', frozenset()),
    }
    with begin_writing(engine) as connection:
        books.set_attributes(connection, "4008001234", {"line": "carrier"}, 4.0, "wang", "")
        (found,) = books.attributes(connection)
    assert str(found) == 'carrier, CN, "Hotline", shown by sales'
