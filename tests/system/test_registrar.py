"""Telephones that register and are called, from outside (RFC 3261 section 10.3, 5626, 3327)."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.message import SDP
from support.phone import Phone
from support.ports import free_port
from support.proving import Telephone, credentials, proving
from support.serving import Serving, command

pytestmark = pytest.mark.asyncio(loop_scope="session")

PARTS: dict[str, Any] = {
    "targets": {"phone": {"extension": "101"}},
    "numbers": {"4200": {"route": [{"hunt": ["phone"], "ring": "30s"}]}},
}


class Room:
    """A callrouter and the phones of one test."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self._open: list[Phone] = []

    async def phone(self, host: str = "127.0.0.1") -> Telephone:
        server = ("127.0.0.1", self.serving.place.port)
        phone = await Telephone.open(host, free_port(), server)
        self._open.append(phone)
        return phone

    async def close(self) -> None:
        for phone in self._open:
            await phone.close()


@pytest_asyncio.fixture(loop_scope="session")
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with proving(tmp_path, PARTS) as serving:
        opened = Room(serving)
        yield opened
        await opened.close()


async def registrations(room: Room) -> dict[str, Any]:
    """What `callrouter registrations --json` says."""
    place = room.serving.place
    process = await asyncio.create_subprocess_exec(
        *command("registrations", "--json", "--config", place.config),
        cwd=place.folder,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    answer: dict[str, Any] = json.loads(out)
    return answer


async def test_two_telephones_of_an_extension_ring_together(room: Room) -> None:
    one, other, caller = await room.phone(), await room.phone(), await room.phone()
    first = await one.registered(expires=120)
    assert "expires=120" in first["Contact"] or "expires=119" in first["Contact"]
    assert len((await other.registered()).all("Contact")) == 2
    caller.invite("4200", SDP)
    ringing, answering = await one.expect("INVITE"), await other.expect("INVITE")
    assert ringing.uri == f"sip:101@127.0.0.1:{one.port}"
    one.reply(ringing, 180)
    await caller.expect(180)
    other.reply(answering, 200, SDP)
    caller.ack(await caller.expect(200))
    await other.expect("ACK")
    one.reply(await one.expect("CANCEL"), 200)
    one.reply(ringing, 487)
    await one.expect("ACK")
    caller.request("BYE")
    other.reply(await other.expect("BYE"), 200)
    await caller.expect(200)
    record = await room.serving.record("4200")
    assert [leg["target"] for leg in record["legs"]] == ["phone", "phone"]
    assert record["disposition"] == "ANSWERED"


async def test_nobody_registered_is_unreachable_at_once(room: Room) -> None:
    caller = await room.phone()
    caller.invite("4200", SDP)
    caller.ack(await caller.expect(480))
    record = await room.serving.record("4200")
    assert [leg["result"] for leg in record["legs"]] == ["unreachable"]


async def test_telephone_behind_nat_is_reached_where_it_came_from(room: Room) -> None:
    """Its Contact and its Via have an address that nobody can send to."""
    phone, caller = await room.phone(), await room.phone()
    await phone.registered(contact="<sip:101@192.0.2.77:5060>")
    caller.invite("4200", SDP)
    invite = await phone.expect("INVITE")
    assert invite.uri == "sip:101@192.0.2.77:5060"
    phone.reply(invite, 200, SDP, Contact="<sip:101@192.0.2.77:5060>")
    caller.ack(await caller.expect(200))
    await phone.expect("ACK")
    caller.request("BYE")
    bye = await phone.expect("BYE")
    assert bye.uri == "sip:101@192.0.2.77:5060"
    phone.reply(bye, 200)
    await caller.expect(200)


async def test_path_is_the_route_to_the_telephone(room: Room) -> None:
    phone, caller = await room.phone(), await room.phone()
    path = f"<sip:edge@127.0.0.1:{phone.port};lr>"
    answer = await phone.registered(("Path", path), contact="<sip:101@192.0.2.77:5060>")
    assert answer["Path"] == path
    caller.invite("4200", SDP)
    invite = await phone.expect("INVITE")
    assert invite["Route"] == path
    phone.reply(invite, 486)
    await phone.expect("ACK")
    caller.ack(await caller.expect(486))


async def test_outbound_registration_takes_the_place_of_its_older_one(room: Room) -> None:
    phone, moved = await room.phone(), await room.phone()
    more = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1'
    answer = await phone.registered(contact=f"<sip:101@192.0.2.77:5060;ob>{more}")
    assert answer["Require"] == "outbound"
    answer = await moved.registered(contact=f"<sip:101@192.0.2.78:5060;ob>{more}")
    assert len(answer.all("Contact")) == 1
    assert "192.0.2.78" in answer["Contact"]


async def test_query_removal_and_wildcard(room: Room) -> None:
    phone, other = await room.phone(), await room.phone()
    assert (await phone.registered(contact="", expires=None)).all("Contact") == []
    await other.registered()
    assert len((await phone.registered()).all("Contact")) == 2
    assert len((await phone.registered(contact="", expires=None)).all("Contact")) == 2
    left = await phone.registered(expires=0)
    assert [row.partition(";")[0] for row in left.all("Contact")] == [
        f"<sip:101@127.0.0.1:{other.port}>"
    ]
    for contact, expires in (("*", 60), ("*", None), (f"*, <sip:101@127.0.0.1:{phone.port}>", 0)):
        # Before it is asked for a password: none would make it right.
        phone.register(contact=contact, expires=expires)
        await phone.expect(400)
    assert (await phone.registered(contact="*", expires=0)).all("Contact") == []


async def test_too_short_is_423_and_too_long_is_an_hour(room: Room) -> None:
    phone = await room.phone()
    answer = await phone.registered(expires=59, status=423)
    assert answer["Min-Expires"] == "60"
    answer = await phone.registered(expires=999_999)
    assert "expires=3600" in answer["Contact"] or "expires=3599" in answer["Contact"]


async def test_older_request_changes_nothing(room: Room) -> None:
    phone = await room.phone()
    await phone.registered()
    phone.cseq -= 3
    answer = await phone.registered(expires=0, status=500)
    assert answer["Contact"] == ""
    phone.cseq += 3
    assert len((await phone.registered(contact="", expires=None)).all("Contact")) == 1


async def test_eleventh_contact_is_refused(room: Room) -> None:
    phone = await room.phone()
    rows = ", ".join(f"<sip:101@127.0.0.1:{port}>" for port in range(7001, 7011))
    assert len((await phone.registered(contact=rows)).all("Contact")) == 10
    await phone.registered(status=403)


async def test_other_extension_and_unknown_require_are_refused(room: Room) -> None:
    phone = await room.phone()
    answer = await phone.registered(("Require", "gruu, path"), status=420)
    assert answer["Unsupported"] == "gruu"
    phone.user = "102"
    phone.register()
    challenge = await phone.expect(401)
    phone.register(credentials(challenge, "101", method="REGISTER"))
    await phone.expect(403)


async def test_registered_telephone_calls_back_without_a_word_in_between(room: Room) -> None:
    """A call of a telephone behind NAT: what is sent to it goes where it called from."""
    phone, caller = await room.phone("127.0.0.61"), await room.phone("127.0.0.1")
    await caller.registered()
    invite_row = ("Contact", "<sip:101@192.0.2.77:5060>")
    phone.invite("4200", SDP, invite_row, caller="101")
    challenge = await phone.expect(401)
    phone.ack(challenge)
    phone.invite("4200", SDP, credentials(challenge, "101"), caller="101")
    invite = await caller.expect("INVITE")
    caller.reply(invite, 200, SDP)
    await caller.expect("ACK")
    phone.ack(await phone.expect(200))
    caller.request("BYE")
    phone.reply(await phone.expect("BYE"), 200)
    await caller.expect(200)


async def test_telephone_is_called_by_and_transfers_to_the_name_that_it_registered_at(
    room: Room,
) -> None:
    phone, caller = await room.phone(), await room.phone()
    phone.domain = "pbx.example.com"
    await phone.registered()
    caller.invite("4200", SDP)
    invite = await phone.expect("INVITE")
    assert invite["From"].partition(";")[0].endswith("@pbx.example.com>")
    phone.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await phone.expect("ACK")
    phone.request("REFER", "", ("Refer-To", "<sip:4999@elsewhere.example.com>"))
    await phone.expect(603)
    phone.request("REFER", "", ("Refer-To", "<sip:4999@pbx.example.com>"))
    await phone.expect(202)
    ends = []
    while len(ends) < 2:
        notify = await phone.expect("NOTIFY")
        phone.reply(notify, 200)
        ends.append(notify.body.strip())
    assert ends == ["SIP/2.0 100 Trying", "SIP/2.0 404 Not Found"]
    phone.request("BYE")
    caller.reply(await caller.expect("BYE"), 200)
    await phone.expect(200)


async def test_bindings_survive_a_restart(room: Room, tmp_path: Path) -> None:
    phone = await room.phone()
    phone.domain = "pbx.example.com"
    await phone.registered(contact="<sip:101@192.0.2.77:5060>")
    room.serving.signal(signal.SIGTERM)
    assert await room.serving.ended() == 0
    room.serving = await Serving.start(room.serving.place)
    try:
        caller = await room.phone()
        caller.invite("4200", SDP)
        invite = await phone.expect("INVITE")
        assert "@pbx.example.com>" in invite["From"]
        phone.reply(invite, 486)
        await phone.expect("ACK")
        caller.ack(await caller.expect(486))
    finally:
        await room.serving.stop()


async def test_registrations_are_listed(room: Room) -> None:
    phone = await room.phone()
    await phone.registered(("User-Agent", "Scripted 1.0"))
    listed = await registrations(room)
    assert [row["extension"] for row in listed["phones"]] == ["101"]
    assert listed["phones"][0]["contact"] == f"sip:101@127.0.0.1:{phone.port}"
    assert listed["phones"][0]["agent"] == "Scripted 1.0"
    assert (await room.serving.metrics())["callrouter_bindings"] == 1
