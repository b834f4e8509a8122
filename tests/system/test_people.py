"""Extensions are people: forwards, presence, mobile, being on a call; transfers outside."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.message import SDP
from support.phone import Phone
from support.ports import free_port
from support.proving import PASSWORDS, Telephone, proving
from support.records import results
from support.serving import Serving
from support.typed import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

MOBILE = "13800138000"


class Office:
    """A callrouter whose extensions 101 and 102 call; 201 to 203 ring desks; a gateway."""

    def __init__(self, serving: Serving, desks: dict[str, int], out: int) -> None:
        self.serving = serving
        self._desks = desks
        self._out = out
        self.open: list[Phone] = []

    async def desk(self, name: str) -> Phone:
        return await self._phone(Phone, "127.0.0.1", self._desks[name])

    async def gateway(self) -> Phone:
        return await self._phone(Phone, "127.0.0.1", self._out)

    async def telephone(self, user: str = "101", host: str = "127.0.0.41") -> Telephone:
        phone = await self._phone(Telephone, host, free_port())
        assert isinstance(phone, Telephone)
        phone.user = user
        return phone

    async def _phone(self, kind: type[Phone], host: str, port: int) -> Phone:
        phone = await kind.open(host, port, ("127.0.0.1", self.serving.place.port))
        phone.newcomer = kind is Phone  # desks and the gateway have a port again and again
        self.open.append(phone)
        return phone

    async def put_away(self) -> None:
        for phone in self.open:
            await phone.close()
        self.open.clear()

    async def do(self, *command: str, code: int = 0) -> Any:
        place = self.serving.place
        ended = await run(place.folder, *command, "--json", "--config", place.config)
        assert ended.code == code, ended.err
        return json.loads(ended.out) if code == 0 else ended.out + ended.err

    async def restart(self) -> None:
        await self.serving.stop()
        self.serving = await Serving.start(self.serving.place)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    desks = {name: free_port() for name in ("201", "202", "203")}
    out = free_port()
    parts: dict[str, Any] = {
        "trunks": {
            "lab": {"addresses": ["127.0.0.1"]},
            "phones": {"phones": True, "transfer": "both"},
        },
        "gateways": {"out": {"address": f"127.0.0.1:{out}"}},
        "targets": {
            **{name: {"uri": f"sip:{name}@127.0.0.1:{port}"} for name, port in desks.items()},
            "mobile": {"number": MOBILE, "via": "out"},
            "phone_1": {"extension": "101"},
            "phone_2": {"extension": "102"},
        },
        "extensions": {
            **{
                user: {"phone": {"user": user, "password_file": str(folder / user)}}
                for user in ("101", "102")
            },
            "201": {
                "targets": ["201"],
                "mobile": "mobile",
                "on_no_answer": ["mobile"],
                "ring": "1s",
            },
            "202": {"targets": ["202"], "lines": 1},
            "203": {"targets": ["203"]},
        },
        "outbound": {"default": "main", "emergency": ["main"]},
        "outbound_lines": {"main": {"via": "out", "caller_id": "+862012345678"}},
        "permissions": {"staff": {}},
        "numbers": {
            "4000": {"to_header": "extensions", "route": [{"hunt": ["203"]}]},
            **{
                f"400{at}": {"route": [{"hunt": [f"phone_{at}", "203"], "redirects": "follow"}]}
                for at in (1, 2)
            },
        },
    }
    parts["extensions"]["101"]["permission"] = "staff"
    parts["extensions"]["203"]["permission"] = "staff"
    assert "101" in PASSWORDS
    async with proving(folder, parts) as serving:
        opened = Office(serving, desks, out)
        yield opened
        await opened.serving.stop()  # a test has put another in the place of the first


@pytest_asyncio.fixture(loop_scope="session")
async def office(shared: Office) -> AsyncIterator[Office]:
    yield shared
    await shared.put_away()


async def answered(caller: Phone, callee: Phone) -> None:
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")


async def over(caller: Phone, callee: Phone) -> None:
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)


async def test_who_does_not_answer_is_rung_at_the_mobile(office: Office) -> None:
    desk, gateway, caller = (
        await office.desk("201"),
        await office.gateway(),
        await office.telephone(),
    )
    await caller.calls("201")
    rung = await desk.expect("INVITE")
    desk.reply(rung, 180)
    await caller.expect(180)
    desk.reply(await desk.expect("CANCEL"), 200)
    desk.reply(rung, 487)
    await desk.expect("ACK")
    await answered(caller, gateway)
    await over(caller, gateway)
    (record,) = await office.serving.records("201", 1)
    assert results(record) == [("no_answer", 408), ("answered", 200)]
    assert (record["direction"], record["line"]) == ("internal", "")


async def test_forward_is_switched_by_command_and_survives_a_restart(office: Office) -> None:
    gateway, caller = await office.gateway(), await office.telephone()
    done = await office.do("forward", "set", "203", "all", MOBILE)
    assert done["forwards"] == [
        {"extension": "203", "when": "all", "to": MOBILE, "said_by": "switched"}
    ]
    await office.restart()
    await caller.calls("203")
    invite = await gateway.expect("INVITE")
    assert invite.start.startswith(f"INVITE sip:{MOBILE}@")
    assert "sip:+862012345678@" in invite["From"]
    gateway.reply(invite, 486)
    caller.ack(await caller.expect(486))
    assert (await office.do("forward", "clear", "203", "all"))["forwards"] == []
    desk = await office.desk("203")
    await caller.calls("203")
    desk.reply(await desk.expect("INVITE"), 486)
    caller.ack(await caller.expect(486))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("set", "201", "all", "201"), "they would go in a circle, 201 to 201"),
        (("set", "202", "all", MOBILE), "the extension has no permission to call out"),
        (("set", "203", "all", "0084901234567"), "calls to VN are barred"),
        (("set", "999", "all", "201"), "the dialplan has no extension 999"),
        (("clear", "201", "busy"), "no forward 'busy' of 201 was switched"),
    ],
)
async def test_forward_that_cannot_be_says_why(
    office: Office, command: tuple[str, ...], said: str
) -> None:
    assert said in await office.do("forward", *command, code=1)


async def test_extension_with_one_line_is_busy_on_any_call(office: Office) -> None:
    desk, caller, other = (
        await office.desk("202"),
        await office.telephone(),
        await office.telephone(),
    )
    await caller.calls("202")
    await answered(caller, desk)
    await other.calls("202")
    other.ack(await other.expect(486))
    await over(caller, desk)
    await office.serving.records("202", 2)
    await other.calls("202")
    await answered(other, desk)
    await over(other, desk)


async def test_who_wants_no_calls_is_not_rung_and_its_route_goes_on(office: Office) -> None:
    desk, outside = await office.desk("203"), await office._phone(Phone, "127.0.0.1", free_port())
    await office.do("presence", "set", "202", "do not disturb")
    outside.invite("4000", SDP, to="<sip:202@127.0.0.1>")
    desk.reply(await desk.expect("INVITE"), 486)
    await desk.expect("ACK")
    outside.ack(await outside.expect(486))
    await office.do("presence", "clear", "202")


async def test_transfer_outside_is_as_the_permission_of_who_asks(office: Office) -> None:
    desk, gateway = await office.desk("203"), await office.gateway()
    allowed, barred = await office.telephone("101"), await office.telephone("102")
    for caller, said in ((barred, "403"), (allowed, "200")):
        await caller.calls("203")
        await answered(caller, desk)
        goal = ("Refer-To", f"<sip:{MOBILE}@127.0.0.1:{office.serving.place.port}>")
        caller.request("REFER", "", goal)
        await caller.expect(202)
        caller.reply(await caller.expect("NOTIFY"), 200)
        if caller is allowed:
            invite = await gateway.expect("INVITE")
            assert "sip:+862012345678@" in invite["From"]
            gateway.reply(invite, 200, SDP)
            await gateway.expect("ACK")
            desk.reply(await desk.expect("INVITE"), 200, SDP)
            await desk.expect("ACK")
        notify = await caller.expect("NOTIFY")
        assert f"SIP/2.0 {said}" in notify.body
        caller.reply(notify, 200)
        caller.request("BYE")
        await caller.expect(200)
        if caller is barred:
            desk.reply(await desk.expect("BYE"), 200)
    desk.request("BYE")
    await desk.expect(200)
    gateway.reply(await gateway.expect("BYE"), 200)


@pytest.mark.parametrize(("user", "called"), [("101", "4001"), ("102", "4002")])
async def test_telephone_that_redirects_outside_is_followed_as_far_as_its_permission_goes(
    office: Office, user: str, called: str
) -> None:
    telephone, gateway, desk = (
        await office.telephone(user, "127.0.0.1"),
        await office.gateway(),
        await office.desk("203"),
    )
    outside = await office._phone(Phone, "127.0.0.1", free_port())
    await telephone.registered()
    outside.invite(called, SDP)
    contact = f"<sip:{MOBILE}@127.0.0.1:{gateway.port}>"
    telephone.reply(await telephone.expect("INVITE"), 302, Contact=contact)
    await telephone.expect("ACK")
    reached = gateway if user == "101" else desk
    invite = await reached.expect("INVITE")
    if user == "101":
        assert "sip:+862012345678@" in invite["From"]
    reached.reply(invite, 603)
    await reached.expect("ACK")
    outside.ack(await outside.expect(603))
