"""What happens to real calls is told by the socket of a running server, once each and in order."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from support.following import Following, told
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE
from support.ports import free_port
from support.serving import Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{desk}"}}
  other: {{uri: "sip:other@127.0.0.1:{other}"}}
numbers:
  "7000": {{route: [{{hunt: [desk, other]}}]}}
  "7001": {{route: [{{hunt: [desk]}}]}}
  "7002": {{route: [{{hunt: [other]}}]}}
"""
BEGIN = ["started", "leg desk dialled", "leg desk ringing", "ringing", "leg desk answered"]
END = ["leg desk ended", "ended by caller"]


@dataclass
class Scene:
    """A server that is followed, two telephones it calls, and any number that call it."""

    serving: Serving
    following: Following
    desk: Phone
    other: Phone
    callers: list[Phone] = field(default_factory=list)

    @property
    def server(self) -> tuple[str, int]:
        return ("127.0.0.1", self.serving.place.port)

    async def call(self, number: str) -> Phone:
        """Somebody calls."""
        caller = await Phone.open("127.0.0.1", free_port(), self.server)
        self.callers.append(caller)
        caller.invite(number)
        return caller

    async def talk(self) -> Phone:
        """A caller who talks to the desk."""
        caller = await self.call("7001")
        invite = await self.desk.expect("INVITE")
        self.desk.reply(invite, 180)
        await caller.expect(180)
        self.desk.reply(invite, 200, SDP)
        caller.ack(await caller.expect(200))
        await self.desk.expect("ACK")
        return caller

    async def told(self) -> list[str]:
        """What was told of the call."""
        return told(await self.following.until_ended())


@pytest_asyncio.fixture(loop_scope="session")
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    desk, other = free_port(), free_port()
    place = lay_out(tmp_path, DIALPLAN.format(desk=desk, other=other))
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    following = await Following.begin(control(tmp_path))
    assert following.status == 200
    phones = [await Phone.open("127.0.0.1", port, server) for port in (desk, other)]
    opened = Scene(serving, following, *phones)
    yield opened
    assert "internal error" not in serving.log()
    following.close()
    for phone in (*phones, *opened.callers):
        await phone.close()
    await serving.stop()


def control(folder: Path) -> Path:
    return folder / "var" / "callrouter.sock"


async def leaves(caller: Phone, callee: Phone) -> None:
    """A caller hangs up."""
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)


async def test_answered_call(scene: Scene) -> None:
    await leaves(await scene.talk(), scene.desk)
    assert await scene.told() == [*BEGIN, "answered", *END]


async def test_hunt_past_a_busy_target(scene: Scene) -> None:
    caller = await scene.call("7000")
    scene.desk.reply(await scene.desk.expect("INVITE"), 486)
    await scene.desk.expect("ACK")
    scene.other.reply(await scene.other.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await scene.other.expect("ACK")
    await leaves(caller, scene.other)
    assert await scene.told() == [
        "started",
        "leg desk dialled",
        "leg desk ended",
        "leg other dialled",
        "leg other answered",
        "answered",
        "leg other ended",
        "ended by caller",
    ]


async def test_cancelled_call(scene: Scene) -> None:
    caller = await scene.call("7001")
    invite = await scene.desk.expect("INVITE")
    scene.desk.reply(invite, 180)
    await caller.expect(180)
    caller.cancel()
    assert (await caller.expect(200)).method == "CANCEL"
    caller.ack(await caller.expect(487))
    scene.desk.reply(await scene.desk.expect("CANCEL"), 200)
    scene.desk.reply(invite, 487)
    await scene.desk.expect("ACK")
    assert await scene.told() == [*BEGIN[:4], *END]


async def test_hold_and_its_end(scene: Scene) -> None:
    caller = await scene.talk()
    for direction in ("sendonly", "sendrecv"):
        caller.request("INVITE", f"{SDP}a={direction}\r\n")
        answer = "recvonly" if direction == "sendonly" else "sendrecv"
        scene.desk.reply(await scene.desk.expect("INVITE"), 200, f"{SDP}a={answer}\r\n")
        caller.ack(await caller.expect(200))
        await scene.desk.expect("ACK")
    await leaves(caller, scene.desk)
    assert await scene.told() == [
        *BEGIN,
        "answered",
        "held on by caller",
        "held off by caller",
        *END,
    ]


async def test_blind_transfer(scene: Scene) -> None:
    caller = await scene.talk()
    desk, other = scene.desk, scene.other
    desk.request("REFER", "", ("Refer-To", "<sip:7002@127.0.0.1>"))
    await desk.expect(202)
    desk.reply(await desk.expect("NOTIFY"), 200)
    other.reply(await other.expect("INVITE"), 200, SDP)
    await other.expect("ACK")
    caller.reply(await caller.expect("INVITE"), 200, SDP)
    await caller.expect("ACK")
    desk.reply(await desk.expect("NOTIFY"), 200)
    desk.request("BYE")
    await desk.expect(200)
    await leaves(caller, other)
    assert await scene.told() == [
        *BEGIN,
        "answered",
        "leg other dialled",
        "leg other answered",
        "moved",
        "leg desk ended",
        "moved",
        "transferred by callee",
        "leg other ended",
        "ended by caller",
    ]


async def followed(scene: Scene, *more: str) -> tuple[asyncio.subprocess.Process, bytes]:
    """The command, once it follows, and its first line: of a call that is refused."""
    process = await asyncio.create_subprocess_exec(
        *command("calls", "--follow", *more, "--config", scene.serving.place.config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    first = asyncio.create_task(process.stdout.readline())
    while not first.done():  # it takes a while to start
        caller = await scene.call("7999")
        caller.ack(await caller.expect(404))
        await asyncio.wait([first], timeout=0.2)
    return process, await first


async def test_command_prints_a_line_for_each_event_until_the_server_stops(scene: Scene) -> None:
    text, line = await followed(scene)
    assert line.endswith(b" started     1001 -> 7999\n")
    as_json, _ = await followed(scene, "--json")
    await leaves(await scene.talk(), scene.desk)
    scene.serving.signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        (out, said), (lines, _) = await asyncio.gather(text.communicate(), as_json.communicate())
    assert (text.returncode, as_json.returncode) == (0, 0)
    assert said == b"the server has stopped\n"
    assert out.decode().splitlines()[-1].endswith(" ended       ANSWERED 200 by caller")
    assert " leg         desk answered 200\n" in out.decode()
    assert told([json.loads(line) for line in lines.splitlines()])[-8:] == [
        *BEGIN,
        "answered",
        *END,
    ]


async def test_command_ends_well_when_who_reads_has_enough(scene: Scene) -> None:
    process, _ = await followed(scene)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(PATIENCE):
        _, said = await process.communicate()
    assert (process.returncode, said) == (0, b"")
