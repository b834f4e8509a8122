"""A newcomer's first call to a dialplan of their own, and what a call that is not heard leaves."""

import asyncio
import re
import signal
import socket
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE, until
from support.ports import free_port
from support.programs import run
from support.serving import Serving, lay_out
from support.stream_phone import StreamPhone

pytestmark = pytest.mark.asyncio(loop_scope="session")

DIALPLAN: Final = """\
country: VN
trunks:
  viettel: {{addresses: [{trunk}]}}
gateways:
  out: {{address: "127.0.0.1:{port}"}}
targets:
  desk: {{number: "0912345678", via: out}}
  far: {{uri: "sip:far@192.0.2.9"}}
numbers:
  "0900*": {{route: [{{hunt: [far]}}]}}
  "1900": {{suspended: true, route: [{{hunt: [desk]}}]}}
  "1901": {{route: [{{hunt: [far]}}]}}
  "02873001234": {{route: [{{hunt: [desk]}}]}}
"""
NOT_HEARD: Final = "a stranger is not heard"


async def greeted(serving: Serving) -> str:
    """All of its greeting; a call that it hints at stands in the last line."""
    assert serving.process.stdout is not None
    while "metrics  " not in serving.greeting:
        serving.greeting += (await serving.process.stdout.readline()).decode()
    for _ in range(2):
        async with asyncio.timeout(PATIENCE):
            serving.greeting += (await serving.process.stdout.readline()).decode()
        if "let it in" in serving.greeting:
            break
    return serving.greeting


def not_heard(serving: Serving) -> list[str]:
    return [line for line in serving.log().splitlines() if NOT_HEARD in line]


async def test_call_that_the_greeting_names_is_answered(tmp_path: Path) -> None:
    target = free_port()
    serving = await Serving.start(
        lay_out(tmp_path, DIALPLAN.format(trunk="127.0.0.1", port=target))
    )
    try:
        greeting = await greeted(serving)
        assert f"settings {serving.place.config}\n" in greeting
        said = greeting.splitlines()
        assert said[-2] == "a first call:"
        # The number that can ring somebody on this machine, at the target's own port.
        assert f"-s 02873001234 -i 127.0.0.1 127.0.0.1:{serving.place.port}" in said[-1]
        assert f"sipp -sn uas -i 127.0.0.1 -p {target} -m 1 -bg" in said[-1]
        await run("bash", "-c", f"({said[-1]}) > sipp.out 2>&1", cwd=tmp_path)
        record = await serving.record("02873001234")
        assert record["disposition"] == "ANSWERED"
        assert not_heard(serving) == []
    finally:
        await serving.stop()


async def test_invite_that_cannot_be_a_call_is_logged_once_with_the_reason(tmp_path: Path) -> None:
    place = lay_out(tmp_path, DIALPLAN.format(trunk="127.0.0.1", port=free_port()))
    serving = await Serving.start(place)
    caller = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", place.port))
    try:
        for _ in range(3):
            caller.invite("02873001234", SDP, ("Require", "telepathy"))
            caller.ack(await caller.expect(420))

        async def logged() -> list[str]:
            return [line for line in serving.log().splitlines() if "before it is a call" in line]

        (line,) = await until(logged)
        for said in (
            "info",
            "trunk=viettel",
            "source=127.0.0.1",
            "status=420",
            "unsupported extension",
        ):
            assert said in line
    finally:
        await caller.close()
        await serving.stop()


async def test_call_that_is_not_heard_is_logged_with_what_lets_it_in(tmp_path: Path) -> None:
    target = free_port()
    plan = DIALPLAN.format(trunk="192.0.2.0/24", port=target)
    place = lay_out(tmp_path, plan)
    serving = await Serving.start(place)
    caller = await Phone.open("127.0.0.1", free_port(), ("127.0.0.1", place.port))
    try:
        hint = "trunks: {viettel: {addresses: [127.0.0.1]}}"
        assert f"a call from this machine is not heard; to let it in: {hint}\n" in await greeted(
            serving
        )
        caller.invite("02873001234")
        (line,) = await until(lambda: told(serving))
        assert "info" in line
        assert "source=127.0.0.1" in line
        assert hint in line
        # Told once, however often it asks.
        for _ in range(50):
            caller.invite("02873001234")
        other = await StreamPhone.connect(("127.0.0.1", place.port), host="127.0.0.9")
        other.invite("02873001234")
        await until(lambda: told(serving, 2))
        assert [line.count("source=127.0.0.9") for line in not_heard(serving)] == [0, 1]
        assert caller.seen == []
        await other.close()
        # As it says, so it is.
        (tmp_path / "dialplan.yaml").write_text(
            plan.replace("[192.0.2.0/24]", "[192.0.2.0/24, 127.0.0.1]"), encoding="utf-8"
        )
        callee = await Phone.open("127.0.0.1", target, ("127.0.0.1", place.port))
        await serving.logged("dialplan reloaded")
        caller.invite("02873001234")
        callee.reply(await callee.expect("INVITE"), 486)
        caller.ack(await caller.expect(486))
        await callee.close()
    finally:
        await caller.close()
        await serving.stop()


async def test_flood_of_strangers_fills_no_log(tmp_path: Path) -> None:
    place = lay_out(tmp_path, DIALPLAN.format(trunk="192.0.2.0/24", port=free_port()))
    serving = await Serving.start(place)
    try:
        for host in range(600):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((f"127.1.{host // 200}.{host % 200 + 1}", 0))
                for _ in range(5):
                    sock.sendto(b"INVITE sip:1@x SIP/2.0\r\n\r\n", ("127.0.0.1", place.port))
            # No more at once than the kernel keeps for who does not read.
            if host % 20 == 19:
                await until(partial(heard, serving, 5 * (host + 1)))
        serving.signal(signal.SIGTERM)
        assert await serving.ended(25) == 0
        lines = not_heard(serving)
        assert 10 <= len(lines) < 30
        assert len({re.search(r"source=(\S+)", line)[1] for line in lines}) == len(lines)  # type: ignore[index]
    finally:
        await serving.stop()


async def heard(serving: Serving, count: int) -> bool:
    """So many datagrams of strangers have been read."""
    return (await serving.metrics())["callrouter_strangers_total"] >= count


async def told(serving: Serving, count: int = 1) -> list[str]:
    lines = not_heard(serving)
    return lines if len(lines) >= count else []
