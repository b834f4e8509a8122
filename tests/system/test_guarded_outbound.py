"""Guards of calls to outside, over real SIP: fraud, spending, the carrier looked up; one server."""

import json
import signal
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from support.crm import Crm
from support.hooks import SECRET, HookReceiver
from support.message import SDP, Message
from support.phone import Phone
from support.polling import until
from support.ports import free_port
from support.proving import Telephone, proving
from support.serving import Serving
from support.typed import run

from callrouter.webhooks.event_catalogue import EventData

pytestmark = pytest.mark.asyncio(loop_scope="session")

VIETNAM: Final = "0084901234567"
HONG_KONG: Final = "0085251234567"
MOBILE: Final = "13800138000"
OURS: Final = {"+8613800000001": "China Mobile", "+8613000000002": "China Unicom"}
PLANS: Final = """\
country: CN
plans:
  out: {currency: CNY, blocks: 1/1, price: 1/s}
  hotline: {currency: CNY, blocks: 1/1, price: 5/s, forwarded: out}
accounts:
  acme: {kind: prepaid, currency: CNY}
"""
HOTLINE: Final = "02012345678"


class Company:
    """A callrouter with two telephones, a carrier, and who is told of events."""

    def __init__(
        self, serving: Serving, hook: HookReceiver, gateway: Phone, crm: Crm, agent: Phone
    ) -> None:
        self.agent = agent
        self.serving = serving
        self.hook = hook
        self.crm = crm
        self.gateway = gateway
        self._open: list[Phone] = []

    async def phone(self, user: str) -> Telephone:
        server = ("127.0.0.1", self.serving.place.port)
        phone = await Telephone.open("127.0.0.41", free_port(), server)
        phone.user = user
        self._open.append(phone)
        return phone

    async def talks(self, phone: Telephone, number: str) -> Message:
        """A call that is answered, and lasts a moment; the INVITE that the carrier got."""
        await phone.calls(number)
        invite = await self.gateway.expect("INVITE")
        self.gateway.reply(invite, 200, SDP)
        phone.ack(await phone.expect(200))
        await self.gateway.expect("ACK")
        await self.serving.metrics()  # what lasts less than a millisecond costs nothing
        phone.request("BYE")
        await phone.expect(200)
        self.gateway.reply(await self.gateway.expect("BYE"), 200)
        return invite

    async def refused(self, phone: Telephone, number: str, count: int) -> tuple[str, str, str]:
        """The reason, the last rule and why: of the record of a call that is refused.

        count: of all calls to the number so far.
        """
        await phone.calls(number)
        phone.ack(await phone.expect(403))
        record = (await self.serving.records(number, count))[-1]
        last = record["trace"][-1]
        assert last["result"] == "refused"
        return record["reason"], last["rule"], last["why"]

    async def command(self, *arguments: str) -> Any:
        place = self.serving.place
        ended = await run(place.folder, *arguments, "--json", "--config", str(place.config))
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    async def alarms(self, kind: str, count: int) -> list[dict[str, Any]]:
        """What was told of alarms so far, by the models of the catalogue."""
        events = await self.hook.took(count, kind)
        found = [EventData.model_validate_json(json.dumps(it.body["data"])) for it in events]
        return [it.alarm.model_dump(exclude={"cdr"}) for it in found if it.alarm is not None]

    async def again(self) -> None:
        """It is stopped, and started anew."""
        self.serving.signal(signal.SIGTERM)
        await self.serving.ended()
        self.serving = await Serving.start(self.serving.place)

    async def put_away(self) -> None:
        while self._open:
            await self._open.pop().close()


def plan(folder: Path, gateway: int, crm: int, agent: int) -> dict[str, Any]:
    return {
        "rate_plans": "plans.yaml",
        "trunks": {
            "lab": {"addresses": ["127.0.0.1"]},
            "phones": {"phones": True, "transfer": "both"},
        },
        "gateways": {"out": {"address": f"127.0.0.1:{gateway}"}},
        "outbound": {
            "default": "main",
            "emergency": ["main"],
            "permission": "world",
            "carrier_lookup": "portability",
            "guards": {
                "new_country": {"of": "extension", "bar": True},
                "short_calls": {"calls": 2, "shorter_than": "10m", "bar": True},
            },
        },
        "outbound_lines": {"main": {"via": "out", "rate_plan": "out"}},
        "permissions": {
            "world": {"international": "all", "caller_ids": OURS},
            "thrifty": {"spend_per_hour": "1"},
        },
        "lookups": {
            "portability": {
                "url": f"http://127.0.0.1:{crm}/owner?caller={{called}}",
                "timeout": "500ms",
            }
        },
        "extensions": {
            "101": {"phone": {"user": "101", "password_file": str(folder / "101")}},
            "301": {"targets": ["agent"]},
            "102": {
                "phone": {"user": "102", "password_file": str(folder / "102")},
                "permission": "thrifty",
            },
        },
        "targets": {
            "agent": {"uri": f"sip:agent@127.0.0.1:{agent}"},
            "telephone": {"extension": "101"},
        },
        "queues": {"back": {"agents": ["301"], "ring": "60s"}},
        "call_backs": {"missed": {"queue": "back", "attempts": 1}},
        "numbers": {
            "4100": {"route": [{"hunt": ["telephone"], "redirects": "follow"}]},
            "13000000002": {"name": "By Unicom", "route": [{"queue": "back"}]},
            HOTLINE: {
                "call_back": "missed",
                "rate_plan": "hotline",
                "account": "acme",
                "route": [{"queue": "back"}],
            },
        },
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Company]:
    folder = tmp_path_factory.mktemp("guarded")
    at, desk = free_port(), free_port()
    (folder / "plans.yaml").write_text(PLANS)
    (folder / "secret").write_text(f"{SECRET}\n")
    async with HookReceiver.open() as hook, Crm.open() as crm:
        endpoint = {"name": "crm", "url": hook.url, "secret_file": "secret"}
        settings = f"webhooks: {json.dumps([{**endpoint, 'allow_private': True}])}\n"
        async with proving(folder, plan(folder, at, crm.port, desk), settings) as serving:
            gateway = await Phone.open("127.0.0.1", at, ("127.0.0.1", serving.place.port))
            agent = await Phone.open("127.0.0.1", desk, ("127.0.0.1", serving.place.port))
            company = Company(serving, hook, gateway, crm, agent)
            yield company
            log = company.serving.log()
            await company.serving.stop()
            for phone in (gateway, agent):
                await phone.close()
            assert "internal error" not in log


@pytest_asyncio.fixture(loop_scope="session")
async def company(shared: Company) -> AsyncIterator[Company]:
    yield shared
    await shared.put_away()


async def test_first_call_to_a_country_and_short_calls_bar_calls_abroad_until_it_is_lifted(
    company: Company,
) -> None:
    one, serving = await company.phone("101"), company.serving
    await company.talks(one, VIETNAM)
    told = {"extension": "101", "what": "VN", "first_of": "company", "calls": 0, "barred": True}
    assert await company.alarms("fraud.new_country", 1) == [told]
    await serving.logged("fraud guard: new country", "extension=101", "what=VN")
    barred = "calls abroad are barred since the first call to VN: `callrouter barrings` lifts it"
    said = ("barred", "guards of extension 101", barred)
    assert await company.refused(one, VIETNAM, 2) == said
    await company.talks(one, MOBILE)  # at home it calls as before
    await company.again()
    assert await company.refused(one, HONG_KONG, 1) == said
    explained = await company.command(
        *("explain", "--trunk", "phones", "--from", "101", "--to", VIETNAM)
    )
    assert explained["trace"][-1]["why"] == barred
    (found,) = (await company.command("barrings", "list"))["barred"]
    assert (found["extension"], found["why"]) == ("101", "the first call to VN")
    assert (await company.command("barrings", "lift", "101"))["barred"] == []

    await company.talks(one, VIETNAM)  # the second short one
    told = {**told, "what": "+84901234567"[:-4], "first_of": "", "calls": 2}
    assert await company.alarms("fraud.short_calls", 1) == [told]
    assert (await company.refused(one, VIETNAM, 4))[1] == "guards of extension 101"
    await company.command("barrings", "lift", "101")
    ended = await run(serving.place.folder, "barrings", "lift", "101")
    assert (ended.code, "extension 101 is not barred" in ended.err) == (1, True)
    assert (await company.serving.metrics())['callrouter_fraud_alarms_total{kind="short_calls"}']


async def test_transfers_and_redirections_come_by_the_same_guards(company: Company) -> None:
    one, gateway = await company.phone("101"), company.gateway
    server = ("127.0.0.1", company.serving.place.port)
    await one.calls(MOBILE)
    gateway.reply(await gateway.expect("INVITE"), 200, SDP)
    one.ack(await one.expect(200))
    await gateway.expect("ACK")
    talk = gateway.call_id, gateway.local, gateway.remote, gateway.target
    for status in (486, 403):  # of the carrier, and then by the guard
        one.request("REFER", "", ("Refer-To", f"<sip:{HONG_KONG}@127.0.0.1:{server[1]}>"))
        await one.expect(202)
        one.reply(await one.expect("NOTIFY"), 200)
        if status == 486:
            gateway.reply(await gateway.expect("INVITE"), 486)
            await gateway.expect("ACK")
        notify = await one.expect("NOTIFY")
        assert f"SIP/2.0 {status}" in notify.body
        one.reply(notify, 200)
    gateway.call_id, gateway.local, gateway.remote, gateway.target = talk
    one.request("BYE")
    await one.expect(200)
    gateway.reply(await gateway.expect("BYE"), 200)
    assert (await company.alarms("fraud.new_country", 2))[-1]["what"] == "HK"

    await one.registered()
    contact = f"<sip:{HONG_KONG}@127.0.0.1:{gateway.port}>"
    for lifted in (False, True):
        outside = await Phone.open("127.0.0.1", free_port(), server)
        outside.invite("4100", SDP)
        one.reply(await one.expect("INVITE"), 302, Contact=contact)
        await one.expect("ACK")
        if lifted:
            gateway.reply(await gateway.expect("INVITE"), 603)
            await gateway.expect("ACK")
        refused = await outside.expect_any()
        outside.ack(refused)
        assert (refused.status == 603) == lifted
        await outside.close()
        if not lifted:
            await company.command("barrings", "lift", "101")


async def test_spending_runs_out_and_an_emergency_passes(company: Company) -> None:
    two = await company.phone("102")
    await company.talks(two, MOBILE)
    said = ("outgoing_limit", "spend of extension 102", "as much as may be spent in an hour")
    other = "13800138001"
    assert await company.refused(two, other, 1) == said
    await company.again()
    assert await company.refused(two, other, 2) == said
    record = (await company.serving.records(other, 2))[-1]
    assert record["trace"][-1]["value"].endswith(" of 1")
    await company.talks(two, "110")


async def test_carrier_is_looked_up_and_without_an_answer_the_call_goes_on_in_time(
    company: Company,
) -> None:
    one, crm = await company.phone("101"), company.crm
    unicom, nobody, slow, broken = (f"1380013810{n}" for n in range(4))
    crm.acts["+86" + unicom] = crm.says('{"carrier": "China Unicom"}')
    crm.acts["+86" + slow] = crm.dawdles
    crm.acts["+86" + broken] = crm.says('{"owner": "101"}')
    mobile = "is with China Mobile by its prefix +86138, and so is this one"
    for number, looked_up, shown, why in (
        (
            unicom,
            "names China Unicom",
            "+8613000000002",
            "is with China Unicom by its lookup portability, and so is this one",
        ),
        (nobody, "it knows no carrier", "+8613800000001", mobile),
        (slow, "no answer within 0.5 s", "+8613800000001", mobile),
        (broken, "answered without 'carrier'", "+8613800000001", mobile),
    ):
        invite = await company.talks(one, number)
        assert f"<sip:{shown}@" in invite["From"]
        trace = {it["rule"]: it for it in (await company.serving.record(number))["trace"]}
        assert trace["lookup portability"]["why"] == looked_up
        assert trace["caller_ids of permission world"]["why"] == f"+86{number} {why}"
    crm.go_on.set()

    async def told() -> Any:
        calls = [it.body["data"]["call"] for it in company.hook.events if it.kind == "call.ended"]
        return next((it for it in calls if it["called"] == unicom), None)

    assert (await until(told))["number"]["name"] == "By Unicom"
    await company.talks(one, unicom)  # who was shown a number is not asked for again
    assert crm.asked.count("+86" + unicom) == 1


async def test_call_back_is_charged_to_the_number_and_rings_nobody_without_money(
    company: Company,
) -> None:
    agent, gateway, serving = company.agent, company.gateway, company.serving
    poor, rich = "13800138500", "13800138501"
    await company.command("callbacks", "add", "missed", poor, "--number", HOTLINE)
    refused = await serving.record(poor)
    assert (refused["reason"], refused["legs"], agent.seen) == ("no_credit", [], [])
    assert refused["trace"][-1]["rule"] == "account acme"
    await company.command("accounts", "top-up", "acme", "100", "--reference", "1")
    await company.command("callbacks", "add", "missed", rich, "--number", HOTLINE)
    agent.reply(await agent.expect("INVITE"), 200, SDP)
    await agent.expect("ACK")
    gateway.reply(await gateway.expect("INVITE"), 200, SDP)
    await gateway.expect("ACK")
    agent.reply(await agent.expect("INVITE"), 200, SDP)
    await agent.expect("ACK")
    await serving.metrics()
    agent.request("BYE")
    await agent.expect(200)
    gateway.reply(await gateway.expect("BYE"), 200)
    record = await serving.record(rich)
    (charge,) = record["charges"]
    assert (charge["leg"], charge["plan"], record["cost"]) == (1, "out", charge["cost"])
    assert (record["account"], record["rate_plan"]) == ("acme", "hotline")
    assert Decimal(charge["cost"]) >= 1
    jobs = (await company.command("callbacks", "list"))["call_backs"]
    assert [job["why"] for job in jobs] == ["connected", "attempts_used"]
