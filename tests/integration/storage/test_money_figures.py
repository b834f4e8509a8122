"""How fast money is written: with `--full` alone, for they measure; records, then re-rated ones."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from click.testing import CliRunner
from support.books import audit, terms
from support.charged import PLANS, toll_free_call
from support.postgres import Postgres

from callrouter.cli import main
from callrouter.observe.cdr.rows import Row, encode
from callrouter.storage import account_books as books
from callrouter.storage.background_writer import BATCH
from callrouter.storage.cdr_table import Store, open_for_writing
from callrouter.storage.engine import begin_writing
from callrouter.storage.outbox import OutboxEvent, outbox_event

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.alone]

_NOW: Final = 1_772_596_800.0
_BATCHES: Final = 20
_EVENTS: Final = ("started", "ringing", "answered", "ended")
Said = Callable[[str, object], None]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    server = await Postgres.open()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, full: bool) -> str:
    if not full:
        pytest.skip("it measures")
    url = f"sqlite:///{tmp_path}/calls.db"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new(f"figures_{time.monotonic_ns()}")
    engine = open_for_writing(url)
    acme = terms(credit=None, kind="postpaid")
    with begin_writing(engine) as connection:
        books.keep(connection, [acme], _NOW)
    engine.dispose()
    return url


def batch(first: int, *, told: bool) -> list[Row]:
    """Calls of an account, each with the four events that it has when all are told."""
    rows: list[Row] = []
    for n in range(first, first + BATCH):
        record = toll_free_call(f"{n:08}", _NOW + n / 100)
        record.account, record.number = "acme", "4008001234"
        rows.append(encode(record))
        rows += [_event(n, kind) for kind in _EVENTS] if told else []
    return rows


def _event(n: int, kind: str) -> OutboxEvent:
    said = {"call": {"id": f"{n:08}", "caller": "+8613800138000", "number": {"key": "4008001234"}}}
    return outbox_event(f"{n:08}-{kind}", f"call.{kind}", f"{n:08}", _NOW, said, "4008001234")


async def test_2000_records_a_second_with_accounts_and_events(
    database: str, record_property: Said
) -> None:
    store = Store(database, tells=True)
    began, worked = time.perf_counter(), time.process_time()
    for n in range(_BATCHES):
        store.insert(batch(n * BATCH, told=True))
    took, worked = time.perf_counter() - began, time.process_time() - worked
    store.close()
    audit(database)
    count = _BATCHES * BATCH
    record_property("records a second", round(count / took))
    record_property("of our processor", round(count / worked))
    assert count / took >= 2000


async def test_million_records_are_rerated_in_three_minutes(
    database: str, tmp_path: Path, record_property: Said
) -> None:
    store = Store(database)
    for n in range(1_000_000 // BATCH):
        store.insert(batch(n * BATCH, told=False))
    store.close()
    plans = tmp_path / "plans.yaml"
    plans.write_text(PLANS.replace("price: 0.30/min", "price: 0.50/min"), encoding="utf-8")
    asked = ["rerate", "--plans", str(plans), "--database", database]
    for name, more in (("shown", ()), ("applied", ("--apply",))):
        began, worked = time.perf_counter(), time.process_time()
        result = CliRunner().invoke(main, [*asked, *more])
        assert result.exit_code == 0, result.output
        took, worked = time.perf_counter() - began, time.process_time() - worked
        record_property(f"seconds, {name}", round(took))
        record_property(f"of our processor, {name}", round(worked))
        assert worked < 180  # the wall has what else the machine does
    audit(database)
