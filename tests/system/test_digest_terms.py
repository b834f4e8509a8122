"""What credentials have to say beside the right password: a qop, and the Request-URI they are for.

And what a REGISTER has to say before it is asked for one.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.message import SDP, Message
from support.phone import Phone
from support.ports import free_port
from support.proving import Telephone, credentials, proving
from support.serving import Serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

CARRIER = "127.0.0.21"
OLD_CARRIER = "127.0.0.23"
LONG = ("User-Agent", "x" * 300)
"""Without it a challenge would be larger than the request, and no stranger would get it."""


class Room:
    """A callrouter with passwords, and the phones of one test."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.open: list[Phone] = []
        self._networks = 0

    async def phone(self, host: str, user: str = "101") -> Telephone:
        phone = await Telephone.open(host, free_port(), ("127.0.0.1", self.serving.place.port))
        phone.user = user
        self.open.append(phone)
        return phone

    async def stranger(self, user: str = "101") -> Telephone:
        """A telephone in a network of its own: each is heard so often, and no more."""
        self._networks += 1
        return await self.phone(f"127.0.{self._networks}.1", user)

    async def count(self, name: str) -> float:
        return (await self.serving.metrics())[f"callrouter_auth_{name}_total"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    parts = {
        "targets": {"desk": {"uri": f"sip:desk@127.0.0.1:{free_port()}"}},
        "numbers": {"4000": {"route": [{"hunt": ["desk"]}]}},
    }
    async with proving(tmp_path_factory.mktemp("terms"), parts) as serving:
        yield Room(serving)


@pytest_asyncio.fixture(loop_scope="session")
async def room(shared: Room) -> AsyncIterator[Room]:
    yield shared
    while shared.open:
        await shared.open.pop().close()


async def _asked(caller: Telephone, user: str, **said: object) -> Message:
    """Call a number that does not exist, with a password; the answer to that."""
    caller.invite("4999", SDP, LONG, caller=user)
    challenge = await caller.expect(401)
    caller.ack(challenge)
    proof = credentials(challenge, user, **said)  # type: ignore[arg-type]
    caller.invite("4999", SDP, proof, caller=user)
    answer = await caller.expect_any()
    caller.ack(answer)
    return answer


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_old_trunk_is_let_in_without_qop_and_each_challenge_once(
    room: Room, algorithm: str
) -> None:
    caller = await room.phone(OLD_CARRIER)
    caller.invite("4999")
    challenge = await caller.expect(401)
    caller.ack(challenge)
    proof = credentials(challenge, "old_carrier", algorithm=algorithm, qop=False)
    caller.invite("4999", SDP, proof)
    caller.ack(await caller.expect(404))
    for again in (proof, credentials(challenge, "old_carrier", count=7)):
        caller.invite("4999", SDP, again)
        refusal = await caller.expect(401)
        caller.ack(refusal)
        assert "stale=true" in refusal["WWW-Authenticate"]
    answer = await _asked(caller, "old_carrier")  # with qop as well
    assert answer.status == 404


async def test_old_telephone_registers_and_calls_without_qop(room: Room) -> None:
    phone = await room.stranger("102")
    phone.register(LONG)
    challenge = await phone.expect(401)
    phone.register(credentials(challenge, "102", method="REGISTER", qop=False))
    await phone.expect(200)
    assert (await _asked(phone, "102", qop=False)).status == 404


async def test_right_password_without_qop_where_it_is_not_taken_is_counted_and_logged(
    room: Room,
) -> None:
    before = await room.count("without_qop")
    failed = await room.count("failed")
    for caller, user in (
        (await room.phone(CARRIER), "carrier_a"),
        (await room.stranger(), "101"),
    ):
        refusal = await _asked(caller, user, qop=False)
        assert refusal.status == 401
        assert "stale" not in refusal["WWW-Authenticate"]
        await room.serving.logged("without_qop: true", f"source={caller.host} user={user}")
    assert await room.count("without_qop") == before + 2
    assert await room.count("failed") == failed
    wrong = await _asked(await room.phone(CARRIER), "carrier_a", qop=False, password="x")
    assert wrong.status == 401
    assert await room.count("failed") == failed + 1


@pytest.mark.parametrize(
    ("uri", "status"),
    [
        ("sip:4999@127.0.0.1:{port}", 404),
        ("sip:4999@127.0.0.1", 404),
        ("sip:%34999@127.0.0.1;user=phone", 404),
        ("sip:4999@CALLROUTER", 404),  # the realm
        ("sip:127.0.0.1", 404),
        ("sip:127.0.0.1:{port}", 404),
        ("sip:4000@127.0.0.1:{port}", 400),
        ("sip:4999@127.0.0.1:1", 400),
        ("sip:4999@198.51.100.1", 400),
        ("sips:4999@127.0.0.1", 400),
        ("tel:4999", 400),
        ("/4999", 400),
        ("*", 400),
    ],
)
async def test_credentials_are_for_the_request_uri_they_name(
    room: Room, uri: str, status: int
) -> None:
    before = await room.count("other_uri")
    caller = await room.phone(CARRIER)
    answer = await _asked(
        caller, "carrier_a", uri=uri.replace("{port}", str(room.serving.place.port))
    )
    assert answer.status == status
    assert await room.count("other_uri") == before + (status == 400)
    # A wrong password for another URI is a wrong password.
    if status == 400:
        assert (await _asked(caller, "carrier_a", uri=uri, password="x")).status == 401
        await room.serving.logged("is not the Request-URI", f"source={CARRIER} user=carrier_a")


@pytest.mark.parametrize(("uri", "status"), [("sip:127.0.0.1", 200), ("sip:pbx.example.com", 400)])
async def test_register_of_another_registrars_credentials_is_400(
    room: Room, uri: str, status: int
) -> None:
    phone = await room.stranger()
    phone.register(LONG)
    challenge = await phone.expect(401)
    phone.register(credentials(challenge, "101", method="REGISTER", uri=uri))
    await phone.expect(status)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("REGISTER sip:127.0.0.1 ", "REGISTER sip:2001:db8::10 "),
        ("REGISTER sip:127.0.0.1 ", "REGISTER sip:[2001:db8::10 "),
        ("From: <sip:101@127.0.0.1>", "From: <sip:101@2001:db8::1>"),
        ("From: <sip:101@127.0.0.1>", "From: <101>"),
        ("To: <sip:101@127.0.0.1>", "To: <sip:101@[::1>"),
        ("Contact: <sip:101@127.", "Contact: <sip:101@2001:db8::1"),
        ("Contact: <sip:101@127.", "Contact: <sip:101@h>>"),
        ("Contact: <sip:101@127.", "Contact: *, <sip:101 @127."),
    ],
)
async def test_register_that_says_nothing_is_400_before_any_challenge(
    room: Room, old: str, new: str
) -> None:
    phone = await room.stranger()
    challenged = await room.count("challenged")
    message = phone.register(LONG)
    await phone.expect(401)
    text = message.render().decode().replace("z9hG4bK", "z9hG4bKx")
    assert old in text
    assert phone._transport is not None
    phone._transport.sendto(text.replace(old, new).encode(), phone._server)
    await phone.expect(400)
    assert await room.count("challenged") == challenged + 1


async def test_contact_of_another_scheme_is_asked_for_the_password_first(room: Room) -> None:
    phone = await room.stranger()
    await phone.registered(LONG, contact="<mailto:101@example.com>", status=416)
    await phone.registered(LONG, contact="*", expires=0)
