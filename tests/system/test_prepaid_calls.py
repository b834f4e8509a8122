"""Prepaid calls over real SIP: they last as long as the money does, and not one block longer."""

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
import pytest_asyncio
from support.books import audit, balances, rows
from support.phones import Outcome, Phones
from support.polling import until
from support.ports import free_port
from support.postgres import Postgres
from support.serving import Place, Serving, command, lay_out

from callrouter.storage.cdr_query import CdrQuery, Filter

pytestmark = pytest.mark.asyncio(loop_scope="session")

# A minute of the tariff is two seconds here.
PLANS: Final = """\
country: CN
accounts:
  acme: {kind: prepaid, currency: CNY, notice: 0, suspend: 0}
  low: {kind: prepaid, currency: CNY}
  strict: {kind: prepaid, currency: CNY, notice: 0, suspend: 0, without_database: cut}
plans:
  minute: {currency: CNY, decimals: 2, blocks: 2/2, price: 0.5/s, forwarded: minute}
  second: {currency: CNY, decimals: 2, blocks: 1/1, price: 0.01/s}
  eight: {currency: CNY, decimals: 2, blocks: 8/8, price: 0.5/s}
"""
MINUTE_MS: Final = 2000


def place_of(folder: Path, carrier: int, url: str = "") -> Place:
    """url: of the database; "" for a file in the folder."""
    place = lay_out(
        folder,
        "country: CN\nrate_plans: plans.yaml\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"gateways: {{carrier: {{address: '127.0.0.1:{carrier}'}}}}\n"
        f"targets: {{desk: {{uri: 'sip:desk@127.0.0.1:{carrier}'}}, "
        "mobile: {number: '13800138000', via: carrier}}\n"
        "numbers:\n"
        "  '4000': {rate_plan: minute, account: acme, route: [{hunt: [desk]}]}\n"
        "  '4001': {rate_plan: second, account: acme, route: [{hunt: [desk]}]}\n"
        "  '4002': {rate_plan: second, account: low, route: [{hunt: [desk]}]}\n"
        "  '4003': {rate_plan: minute, account: acme, route: [{hunt: [mobile]}]}\n"
        "  '4004': {rate_plan: second, route: [{hunt: [desk]}]}\n"
        "  '4005': {rate_plan: eight, account: strict, route: [{hunt: [desk]}]}\n"
        "  '4006': {rate_plan: eight, account: acme, route: [{hunt: [desk]}]}\n",
    )
    (folder / "plans.yaml").write_text(PLANS, encoding="utf-8")
    if url:
        settings = place.config.read_text(encoding="utf-8")
        settings = settings.replace("sqlite:///var/callrouter.db", url)
        settings += "state: 'sqlite:///var/state.db'\n"
        place.config.write_text(settings, encoding="utf-8")
    return place


class Lines:
    """A callrouter with accounts, and who calls by it."""

    def __init__(self, serving: Serving, callers: Phones, url: str = "") -> None:
        self.serving = serving
        self.callers = callers
        self.url = url or f"sqlite:///{serving.place.database}"

    async def records(self) -> list[dict[str, Any]]:
        """All records in the database."""
        with CdrQuery(self.url) as calls:
            return list(calls.last(0, Filter()))

    async def asked(self, *words: str) -> dict[str, Any]:
        """What `callrouter accounts` answers."""
        process = await asyncio.create_subprocess_exec(
            *command("accounts", *words, "--json", "--config", self.serving.place.config),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        found: dict[str, Any] = orjson.loads(said)
        return found

    async def paid_in(self, account: str, amount: str, reference: str) -> bool:
        """Whether a payment is booked by now: a busy database may have answered too late."""
        said = await self.asked("top-up", account, amount, "--reference", reference)
        return bool(said["ok"]) or "is booked already" in said["error"]

    async def bought(self, account: str, time: str, price: str, reference: str) -> bool:
        """Whether a package is there by now."""
        terms = ("--price", price, "--expires", "2090-01-01", "--reference", reference)
        said = await self.asked("buy", account, time, *terms)
        return bool(said["ok"]) or "is booked already" in said["error"]

    async def over(self, *outcomes: Outcome) -> list[dict[str, Any]]:
        """Wait until calls are over and settled; their records, in this order."""
        for outcome in outcomes:
            await outcome.over.wait()

        async def look() -> list[dict[str, Any]]:
            found = {record["call_id"]: record for record in await self.records()}
            wanted = [outcome.call_id for outcome in outcomes]
            return [found[it] for it in wanted] if found.keys() >= set(wanted) else []

        return await until(look)

    async def settled(self) -> dict[str, tuple[Decimal, Decimal]]:
        """The balances when nothing is reserved any more."""

        async def look() -> dict[str, tuple[Decimal, Decimal]]:
            found = balances(self.url)
            return found if not any(reserved for _, reserved in found.values()) else {}

        return await until(look)


@asynccontextmanager
async def lines(folder: Path, url: str = "") -> AsyncIterator[Lines]:
    """url: of the database; "" for a file in the folder."""
    carrier = free_port()
    place = place_of(folder, carrier, url)
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, carrier)
    try:
        yield Lines(serving, callers, url)
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres() -> AsyncIterator[Postgres]:
    server = await Postgres.open()
    yield server
    server.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_fifty_calls_at_once_talk_ten_minutes_for_ten_and_leave_nothing(
    tmp_path: Path, kind: str, postgres: Postgres
) -> None:
    url = postgres.new("prepaid") if kind == "postgresql" else ""
    async with lines(tmp_path, url) as it:
        assert (await it.asked("top-up", "acme", "10"))["balance"] == "10"
        records = await it.over(*[it.callers.call("4000", 60.0) for _ in range(50)])
        answered = [record for record in records if record["answered_ms"] is not None]
        refused = [record for record in records if record["answered_ms"] is None]
        assert (len(answered), len(refused)) == (10, 40)
        assert sum(record["billed_seconds"] for record in answered) == 10 * 2
        for record in answered:
            assert record["ended_ms"] - record["answered_ms"] == MINUTE_MS
            assert (record["reason"], record["disposition"]) == ("no_credit", "ANSWERED")
            assert (record["cause"], record["hung_up_by"]) == (21, "callrouter")
            assert (record["cost"], record["account"]) == ("1.00", "acme")
        for record in refused:
            assert (record["reason"], record["status"]) == ("no_credit", 402)
            assert record["cost"] == "0.00"
            assert "10 CNY are left, of which calls have 10" in record["trace"][-1]["why"]
        assert (await it.settled())["acme"] == (Decimal(0), Decimal(0))
        audit(it.url)


async def test_suspended_account_is_refused_until_it_is_paid_and_its_ledger_shows_all(
    tmp_path: Path,
) -> None:
    async with lines(tmp_path) as it:
        (record,) = await it.over(it.callers.call("4002", 60.0))
        assert (record["reason"], record["status"]) == ("no_credit", 402)
        assert "it is suspended" in record["trace"][-1]["why"]
        await it.asked("top-up", "low", "20", "--reference", "bank-1", "--who", "li")
        assert "error" in await it.asked("top-up", "low", "20", "--reference", "bank-1")
        assert "decimals at most" in (await it.asked("top-up", "low", "0.000001"))["error"]
        (record,) = await it.over(it.callers.call("4002", 0.2))
        assert (record["disposition"], record["cost"]) == ("ANSWERED", "0.01")
        await it.settled()
        assert (await it.asked("suspend", "low", "--who", "wang"))["held"] is True
        (record,) = await it.over(it.callers.call("4002", 60.0))
        assert "suspended by hand" in record["trace"][-1]["why"]
        shown = await it.asked("show", "low")
        assert shown["account"]["balance"] == "19.99"
        assert [(row["kind"], row["amount"], row["who"]) for row in shown["ledger"]] == [
            ("call", "-0.01", "callrouter"),
            ("top_up", "20", "li"),
        ]
        assert [row["what"] for row in shown["events"]] == ["suspended", "restored"]
        # A number without an account goes on, whoever pays for the others.
        (free,) = await it.over(it.callers.call("4004", 0.1))
        assert (free["cost"], free["account"]) == ("0.01", "")
        audit(it.url)


async def test_new_terms_are_live_by_a_reload(tmp_path: Path) -> None:
    async with lines(tmp_path) as it:
        await it.asked("top-up", "low", "10")  # under the 15 of the suspension
        (record,) = await it.over(it.callers.call("4002", 60.0))
        assert record["status"] == 402
        terms = PLANS.replace("low: {", "low: {notice: 5, suspend: 5, ")
        (tmp_path / "plans.yaml").write_text(terms, encoding="utf-8")
        reload = await asyncio.create_subprocess_exec(
            *command("reload", "--config", it.serving.place.config),
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await reload.wait() == 0

        async def served() -> bool:
            (record,) = await it.over(it.callers.call("4002", 0.1))
            return bool(record["disposition"] == "ANSWERED")

        await until(served)
        audit(it.url)


async def test_forwarded_leg_is_paid_for_before_it_rings(tmp_path: Path) -> None:
    async with lines(tmp_path) as it:
        await it.asked("top-up", "acme", "1.99")  # the inbound block alone would be 1
        (record,) = await it.over(it.callers.call("4003", 60.0))
        assert (record["reason"], record["legs"]) == ("no_credit", [])
        await it.asked("top-up", "acme", "0.01")
        (record,) = await it.over(it.callers.call("4003", 60.0))
        assert [one["cost"] for one in record["charges"]] == ["1.00", "1.00"]
        assert (await it.settled())["acme"] == (Decimal(0), Decimal(0))
        audit(it.url)


async def test_without_its_database_a_call_goes_on_and_owes_or_ends_with_what_is_paid(
    tmp_path: Path, postgres: Postgres
) -> None:
    async with lines(tmp_path, postgres.new("away")) as it:
        for name in ("acme", "strict"):
            await it.asked("top-up", name, "30")
        owing, strict = it.callers.call("4006", 9.5), it.callers.call("4005", 60.0)
        await asyncio.gather(owing.answered.wait(), strict.answered.wait())
        held = {name: reserved for name, (_, reserved) in balances(it.url).items()}
        assert held == {"acme": 4, "low": 0, "strict": 4}
        postgres.stop()
        refused = it.callers.call("4005", 60.0)
        await refused.over.wait()
        assert refused.status == 402
        let_in = it.callers.call("4000", 0.2)
        await let_in.over.wait()
        assert let_in.status == 200
        await strict.over.wait()
        await owing.over.wait()
        assert (strict.hung_up_on, owing.hung_up_on) == (True, False)
        await postgres.start()
        records = await it.over(owing, strict, let_in, refused)
        assert [record["reason"] for record in records] == ["", "no_credit", "", "no_credit"]
        assert records[1]["ended_ms"] - records[1]["answered_ms"] == 8000
        assert [Decimal(record["cost"]) for record in records] == [8, 4, 1, 0]
        left = await it.settled()
        assert (left["acme"][0], left["strict"][0]) == (21, 26)
        audit(it.url)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_money_is_neither_made_nor_lost_by_kills_at_any_moment(
    tmp_path: Path, full: bool, kind: str, postgres: Postgres
) -> None:
    carrier = free_port()
    url = postgres.new("kills") if kind == "postgresql" else ""
    place = place_of(tmp_path, carrier, url)
    dice = random.Random(7)
    paid = Decimal(0)
    url = url or f"sqlite:///{place.database}"
    for turn in range(200 if full else 2):
        serving = await Serving.start(place)
        server = ("127.0.0.1", place.port)
        callers, callees = await Phones.open(server), await Phones.open(server, carrier)
        it = Lines(serving, callers, url)
        try:
            await until(partial(it.paid_in, "acme", "5", f"turn-{turn}"))
            paid += 5
            if turn % 3 == 0:
                await until(partial(it.bought, "acme", "20s", "1", f"package-{turn}"))
                paid -= 1
            for _ in range(20):
                callers.call(dice.choice(("4000", "4001", "4003")), dice.uniform(0.1, 3.0))
            await asyncio.sleep(dice.uniform(0.05, 2.5))  # the moment is what is tried
            serving.signal(signal.SIGKILL)
            await serving.ended()
        finally:
            await callers.close()
            await callees.close()
            await serving.stop()
        audit(url)
    serving = await Serving.start(place)
    try:
        it = Lines(serving, callers, url)
        left, _ = (await it.settled())["acme"]
        audit(url)
        mine = [row for row in rows(url, "ledger") if row.account == "acme"]
        booked = {row.booking: -row.amount for row in mine if row.kind == "call"}
        packaged = {str(row.call) for row in rows(url, "package_uses")}
        assert packaged
        for record in await it.records():
            cost, money = Decimal(record["cost"] or 0), booked.get(f"call {record['id']}", 0)
            assert money < cost if record["id"] in packaged else money == cost
        forgiven = sum((row.amount for row in mine if row.kind == "written_off"), Decimal(0))
        assert left == paid - sum(booked.values(), Decimal(0)) + forgiven
        assert left >= 0
    finally:
        await serving.stop()
