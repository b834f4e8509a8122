"""The SIP trace of real calls, as `callrouter trace` shows it while the server runs and after."""

import asyncio
import re
import shutil
import signal
import stat
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from support.full_disk import fill, small_disk
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Place, Serving, command, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{desk}"}}
  other: {{uri: "sip:other@127.0.0.1:{other}"}}
numbers:
  "7000": {{route: [{{hunt: [desk, other]}}]}}
"""
MESSAGES = 7 + 3 + 6
"""Of a call to 7000: of the caller, of the first target, which is busy, and of the second."""


@dataclass
class Scene:
    """A server with a trace, two telephones it calls, and any number that call it."""

    place: Place
    desk: Phone
    other: Phone
    serving: Serving
    callers: list[Phone] = field(default_factory=list)

    async def talk(self, *rows: tuple[str, str]) -> Phone:
        """A caller who talks to the second target."""
        caller = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", self.place.port))
        self.callers.append(caller)
        caller.invite("7000", SDP, *rows)
        self.desk.reply(await self.desk.expect("INVITE"), 486)
        await self.desk.expect("ACK")
        invite = await self.other.expect("INVITE")
        self.other.reply(invite, 180)
        await caller.expect(180)
        self.other.reply(invite, 200, SDP)
        caller.ack(await caller.expect(200))
        await self.other.expect("ACK")
        return caller

    async def leave(self, caller: Phone) -> str:
        """A caller hangs up; the call's id."""
        caller.request("BYE")
        await caller.expect(200)
        self.other.reply(await self.other.expect("BYE"), 200)
        records = await self.serving.records("7000", len(self.callers))
        return next(row["id"] for row in records if row["call_id"] == caller.call_id)

    async def written(self, count: int) -> None:
        """Wait until so many messages are on disk."""

        async def look() -> bool:
            metrics = await self.serving.metrics()
            return metrics["callrouter_traced_messages_total"] >= count

        await until(look, PATIENCE)


@pytest_asyncio.fixture(loop_scope="session")
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    desk, other = free_port(), free_port()
    place = lay_out(tmp_path, DIALPLAN.format(desk=desk, other=other))
    with place.config.open("a", encoding="utf-8") as file:
        file.write("trace: {keep: 10MB}\n")
    server = ("127.0.0.1", place.port)
    phones = [await Phone.open("127.0.0.1", port, server) for port in (desk, other)]
    opened = Scene(place, *phones, await Serving.start(place))
    yield opened
    assert "internal error" not in opened.serving.log()
    for phone in (*phones, *opened.callers):
        await phone.close()
    await opened.serving.stop()


async def traced(place: Place, *words: str) -> tuple[int, bytes, str]:
    """Exit code, output and errors of `callrouter trace`."""
    process = await asyncio.create_subprocess_exec(
        *command("trace", *words, "--config", place.config),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out, error.decode()


def steps(ladder: str) -> list[tuple[str, str, str]]:
    """The messages of a ladder: from whom, to whom, what."""
    lines = ladder.splitlines()
    top = next(index for index, line in enumerate(lines) if line.startswith("    ms"))
    columns = [
        (match.start() + len(match[0]) // 2, match[0]) for match in re.finditer(r"\S+", lines[top])
    ][1:]
    found = []
    for line in lines[top + 1 :]:
        match = re.search(r"\|(<?)-+ (.*?) -+>?\|", line)
        assert match is not None, line
        ends = [
            min(columns, key=lambda one: abs(one[0] - place))[1]
            for place in (match.start(), match.end() - 1)
        ]
        found.append((*(ends[::-1] if match[1] else ends), match[2]))
    return found


async def test_ladder_has_every_message_of_every_leg_in_its_order(scene: Scene) -> None:
    caller = await scene.talk()
    call = await scene.leave(caller)
    await scene.written(MESSAGES)
    code, out, error = await traced(scene.place, call)
    assert (code, error) == (0, "")
    ladder = steps(out.decode())
    assert len(ladder) == MESSAGES
    us = "callrouter"
    assert [step for step in ladder if "caller" in step] == [
        ("caller", us, "INVITE 7000"),
        (us, "caller", "100 Trying"),
        (us, "caller", "180 Ringing"),
        (us, "caller", "200 OK"),
        ("caller", us, "ACK"),
        ("caller", us, "BYE"),
        (us, "caller", "200 OK (BYE)"),
    ]
    assert [step for step in ladder if "desk" in step] == [
        (us, "desk", "INVITE desk"),
        ("desk", us, "486 Said"),
        (us, "desk", "ACK"),
    ]
    assert [step[2] for step in ladder if "other" in step][:2] == ["INVITE other", "180 Said"]
    for invite in (caller.invite_sent, scene.desk.seen[0], scene.other.seen[0]):
        assert invite is not None
        assert (await traced(scene.place, invite["Call-ID"]))[1].split(b"\n", 1)[1] == (
            out.split(b"\n", 1)[1]
        )


async def test_text_has_the_messages_themselves_without_credentials(scene: Scene) -> None:
    caller = await scene.talk(
        ("Proxy-Authorization", 'Digest username="a", response="6f1d4c0a8e5b49d2"')
    )
    call = await scene.leave(caller)
    await scene.written(MESSAGES)
    code, out, _ = await traced(scene.place, call, "--format", "text")
    text = out.decode()
    assert code == 0
    assert text.count("\n--- ") == MESSAGES - 1
    assert (
        f" UDP caller 127.0.0.1:{caller.port} -> callrouter 127.0.0.1:{scene.place.port}\n" in text
    )
    assert f" UDP callrouter 127.0.0.1:{scene.place.port} -> desk 127.0.0.1:" in text
    assert "\nProxy-Authorization: Digest ***\n" in text
    assert f"\nCall-ID: {caller.call_id}\n" in text
    kept = b"".join(path.read_bytes() for path in (scene.place.folder / "var/trace").iterdir())
    assert b"6f1d4c0a8e5b49d2" not in kept


async def test_capture_has_a_packet_for_each_message(scene: Scene) -> None:
    call = await scene.leave(await scene.talk())
    await scene.written(MESSAGES)
    file = scene.place.folder / "call.pcap"
    words = (call, "--format", "pcap", "--output", str(file))
    assert await traced(scene.place, *words) == (0, b"", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    data, packets, at = file.read_bytes(), [], 24
    while at < len(data):
        size = struct.unpack("<I", data[at + 8 : at + 12])[0]
        packets.append(data[at + 16 + 28 : at + 16 + size])
        at += 16 + size
    assert at == len(data)
    assert len(packets) == MESSAGES
    assert packets[0].startswith(b"INVITE sip:7000@")
    code, out, error = await traced(scene.place, *words)
    assert (code, out) == (1, b"")
    assert error == f"callrouter: error: {file} is there already\n"
    tshark = shutil.which("tshark")
    if tshark is not None:
        process = await asyncio.create_subprocess_exec(
            *(tshark, "-r", file, "-Y", "sip && !_ws.malformed", "-T", "fields", "-e", "sip.CSeq"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        out, _ = await process.communicate()
        assert len(out.splitlines()) == MESSAGES


async def test_call_in_progress_is_followed_until_it_is_over(scene: Scene) -> None:
    caller = await scene.talk()
    await scene.written(MESSAGES - 4)
    process = await asyncio.create_subprocess_exec(
        *command("trace", caller.call_id, "--follow", "--config", scene.place.config),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines: list[bytes] = []
    while sum(b" ACK " in line for line in lines) < 3:
        lines.append(await process.stdout.readline())
        assert lines[-1]
    await scene.leave(caller)
    rest = await process.stdout.read()
    assert await process.wait() == 0
    assert [step[2] for step in steps(b"".join([*lines, rest]).decode())][-4:].count("BYE") == 2


async def test_killed_server_leaves_its_trace_and_the_next_goes_on(scene: Scene) -> None:
    caller = await scene.talk()
    await scene.written(MESSAGES - 4)
    scene.serving.signal(signal.SIGKILL)
    await scene.serving.ended()
    code, out, error = await traced(scene.place, caller.call_id, "--follow")
    assert (code, error) == (0, "the server has stopped\n")
    assert len(steps(out.decode())) == MESSAGES - 4
    scene.serving = await Serving.start(scene.place)
    second = await scene.talk()
    await scene.written(MESSAGES - 4)
    for one in (caller, second):
        code, out, _ = await traced(scene.place, one.call_id)
        assert (code, len(steps(out.decode()))) == (0, MESSAGES - 4)


async def test_what_is_not_there_is_said(scene: Scene) -> None:
    code, out, error = await traced(scene.place, "19c-1")
    assert (code, out) == (1, b"")
    assert error == "callrouter: error: there is no trace of 19c-1: no such id\n"
    text = scene.place.config.read_text(encoding="utf-8")
    scene.place.config.write_text(text.replace("trace:", "# trace:"), encoding="utf-8")
    code, _, error = await traced(scene.place, "19c-1")
    assert code == 1
    assert (
        error
        == f"callrouter: error: no trace is kept: there is no 'trace' in {scene.place.config}\n"
    )


async def test_full_disk_costs_no_call(scene: Scene, disk: Path) -> None:
    await scene.serving.stop()
    (scene.place.folder / "var" / "trace").rename(scene.place.folder / "before")
    (scene.place.folder / "var" / "trace").symlink_to(disk)
    scene.serving = await Serving.start(scene.place)
    await scene.leave(await scene.talk())
    await scene.written(MESSAGES)
    filler = fill(disk)
    for _ in range(2):
        await scene.leave(await scene.talk())

    async def failing() -> bool:
        return (await scene.serving.metrics())['callrouter_store_failing{store="trace"}'] == 1

    await until(failing, PATIENCE)
    filler.unlink()

    async def again() -> bool:
        await scene.leave(await scene.talk())
        return "the SIP trace is kept again" in scene.serving.log()

    await until(again, PATIENCE)
    assert scene.serving.log().count("the SIP trace is not kept") == 1
    assert (await scene.serving.metrics())["callrouter_traced_messages_lost_total"] > 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path, "64k") as folder:
        yield folder
