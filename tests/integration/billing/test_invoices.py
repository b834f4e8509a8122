"""Invoices from real databases: each charge on one of them, once, and a closed month stays so."""

import csv
import io
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import orjson
import pytest
import pytest_asyncio
from click.testing import CliRunner
from support.books import audit, balances, rows, terms
from support.charged import PLANS, rate_plans, toll_free_call
from support.postgres import Postgres
from support.serving import ROOT

from callrouter.billing.account_rules import AccountTerms
from callrouter.billing.fees import Fee
from callrouter.billing.months import Month
from callrouter.call.services.record import CallRecord
from callrouter.cli import main
from callrouter.dialplan.compile.rate_plan_builder import load_rate_plans
from callrouter.observe.cdr.rerating import rerated
from callrouter.observe.cdr.rows import encode
from callrouter.storage import account_books as books
from callrouter.storage.cdr_charges import ChargedCalls
from callrouter.storage.cdr_table import Store, open_for_writing
from callrouter.storage.engine import StoreError, begin_writing
from callrouter.storage.invoice_store import InvoiceStore

pytestmark = pytest.mark.asyncio(loop_scope="session")
ZONE = ZoneInfo("Asia/Shanghai")
MARCH, APRIL = Month(2026, 3), Month(2026, 4)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()


def fee(what: str, amount: str, every: str, begins: str) -> Fee:
    first = date.fromisoformat(begins)
    return Fee(
        what=what, number="4008", amount=Decimal(amount), every=every, begins=first, ends=None
    )


ACME = replace(
    terms(credit=None, kind="postpaid"),
    timezone="Asia/Shanghai",
    fees=(
        fee("rental", "100", "month", "2026-01-01"),
        fee("prompt upload", "50", "once", "2026-03-09"),
        fee("domain", "30.5", "year", "2025-03-02"),
    ),
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    server = await Postgres.open()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/calls.db"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.new(f"invoices_{time.monotonic_ns()}")
    engine = open_for_writing(url)
    with begin_writing(engine) as connection:
        books.keep(connection, [ACME], at("2026-03-01"))
    engine.dispose()
    return url


def call(id: str, answered: str, ms: int = 0) -> CallRecord:
    """A toll-free call of 0.90 that was answered then; its record began a second before."""
    record = toll_free_call(id, at(answered) + ms / 1000 - 1.0)
    record.account, record.number = "acme", "4008"
    return record


def written(url: str, *records: CallRecord) -> None:
    store = Store(url)
    store.insert([encode(record) for record in records])
    store.close()


def lines(url: str, month: Month, now: str, *, close: bool = False, acme: AccountTerms = ACME):  # type: ignore[no-untyped-def]
    with InvoiceStore(url) as store:
        made = store.invoice(acme, month, at(now), close=close)
    return made, [
        (line.month, line.number, line.kind, line.what, line.count, line.seconds, str(line.amount))
        for line in made.lines
    ]


async def test_month_has_its_calls_by_number_and_kind_and_its_fees(database: str) -> None:
    written(
        database,
        call("a", "2026-03-01T00:00:00"),
        call("b", "2026-03-31T23:59:59", ms=900),
        call("before", "2026-02-28T23:59:59", ms=900),
        call("after", "2026-04-01T00:00:00"),
    )
    made, found = lines(database, MARCH, "2026-04-02")
    assert found == [
        ("", "4008", "fee", "domain", 1, 0, "30.5"),
        ("", "4008", "fee", "prompt upload", 1, 0, "50"),
        ("", "4008", "fee", "rental", 1, 0, "100"),
        ("", "4008", "forwarded", "outbound, +86", 2, 240, "0.6000"),
        ("", "4008", "inbound", "toll_free, all numbers", 2, 240, "1.2000"),
    ]
    assert (made.total, made.closed, made.id) == (Decimal("182.3"), None, "acme-2026-03")
    audit(database)


async def test_rental_of_months_when_nobody_served_is_booked_once_each(database: str) -> None:
    for _ in range(2):
        _, found = lines(database, Month(2026, 5), "2026-05-20")
        assert found == [("", "4008", "fee", "rental", 1, 0, "100")]
    assert balances(database)["acme"][0] == Decimal("-380.5")  # three months, and the other two
    audit(database)


async def test_closed_month_stays_and_what_comes_later_is_on_the_next(database: str) -> None:
    written(database, call("a", "2026-03-10T12:00"))
    with pytest.raises(StoreError, match="is not over"):
        lines(database, MARCH, "2026-03-31T23:59:59", close=True)
    closed, first = lines(database, MARCH, "2026-04-01", close=True)
    written(database, call("late", "2026-03-31T23:59"), call("b", "2026-04-02T12:00"))
    dearer = rate_plans(PLANS.replace("price: 0.30/min", "price: 0.50/min"))
    with ChargedCalls(database) as calls:
        read = list(calls.read(None, None, None))
        changed = [one for one in (rerated(row, dearer) for row in read) if one is not None]
        calls.write([one for one in changed if one.changed])
    again, same = lines(database, MARCH, "2026-04-20")
    assert (again, same) == (closed, first)
    _, found = lines(database, APRIL, "2026-05-01", close=True)
    assert [line for line in found if line[2] != "fee"] == [
        ("2026-03", "4008", "forwarded", "outbound, +86", 1, 120, "0.3000"),
        ("2026-03", "4008", "inbound", "toll_free, all numbers", 1, 120, "1.0000"),
        ("", "4008", "forwarded", "outbound, +86", 1, 120, "0.3000"),
        ("", "4008", "inbound", "toll_free, all numbers", 1, 120, "1.0000"),
    ]
    # The correction of the call that was invoiced is of the day on which it was made.
    this_month = datetime.now(ZONE)
    _, later = lines(
        database, Month(this_month.year, this_month.month), this_month.isoformat()[:19]
    )
    assert ("", "", "correction", "rerated", 1, 0, "0.4000") in later
    audit(database)
    paid = [row.amount for row in rows(database, "ledger") if row.kind in {"call", "rerated"}]
    assert -sum(amount for amount in paid if amount < 0) == Decimal("1.30") * 3


async def test_invoice_of_the_page_is_the_one_that_the_command_prints(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "billing.md").read_text(encoding="utf-8")
    accounts = page.partition("    accounts:\n      acme:\n        kind: postpaid\n")
    block = dedent("".join(accounts[1:]).partition("\n\n")[0])
    plans = tmp_path / "plans.yaml"
    plans.write_text(f"{PLANS}{block}\n", encoding="utf-8")
    database = f"sqlite:///{tmp_path}/calls.db"
    engine = open_for_writing(database)
    with begin_writing(engine) as connection:
        books.keep(connection, load_rate_plans(plans).accounts.values(), at("2026-03-01"))
    engine.dispose()
    for n, day in enumerate(("01T00:00", "10T12:00", "31T23:59:59")):
        record = call(f"{n}", f"2026-03-{day}")
        record.number = "4008001234"
        written(database, record)
    asked = ["acme", "2026-03", "--plans", str(plans), "--database", database]
    result = CliRunner().invoke(main, ["invoice", *asked])
    assert result.exit_code == 0, result.output
    shown = page.partition("<!-- invoice -->\n\n")[2].partition("\n\nA call belongs")[0]
    assert [line.rstrip() for line in result.stdout.splitlines()] == dedent(shown).splitlines()


async def test_command_prints_it_in_every_form(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/calls.db"
    engine = open_for_writing(database)
    with begin_writing(engine) as connection:
        books.keep(connection, [ACME], at("2026-03-01"))
    engine.dispose()
    written(database, call("a", "2026-03-10T12:00"))
    plans = tmp_path / "plans.yaml"
    plans.write_text(
        f"{PLANS}accounts: {{acme: {{kind: postpaid, currency: CNY, fees: "
        "[{what: =<rental>, amount: 100, every: month, from: 2026-03-01}]}}\n",
        encoding="utf-8",
    )
    asked = ["acme", "2026-03", "--plans", str(plans), "--database", database]

    def shown(*more: str) -> str:
        result = CliRunner().invoke(main, ["invoice", *asked, *more])
        assert result.exit_code == 0, result.output
        return result.stdout

    text = shown()
    assert text.startswith("invoice acme-2026-03, draft\n")
    assert text.endswith("total 100.9000 CNY\n")
    table = list(csv.DictReader(io.StringIO(shown("--csv"))))
    assert [row["amount"] for row in table] == ["100", "0.3000", "0.6000"]
    assert table[0]["what"] == "'=<rental>"
    known = orjson.loads(shown("--json"))
    assert (known["total"], known["closed"], len(known["lines"])) == ("100.9000", None, 3)
    page = shown("--html")
    assert "&lt;rental&gt;" in page
    assert page.count("<tr>") == 5
    assert "closed 20" in shown("--close")
    assert orjson.loads(shown("--json"))["closed"] is not None
    nobody = CliRunner().invoke(main, ["invoice", "acne", *asked[1:]])
    assert nobody.exit_code == 1
    assert "did you mean 'acme'?" in nobody.output
