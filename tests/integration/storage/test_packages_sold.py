"""Packages that accounts have bought, on both databases: no second is had by two calls, or lost."""

import threading
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from support.books import audit, balances, rows, terms
from support.charged import PLANS, rate_plans, toll_free_call
from support.postgres import Postgres

from callrouter.billing.account_rules import AccountTerms, PackageSale, Statement
from callrouter.billing.months import month_at
from callrouter.call.services.account_port import Credit, NoCredit
from callrouter.call.services.record import CallRecord
from callrouter.observe.cdr.rerating import rerated
from callrouter.observe.cdr.rows import encode
from callrouter.pending import Pending
from callrouter.storage.account_admin import AccountAdmin
from callrouter.storage.account_service import AccountService
from callrouter.storage.cdr_charges import ChargedCalls
from callrouter.storage.cdr_table import Store
from callrouter.storage.invoice_store import InvoiceStore

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOW = float(int(time.time()))
DAY = 86400.0
PREPAID = {"suspend": Decimal(15), "reclaim_seconds": 0.0}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    server = await Postgres.open()
    yield server
    server.close()


class Shop:
    """A running service of accounts, and the account `acme`, which has paid 100."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._service = AccountService(url, "one.now", lambda do: do())
        self._service.start()
        self.desk = AccountAdmin(self._service)

    def open(self, **known: object) -> AccountTerms:
        """Have the account on these terms."""
        acme = terms(**known)
        self._service.looked.clear()
        self._service.serve([acme])
        assert self._service.looked.wait(30)
        self.got(self.desk.book("acme", Decimal(100), "top_up", "first", "li", ""))
        return acme

    def close(self) -> None:
        self._service.close()

    def got(self, later: Any) -> Any:
        """An answer, once it is there."""
        if not isinstance(later, Pending):
            return later
        done = threading.Event()
        later.then(done.set)
        assert done.wait(30)
        return later.answer

    def buy(self, name: str, seconds: int, price: str = "0", days: float = 30.0) -> Any:
        sale = PackageSale(
            account="acme",
            name=name,
            seconds=seconds,
            expires=NOW + days * DAY,
            price=Decimal(price),
        )
        return self.got(self.desk.buy(sale, "li", ""))

    def reserve(
        self, record: CallRecord, until: int, reserved: str = "0", *, first: bool = False
    ) -> Credit | NoCredit:
        """Reserve for a call up to a second after its answer."""
        asked = self._service.reserve(record, 1000 + until * 1000, Decimal(reserved), first=first)
        answer = self.got(asked)
        assert isinstance(answer, Credit | NoCredit)
        return answer

    def unwanted(self, record: CallRecord, reserved: str, answer: object) -> None:
        self._service.unwanted(record, Decimal(reserved), answer)

    def settle(self, *records: CallRecord) -> None:
        store = Store(self.url)
        store.insert([encode(record) for record in records])
        store.close()

    def statement(self) -> Statement:
        found = self.got(self.desk.statement("acme", 100))
        assert isinstance(found, Statement)
        return found

    def left(self) -> dict[str, int]:
        return {it.name: it.left for it in self.statement().packages}


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    url = f"sqlite:///{tmp_path}/calls.db"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new(f"packages_{time.monotonic_ns()}")
    found = Shop(url)
    yield found
    found.close()
    audit(url)


def call(id: str = "0001", seconds: int = 61) -> CallRecord:
    """A toll-free call of one leg, at 0.30 a minute, that has lasted so long."""
    record = toll_free_call(id, NOW - 1.0)
    record.account, record.number = "acme", "4008001234"
    record.legs.clear()
    record.ended_ms = 1000 + seconds * 1000
    return record


async def test_call_uses_the_package_that_expires_first_and_pays_the_rest_once(shop: Shop) -> None:
    shop.open()
    assert shop.buy("new", 60, "5").balance == 95
    assert shop.buy("old", 90, days=2).balance == 95
    assert shop.buy("old", 90, days=2) == "old is booked already"
    for _ in range(2):  # a record that is written twice
        shop.settle(call(seconds=200))
    assert shop.left() == {"new": 0, "old": 0}
    assert balances(shop.url)["acme"] == (95 - Decimal("0.45"), 0)  # 90 s of 240
    (paid,) = [one for one in shop.statement().ledger if one.kind == "call"]
    assert (paid.amount, paid.note) == (Decimal("-0.4500"), "90 s of old, 60 s of new")


async def test_package_costs_no_more_than_there_is_and_time_to_come(shop: Shop) -> None:
    shop.open()
    assert shop.buy("dear", 60, "100.5") == "it costs 100.5 CNY, and 100 are left"
    assert shop.left() == {}
    assert "no account" in shop.got(
        shop.desk.buy(
            PackageSale(account="acne", name="a", seconds=1, expires=NOW, price=Decimal(0)),
            *("li", ""),
        )
    )


async def test_slices_take_of_a_package_what_the_whole_call_does(shop: Shop) -> None:
    shop.open()
    shop.buy("hour", 150)
    record = call()
    reserved = Decimal(0)
    for until in range(0, 240, 30):
        answer = shop.reserve(record, until, f"{reserved:f}", first=until == 0)
        assert isinstance(answer, Credit)
        reserved = answer.reserved
    assert reserved == Decimal("0.45")  # 90 s of 240
    record.ended_ms = 1000 + 200_000
    shop.settle(record)
    assert (shop.left(), balances(shop.url)["acme"]) == (
        {"hour": 0},
        (100 - Decimal("0.45"), 0),
    )


async def test_two_calls_do_not_hold_the_same_seconds(shop: Shop) -> None:
    shop.open()
    shop.buy("hour", 90)
    one, other = call("0001"), call("0002")
    first = shop.reserve(one, 0, first=True)
    second = shop.reserve(other, 0, first=True)
    assert isinstance(first, Credit)
    assert isinstance(second, Credit)
    assert (first.reserved, first.packaged) == (0, {"hour": 60})
    assert (second.reserved, second.packaged) == (Decimal("0.1500"), {"hour": 30})
    shop.unwanted(one, "0", first)  # its answer came too late
    third = shop.reserve(call("0003"), 0, first=True)
    assert isinstance(third, Credit)
    assert third.packaged == {"hour": 60}
    shop.settle(other)
    assert shop.left() == {"hour": 60}  # the third still holds its own


async def test_what_a_killed_process_held_is_free_when_its_records_are_in(shop: Shop) -> None:
    shop.open()
    shop.buy("hour", 90)
    lost, never = call("lost", seconds=30), call("never-answered")
    for one in (lost, never):
        assert isinstance(shop.reserve(one, 0, first=True), Credit)
    lost.reason = "lost"
    shop.settle(lost)
    store = Store(shop.url)
    assert store.release_orphans("one.then") == 1
    store.close()
    assert shop.left() == {"hour": 30}
    after = shop.reserve(call("0003"), 0, first=True)
    assert isinstance(after, Credit)
    assert after.packaged == {"hour": 30}


async def test_suspended_account_calls_as_far_as_its_packages_pay_and_is_not_reclaimed(
    shop: Shop,
) -> None:
    shop.open(**PREPAID)
    shop.buy("hour", 90, "90")
    assert isinstance(shop.reserve(call("0001"), 0, first=True), Credit)
    state = shop.statement().account
    assert (state.state, state.balance) == ("suspended", 10)
    refused = shop.reserve(call("0002"), 0, first=True)
    assert isinstance(refused, NoCredit)
    assert refused.why == "it is suspended: 10 CNY are left"
    shop.got(shop.desk.hold("acme", "li", on=True))
    assert isinstance(shop.reserve(call("0003"), 0, first=True), NoCredit)
    shop.settle(call("0001", 90))
    assert shop.left() == {"hour": 0}
    shop.got(shop.desk.book("acme", Decimal("-0.01"), "adjustment", "a", "li", "why"))
    assert shop.statement().account.state == "reclaimed"  # nothing is left to be used


async def test_invoice_and_new_prices_leave_to_packages_what_they_have_paid(shop: Shop) -> None:
    acme = shop.open()
    shop.buy("hour", 90, "5")
    shop.settle(call(seconds=121))
    month = month_at(NOW, ZoneInfo("UTC"))

    def lines() -> list[tuple[str, str, int, int, Decimal]]:
        with InvoiceStore(shop.url) as store:
            made = store.invoice(acme, month, NOW)
        assert made.total == 100 - balances(shop.url)["acme"][0]
        return [(it.kind, it.what, it.count, it.seconds, it.amount) for it in made.lines]

    assert lines() == [
        ("package", "hour", 1, 0, 5),
        ("inbound", "toll_free, all numbers", 1, 180, Decimal("0.9000")),
        ("packaged", "paid by packages", 1, 90, Decimal("-0.4500")),
    ]
    dearer = rate_plans(PLANS.replace("price: 0.30/min", "price: 0.50/min"))
    with ChargedCalls(shop.url) as calls:
        changed = [rerated(row, dearer) for row in calls.read(None, None, None)]
        calls.write([one for one in changed if one is not None])
    assert lines()[1:] == [
        ("inbound", "toll_free, all numbers", 1, 180, Decimal("1.5000")),
        ("packaged", "paid by packages", 1, 90, Decimal("-0.7500")),
    ]
    (corrected,) = [row.amount for row in rows(shop.url, "ledger") if _is_correction(row)]
    assert corrected == Decimal("-0.3000")  # of 90 s, at 0.20 a minute more
    assert shop.left() == {"hour": 0}


def _is_correction(row: Any) -> bool:
    return bool(row.kind == "rerated" and row.account == "acme")
