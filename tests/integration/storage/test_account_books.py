"""The books of accounts, on both databases: no money is made, lost, or had by two calls."""

import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from support.books import audit, balances, rows, terms
from support.charged import toll_free_call
from support.postgres import Postgres

from callrouter.billing.account_rules import AccountTerms
from callrouter.call.services.record import CallRecord
from callrouter.observe.cdr.rows import encode
from callrouter.rating.charges import LegCharge
from callrouter.storage import account_books as books
from callrouter.storage.account_books import Booking
from callrouter.storage.amounts import NOTHING
from callrouter.storage.cdr_table import Store, open_for_writing
from callrouter.storage.engine import begin_writing, is_busy
from callrouter.storage.outbox import OUTBOX
from callrouter.webhooks.event_catalogue import EventData

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOW = 1_700_000_000.0


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
    return server.new(f"books_{time.monotonic_ns()}")


class Books:
    """The books of a database, with one account that was paid into."""

    def __init__(self, url: str, paid: str, *accounts: AccountTerms) -> None:
        self.url = url
        self.reserved: dict[str, Decimal] = {}
        self.engine = open_for_writing(url)
        self.engine.update_execution_options(**{books.TELLS: True})
        known = accounts or (terms(),)
        assert self.do(books.keep, known, NOW) == []
        self.do(books.book, top_up(known[0].name, paid))

    def do(self, act, *values, **more):  # type: ignore[no-untyped-def]  # whatever it does
        with begin_writing(self.engine) as connection:
            return act(connection, *values, **more)

    def reserve(self, call: str, more: str, *, first: bool = True) -> str:
        had = NOTHING if first else self.reserved.get(call, NOTHING)
        legs = [money(had + Decimal(more))]
        said = self.do(books.reserve, (call, "acme"), legs, had, "one.now", NOW, first=first)
        if isinstance(said, str):
            return said
        self.reserved[call] = had + said.money
        return ""

    def had(self, call: str) -> str:
        """Reserve 1, however long others have SQLite's file."""
        while True:
            try:
                return self.reserve(call, "1")
            except sa.exc.OperationalError as error:
                if not is_busy(error):
                    raise

    def settle(self, *records: CallRecord) -> None:
        store = Store(self.url)
        store.insert([encode(record) for record in records])
        store.close()

    def events(self) -> list[str]:
        return [str(row.what) for row in rows(self.url, "account_events")]


def money(cost: Decimal) -> LegCharge:
    """A leg that no package pays for."""
    return LegCharge(plan="dear", rate="", seconds=0, fee=cost, blocks=(), cost=cost)


def top_up(account: str, amount: str, reference: str = "first") -> Booking:
    name = f"top_up {reference}"
    return Booking(name, account, Decimal(amount), "CNY", books.CASH, "top_up", NOW)


def call(id: str = "0001", account: str = "acme") -> CallRecord:
    record = toll_free_call(id)
    record.account = account
    return record


async def test_record_pays_once_however_often_it_is_written(database: str) -> None:
    it = Books(database, "10")
    assert it.reserve("0001", "0.60") == ""
    assert balances(database)["acme"] == (Decimal(10), Decimal("0.60"))
    for _ in range(2):
        it.settle(call(), call("0002"))
    assert balances(database)["acme"] == (Decimal("8.2"), Decimal(0))
    assert {row.booking for row in rows(database, "ledger")} == {
        *("top_up first", "call 0001", "call 0002"),
    }
    audit(database)


async def test_payment_with_a_reference_is_booked_once(database: str) -> None:
    it = Books(database, "10")
    assert it.do(books.book, top_up("acme", "5", "bank-7")) is True
    assert it.do(books.book, top_up("acme", "5", "bank-7")) is False
    assert balances(database)["acme"][0] == 15
    audit(database)


async def test_reference_of_another_account_books_nothing(database: str) -> None:
    it = Books(database, "10", terms(), terms("big"))
    assert not it.do(books.book, top_up("big", "10"))
    assert it.do(books.is_booked, top_up("acme", "10"))
    assert not it.do(books.is_booked, top_up("big", "10"))
    assert balances(database)["big"] == (Decimal(0), Decimal(0))
    audit(database)


async def test_ledger_takes_no_change(database: str) -> None:
    it = Books(database, "10")
    for statement in ("UPDATE ledger SET note = 'x'", "DELETE FROM ledger"):
        with pytest.raises(sa.exc.DatabaseError, match="only added to"):
            it.do(lambda connection, said=statement: connection.exec_driver_sql(said))
    audit(database)


async def test_fifty_calls_at_once_never_reserve_more_than_there_is(database: str) -> None:
    it = Books(database, "10")
    servers = [Books.__new__(Books) for _ in range(4)]
    for server in servers:
        server.url, server.engine = database, open_for_writing(database)
        server.reserved = {}
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(partial(servers[n % 4].had, f"{n:04}")) for n in range(50)]
        granted = [n for n, one in enumerate(asked) if one.result() == ""]
    assert len(granted) == 10
    assert balances(database)["acme"] == (Decimal(10), Decimal(10))
    assert it.reserve("more", "0.0001").startswith("10")
    audit(database)


async def test_what_is_left_is_counted_to_the_last_decimal(database: str) -> None:
    it = Books(database, "0.3")
    assert [it.reserve(f"{n}", "0.1") for n in range(3)] == ["", "", ""]
    assert it.reserve("4", "0.00000001") != ""
    audit(database)


async def test_balance_36_34_14_and_three_days_are_one_event_each_and_a_payment_lifts_it(
    database: str,
) -> None:
    acme = terms(notice=Decimal(35), suspend=Decimal(15), reclaim_seconds=259200.0)
    it = Books(database, "36", acme)
    for name, amount in (("a", "-2"), ("b", "-20")):
        paid = Booking(name, "acme", Decimal(amount), "CNY", books.REVENUE, "call", NOW)
        it.do(books.book, paid)
    for days in (2, 3, 4):
        it.do(books.reclaim, NOW + days * 86400)
    assert "reclaimed" in it.reserve("0001", "1")
    assert it.reserve("0001", "1", first=False) == ""  # a call in progress goes on
    it.do(books.book, top_up("acme", "6", "second"))
    said = ["restored", "notice", "suspended", "reclaimed", "restored"]
    assert it.events() == said
    with it.engine.connect() as connection:
        told = connection.execute(sa.select(OUTBOX).order_by(OUTBOX.c.position)).all()
    assert [row.kind for row in told] == [f"account.{what}" for what in said]
    notice = EventData.model_validate_json(told[1].data).account
    assert notice is not None
    assert (notice.name, Decimal(notice.balance), notice.currency) == ("acme", 34, "CNY")
    assert it.reserve("0002", "1") == ""
    audit(database)


async def test_suspension_by_hand_is_lifted_by_no_payment(database: str) -> None:
    it = Books(database, "50")
    assert it.do(books.hold, "acme", NOW, "li", on=True) is True
    assert it.do(books.hold, "acme", NOW, "li", on=True) is False
    it.do(books.book, top_up("acme", "50", "second"))
    assert it.reserve("0001", "1") == "it is suspended by hand"
    assert it.do(books.hold, "acme", NOW, "li", on=False) is True
    assert it.reserve("0001", "1") == ""


async def test_reservations_of_a_killed_process_go_when_its_records_are_in(database: str) -> None:
    it = Books(database, "10")
    for name in ("lost", "never-answered"):
        assert it.reserve(name, "1") == ""
    with begin_writing(it.engine) as connection:
        legs = [money(Decimal(1))]
        books.reserve(connection, ("other", "acme"), legs, NOTHING, "two.now", NOW, first=True)
    lost = call("lost")
    lost.reason = "lost"
    it.settle(lost)
    store = Store(database)
    assert store.release_orphans("one.then") == 1
    store.close()
    assert balances(database)["acme"] == (Decimal("9.1"), Decimal(1))
    audit(database)


async def test_lost_call_takes_no_balance_below_zero_and_the_rest_is_written_off(
    database: str,
) -> None:
    it = Books(database, "0.5")
    lost = call()
    lost.reason = "lost"
    it.settle(lost)
    assert balances(database)["acme"][0] == 0
    written_off = [row for row in rows(database, "ledger") if row.kind == "written_off"]
    assert sorted(row.amount for row in written_off) == [Decimal("-0.4"), Decimal("0.4")]
    audit(database)


async def test_answer_that_came_too_late_gives_back_its_own_part_alone(database: str) -> None:
    it = Books(database, "10")
    it.reserve("0001", "1")
    it.reserve("0001", "2", first=False)
    it.do(books.release_part, "0001", books.Reserved(Decimal(2), {}))
    it.do(books.release_part, "none", books.Reserved(Decimal(2), {}))
    assert balances(database)["acme"] == (Decimal(10), Decimal(1))
    it.do(books.release_part, "0001", books.Reserved(Decimal(1), {}))
    assert rows(database, "reservations") == []
    audit(database)


async def test_account_in_another_currency_stays_and_pays_for_nothing(database: str) -> None:
    it = Books(database, "10")
    assert it.do(books.keep, (terms(currency="USD"),), NOW) == ["acme"]
    dear = call()
    dear.account = "nobody"
    it.settle(dear)
    assert balances(database)["acme"] == (Decimal(10), Decimal(0))
    audit(database)


async def test_new_terms_count_at_once(database: str) -> None:
    it = Books(database, "10")
    it.do(books.keep, (terms(suspend=Decimal(15), notice=Decimal(35)),), NOW)
    assert it.events() == ["notice", "suspended"]
    assert "suspended" in it.reserve("0001", "1")


async def test_file_that_another_has_for_long_is_busy_and_not_away(tmp_path: Path) -> None:
    it = Books(f"sqlite:///{tmp_path}/calls.db", "10")
    with begin_writing(open_for_writing(it.url)), pytest.raises(sa.exc.OperationalError) as busy:
        it.reserve("0001", "1")
    assert is_busy(busy.value)
    assert not is_busy(sa.exc.OperationalError("", None, OSError("gone")))
