"""Challenges of gateways: answered where they may be, as often as they may be (CVE-2021-41158)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.message import SDP, Message
from support.phone import Phone
from support.ports import free_port
from support.proving import PASSWORDS, parameters, proving, response
from support.serving import Serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

REALM = 'Digest realm="carrier.example", nonce="{}", qop="auth", algorithm={}, opaque="0p"'


class Room:
    """A callrouter with gateways that it has a login for, and one that it has none for.

    gateway: who plays them all.
    """

    gateway: Phone
    caller: Phone

    def __init__(self, serving: Serving, port: int) -> None:
        self.serving = serving
        self.port = port

    async def call(self, number: str) -> Message:
        """Call; the INVITE at the gateway."""
        self.caller.invite(number, SDP)
        return await self.gateway.expect("INVITE")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    folder = tmp_path_factory.mktemp("digest")
    port = free_port()
    auth = {"user": "us", "password_file": str(folder / "us")}
    where = {"address": f"127.0.0.1:{port}"}
    parts = {
        "gateways": {
            "named": {**where, "auth": {**auth, "realm": "carrier.example"}},
            "any": {**where, "auth": auth},
            "none": where,
        },
        "targets": {
            "named": {"number": "1", "via": "named"},
            "any": {"number": "2", "via": "any"},
            "none": {"number": "3", "via": "none"},
        },
        "numbers": {
            key: {"route": [{"hunt": [name]}]}
            for key, name in (("5001", "named"), ("5002", "any"), ("5003", "none"))
        },
    }
    async with proving(folder, parts) as serving:
        yield Room(serving, port)


@pytest_asyncio.fixture(loop_scope="session")
async def room(shared: Room) -> AsyncIterator[Room]:
    server = ("127.0.0.1", shared.serving.place.port)
    shared.gateway = await Phone.open("127.0.0.1", shared.port, server)
    shared.gateway.newcomer = True
    shared.caller = await Phone.open("127.0.0.1", free_port(), server)
    yield shared
    await shared.gateway.close()
    await shared.caller.close()


def proven(request: Message, header: str = "Authorization", method: str = "") -> dict[str, str]:
    """The credentials of a request, whose response is right."""
    given = parameters(request[header])
    assert given["response"] == response(given, PASSWORDS["us"], method or request.method)
    return given


def answer_challenge(room: Room, invite: Message, status: int, row: str) -> None:
    name = "Proxy-Authenticate" if status == 407 else "WWW-Authenticate"
    kept = [(key, value) for key, value in invite.rows if key in {"Via", "From", "Call-ID", "CSeq"}]
    rows = [*kept, ("To", f"{invite['To']};tag=c{status}")]
    rows += [(name, line) for line in row.split("\n")]
    room.gateway.send(Message(f"SIP/2.0 {status} Prove it", rows))


@pytest.mark.parametrize(("status", "header"), [(401, ""), (407, "Proxy-")])
async def test_challenge_is_answered_in_a_new_request(room: Room, status: int, header: str) -> None:
    header += "Authorization"
    invite = await room.call("5001")
    both = f"{REALM.format('n1', 'MD5')}\n{REALM.format('n2', 'SHA-256')}"
    answer_challenge(room, invite, status, both)
    await room.gateway.expect("ACK")
    again = await room.gateway.expect("INVITE")
    given = proven(again, header)
    assert (given["nonce"], given["algorithm"], given["nc"]) == ("n2", "SHA-256", "00000001")
    assert (given["username"], given["opaque"], given["qop"]) == ("us", "0p", "auth")
    assert again["Call-ID"] == invite["Call-ID"]
    assert again["From"] == invite["From"]
    assert again.cseq == invite.cseq + 1
    assert again.branch != invite.branch
    assert again.tag("To") == ""
    assert again.body == invite.body
    room.gateway.reply(again, 200, SDP)
    room.caller.ack(await room.caller.expect(200))
    ack = await room.gateway.expect("ACK")
    assert ack.cseq == again.cseq
    assert ack[header] == again[header]
    room.caller.request("BYE")
    bye = await room.gateway.expect("BYE")
    assert proven(bye, header)["nc"] == "00000002"
    assert bye.cseq == again.cseq + 1
    room.gateway.reply(bye, 200)
    await room.caller.expect(200)


async def test_requests_inside_the_call_are_proven_too(room: Room) -> None:
    invite = await room.call("5002")
    room.gateway.reply(invite, 200, SDP)
    room.caller.ack(await room.caller.expect(200))
    await room.gateway.expect("ACK")
    room.caller.request("INVITE", SDP)
    offer = await room.gateway.expect("INVITE")
    assert offer["Authorization"] == ""
    answer_challenge(room, offer, 401, REALM.format("n1", "MD5"))
    await room.gateway.expect("ACK")
    again = await room.gateway.expect("INVITE")
    proven(again)
    assert again.cseq == offer.cseq + 1
    room.gateway.reply(again, 200, SDP)
    accepted = await room.caller.expect(200)
    assert accepted.method == "INVITE"
    room.caller.ack(accepted)
    assert (await room.gateway.expect("ACK")).cseq == again.cseq
    room.caller.request("BYE")
    bye = await room.gateway.expect("BYE")
    assert proven(bye)["nc"] == "00000002"
    answer_challenge(room, bye, 401, REALM.format("n2", "MD5") + ", stale=true")
    retried = await room.gateway.expect("BYE")
    assert proven(retried)["nonce"] == "n2"
    assert retried.cseq == bye.cseq + 1
    room.gateway.reply(retried, 200)
    await room.caller.expect(200)


@pytest.mark.parametrize(
    ("number", "row"),
    [
        ("5001", 'Digest realm="evil", nonce="n", qop="auth"'),
        ("5001", 'Digest realm="carrier.example", nonce="n", algorithm=SHA-512-256'),
        ("5001", "Basic realm=carrier.example"),
        ("5001", "Digest rubbish"),
        ("5003", REALM.format("n", "MD5")),
    ],
)
async def test_challenge_that_is_not_for_us_fails_the_leg(
    room: Room, number: str, row: str
) -> None:
    invite = await room.call(number)
    answer_challenge(room, invite, 407, row)
    await room.gateway.expect("ACK")
    refusal = await room.caller.expect_any()
    assert refusal.status >= 400
    room.caller.ack(refusal)
    assert room.gateway.quiet()


async def test_gateway_that_challenges_on_and_on_is_answered_once(room: Room) -> None:
    invite = await room.call("5001")
    for nonce in ("n1", "n2"):
        answer_challenge(room, invite, 407, REALM.format(nonce, "MD5"))
        await room.gateway.expect("ACK")
        if nonce == "n1":
            invite = await room.gateway.expect("INVITE")
    refusal = await room.caller.expect_any()
    room.caller.ack(refusal)
    assert room.gateway.quiet()


async def test_stale_nonce_is_answered_once_more(room: Room) -> None:
    invite = await room.call("5001")
    for stale in ("", ", stale=true", ", stale=true"):
        answer_challenge(room, invite, 407, REALM.format(f"n{stale[-4:]}", "MD5") + stale)
        await room.gateway.expect("ACK")
        if invite.cseq < 3:
            invite = await room.gateway.expect("INVITE")
    assert invite.cseq == 3
    room.caller.ack(await room.caller.expect_any())
    assert room.gateway.quiet()


async def test_other_realm_in_the_same_call_is_not_answered(room: Room) -> None:
    """Without a realm in the dialplan it is the first one, and then no other."""
    invite = await room.call("5002")
    answer_challenge(room, invite, 401, REALM.format("n1", "MD5"))
    await room.gateway.expect("ACK")
    again = await room.gateway.expect("INVITE")
    answer_challenge(room, again, 401, 'Digest realm="evil", nonce="n", qop="auth", stale=true')
    await room.gateway.expect("ACK")
    room.caller.ack(await room.caller.expect_any())
    assert room.gateway.quiet()


async def test_challenge_after_the_caller_gave_up_is_not_answered(room: Room) -> None:
    invite = await room.call("5001")
    room.gateway.reply(invite, 180)
    await room.caller.expect(180)
    room.caller.cancel()
    assert (await room.caller.expect(200)).method == "CANCEL"
    room.caller.ack(await room.caller.expect(487))
    room.gateway.reply(await room.gateway.expect("CANCEL"), 200)
    answer_challenge(room, invite, 401, REALM.format("n1", "MD5"))
    await room.gateway.expect("ACK")
    assert room.gateway.quiet()


async def test_no_password_is_ever_logged_or_recorded(room: Room) -> None:
    records = room.serving.place.records()
    assert PASSWORDS["us"] not in room.serving.log() + str(records)
