"""A number is called from where it says, whoever asks for it and in whatever way."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.message import SDP
from support.phone import Phone
from support.polling import until
from support.ports import free_port
from support.proving import Telephone, proving
from support.serving import Serving
from support.typed import run

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLOSES = {"feature": {"schedule": "office", "to": "closed"}}


class House:
    """A callrouter with a trunk at 127.0.0.1, a telephone, and targets that no trunk has.

    desk: a target outside.
    """

    def __init__(self, serving: Serving, desk: int, far: int) -> None:
        self.serving = serving
        self.desk_port = desk
        self.far_port = far
        self.open: list[Phone] = []

    async def phone(self, host: str, port: int = 0) -> Telephone:
        """A scripted peer at a loopback address."""
        server = ("127.0.0.1", self.serving.place.port)
        phone = await Telephone.open(host, port or free_port(), server)
        phone.newcomer = bool(port)
        self.open.append(phone)
        return phone

    async def switched(self) -> list[str]:
        """The schedules that are switched by hand."""
        place = self.serving.place
        ended = await run(place.folder, "override", "list", "--json", "--config", place.config)
        assert ended.code == 0, ended.err
        return [one["schedule"] for one in json.loads(ended.out)["overrides"]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    desk, far = free_port(), free_port()
    parts = {
        "targets": {
            "desk": {"uri": f"sip:desk@127.0.0.41:{desk}"},
            "far": {"uri": f"sip:far@127.0.0.42:{far}"},
            "phone": {"extension": "101"},
        },
        "lists": {
            "friends": {"numbers": ["+8689812345678"]},
            "staff": {"numbers": ["+8613800138000"], "prefixes": ["+86756"]},
        },
        "schedules": {"office": {"open": ["00:00-24:00"]}},
        "numbers": {
            "4000": {"route": [{"hunt": ["desk"]}]},
            "4001": {"route": [{"hunt": ["phone"]}]},
            "4100": {"from": "extensions", "route": [{"hunt": ["far"]}]},
            "4200": {"from": ["lab"], "route": [{"hunt": ["desk"]}]},
            "*31": {"route": [CLOSES]},
            "4300": {
                "areas": {"refuse": ["Hainan"]},
                "allow": ["friends"],
                "route": [{"hunt": ["desk"]}],
            },
            "4301": {"only": ["staff"], "route": [{"hunt": ["desk"]}]},
        },
    }
    async with proving(tmp_path_factory.mktemp("house"), parts) as serving:
        yield House(serving, desk, far)


@pytest_asyncio.fixture(loop_scope="session")
async def house(shared: House) -> AsyncIterator[House]:
    yield shared
    for phone in shared.open:
        await phone.close()
    shared.open.clear()


async def test_feature_code_is_none_to_a_trunk_and_one_to_a_telephone(house: House) -> None:
    outsider = await house.phone("127.0.0.1")
    outsider.invite("*31", SDP, caller="101")
    outsider.ack(await outsider.expect(404))
    record = await house.serving.record("*31")
    assert (record["reason"], record["status"], record["cause"]) == ("not_from_here", 404, 1)
    last = record["trace"][-1]
    assert (last["rule"], last["result"], last["value"]) == ("from of number *31", "refused", "lab")
    assert await house.switched() == []
    telephone = await house.phone("127.0.0.32")
    await telephone.calls("*31")
    telephone.ack(await telephone.expect(503))
    *_, step = (await house.serving.records("*31", 2))[-1]["trace"]
    assert step["why"] == "no condition; the media pool is down"  # it came to the step itself


async def test_number_for_one_trunk_is_none_to_others(house: House) -> None:
    telephone = await house.phone("127.0.0.33")
    await telephone.calls("4200")
    telephone.ack(await telephone.expect(404))
    desk = await house.phone("127.0.0.41", house.desk_port)
    caller = await house.phone("127.0.0.1")
    caller.invite("4200", SDP)
    desk.reply(await desk.expect("INVITE"), 486)
    await desk.expect("ACK")
    caller.ack(await caller.expect(486))


@pytest.mark.parametrize(
    ("caller", "number", "status", "reason"),
    [
        ("089887654321", "4300", 486, "area_refused"),
        (
            "089812345678",
            "4300",
            603,
            "no_target_left",
        ),  # whose area is refused, and who is allowed
        ("075688888888", "4300", 603, "no_target_left"),
        ("13800138001", "4301", 403, "not_listed"),
        ("anonymous", "4301", 403, "not_listed"),
        ("+8613800138000", "4301", 603, "no_target_left"),
        ("07561234567", "4301", 603, "no_target_left"),
    ],
)
async def test_single_callers_are_let_in_and_kept_out_by_plain_keys(
    house: House, caller: str, number: str, status: int, reason: str
) -> None:
    before = len(house.serving.place.records(number))
    desk = await house.phone("127.0.0.41", house.desk_port)
    phone = await house.phone("127.0.0.1")
    phone.invite(number, SDP, caller=caller)
    if status == 603:
        desk.reply(await desk.expect("INVITE"), 603)
        await desk.expect("ACK")
    phone.ack(await phone.expect(status))
    records = await house.serving.records(number, before + 1)
    assert records[-1]["reason"] == reason


async def transferred(asks: Phone, number: str) -> str:
    """Who is in a call asks for a number; what it is told in the end."""
    asks.request("REFER", "", ("Refer-To", f"<sip:{number}@127.0.0.1>"))
    await asks.expect(202)
    told: list[str] = []
    while len(told) < 2:
        notify = await asks.expect("NOTIFY")
        asks.reply(notify, 200)
        told.append(notify.body.strip())
    return told[1]


async def test_whom_a_telephone_called_transfers_to_no_number_for_telephones(house: House) -> None:
    desk = await house.phone("127.0.0.41", house.desk_port)
    caller = await house.phone("127.0.0.34")
    await caller.calls("4000")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    assert await transferred(desk, "4100") == "SIP/2.0 404 Not Found"
    caller.request("BYE")
    desk.reply(await desk.expect("BYE"), 200)
    await caller.expect(200)
    (record,) = await house.serving.records("4000", 1)
    assert record["trace"][-1]["rule"] == "from of number 4100"


async def test_telephone_that_was_called_transfers_to_a_number_for_telephones(
    house: House,
) -> None:
    telephone = await house.phone("127.0.0.35")
    await telephone.registered(("User-Agent", "x" * 300))
    far = await house.phone("127.0.0.42", house.far_port)
    caller = await house.phone("127.0.0.1")
    caller.invite("4001", SDP)
    telephone.reply(await telephone.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await telephone.expect("ACK")
    telephone.request("REFER", "", ("Refer-To", "<sip:4100@127.0.0.1>"))
    await telephone.expect(202)
    far.reply(await far.expect("INVITE"), 603)
    await far.expect("ACK")
    telephone.request("BYE")
    caller.reply(await caller.expect("BYE"), 200)

    async def over() -> bool:
        return bool(house.serving.place.records("4001"))

    await until(over)


_MENU = """\
country: CN
trunks: {carrier: {addresses: [203.0.113.7]}, phones: {phones: true}}
targets: {desk: {uri: "sip:desk@192.0.2.1"}}
extensions: {"101": {phone: {user: "101", password_env: P101}}}
schedules: {office: {open: ["08:00-18:00"]}}
menus:
  main:
    prompt: enter_choice
    extensions: true
    keys: {"1": desk, "9": {feature: {schedule: office, to: closed}}}
prompts: {enter_choice: {tone: {hertz: 440, for: 1s}}}
numbers: {"4000": {route: [{menu: main}]}}
"""


@pytest.mark.parametrize(("trunk", "done"), [("carrier", False), ("phones", True)])
async def test_menu_leads_only_telephones_to_a_code(trunk: str, done: bool, tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text(_MENU, encoding="utf-8")
    call = ("--to", "4000", "--trunk", trunk, "--press", "9 after 2s")
    ended = await run(tmp_path, "simulate", *call, "--dialplan", "d.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert ("hears override_closed" in ended.out) is done
