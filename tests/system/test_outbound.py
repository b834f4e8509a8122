"""Extensions call each other and outside, over real SIP: lines, permissions, limits."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.lab import Lab, running_lab
from support.message import SDP, Message
from support.phone import Phone
from support.ports import free_port
from support.proving import Telephone, credentials, proving
from support.records import results
from support.serving import Record, Serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET = "lab-digest"
MOBILE = "13800138000"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    async with running_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


async def called(phone: Phone, number: str, *rows: tuple[str, str], body: str = SDP) -> None:
    """Call from extension 105 of the lab, by its password."""
    phone.invite(number, body, *rows, caller="105")
    challenge = await phone.expect(401)
    phone.ack(challenge)
    phone.invite(number, body, *rows, credentials(challenge, "105", SECRET), caller="105")


async def talks(phone: Phone, callee: Phone) -> Message:
    """Answer, and hang up; the INVITE that the callee got."""
    invite = await callee.expect("INVITE")
    callee.reply(invite, 200, SDP)
    phone.ack(await phone.expect(200))
    await callee.expect("ACK")
    phone.request("BYE")
    await phone.expect(200)
    callee.reply(await callee.expect("BYE"), 200)
    return invite


async def refused(lab: Lab, phone: Phone, number: str, status: int) -> Record:
    await called(phone, number)
    phone.ack(await phone.expect(status))
    return await lab.serving.record(number)


@pytest_asyncio.fixture(loop_scope="session")
async def phone(lab: Lab) -> AsyncIterator[Phone]:
    phone = await Phone.open("127.0.0.1", free_port(), lab.address)
    yield phone
    await phone.close()


@pytest_asyncio.fixture(loop_scope="session")
async def carrier(lab: Lab, request: pytest.FixtureRequest) -> AsyncIterator[Phone]:
    carrier = await Phone.open("127.0.0.1", lab.ports[request.param], lab.address)
    yield carrier
    await carrier.close()


@pytest.mark.parametrize(
    ("dialled", "carrier", "line", "shown"),
    [
        (f"*123*{MOBILE}", 5090, "123", "+862012340123"),
        (f"%23123%23{MOBILE}", 5090, "123", "+862012340123"),
        (f"801{MOBILE}", 5091, "801", "+862012340801"),
        (MOBILE, 5090, "123", "+862012340123"),
    ],
    indirect=["carrier"],
)
async def test_prefix_chooses_the_line_and_its_number_is_shown(
    lab: Lab, phone: Phone, carrier: Phone, dialled: str, line: str, shown: str
) -> None:
    await called(phone, dialled)
    invite = await talks(phone, carrier)
    assert invite.start.startswith(f"INVITE sip:{MOBILE}@127.0.0.1:")
    assert f"sip:{shown}@" in invite["From"]
    assert "105" not in invite["From"]
    assert "P-Asserted-Identity" not in str(invite)  # no gateway of the lab is trusted
    record = await lab.serving.record(dialled.replace("%23", "#"))
    assert (record["direction"], record["extension"], record["line"]) == ("outbound", "105", line)
    assert results(record) == [("answered", 200)]


@pytest.mark.parametrize("carrier", [5092], indirect=True)
@pytest.mark.parametrize("dialled", ["110", "*123*120", "122"])
async def test_emergency_goes_by_its_own_gateway_whatever_is_dialled_before(
    lab: Lab, phone: Phone, carrier: Phone, dialled: str
) -> None:
    await called(phone, dialled)
    invite = await talks(phone, carrier)
    assert invite.start.startswith(f"INVITE sip:{dialled[-3:]}@")
    record = await lab.serving.record(dialled)
    assert (record["direction"], record["line"]) == ("outbound", "emergency")


@pytest.mark.parametrize("carrier", [5090], indirect=True)
async def test_emergency_goes_by_another_line_when_its_own_is_dead(
    lab: Lab, phone: Phone, carrier: Phone
) -> None:
    await called(phone, "119")
    await talks(phone, carrier)
    assert results(await lab.serving.record("119")) == [("unreachable", 408), ("answered", 200)]


@pytest.mark.parametrize(
    ("dialled", "status", "reason", "why"),
    [
        ("008490123456", 403, "barred", "calls to VN are barred"),
        ("*123*0085212345678", 403, "barred", "calls to HK are barred"),
        ("00881612345678", 403, "barred", "satellite numbers are barred"),
        ("16812345", 403, "barred", "premium numbers are barred"),
        ("4001234567", 403, "barred", "shared cost numbers are barred"),
        ("99", 404, "unknown_number", "no telephone number, and no short number of CN"),
    ],
)
async def test_what_may_not_be_called_is_refused_and_says_why(
    lab: Lab, phone: Phone, dialled: str, status: int, reason: str, why: str
) -> None:
    record = await refused(lab, phone, dialled, status)
    assert (record["reason"], record["direction"]) == (reason, "outbound")
    last = record["trace"][-1]
    assert (last["result"], last["why"]) == ("refused", why)


@pytest.mark.parametrize("carrier", [5081], indirect=True)
async def test_extension_rings_an_extension(lab: Lab, phone: Phone, carrier: Phone) -> None:
    await called(phone, "301")
    invite = await talks(phone, carrier)
    assert "sip:105@" in invite["From"]
    record = await lab.serving.record("301")
    assert (record["direction"], record["extension"], record["line"]) == ("internal", "105", "")


async def test_trunk_never_calls_outside_or_by_extension(lab: Lab, phone: Phone) -> None:
    for dialled in ("*123*13900139001", "801120", "302", "13900139002"):
        phone.invite(dialled, SDP, caller="13900139000")
        phone.ack(await phone.expect(404))
        record = await lab.serving.record(dialled)
        assert (record["direction"], record["extension"]) == ("inbound", "")


async def test_trunk_that_calls_itself_an_extension_is_asked_for_its_password(
    lab: Lab, phone: Phone
) -> None:
    phone.invite(MOBILE, SDP, caller="105")
    challenge = await phone.expect(401)
    phone.ack(challenge)
    phone.invite(MOBILE, SDP, credentials(challenge, "105", "wrong"), caller="105")
    phone.ack(await phone.expect(401))


async def telephone(serving: Serving, user: str) -> Telephone:
    """A telephone of an extension of `proving`."""
    address = ("127.0.0.1", serving.place.port)
    phone = await Telephone.open("127.0.0.41", free_port(), address)
    phone.user = user
    return phone


def plan(gateway: int, **permission: Any) -> dict[str, Any]:
    return {
        "gateways": {"out": {"address": f"127.0.0.1:{gateway}", "trusted": True}},
        "outbound": {"default": "main", "emergency": ["main"], "permission": "staff"},
        "outbound_lines": {"main": {"via": "out", "caller_id": "+862012345678"}},
        "permissions": {"staff": permission},
        "numbers": {"4000": {"route": [{"hunt": ["desk"]}]}},
        "targets": {"desk": {"uri": "sip:desk@127.0.0.1:9"}},
    }


async def test_calls_of_an_hour_run_out_for_one_extension_and_survive_a_restart(
    tmp_path: Path,
) -> None:
    at = free_port()
    async with proving(tmp_path, plan(at, calls_per_hour=2)) as serving:
        gateway = await Phone.open("127.0.0.1", at, ("127.0.0.1", serving.place.port))
        one, two = await telephone(serving, "101"), await telephone(serving, "102")
        for _ in range(2):
            await one.calls(MOBILE)
            invite = await talks(one, gateway)
            assert "<sip:+862012345678@" in invite["P-Asserted-Identity"]
        await one.calls(MOBILE)
        one.ack(await one.expect(403))
        record = (await serving.records(MOBILE, 3))[-1]
        last = record["trace"][-1]
        assert (record["reason"], last["rule"]) == ("outgoing_limit", "calls of extension 101")
        assert last["value"] == "2 of 2"
        await one.calls("110")  # whatever the limits
        await talks(one, gateway)
        await two.calls(MOBILE)
        await talks(two, gateway)
        serving.signal(signal.SIGTERM)  # a kill may lose what was shown a moment ago
        await serving.ended()
        again = await Serving.start(serving.place)
        await one.calls(MOBILE)
        one.ack(await one.expect(403))
        await again.stop()
        for phone in (one, two, gateway):
            await phone.close()


async def test_called_party_sees_its_own_carrier_in_turn_and_the_same_number_after_a_restart(
    tmp_path: Path,
) -> None:
    at = free_port()
    ours = {"+8613800000001": "China Mobile", "+8613800000002": "China Mobile"}
    async with proving(tmp_path, plan(at, caller_ids=ours)) as serving:
        gateway = await Phone.open("127.0.0.1", at, ("127.0.0.1", serving.place.port))
        one = await telephone(serving, "101")
        other = "13800138001"
        seen = []
        for dialled in (MOBILE, other, MOBILE, "02087654321"):
            await one.calls(dialled)
            invite = await talks(one, gateway)
            seen.append(invite["From"].partition("sip:")[2].partition("@")[0])
        assert seen == [*ours, "+8613800000001", "+862012345678"]
        record = (await serving.records(other, 1))[-1]
        (said,) = [it for it in record["trace"] if it["rule"] == "caller_ids of permission staff"]
        assert said["why"] == (
            "+8613800138001 is with China Mobile by its prefix +86138, and so is this one"
        )
        serving.signal(signal.SIGTERM)  # a kill may lose what was shown a moment ago
        await serving.ended()
        again = await Serving.start(serving.place)
        await one.calls(other)
        assert "sip:+8613800000002@" in (await talks(one, gateway))["From"]
        await again.stop()
        for phone in (one, gateway):
            await phone.close()


async def test_third_call_abroad_at_once_is_refused_until_one_ends(tmp_path: Path) -> None:
    at = free_port()
    abroad = "0084901234567"
    async with proving(tmp_path, plan(at, international=["VN"])) as serving:
        gateway = await Phone.open("127.0.0.1", at, ("127.0.0.1", serving.place.port))
        phones = [await telephone(serving, "101") for _ in range(3)]
        invites = []
        for phone in phones[:2]:
            await phone.calls(abroad)
            invites.append(await gateway.expect("INVITE"))
            gateway.reply(invites[-1], 200, SDP)
            phone.ack(await phone.expect(200))
            await gateway.expect("ACK")
        await phones[2].calls(abroad)
        phones[2].ack(await phones[2].expect(403))
        refused = (await serving.records(abroad, 1))[-1]
        assert refused["trace"][-1]["rule"] == "lines of international calls of extension 101"
        phones[0].request("BYE")
        await phones[0].expect(200)
        gateway.reply(await gateway.expect("BYE"), 200)
        await serving.records(abroad, 2)
        await phones[2].calls(abroad)
        gateway.reply(await gateway.expect("INVITE"), 486)
        await gateway.expect("ACK")
        phones[2].ack(await phones[2].expect(486))
        for phone in (*phones, gateway):
            await phone.close()
