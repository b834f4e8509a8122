"""`callrouter explain` of a running server: the state of the moment counts, as it does in calls."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio
from click.testing import CliRunner
from support.controlled import Room

from callrouter.api.client import ask
from callrouter.cli import main
from callrouter.operations.explain import ExplainCall, explain_call
from callrouter.register.bindings import Binding
from callrouter.route.values.plan import AutoBlock, Hold
from callrouter.sip.flow import Flow

PLAN = """\
country: CN
timezone: Asia/Shanghai
trunks: {lab: {addresses: [127.0.0.1]}}
gateways: {gw: {address: "127.0.0.1:5080"}}
targets: {a: {uri: "sip:a@127.0.0.1:5081"}, g: {number: "13800138000", via: gw}}
schedules: {office: {open: ["Mon-Sun 00:00-24:00"]}}
extensions: {"801": {targets: [a]}, "802": {phone: {user: "802", password_env: P802}}}
numbers:
  "4000": {lines: 1, route: [{when: {schedule: office}, hunt: [a]}]}
  "4001": {to_header: extensions, route: [{hunt: [g]}]}
  "4002": {auto_block: {calls: 2, within: 60s, for: 600s}, route: [{hunt: [a]}]}
"""
SETTINGS = "listen: ['udp:127.0.0.1:5060']\ndialplan: plan.yaml\ncontrol: s.sock\n"
LATER = "2036-03-03T10:00"


class Served(Room):
    """A room with settings, and the command that asks it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "s.sock", PLAN)
        self.config = folder / "callrouter.yaml"
        self.config.write_text(SETTINGS, encoding="utf-8")
        self.plan.write_text(PLAN, encoding="utf-8")

    async def explain(self, *options: str, called: str = "4000", json_too: bool = True) -> Any:
        """What is explained of a call of 02012345678: an object, or the text."""
        argv = ["explain", "--config", str(self.config), f"--to={called}", *options]
        argv += ["--from=02012345678"] if not any("--from" in one for one in options) else []
        argv += ["--json"] if json_too else []
        result = await asyncio.to_thread(CliRunner().invoke, main, argv)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if json_too else result.stdout

    async def reason(self, *options: str, called: str = "4000") -> str | None:
        """Why such a call would be refused; None when it would ring somebody."""
        found = await self.explain(*options, called=called)
        return None if found["targets"] else found["reason"]


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    opened = Served(tmp_path)
    await opened.listener.start()
    yield opened
    await opened.reloader.close()
    await opened.listener.close()


async def test_blocks_by_hand_and_automatic_ones_count(served: Served) -> None:
    blocks, now = served.memory.blocks, served.memory.clock.now()
    assert await served.reason() is None
    blocks.block("", "+862012345678", 0.0)
    blocks.block("4001", "+86898*", now + 3600.0)
    assert await served.reason() == "blocked_by_hand"
    assert await served.reason("--from=089812345678", called="4001") == "blocked_by_hand"
    assert await served.reason("--from=089812345678", called="4000") is None
    rule = AutoBlock(calls=2, within_seconds=60.0, for_seconds=600.0)
    blocks.attempted("4002", "+8613800138000", now, rule)
    assert await served.reason("--from=13800138000", called="4002") == "auto_blocked"
    assert await served.reason("--from=13900139000", called="4002") is None
    blocks.attempted("4002", "+8613800138000", now, rule)
    text = await served.explain("--from=13800138000", called="4002", json_too=False)
    assert "✗ blocked callers [+8613800138000]: is blocked at number 4002 for another" in text
    assert "└── state: that of the running server" in text


async def test_overrides_absences_gateways_and_lines_count(served: Served) -> None:
    memory = served.memory
    memory.overrides.override("office", False, 0.0)
    assert await served.reason() == "out_of_hours"
    memory.overrides.end("office")
    memory.presence.leave("801", "on leave")
    text = await served.explain("--to-header=801", called="4001", json_too=False)
    assert "· extension 801 [801]: is away: on leave" in text
    memory.gateways.drain("gw")
    assert await served.reason(called="4001") == "no_target_left"
    memory.lines.reserve((Hold("number 4000", 1),))
    assert await served.reason() == "over_limit"


async def test_of_another_moment_what_lasts_counts_and_what_passes_does_not(served: Served) -> None:
    memory, now = served.memory, served.memory.clock.now()
    memory.lines.reserve((Hold("number 4000", 1),))
    (place,) = memory.gateways.all()[0].standings.values()
    memory.gateways.down.add("gw")
    memory.gateways.why["gw"] = "is down"
    memory.blocks.block("4002", "+862012345678", now + 60.0)
    assert place.place.port == 5080
    assert await served.reason() == "over_limit"
    assert await served.reason(called="4001") == "no_target_left"
    assert await served.reason(called="4002") == "blocked_by_hand"
    for called in ("4000", "4001", "4002"):
        found = await served.explain("--at", LATER, called=called)
        assert found["targets"], called
        assert found["state"] == "lasting"
    memory.gateways.drain("gw")
    memory.blocks.block("4002", "+862012345678", 0.0)
    assert await served.reason("--at", LATER, called="4001") == "no_target_left"
    assert await served.reason("--at", LATER, called="4002") == "blocked_by_hand"
    text = await served.explain("--at", LATER, json_too=False)
    assert "02012345678 calls 4000 on trunk lab, Mon 2036-03-03 10:00 CST" in text
    assert "└── state: blocks, overrides, absences and drained gateways of the running" in text


async def test_telephones_that_are_registered_are_counted(served: Served) -> None:
    found = await served.explain("--to-header=802", called="4001")
    (phones, _) = found["targets"]
    assert phones["address"] == "the telephones of extension 802 (none registered)"
    now = served.memory.clock.now()
    place = ("UDP", "127.0.0.1", 5060, "192.0.2.9", 5060)
    flow = Flow(*place, None)
    binding = Binding(
        key="k",
        uri="sip:802@192.0.2.9",
        expires=now + 60.0,
        call_id="c",
        cseq=1,
        place=place,
        flow=flow,
    )
    served.memory.bindings.bind("802", binding)
    found = await served.explain("--to-header=802", called="4001")
    assert found["targets"][0]["address"] == "the telephones of extension 802 (1 registered)"


async def test_server_that_drains_is_said_to(served: Served) -> None:
    served.draining = True
    text = await served.explain(json_too=False)
    assert "── the server is draining: new calls get 503" in text
    assert not (await served.explain("--at", LATER))["draining"]


async def test_server_decides_by_what_it_serves_and_a_file_by_itself_is_asked_for(
    served: Served,
) -> None:
    served.memory.blocks.block("", "+862012345678", 0.0)
    served.plan.write_text(PLAN.replace('"4000"', '"4009"'), encoding="utf-8")
    assert await served.reason() == "blocked_by_hand"
    alone = await served.explain(f"--dialplan={served.plan}", called="4009")
    assert (alone["targets"][0]["name"], alone["state"]) == ("a", "none")


async def test_without_a_server_the_last_line_says_what_was_not_looked_at(served: Served) -> None:
    await served.listener.close()
    text = await served.explain(json_too=False)
    assert text.splitlines()[-1].startswith("└── state: none (no callrouter is listening at ")
    assert "a at 127.0.0.1:5081 for 55 s" in text


async def test_what_the_dialplan_lacks_is_refused_by_server_and_file_alike(served: Served) -> None:
    said = []
    for _ in range(2):
        argv = ["explain", "--config", str(served.config), "--from=1", "--to=4000", "--trunk=lap"]
        result = await asyncio.to_thread(CliRunner().invoke, main, argv)
        assert result.exit_code == 1
        said.append(str(result.stderr))
        await served.listener.close()
    assert said == ["callrouter: error: no trunk is named 'lap'; did you mean 'lab'?\n"] * 2


async def test_nothing_is_counted_by_an_explanation(served: Served) -> None:
    for _ in range(3):
        await asyncio.to_thread(
            ask, served.path, explain_call, ExplainCall(caller="13800138000", called="4002")
        )
    snapshot = served.memory.snapshot()
    assert not snapshot.attempts
    assert not snapshot.lines
    assert not snapshot.blocks
