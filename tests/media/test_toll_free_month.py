"""A month of a toll-free number: both charges, the notice, the suspension, and the invoice."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from support.books import audit, balances
from support.hooks import SECRET, HookReceiver
from support.inbox import Inbox
from support.polling import until
from support.ports import free_port
from support.serving import Record, Serving, command, lay_out
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_HOTLINE: Final = "4008001234"
_MOBILE: Final = "13800138000"
_LOW, _NO_CREDIT, _SUSPENDED = 500, 1400, 700
_DIALPLAN: Final = """\
country: CN
rate_plans: plans.yaml
trunks: {{lab: {{addresses: [127.0.0.1]}}, phones: {{phones: true}}}}
gateways: {{carrier: {{address: "127.0.0.1:{carrier}"}}}}
outbound: {{default: main, emergency: [main], permission: staff}}
outbound_lines: {{main: {{via: carrier}}}}
permissions: {{staff: {{}}}}
extensions:
  "101": {{phone: {{user: "101", password_file: "101", addresses: [127.0.0.1]}}}}
queues: {{support: {{agents: ["101"], ring: 30s}}}}
balance_calls:
  owner: {{account: acme, number: "13900139000", via: carrier, caller_id: "4008", prompt: low}}
prompts:
  low: {{tone: {{hertz: 500, for: 1s}}}}
  unpaid: {{tone: {{hertz: 1400, for: 1s}}}}
  suspended: {{tone: {{hertz: 700, for: 1s}}}}
reasons: {{no_credit: {{prompt: unpaid}}, suspended: {{prompt: suspended}}}}
numbers: {{"4008001234": {{rate_plan: toll_free, account: acme, route: [{{queue: support}}]}}}}
"""
_PLANS: Final = """\
country: CN
plans:
  toll_free: {{currency: CNY, blocks: 120/60, price: 6/min, forwarded: outbound}}
  outbound: {{currency: CNY, blocks: 120/60, price: 2/min}}
accounts:
  acme:
    kind: prepaid
    currency: CNY
    fees: [{{what: rental, number: "4008001234", amount: 30, every: month, from: {first}}}]
    mail: {{to: owner@example.com, from: billing@example.com, server: "{mail}", tls: none}}
administrator: {{to: ops@example.com, from: billing@example.com, server: "{mail}", tls: none}}
"""


@dataclass(slots=True)
class Company:
    """A callrouter with a hotline, whose agent is there, and who is told of its account."""

    serving: Serving
    caller: Softphone
    agent: Softphone
    mobile: Softphone
    inbox: Inbox
    crm: HookReceiver
    url: str
    _calls: int = 0

    async def runs(self, *words: str) -> str:
        """What a command prints."""
        process = await asyncio.create_subprocess_exec(
            *command(*words), stdout=asyncio.subprocess.PIPE
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    async def books(self, *words: str) -> dict[str, Any]:
        """What a command for the running server says as JSON."""
        config = str(self.serving.place.config)
        said: dict[str, Any] = orjson.loads(await self.runs(*words, "--json", "--config", config))
        return said

    async def balance(self) -> Decimal:
        """What is left when nothing is reserved."""

        async def look() -> tuple[Decimal, Decimal] | None:
            found = balances(self.url)["acme"]
            return None if found[1] else found

        return (await until(look))[0]

    async def conversation(self, *, forwarded: bool) -> None:
        """The caller waits for the agent and talks; forwarded: on with somebody's mobile."""
        await self.caller.talk(f"sip:{_HOTLINE}@127.0.0.1:{self.serving.place.port}")
        await self.agent.state("confirmed")
        self._calls += 1
        await self.serving.logged("queue: answered", times=self._calls)
        if forwarded:
            await self.agent.transfer(f"sip:{_MOBILE}@127.0.0.1:{self.serving.place.port}")
            await self.mobile.state("confirmed")
            await self.agent.state("disconnected")
        await self.caller.hang_up()
        if forwarded:
            await self.mobile.state("disconnected")
        if not forwarded:
            await self.agent.state("disconnected")

    async def refused(self, tone: int, file: Path) -> int:
        """The caller is refused, and hears why; the status."""
        await self.caller.record(file)
        await self.caller.call(f"sip:{_HOTLINE}@127.0.0.1:{self.serving.place.port}")
        await self.caller.hears_tone(file, tone)
        return int((await self.caller.state("disconnected"))["status"])


@asynccontextmanager
async def company(folder: Path, first: str) -> AsyncIterator[Company]:
    """first: day of the month from which the rental is due."""
    carrier, smtp = free_port(), free_port()
    place = lay_out(folder, _DIALPLAN.format(carrier=carrier))
    plans = _PLANS.format(mail=f"127.0.0.1:{smtp}", first=first)
    (folder / "plans.yaml").write_text(plans, encoding="utf-8")
    (folder / "101").write_text("101-secret\n")
    (folder / "secret").write_text(f"{SECRET}\n")
    shared = shared_folder()
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, shared)
        crm = await stack.enter_async_context(HookReceiver.open())
        inbox = await stack.enter_async_context(Inbox.open(smtp))
        endpoint = {"name": "crm", "url": crm.url, "secret_file": "secret", "allow_private": True}
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(media_settings(shared, 1, 4))
            settings.write(f"webhooks: {json.dumps([endpoint])}\n")
        serving = await Serving.start(place)
        stack.push_async_callback(serving.stop)
        phones = [
            await Softphone.start(user="02087654321"),
            await Softphone.start(answer_after=0.2),
            await Softphone.start(port=carrier, answer_after=0.2),
        ]
        for phone in phones:
            stack.push_async_callback(phone.quit)
        said = await phones[1].register(f"127.0.0.1:{place.port}", "101", "101-secret")
        assert said["active"]
        yield Company(serving, *phones, inbox, crm, f"sqlite:///{place.database}")


def charges(record: Record) -> list[tuple[str, str, int, str]]:
    return [(one["plan"], one["rate"], one["seconds"], one["cost"]) for one in record["charges"]]


async def test_owner_of_a_toll_free_number_pays_both_legs_is_warned_suspended_and_invoiced(
    tmp_path: Path,
) -> None:
    month = f"{datetime.now(UTC):%Y-%m}"
    async with company(tmp_path, f"{month}-01") as it:
        await it.books("accounts", "top-up", "acme", "74")
        assert (await it.inbox.next())["Subject"] == "Account acme is active again"
        assert await it.balance() == 44  # the rental of the month is paid

        await it.conversation(forwarded=True)
        (record,) = await it.serving.records(_HOTLINE, 1)
        assert charges(record) == [
            ("toll_free", "all numbers", 120, "12.0000"),
            ("outbound", "all numbers", 120, "4.0000"),
        ]
        assert await it.balance() == 44 - 12 - 4
        low = await it.inbox.next()
        assert (low["Subject"], low["To"]) == (
            "The balance of account acme is low",
            "owner@example.com",
        )
        assert "Balance: 28.0000 CNY" in low.get_content()
        (told,) = await it.crm.took(1, "account.notice")
        assert told.body["data"]["account"]["balance"] == "28.0000"

        await it.mobile.state("confirmed")  # the carrier's telephone is the owner's, too
        await it.mobile.record(tmp_path / "low.wav")
        await it.mobile.hears_tone(tmp_path / "low.wav", _LOW)
        await it.mobile.state("disconnected")
        (told_by_call,) = await it.serving.records("13900139000", 1)
        assert (told_by_call["caller"], told_by_call["status"]) == ("4008", 200)

        for _ in range(2):
            await it.conversation(forwarded=False)
        assert (await it.inbox.next())["Subject"] == "Account acme is suspended"
        await it.crm.took(1, "account.suspended")
        assert await it.balance() == 28 - 2 * 12
        assert await it.refused(_NO_CREDIT, tmp_path / "unpaid.wav") == 402

        await it.books("accounts", "top-up", "acme", "20")
        await it.crm.took(2, "account.restored")
        await it.books("numbers", "change", "activate", _HOTLINE, "--who", "li")
        await it.books("numbers", "change", "suspend", _HOTLINE, "--who", "li")
        assert await it.refused(_SUSPENDED, tmp_path / "suspended.wav") == 480
        assert (await it.inbox.next())["Subject"] == "Account acme is active again"
        await it.books("numbers", "change", "disconnect", _HOTLINE, "--who", "li")
        ends = await it.inbox.next()
        said = (ends["Subject"], ends["To"])
        assert said == (f"Number {_HOTLINE} is being disconnected", "ops@example.com")
        assert f"callrouter numbers change undo {_HOTLINE}" in ends.get_content()
        reasons = [one["reason"] for one in await it.serving.records(_HOTLINE, 5)]
        assert reasons[-2:] == ["no_credit", "suspended"]

        printed = await it.runs(
            *("invoice", "acme", month, "--json", "--database", it.url),
            *("--plans", str(tmp_path / "plans.yaml")),
        )
        audit(it.url)
    invoice = orjson.loads(printed)
    assert [
        (one["kind"], one["count"], one["seconds"], Decimal(one["amount"]))
        for one in invoice["lines"]
    ] == [
        ("fee", 1, 0, 30),
        ("forwarded", 1, 120, 4),
        ("inbound", 3, 360, 36),
    ]
    assert Decimal(invoice["total"]) == 30 + 4 + 36
    assert balances(it.url)["acme"][0] == 74 + 20 - 30 - 4 - 36
