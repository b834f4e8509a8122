"""Call-backs over real SIP: the agent first, then the caller; whatever dies or rings meanwhile."""

import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Record, Serving, lay_out
from support.typed import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLED = "02012345678"
SHOWN = "+862012345678"


class Hotline:
    """A callrouter with one agent, a dead target and a gateway to customers."""

    def __init__(self, serving: Serving, desk: int, gateway: int) -> None:
        self.serving = serving
        self._desk = desk
        self._gateway = gateway
        self._next = 0
        self._open: list[Phone] = []

    async def agent(self) -> Phone:
        """The agent's telephone."""
        return await self._phone(self._desk)

    async def gateway(self) -> Phone:
        """Where customers are rung."""
        return await self._phone(self._gateway)

    async def _phone(self, port: int) -> Phone:
        phone = await Phone.open("127.0.0.1", port, ("127.0.0.1", self.serving.place.port))
        phone.newcomer = port in {self._desk, self._gateway}
        self._open.append(phone)
        return phone

    def customer(self) -> str:
        """A number that has not called before."""
        self._next += 1
        return f"138001380{self._next:02}"

    async def missed(self, customer: str) -> None:
        """A customer calls, and nobody answers."""
        caller = await self._phone(free_port())
        caller.invite(CALLED, caller=customer)
        caller.ack(await caller.expect_any())

    async def calls(self, customer: str) -> Phone:
        """A customer calls again, and hears nothing yet."""
        caller = await self._phone(free_port())
        caller.invite(CALLED, caller=customer)
        return caller

    async def jobs(self, customer: str) -> list[dict[str, Any]]:
        """The call-backs of a customer, the last one first."""
        place = self.serving.place
        ended = await run(
            place.folder, "callbacks", "list", "--json", "--config", str(place.config)
        )
        assert ended.code == 0, ended.err
        found = json.loads(ended.out)["call_backs"]
        return [job for job in found if job["caller"] == f"+86{customer}"]

    async def over(self, customer: str, why: str) -> dict[str, Any]:
        """The last call-back of a customer, once it has ended so."""

        async def look() -> dict[str, Any] | None:
            jobs = await self.jobs(customer)
            return jobs[0] if jobs and jobs[0]["state"] == "ended" else None

        job = await until(look, 2 * PATIENCE)
        assert job["why"] == why
        return job

    async def attempts(self, customer: str, count: int) -> list[Record]:
        """The records of the calls that were made for a customer."""
        return await self.serving.records(customer, count)

    async def cancelled(self, job: dict[str, Any]) -> None:
        """Somebody calls the customer back no more."""
        place = self.serving.place
        ended = await run(
            place.folder, "callbacks", "cancel", job["id"], "--config", str(place.config)
        )
        assert ended.code == 0, ended.err

    async def killed(self) -> None:
        """callrouter is killed, and started anew."""
        self.serving.signal(signal.SIGKILL)
        await self.serving.ended()
        self.serving = await Serving.start(self.serving.place)

    async def put_away(self) -> None:
        for phone in self._open:
            await phone.close()
        self._open.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hotline]:
    desk, gateway = free_port(), free_port()
    plan = {
        "country": "CN",
        "trunks": {"lab": {"addresses": ["127.0.0.1"]}},
        "gateways": {"out": {"address": f"127.0.0.1:{gateway}"}},
        "targets": {
            "desk": {"uri": f"sip:desk@127.0.0.1:{desk}"},
            "nobody": {"uri": f"sip:nobody@127.0.0.1:{free_port()}"},
        },
        "extensions": {"301": {"targets": ["desk"]}},
        "queues": {"back": {"agents": ["301"], "ring": "60s", "after_no_answer": "1s"}},
        "call_backs": {"missed": {"queue": "back", "via": "out", "attempts": 2, "delay": "1s"}},
        "numbers": {
            CALLED: {"call_back": "missed", "route": [{"hunt": ["nobody"], "progress": "500ms"}]}
        },
    }
    place = lay_out(tmp_path_factory.mktemp("hotline"), json.dumps(plan))
    hotline = Hotline(await Serving.start(place), desk, gateway)
    yield hotline
    await hotline.serving.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def hotline(shared: Hotline) -> AsyncIterator[Hotline]:
    yield shared
    await shared.put_away()


async def agent_answers(agent: Phone) -> None:
    """The agent is offered silence, and takes it."""
    invite = await agent.expect("INVITE")
    assert "a=inactive" in invite.body
    agent.reply(invite, 180)
    agent.reply(invite, 200, SDP)
    await agent.expect("ACK")


async def customer_answers(gateway: Phone, agent: Phone) -> None:
    """The customer is offered the agent's media, and the agent the customer's."""
    invite = await gateway.expect("INVITE")
    assert f"sip:{SHOWN}@" in invite["From"]
    assert "a=inactive" not in invite.body
    gateway.reply(invite, 200, SDP)
    await gateway.expect("ACK")
    again = await agent.expect("INVITE")
    assert "a=inactive" not in again.body
    agent.reply(again, 200, SDP)
    await agent.expect("ACK")


async def test_agent_is_rung_first_and_hears_nothing_until_the_customer_answers(
    hotline: Hotline,
) -> None:
    agent, gateway, customer = await hotline.agent(), await hotline.gateway(), hotline.customer()
    await hotline.missed(customer)
    await agent_answers(agent)
    await customer_answers(gateway, agent)
    agent.request("BYE")
    await agent.expect(200)
    gateway.reply(await gateway.expect("BYE"), 200)
    job = await hotline.over(customer, "connected")
    assert job["attempts"] == 1
    (record,) = await hotline.attempts(customer, 1)
    (missed,) = [it for it in hotline.serving.place.records(CALLED) if it["id"] == job["id"]]
    assert record["call_back_of"] == missed["id"]
    assert (record["direction"], record["extension"], record["caller"]) == (
        "outbound",
        "301",
        SHOWN,
    )
    assert (record["disposition"], record["hung_up_by"]) == ("ANSWERED", "caller")
    assert [leg["target"] for leg in record["legs"]] == ["desk", "call_back missed"]


async def test_customer_who_never_answers_is_rung_as_often_as_the_rule_says(
    hotline: Hotline,
) -> None:
    agent, gateway, customer = await hotline.agent(), await hotline.gateway(), hotline.customer()
    await hotline.missed(customer)
    for _ in range(2):
        await agent_answers(agent)
        gateway.reply(await gateway.expect("INVITE"), 486)
        await gateway.expect("ACK")
        agent.reply(await agent.expect("BYE"), 200)
    job = await hotline.over(customer, "attempts_used")
    assert job["attempts"] == 2
    records = await hotline.attempts(customer, 2)
    assert {record["call_back_of"] for record in records} == {job["id"]}
    assert [record["disposition"] for record in records] == ["BUSY", "BUSY"]
    between = records[1]["started"] - records[0]["started"] - records[0]["ended_ms"] / 1000
    assert between >= 0.99


async def test_customer_who_calls_again_is_called_back_no_more(hotline: Hotline) -> None:
    agent, customer = await hotline.agent(), hotline.customer()
    await hotline.missed(customer)
    invite = await agent.expect("INVITE")
    agent.reply(invite, 180)
    again = await hotline.calls(customer)
    cancel = await agent.expect("CANCEL")
    agent.reply(cancel, 200)
    agent.reply(invite, 487)
    await agent.expect("ACK")
    # The second call is missed as well, and is the one that is called back for.
    again.ack(await again.expect_any())
    await agent_answers(agent)
    gateway = await hotline.gateway()
    await customer_answers(gateway, agent)
    gateway.request("BYE")
    await gateway.expect(200)
    agent.reply(await agent.expect("BYE"), 200)
    await hotline.over(customer, "connected")
    last, first = await hotline.jobs(customer)
    assert (first["why"], first["attempts"], last["attempts"]) == ("called_again", 1, 1)
    assert [it["reason"] for it in await hotline.attempts(customer, 2)] == ["called_again", ""]


async def test_attempt_ends_with_its_agent_and_the_next_one_by_hand(
    hotline: Hotline,
) -> None:
    agent, gateway, customer = await hotline.agent(), await hotline.gateway(), hotline.customer()
    await hotline.missed(customer)
    await agent_answers(agent)
    invite = await gateway.expect("INVITE")
    gateway.reply(invite, 180)
    agent.request("BYE")
    await agent.expect(200)
    gateway.reply(await gateway.expect("CANCEL"), 200)
    gateway.reply(invite, 487)
    await gateway.expect("ACK")
    (job, *_) = await hotline.jobs(customer)
    invite = await agent.expect("INVITE")  # of the next attempt, which somebody ends by hand
    agent.reply(invite, 180)
    await hotline.cancelled(job)
    agent.reply(await agent.expect("CANCEL"), 200)
    agent.reply(invite, 487)
    await agent.expect("ACK")
    await hotline.over(customer, "cancelled")
    first, second = await hotline.attempts(customer, 2)
    assert (first["disposition"], first["hung_up_by"]) == ("CANCELLED", "caller")
    assert (second["reason"], second["hung_up_by"]) == ("cancelled", "callrouter")


async def test_kill_between_both_answers_loses_no_call_back_and_doubles_none(
    hotline: Hotline,
) -> None:
    agent, gateway, customer = await hotline.agent(), await hotline.gateway(), hotline.customer()
    await hotline.missed(customer)
    await agent_answers(agent)
    gateway.reply(await gateway.expect("INVITE"), 180)
    await hotline.killed()
    # The one who held it is gone, so it is taken up again, and that attempt does not count.
    await agent_answers(agent)
    await customer_answers(gateway, agent)
    await hotline.killed()  # while both talk: the journal says that they did
    job = await hotline.over(customer, "connected")
    assert job["attempts"] == 1
    records = await hotline.attempts(customer, 1)
    assert [record["reason"] for record in records] == ["lost"]
    assert agent.quiet()
