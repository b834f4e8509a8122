"""Strangers against the running program: what they get, what they learn, how they are banned."""

import asyncio
import json
import re
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE, until
from support.ports import free_port
from support.programs import run
from support.serving import Serving, command, lay_out
from support.stream_phone import StreamPhone

pytestmark = pytest.mark.asyncio(loop_scope="session")

BIN: Final = Path(".venv/bin")
STRANGER: Final = "127.0.0.20"
DIALPLAN: Final = """\
country: CN
trunks:
  carrier: {{addresses: [127.0.0.1]}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{target}"}}
  far: {{uri: "sip:desk@127.0.0.31:{target}"}}
numbers:
  "4000": {{route: [{{hunt: [desk]}}]}}
  "4001": {{route: [{{hunt: [far]}}]}}
"""
PHONES: Final = """\
  phones: {{phones: true}}
extensions:
  "101": {{phone: {{user: "101", password_env: STRANGERS_TEST}}}}
targets:
"""


class Guarded:
    """A callrouter whose trunk is 127.0.0.1 alone."""

    def __init__(self, serving: Serving, target: int) -> None:
        self.serving = serving
        self.target = target
        self.at = ("127.0.0.1", serving.place.port)

    @classmethod
    async def open(cls, folder: Path, settings: str = "", dialplan: str = DIALPLAN) -> "Guarded":
        """Start it. settings: more of them."""
        target = free_port()
        place = lay_out(folder, dialplan.format(target=target))
        with place.config.open("a", encoding="utf-8") as file:
            file.write(settings)
        return cls(await Serving.start(place), target)

    async def phone(self, host: str = "127.0.0.1", port: int = 0) -> Phone:
        """A phone at an address, with a port of its own when none is named."""
        return await Phone.open(host, port or free_port(), self.at)

    async def told(self) -> None:
        """Return when all that was sent to it so far has been read."""
        phone = await self.phone()
        phone.target, phone.local, phone.remote = "sip:x@x", "<sip:x@x>;tag=1", "<sip:x@x>"
        phone.request("OPTIONS")
        await phone.expect(200)
        await phone.close()

    async def do(self, *arguments: str) -> tuple[int, str]:
        """Give the exit code of a command, and what it said."""
        place = self.serving.place
        return await run(*command(*arguments, "--config", place.config), cwd=place.folder)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    """One for all tests that do not change it."""
    opened = await Guarded.open(tmp_path_factory.mktemp("guarded"))
    yield opened
    await opened.serving.stop()


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER", "BYE", "nothing of SIP"])
async def test_stranger_gets_nothing_and_no_call_is_made(guarded: Guarded, method: str) -> None:
    before = await guarded.serving.metrics()
    stranger = await guarded.phone(STRANGER)
    stranger.invite("4000") if method == "INVITE" else None
    stranger.target, stranger.local, stranger.remote = "sip:4000@x", "<sip:x@x>;tag=1", "<sip:x@x>"
    stranger.request(method)
    await guarded.told()
    after = await guarded.serving.metrics()
    assert stranger.seen == []
    assert after["callrouter_strangers_total"] > before["callrouter_strangers_total"]
    assert after["callrouter_malformed_total"] == before["callrouter_malformed_total"]
    assert guarded.serving.place.records() == []
    await stranger.close()


async def test_stranger_that_connects_is_hung_up_on(guarded: Guarded) -> None:
    stranger = await StreamPhone.connect(guarded.at, host=STRANGER)
    stranger.raw(b"\r\n\r\n")
    stranger.invite("4000")
    async with asyncio.timeout(PATIENCE):
        await stranger.links[0].lost.wait()
    assert stranger.seen == []
    assert stranger.links[0].pongs == 0
    await stranger.close()


async def test_target_that_is_in_no_trunk_is_heard_in_its_call(guarded: Guarded) -> None:
    caller, callee = await guarded.phone(), await guarded.phone("127.0.0.31", guarded.target)
    elsewhere = await guarded.phone("127.0.0.32")
    caller.invite("4001")
    invite = await callee.expect("INVITE")
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    # What it sends next comes from an address that nobody knows.
    callee.request("BYE")
    caller.reply(await caller.expect("BYE"), 200)
    await callee.expect(200)
    for phone in (caller, callee, elsewhere):
        await phone.close()


async def test_scanning_programs_learn_nothing(guarded: Guarded, tmp_path: Path) -> None:
    port = guarded.at[1]
    programs = Path(__file__).parents[2] / BIN
    common = ("-b", STRANGER, "-P", str(free_port()))
    for method in ("OPTIONS", "INVITE", "REGISTER"):
        _, out = await run(
            *(str(programs / "sipvicious_svmap"), f"-p{port}", "-m", method, *common, "127.0.0.1"),
            cwd=tmp_path,
        )
        assert "found nothing" in out, out
        _, out = await run(
            *(
                str(programs / "sipvicious_svwar"),
                f"-p{port}",
                "-m",
                method,
                "-e4000-4010",
                "--force",
            ),
            *("--maximumtime=2", *common, "127.0.0.1"),
            cwd=tmp_path,
        )
        assert not re.search(r"\| *40\d\d", out), out
    metrics = await guarded.serving.metrics()
    assert metrics["callrouter_strangers_total"] >= 3
    # svwar sends from the trunk's own address, and says who it is.
    assert metrics["callrouter_dropped_scanners_total"] >= 3
    assert guarded.serving.place.records("4000") == []


async def test_stranger_is_refused_where_the_settings_say_so(tmp_path: Path) -> None:
    settings = "strangers: {answer: '403', packets_per_second: 3, ban_after: 5, ban_for: 1h}\n"
    guarded = await Guarded.open(tmp_path, settings)
    stranger = await guarded.phone(STRANGER)
    stranger.invite("4000")
    stranger.ack(await stranger.expect(403))
    began = time.monotonic()
    for _ in range(40):
        stranger.request("OPTIONS")
    await guarded.told()
    metrics = await guarded.serving.metrics()
    assert len(stranger.seen) <= 4 + 3 * (time.monotonic() - began)
    assert metrics["callrouter_dropped_over_source_total"] == 5
    assert metrics["callrouter_bans_total"] == metrics["callrouter_banned"] == 1
    # By hand it is heard again, and banned again; over a restart as well.
    assert await guarded.do("ban", "remove", STRANGER) == (0, f"{STRANGER} is heard again\n")
    stranger.seen.clear()
    async with asyncio.timeout(PATIENCE):
        while not stranger.seen:
            stranger.request("OPTIONS")
            await asyncio.sleep(0.2)  # its bucket fills by time alone
    code, _ = await guarded.do("ban", "add", STRANGER)
    assert code == 0
    assert await guarded.do("ban", "add", "127.0.0.1") == (
        1,
        "callrouter: error: 127.0.0.1 belongs to trunk carrier: "
        "take it out of its addresses instead\n",
    )
    guarded.serving.signal(signal.SIGTERM)
    await guarded.serving.ended()
    again = Guarded(await Serving.start(guarded.serving.place), guarded.target)
    code, out = await again.do("ban", "list", "--json")
    assert [ban["address"] for ban in json.loads(out)["bans"]] == [STRANGER]
    await stranger.close()
    await again.serving.stop()


async def test_telephones_are_asked_for_their_password_and_scanners_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRANGERS_TEST", "secret")
    dialplan = DIALPLAN.replace("targets:\n", PHONES, 1)
    guarded = await Guarded.open(tmp_path, dialplan=dialplan)
    stranger = await guarded.phone(STRANGER)
    stranger.invite("4000")
    challenge = await stranger.expect(401)
    assert len(challenge.render()) <= len(stranger.invite_sent.render())
    stranger.ack(challenge)
    stranger.invite("4000", SDP, ("User-Agent", "friendly-scanner"))
    stranger.request("OPTIONS")
    await guarded.told()
    assert len(stranger.seen) == 1
    metrics = await guarded.serving.metrics()
    assert metrics["callrouter_dropped_scanners_total"] == 1
    await stranger.close()
    await guarded.serving.stop()


async def test_only_a_telephone_that_may_be_there_and_call_is_asked_for_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRANGERS_TEST", "secret")
    bound = PHONES.replace("TEST}}", f"TEST, addresses: [{STRANGER}]}}}}")
    dialplan = DIALPLAN.replace("targets:\n", bound.replace("  phones: {{phones: true}}\n", ""), 1)
    guarded = await Guarded.open(tmp_path, dialplan=dialplan)
    stranger, elsewhere = await guarded.phone(STRANGER), await guarded.phone("127.0.0.21")
    for phone in (stranger, elsewhere):
        phone.invite("4000")
        phone.request("REGISTER", "", ("X-Long", "x" * 300))  # or no challenge would fit
    challenge = await stranger.expect(401)
    await guarded.told()
    assert challenge.method == "REGISTER"
    assert (len(stranger.seen), elsewhere.seen) == (1, [])
    line = await StreamPhone.connect(guarded.at, host=STRANGER)
    line.invite("4000")
    async with asyncio.timeout(PATIENCE):
        await line.links[0].lost.wait()
    assert line.seen == []
    for phone in (stranger, elsewhere, line):
        await phone.close()
    await guarded.serving.stop()


async def test_answer_is_never_larger_than_what_a_stranger_sent(tmp_path: Path) -> None:
    guarded = await Guarded.open(tmp_path, "strangers: {answer: '403'}\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((STRANGER, 0))
        stranger.setblocking(False)
        # The least that can be answered: our answer would have a tag and a received more.
        for number in range(10):
            stranger.sendto(
                f"OPTIONS sip:x SIP/2.0\r\n"
                f"v:SIP/2.0/UDP y;branch=z9hG4bK{number}\r\nf:<sip:x>;tag=1\r\n"
                f"t:<sip:x>\r\ni:{number}\r\nCSeq:1 OPTIONS\r\n\r\n".encode(),
                guarded.at,
            )
        await guarded.told()
        with pytest.raises(BlockingIOError):
            stranger.recv(65_536)

    async def counted() -> bool:
        metrics = await guarded.serving.metrics()
        return metrics["callrouter_dropped_large_total"] == 10

    await until(counted)
    await guarded.serving.stop()


async def test_strangers_that_connect_leave_room_for_a_trunk(tmp_path: Path) -> None:
    guarded = await Guarded.open(tmp_path, "connections: {all: 10, for_trunks: 20}\n")
    strangers = []
    try:
        for index in range(9):
            phone = await StreamPhone.connect(guarded.at, host=f"127.0.{index + 1}.20")
            strangers.append(phone)
        await asyncio.wait_for(strangers[8].links[0].lost.wait(), PATIENCE)
        assert not any(phone.links[0].lost.is_set() for phone in strangers[:8])
        trunk = await StreamPhone.connect(guarded.at)
        strangers.append(trunk)
        trunk.target, trunk.local, trunk.remote = "sip:x@x", "<sip:x@x>;tag=1", "<sip:x@x>"
        trunk.request("OPTIONS")
        await trunk.expect(200)
        metrics = await guarded.serving.metrics()
        assert metrics["callrouter_connections_over_limit_total"] == 1
    finally:
        for phone in strangers:
            await phone.close()
        await guarded.serving.stop()
