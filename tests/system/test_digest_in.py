"""Who has to prove who it is: trunks and telephones with passwords, from outside."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.message import SDP
from support.phone import Phone
from support.ports import free_port
from support.proving import PASSWORDS, Telephone, credentials, parameters, proving
from support.serving import Serving
from support.typed import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = ("User-Agent", "x" * 300)
"""A request with this is longer than a challenge, which otherwise no stranger gets."""


class Room:
    """A callrouter with passwords, and the phones of one test. desk: at the target."""

    desk: Telephone

    def __init__(self, serving: Serving, target: int) -> None:
        self.serving = serving
        self.target = target
        self._open: list[Phone] = []

    async def phone(self, host: str, port: int = 0) -> Telephone:
        """A scripted peer at a loopback address."""
        server = ("127.0.0.1", self.serving.place.port)
        phone = await Telephone.open(host, port or free_port(), server)
        phone.newcomer = bool(port)
        self._open.append(phone)
        return phone

    async def close(self) -> None:
        for phone in self._open:
            await phone.close()
        self._open.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    target = free_port()
    parts = {
        "targets": {"desk": {"uri": f"sip:desk@127.0.0.1:{target}"}},
        "numbers": {key: {"route": [{"hunt": ["desk"]}]} for key in ("4000", "4001", "4002")},
    }
    async with proving(tmp_path_factory.mktemp("digest"), parts) as serving:
        yield Room(serving, target)


@pytest_asyncio.fixture(loop_scope="session")
async def room(shared: Room) -> AsyncIterator[Room]:
    shared.desk = await shared.phone("127.0.0.1", shared.target)
    yield shared
    await shared.close()


async def reaches_the_desk(room: Room, caller: Phone) -> None:
    """The caller's INVITE goes on to the target, which is busy."""
    desk = room.desk
    invite = await desk.expect("INVITE")
    assert invite["Authorization"] == ""
    desk.reply(invite, 486)
    await desk.expect("ACK")
    caller.ack(await caller.expect(486))


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
async def test_trunk_with_a_password_is_challenged_then_let_in(room: Room, algorithm: str) -> None:
    caller = await room.phone("127.0.0.21")
    caller.invite("4000", SDP)
    challenge = await caller.expect(401)
    caller.ack(challenge)
    assert [parameters(row)["algorithm"] for row in challenge.all("WWW-Authenticate")] == [
        "SHA-256",
        "MD5",
    ]
    caller.invite("4000", SDP, credentials(challenge, "carrier_a", algorithm=algorithm))
    await reaches_the_desk(room, caller)


async def test_trunk_of_an_address_needs_no_password_where_it_has_none(room: Room) -> None:
    caller = await room.phone("127.0.0.1")
    caller.invite("4000", SDP)
    await reaches_the_desk(room, caller)


async def test_trunk_without_addresses_is_known_by_its_user(room: Room) -> None:
    caller = await room.phone("127.0.0.31")
    await caller.calls("4001", "wanderer")
    await reaches_the_desk(room, caller)
    assert (await room.serving.record("4001"))["trunk"] == "roaming"


async def test_telephone_calls_by_the_trunk_for_phones(room: Room) -> None:
    caller = await room.phone("127.0.0.32")
    await caller.calls("4002")
    await reaches_the_desk(room, caller)
    assert (await room.serving.record("4002"))["trunk"] == "phones"


async def test_telephone_that_calls_in_another_name_is_refused(room: Room) -> None:
    caller = await room.phone("127.0.0.33")
    caller.invite("4000", SDP)
    challenge = await caller.expect(401)
    caller.ack(challenge)
    caller.invite("4000", SDP, credentials(challenge, "101"), caller="boss")
    caller.ack(await caller.expect(403))


async def test_nonce_is_used_again_with_the_next_count_and_never_with_the_same(room: Room) -> None:
    caller = await room.phone("127.0.0.21")
    caller.invite("4000", SDP)
    challenge = await caller.expect(401)
    caller.ack(challenge)
    for count in (1, 2):
        proof = credentials(challenge, "carrier_a", count=count)
        caller.invite("4999", SDP, proof)
        caller.ack(await caller.expect(404))
    caller.invite("4999", SDP, credentials(challenge, "carrier_a", count=2))
    again = await caller.expect(401)
    caller.ack(again)
    assert all("stale=true" in row for row in again.all("WWW-Authenticate"))
    caller.invite("4999", SDP, credentials(again, "carrier_a"))
    caller.ack(await caller.expect(404))


async def test_nonce_of_another_address_is_stale(room: Room) -> None:
    one, other = await room.phone("127.0.0.34"), await room.phone("127.0.0.35")
    one.invite("4999", SDP, caller="101")
    challenge = await one.expect(401)
    one.ack(challenge)
    other.invite("4999", SDP, credentials(challenge, "101"), caller="101")
    again = await other.expect(401)
    other.ack(again)
    assert "stale=true" in again["WWW-Authenticate"]


async def test_options_is_challenged_too_and_cancel_and_ack_never(room: Room) -> None:
    caller = await room.phone("127.0.0.21")
    caller.invite("4000", SDP)
    caller.ack(await caller.expect(401))
    caller.cancel()
    assert (await caller.expect(481)).method == "CANCEL"
    caller.request("OPTIONS")
    challenge = await caller.expect(401)
    caller.request("OPTIONS", "", credentials(challenge, "carrier_a", method="OPTIONS"))
    await caller.expect(200)


async def test_unknown_scheme_is_as_no_credentials(room: Room) -> None:
    caller = await room.phone("127.0.0.21")
    for value in ("NoOneKnowsThis a=b", "Digest", 'Digest username="x', "Basic Zm9v"):
        caller.invite("4000", SDP, ("Authorization", value))
        challenge = await caller.expect(401)
        caller.ack(challenge)
        assert "stale" not in challenge["WWW-Authenticate"]


async def guesses(phone: Telephone, user: str) -> None:
    """Register ten times with a wrong password or user; the answer is the same each time."""
    phone.register(LONG)
    challenge = await phone.expect(401)
    for count in range(1, 11):
        name = user if count % 2 else "nobody"
        phone.register(LONG, credentials(challenge, name, "guess", "REGISTER", count=count))
        refused = await phone.expect(401)
        assert "stale" not in refused["WWW-Authenticate"]


async def test_wrong_password_and_unknown_user_get_the_same_answer_then_none(room: Room) -> None:
    guesser = await room.phone("127.0.9.1")
    before = await room.serving.metrics()
    await guesses(guesser, "101")
    guesser.register(LONG)
    other = await room.phone("127.0.10.1")
    await other.registered(LONG)
    assert guesser.quiet()
    after = await room.serving.metrics()
    assert after["callrouter_auth_failed_total"] == before["callrouter_auth_failed_total"] + 10
    assert after["callrouter_auth_dropped_total"] == before["callrouter_auth_dropped_total"] + 1


async def test_who_was_let_in_is_heard_while_another_at_its_address_guesses(room: Room) -> None:
    phone = await room.phone("127.0.11.1")
    await phone.registered(LONG)
    guesser = await room.phone("127.0.11.1")
    await guesses(guesser, "nobody")
    guesser.user = "nobody"
    guesser.register(LONG)
    await phone.registered(LONG)
    again = await room.phone("127.0.11.1")  # behind a NAT that gives it another port
    await again.registered(LONG)
    await room.serving.logged("too many wrong passwords", "source=127.0.11.1")
    place = room.serving.place
    listed = await run(place.folder, "ban", "list", "--config", place.config)
    assert re.search(r"127.0.11.1 .* wrong passwords: only who was let in", listed.out)
    assert guesser.quiet()
    lifted = await run(place.folder, "ban", "remove", "127.0.11.1", "--config", place.config)
    assert lifted.out == "127.0.11.1 is heard again\n"
    guesser.register(LONG)
    await guesser.expect(401)


async def test_trunk_of_an_address_is_never_shut_out_by_wrong_passwords(room: Room) -> None:
    caller = await room.phone("127.0.0.22")
    caller.invite("4000", SDP)
    challenge = await caller.expect(401)
    caller.ack(challenge)
    for count in range(1, 12):
        caller.invite("4000", SDP, credentials(challenge, "carrier_a", "guess", count=count))
        caller.ack(await caller.expect(401))
    caller.invite("4000", SDP, credentials(challenge, "carrier_a", count=12))
    await reaches_the_desk(room, caller)


async def test_guesses_at_telephones_from_a_trunks_address_shut_out_none_of_its_calls(
    room: Room,
) -> None:
    guesser = await room.phone("127.0.0.21")
    await guesses(guesser, "101")
    guesser.register(LONG)
    caller = await room.phone("127.0.0.21")
    caller.invite("4000", SDP)
    challenge = await caller.expect(401)
    caller.ack(challenge)
    caller.invite("4000", SDP, credentials(challenge, "carrier_a"))
    await reaches_the_desk(room, caller)
    assert guesser.quiet()


async def test_no_password_is_ever_logged(room: Room) -> None:
    log = room.serving.log()
    assert not any(password in log for password in PASSWORDS.values())
