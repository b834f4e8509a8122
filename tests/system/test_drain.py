"""`callrouter drain` on the running server: the last call ends it, and it can be called off."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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

pytestmark = pytest.mark.asyncio(loop_scope="session")

DIALPLAN: Final = """\
country: CN
trunks:
  lab: {{addresses: [127.0.0.1]}}
targets:
  desk: {{uri: "sip:desk@127.0.0.1:{port}"}}
numbers:
  "4000": {{route: [{{hunt: [desk]}}]}}
"""


class Busy:
    """A server with one answered call."""

    def __init__(self, serving: Serving, caller: Phone, callee: Phone) -> None:
        self.serving = serving
        self.caller = caller
        self.callee = callee

    async def do(self, *arguments: str) -> tuple[int, str]:
        place = self.serving.place
        return await run(*command(*arguments, "--config", place.config), cwd=place.folder)

    async def drain(self) -> asyncio.subprocess.Process:
        """Start the command, and return when it says that the drain has begun."""
        place = self.serving.place
        process = await asyncio.create_subprocess_exec(
            *command("drain", "--config", place.config),
            cwd=place.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            said = await process.stdout.readline()
        assert said == b"no new calls are taken; in progress: 1\n"
        return process

    async def another_call(self) -> Phone:
        """A caller who asks for the same number."""
        other = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", self.serving.place.port))
        other.invite("4000")
        return other


@pytest_asyncio.fixture(loop_scope="session")
async def busy(tmp_path: Path) -> AsyncIterator[Busy]:
    # Shorter than the drain will take: a drain cuts nothing short.
    async with call_up(tmp_path, limit="0s") as busy:
        yield busy


@asynccontextmanager
async def call_up(folder: Path, limit: str) -> AsyncIterator[Busy]:
    """A server with a call up. limit: of its drain when it is told to stop."""
    target = free_port()
    serving = await Serving.start(lay_out(folder, DIALPLAN.format(port=target), drain=limit))
    at = ("127.0.0.1", serving.place.port)
    caller = await Phone.open("127.0.0.1", free_port(), at)
    callee = await Phone.open("127.0.0.1", target, at)
    caller.invite("4000")
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200), "")
    await callee.expect("ACK")
    yield Busy(serving, caller, callee)
    await caller.close()
    await callee.close()
    await serving.stop()


async def hang_up(busy: Busy) -> None:
    busy.caller.request("BYE")
    busy.callee.reply(await busy.callee.expect("BYE"), 200)
    await busy.caller.expect(200)


async def test_drain_refuses_new_calls_and_ends_with_the_last_one(busy: Busy) -> None:
    draining = await busy.drain()
    other = await busy.another_call()
    other.ack(await other.expect(503))
    await other.close()
    assert busy.serving.process.returncode is None
    await hang_up(busy)
    async with asyncio.timeout(PATIENCE):
        out, err = await draining.communicate()
    assert (draining.returncode, err) == (0, b"")
    assert out.endswith(b"the server has stopped\n")
    assert await busy.serving.ended(25) == 0
    (answered,) = busy.serving.place.records("4000")
    assert answered["disposition"] == "ANSWERED"
    assert "cut" not in busy.serving.log()
    assert await busy.do("drain") == (
        1,
        f"callrouter: error: no callrouter is listening at {busy.serving.place.folder}"
        "/var/callrouter.sock\n",
    )


async def test_call_that_the_limit_of_a_stop_cuts_is_as_long_as_it_was(tmp_path: Path) -> None:
    async with call_up(tmp_path, limit="1s") as busy:
        busy.serving.signal(signal.SIGTERM)
        for phone in (busy.caller, busy.callee):
            phone.reply(await phone.expect("BYE"), 200)
        assert await busy.serving.ended(25) == 0
        (cut,) = busy.serving.place.records("4000")
    assert cut["ended_ms"] - cut["answered_ms"] >= 1000
    assert cut["hung_up_by"] == "callrouter"


async def test_drain_without_calls_ends_at_once(busy: Busy) -> None:
    await hang_up(busy)

    async def over() -> bool:
        return (await busy.serving.metrics())["callrouter_active_calls"] == 0

    await until(over)
    code, out = await busy.do("drain")
    assert (code, out) == (0, "no new calls are taken; in progress: 0\nthe server has stopped\n")
    assert await busy.serving.ended(25) == 0


async def test_drain_goes_on_without_its_command_which_says_so(busy: Busy) -> None:
    draining = await busy.drain()
    draining.send_signal(signal.SIGINT)
    async with asyncio.timeout(PATIENCE):
        _, err = await draining.communicate()
    assert (draining.returncode, err.decode().strip()) == (
        1,
        "callrouter: error: given up; the server goes on draining: callrouter drain --cancel "
        "ends that",
    )
    other = await busy.another_call()
    other.ack(await other.expect(503))
    await other.close()
    assert await busy.do("drain", "--cancel") == (0, "new calls are taken again\n")
    await hang_up(busy)


async def test_drain_that_is_cancelled_takes_calls_again(busy: Busy) -> None:
    draining = await busy.drain()
    assert await busy.do("drain", "--cancel") == (0, "new calls are taken again\n")
    async with asyncio.timeout(PATIENCE):
        _, err = await draining.communicate()
    assert draining.returncode == 1
    assert err == b"callrouter: error: the drain was cancelled: new calls are taken again\n"
    other = await busy.another_call()
    busy.callee.reply(await busy.callee.expect("INVITE"), 486)
    other.ack(await other.expect(486))
    await busy.callee.expect("ACK")
    await other.close()
    await hang_up(busy)
    assert await busy.do("drain", "--cancel") == (
        1,
        "callrouter: error: it is not draining\n",
    )
    assert busy.serving.process.returncode is None


async def test_registration_is_taken_back_by_a_drain_and_made_again_after_it(
    tmp_path: Path,
) -> None:
    port, target = free_port(), free_port()
    (tmp_path / "word").write_text("secret\n", encoding="utf-8")
    place = lay_out(
        tmp_path,
        DIALPLAN.format(port=target) + f"gateways: {{out: {{address: '127.0.0.1:{port}', "
        "auth: {user: us, password_file: word}, register: {}}}\n",
    )
    at = ("127.0.0.1", place.port)
    gateway = await Phone.open("127.0.0.1", port, at)
    busy = Busy(
        await Serving.start(place),
        await Phone.open("127.0.0.1", free_port(), at),
        await Phone.open("127.0.0.1", target, at),
    )
    try:
        assert await registered(gateway) > 0
        busy.caller.invite("4000")
        busy.callee.reply(await busy.callee.expect("INVITE"), 180)
        await busy.caller.expect(180)
        draining = await busy.drain()
        assert await registered(gateway) == 0
        assert await busy.do("drain", "--cancel") == (0, "new calls are taken again\n")
        assert await registered(gateway) > 0
        await draining.communicate()
    finally:
        for phone in (gateway, busy.caller, busy.callee):
            await phone.close()
        await busy.serving.stop()


async def registered(gateway: Phone) -> int:
    """Grant the next REGISTER; for how many seconds it asked."""
    request = await gateway.expect("REGISTER")
    seconds = request["Expires"] or request["Contact"].rpartition("expires=")[2]
    gateway.reply(request, 200, Contact=request["Contact"], Expires=seconds)
    return int(seconds)
