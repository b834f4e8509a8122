"""The lab's trunks on addresses of their own: TLS, no 100rel, a session timer; and strangers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.lab import Lab, running_lab
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE
from support.ports import free_port
from support.proving import Telephone, credentials
from support.records import results
from support.stream_phone import StreamPhone

pytestmark = pytest.mark.asyncio(loop_scope="session")

TLS, NO_100REL, TIMER, STRANGER = "127.0.0.12", "127.0.0.13", "127.0.0.14", "127.0.0.20"
RELIABLE = ("Supported", "100rel")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


async def put_away(*phones: Phone) -> None:
    for phone in phones:
        await phone.close()


async def test_trunk_tls_is_known_by_its_certificate(lab: Lab) -> None:
    caller = await StreamPhone.connect(lab.secure, lab.shown("trunk"), host=TLS)
    callee = await lab.callee("callee_busy", 5081)
    caller.invite("4002")
    caller.ack_refusal(await caller.expect(486))
    await callee.done()
    record = await lab.serving.record("4002")
    assert (record["trunk"], record["source"]) == ("tls", TLS)
    await put_away(caller)


async def test_anybody_on_this_machine_may_call_by_tls(lab: Lab) -> None:
    caller = await StreamPhone.connect(lab.secure, lab.shown())
    caller.invite("4999")
    caller.ack_refusal(await caller.expect(404))
    assert (await lab.serving.record("4999"))["trunk"] == "lab"
    await put_away(caller)


@pytest.mark.parametrize("name", ["", "callrouter"])
async def test_trunk_tls_without_its_certificate_is_a_stranger(lab: Lab, name: str) -> None:
    caller = await StreamPhone.connect(lab.secure, lab.shown(name), host=TLS)
    caller.invite("4002")
    async with asyncio.timeout(PATIENCE):
        await caller.links[0].lost.wait()
    assert caller.seen == []
    await put_away(caller)


async def test_4201_rings_the_trunk_tls_and_shows_it_who_calls(lab: Lab) -> None:
    port = lab.ports[5061]
    callee = await StreamPhone.listen(TLS, port, lab.secure, lab.awaited())
    caller = await Phone.open("127.0.0.1", free_port(), lab.address)
    caller.invite("4201")
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)
    shown = callee.links[0].transport.get_extra_info("peercert")
    assert ("IP Address", "127.0.0.1") in shown["subjectAltName"]
    assert results(await lab.serving.record("4201")) == [("answered", 200)]
    await put_away(caller, callee)


async def test_4202_is_never_asked_to_ring_reliably(lab: Lab) -> None:
    callee = await lab.callee("callee_is_not_asked_for_prack", 5080, host=NO_100REL)
    caller = await Phone.open("127.0.0.1", free_port(), lab.address)
    # Even though its caller could acknowledge.
    caller.invite("4202", SDP, RELIABLE)
    ringing = await caller.expect(180)
    caller.ack(await caller.expect(200))
    caller.request("BYE")
    await caller.expect(200)
    await callee.done()
    assert ringing["Require"] == ""
    assert results(await lab.serving.record("4202")) == [("answered", 200)]
    await put_away(caller)


async def test_trunk_no_100rel_is_never_rung_reliably(lab: Lab) -> None:
    callee = await lab.callee("callee_rings_reliably", 5080)  # which callrouter acknowledges
    caller = await Phone.open(NO_100REL, free_port(), lab.address)
    caller.invite("4000", SDP, RELIABLE)
    ringing = await caller.expect(180)
    assert ringing["Require"] == ""
    caller.ack(await caller.expect(200))
    caller.request("BYE")
    await caller.expect(200)
    await callee.done()
    await put_away(caller)


async def test_trunk_no_100rel_that_requires_it_is_420(lab: Lab) -> None:
    caller = await lab.caller("4202", "caller_requires_100rel", NO_100REL)
    await caller.done()


async def test_4203_asks_for_a_session_timer(lab: Lab) -> None:
    callee = await lab.callee("callee_is_asked_for_a_timer", 5080, host=TIMER)
    record = await lab.call("4203")
    await callee.done()
    assert results(record) == [("answered", 200)]


async def test_trunk_timer_may_not_have_a_shorter_one(lab: Lab) -> None:
    caller = await Phone.open(TIMER, free_port(), lab.address)
    caller.invite("4000", SDP, ("Supported", "timer"), ("Session-Expires", "60"))
    refusal = await caller.expect(422)
    assert refusal["Min-SE"] == "90"
    caller.ack_refusal(refusal)
    await put_away(caller)


async def test_trunk_timer_refreshes_as_often_as_is_agreed(lab: Lab) -> None:
    callee = await Phone.open("127.0.0.1", lab.ports[5080], lab.address)
    caller = await Phone.open(TIMER, free_port(), lab.address)
    caller.invite("4000", SDP, ("Supported", "timer"))
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    answer = await caller.expect(200)
    caller.ack(answer)
    await callee.expect("ACK")
    assert answer["Session-Expires"].startswith("90;refresher=")
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)
    await put_away(caller, callee)


async def test_trunk_timer_that_knows_none_is_asked_after_45_seconds(lab: Lab, full: bool) -> None:
    if not full:
        pytest.skip("45 seconds; --full")
    callee = await lab.callee("callee_answers", 5080)
    caller = await lab.caller("4000", "caller_is_refreshed", TIMER)
    await caller.done()
    await callee.done()


@pytest.mark.parametrize(("host", "status"), [("127.0.0.7", 200), (NO_100REL, 403)])
async def test_extension_105_registers_from_the_trunk_lab_alone(
    lab: Lab, host: str, status: int
) -> None:
    phone = await Telephone.open(host, free_port(), lab.address)
    phone.user = "105"
    phone.register(expires=0, contact="*")
    challenge = await phone.expect(401)
    proof = credentials(challenge, "105", "lab-digest", "REGISTER")
    phone.register(proof, expires=0, contact="*")
    await phone.expect(status)
    await put_away(phone)


async def test_strangers_get_nothing_at_all(lab: Lab) -> None:
    hosts = (STRANGER, "127.0.0.29", TLS)
    strangers = [await lab.caller("4000", "caller_hears_nothing", host) for host in hosts]
    for stranger in strangers:
        await stranger.done()


async def test_stranger_that_connects_is_hung_up_on(lab: Lab) -> None:
    stranger = await StreamPhone.connect(lab.address, host=STRANGER)
    stranger.invite("4000")
    async with asyncio.timeout(PATIENCE):
        await stranger.links[0].lost.wait()
    assert stranger.seen == []
    await put_away(stranger)
