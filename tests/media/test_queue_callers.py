"""Queues over SIP: callers who wait, and agents whose telephones ring for them."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support import hearing
from support.polling import until
from support.ports import free_port
from support.rtp_callers import Call, Callers
from support.serving import Serving, command, lay_out
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MUSIC, _LONG, _AGENT = 660, 880, 1500
_SOON = 0.3
"""Seconds. Of this machine's other work there may be more: tests that measure are `alone`."""
_AGENTS = ("301", "302", "303")
_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
gateways: {{back: {{address: "127.0.0.1:{at_last}"}}}}
targets:
  desk_301: {{uri: "sip:agent@127.0.0.1:{at301}"}}
  desk_302: {{uri: "sip:agent@127.0.0.1:{at302}"}}
  desk_303: {{uri: "sip:agent@127.0.0.1:{at303}"}}
  last: {{uri: "sip:last@127.0.0.1:{at_last}"}}
extensions:
  "301": {{targets: [desk_301]}}
  "302": {{targets: [desk_302]}}
  "303": {{targets: [desk_303]}}
  "309": {{phone: {{user: "309", password_file: password.txt}}}}
prompts:
  long: {{tone: {{hertz: 880, for: 8s}}}}
hold_music: {{music: lab-music.wav}}
queues:
  idle: {{agents: ["301", "302", "303"], ring: 2s, wrap_up: 1s, max_wait: 60s, music: music}}
  all: {{agents: ["301", "302"], strategy: ring_all, ring: 30s, music: music}}
  told: {{agents: ["301"], ring: 30s, announce: {{every: 30s, prompts: long}}, music: music}}
  short: {{agents: ["309"], max_wait: 2s, max_length: 2, music: music}}
  brief: {{agents: ["309"], max_wait: 1s, music: music}}
  left:
    agents: ["309"]
    music: music
    keys: {{"1": {{hunt: [last]}}, "2": {{call_back: later}}}}
call_backs:
  later: {{queue: idle, via: back}}
numbers:
  "1": {{route: [{{queue: idle}}]}}
  "2": {{route: [{{queue: all}}]}}
  "3": {{route: [{{queue: told}}]}}
  "4": {{route: [{{queue: short}}]}}
  "5": {{route: [{{queue: brief}}, {{hunt: [last]}}]}}
  "6": {{route: [{{queue: left}}]}}
  "7":
    record: {{notice: false}}
    route: [{{queue: idle}}]
"""


class Centre:
    """The callrouter, its callers, and the telephones of its agents; these ring for ever."""

    def __init__(self, serving: Serving, callers: Callers, agents: dict[str, Callers]) -> None:
        self.serving = serving
        self.callers = callers
        self.agents = agents

    async def rung(self, agent: str, times: int = 1) -> Call:
        """The call with which an agent is rung for so many times, once it is."""

        async def came() -> list[Call]:
            return self.agents[agent].came[times - 1 : times]

        return (await until(came))[0]

    async def shows(self, *arguments: str) -> Any:
        """What a command says as JSON."""
        place = self.serving.place
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--json", "--config", place.config),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return json.loads(out)


def pick_up(call: Call) -> None:
    """An agent answers."""
    call.accept()


@pytest_asyncio.fixture(loop_scope="session")
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    ports = {f"at{name}": free_port() for name in (*_AGENTS, "_last")}
    place = lay_out(tmp_path, _DIALPLAN.format(**ports))
    shutil.copy(Path(__file__).parents[2] / "dialplans" / "lab-music.wav", tmp_path)
    (tmp_path / "password.txt").write_text("secret\n", encoding="utf-8")
    shared = shared_folder()
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(media_settings(shared, 2, 4))
    serving = await Serving.start(place)
    callers = await Callers.open(place.port)
    agents = {
        name.removeprefix("at").removeprefix("_"): await Callers.open(
            place.port, port=port, answer_after=None
        )
        for name, port in ports.items()
    }
    yield Centre(serving, callers, agents)
    for each in (callers, *agents.values()):
        each.close()
    log = serving.log()
    await serving.stop()
    shutil.rmtree(shared)
    assert "Traceback" not in log, log


async def connected(caller: Call, agent: Call) -> None:
    """Wait until both hear each other, without us."""

    async def each_other() -> bool:
        places = [("127.0.0.1", one.line.port) for one in (agent, caller)]
        return [caller.line.remote, agent.line.remote] == places

    await until(each_other)


async def test_second_agent_is_connected_when_the_first_does_not_answer(centre: Centre) -> None:
    call = centre.callers.call("1")
    await call.hears(_MUSIC)
    first = await centre.rung("301")
    second = await centre.rung("302")
    assert first.over.is_set()
    assert not first.answered.is_set()
    pick_up(second)
    await connected(call, second)
    states = {it["extension"]: it["state"] for it in (await centre.shows("agents"))["agents"]}
    assert (states["302"], states["303"], states["309"]) == ("talking", "ready", "unreachable")
    (queue,) = [it for it in (await centre.shows("queues"))["queues"] if it["name"] == "idle"]
    assert (queue["waiting"], queue["offered"], queue["answered"]) == (0, 1, 1)
    call.hang_up()
    await second.over.wait()
    (record,) = await centre.serving.records("1", 1)
    (wait,) = record["queues"]
    assert (wait["queue"], wait["outcome"], wait["agent"]) == ("idle", "answered", "302")
    assert [leg["result"] for leg in record["legs"]] == ["no_answer", "answered"]
    told = (await centre.shows("agents", "history", "302"))["history"]
    kinds = [row["kind"] for row in told]
    assert kinds == ["offered", "picked_up", "answered", "talk_ended"]


async def test_one_of_two_agents_that_answer_at_once_is_kept(centre: Centre, full: bool) -> None:
    rounds = 500 if full else 20
    for number in range(1, rounds + 1):
        call = centre.callers.call("2")
        agents = [await centre.rung(name, number) for name in ("301", "302")]
        for agent in agents:
            pick_up(agent)

        async def one_left(agents: list[Call] = agents) -> list[Call]:
            left = [agent for agent in agents if not agent.over.is_set()]
            return left if len(left) == 1 else []

        (kept,) = await until(one_left)
        await connected(call, kept)
        call.hang_up()
        await kept.over.wait()
        await call.over.wait()
    records = await centre.serving.records("2", rounds)
    assert [len(it["queues"]) for it in records] == [1] * rounds
    for record in records:
        assert sorted(leg["result"] for leg in record["legs"]) == ["answered", "cancelled"]
    (queue,) = [it for it in (await centre.shows("queues"))["queues"] if it["name"] == "all"]
    assert (queue["offered"], queue["answered"]) == (rounds, rounds)


async def test_others_ring_on_when_the_first_hangs_up_after_20_ms(centre: Centre) -> None:
    call = centre.callers.call("2")
    first, second = [await centre.rung(name) for name in ("301", "302")]
    await call.hears(_MUSIC)
    moved = len(call.moves)
    pick_up(first)
    await asyncio.sleep(0.02)
    first.hang_up()
    await first.over.wait()
    assert not second.over.is_set()
    assert len(call.moves) == moved  # nobody told the caller to listen somewhere else
    pick_up(second)
    await connected(call, second)
    call.hang_up()
    await second.over.wait()
    (record,) = await centre.serving.records("2", 1)
    assert [wait["agent"] for wait in record["queues"]] == ["302"]
    assert len(centre.agents["301"].came) == 1


async def test_caller_who_hangs_up_leaves_nothing_that_rings(centre: Centre) -> None:
    call = centre.callers.call("1")
    agent = await centre.rung("301")
    await call.answered.wait()
    call.hang_up()
    await agent.over.wait()
    assert not agent.answered.is_set()
    again = centre.callers.call("1")
    second = await centre.rung("301", 2)  # free at once: no wrap-up, no rest
    await again.answered.wait()
    pick_up(second)
    await asyncio.sleep(0.03)
    again.hang_up()
    await second.over.wait()
    third = centre.callers.call("1")
    await centre.rung("301", 3)
    third.hang_up()
    records = await centre.serving.records("1", 3)
    assert [it["queues"][0]["outcome"] for it in records] == ["abandoned"] * 3
    assert [len(agents.came) for agents in centre.agents.values()] == [3, 0, 0, 0]


@pytest.mark.alone
async def test_agent_is_connected_though_an_announcement_plays(centre: Centre) -> None:
    call = centre.callers.call("3")
    await call.hears(_LONG)
    agent = await centre.rung("301")
    pick_up(agent)
    at = time.time()
    await connected(call, agent)
    assert time.time() - at < _SOON
    assert call.moves[-1][0] - at < _SOON
    call.hang_up()
    await agent.over.wait()


@pytest.mark.alone
async def test_agent_rests_after_its_part_in_a_call(centre: Centre) -> None:
    call = centre.callers.call("1")
    agent = await centre.rung("301")
    pick_up(agent)
    await connected(call, agent)
    for name in ("302", "303"):
        await centre.shows("presence", "set", name, "break")
    agent.hang_up()
    await call.over.wait()
    after = centre.callers.call("1")
    second = await centre.rung("301", 2)
    # From its BYE on, which may have been answered late by a busy machine.
    assert second.rung - agent.left > 0.99
    assert second.rung - agent.ended < 1.0 + _SOON
    after.hang_up()
    await second.over.wait()


async def test_break_during_an_offer_cancels_once_and_the_next_is_rung(centre: Centre) -> None:
    call = centre.callers.call("1")
    agent = await centre.rung("301")
    await centre.shows("presence", "set", "301", "lunch")
    following = await centre.rung("302")
    assert agent.over.is_set()
    await centre.rung("303")
    assert len(centre.agents["301"].came) == 1
    assert not following.answered.is_set()
    call.hang_up()
    await call.over.wait()


async def test_queue_that_is_full_refuses_before_the_answer(centre: Centre) -> None:
    waiting = [centre.callers.call("4") for _ in range(2)]
    for call in waiting:
        await call.answered.wait()
    third = centre.callers.call("4")
    await third.over.wait()
    assert third.status == 486
    for call in waiting:  # nobody has registered as 309: they wait for as long as they may
        await call.over.wait()
    records = await centre.serving.records("4", 3)
    outcomes = sorted(it["queues"][0]["outcome"] for it in records)
    assert outcomes == ["full", "timeout", "timeout"]
    assert sorted(it["reason"] for it in records) == ["queue_full", *["queue_timeout"] * 2]


async def leads_to_the_last(centre: Centre, call: Call, called: str) -> dict[str, Any]:
    """A caller reaches the last of a route behind a queue; the call's record."""
    last = await centre.rung("last")
    pick_up(last)
    await connected(call, last)
    call.hang_up()
    await last.over.wait()
    (record,) = await centre.serving.records(called, 1)
    return record


async def test_route_goes_on_after_the_longest_wait(centre: Centre) -> None:
    call = centre.callers.call("5")
    record = await leads_to_the_last(centre, call, "5")
    assert (record["queues"][0]["outcome"], record["disposition"]) == ("timeout", "ANSWERED")


async def test_key_leads_out_of_the_queue(centre: Centre) -> None:
    call = centre.callers.call("6")
    await call.hears(_MUSIC)
    await call.line.press("1")
    record = await leads_to_the_last(centre, call, "6")
    assert record["queues"][0]["outcome"] == "key"


async def test_key_promises_a_call_back_in_which_both_hear_each_other(centre: Centre) -> None:
    call = centre.callers.call("6")
    await call.hears(_MUSIC)
    await call.line.press("2")
    await call.over.wait()
    agent = await centre.rung("301")
    pick_up(agent)
    customer = await centre.rung("last")
    pick_up(customer)
    await connected(customer, agent)
    agent.say(hearing.sine(_AGENT, 20.0))
    await customer.hears(_AGENT)
    customer.say(hearing.sine(_MUSIC, 20.0))
    await agent.hears(_MUSIC)
    agent.hang_up()
    await customer.over.wait()
    (left,) = await centre.serving.records("6", 1)
    assert (left["queues"][0]["outcome"], left["heard"][-1]["which"]) == ("key", "goodbye")
    (back,) = await centre.serving.records("1001", 1)
    assert (back["call_back_of"], back["extension"]) == (left["id"], "301")


async def test_caller_is_moved_to_another_queue_and_the_call_ended_by_hand(
    centre: Centre,
) -> None:
    call = centre.callers.call("6")
    await call.hears(_MUSIC)
    (waits,) = [it for queue in (await centre.shows("queues"))["queues"] for it in queue["callers"]]
    moved = await centre.shows("queues", "move", waits["call"], "--to", "idle")
    assert (moved["queue"], moved["position"]) == ("idle", 1)
    agent = await centre.rung("301")
    pick_up(agent)
    await connected(call, agent)
    await centre.shows("calls", "hangup", waits["call"])
    await call.over.wait()
    await agent.over.wait()
    (record,) = await centre.serving.records("6", 1)
    assert [(it["queue"], it["outcome"]) for it in record["queues"]] == [
        ("left", "moved"),
        ("idle", "answered"),
    ]
    assert (record["reason"], record["hung_up_by"]) == ("ended_by_hand", "callrouter")

    async def happened() -> list[tuple[str, str, str]]:
        told = (await centre.shows("queues", "history", "--call", waits["call"]))["history"]
        return [(it["kind"], it["queue"], it["agent"]) for it in told] if len(told) > 2 else []

    assert (await until(happened))[:3] == [
        ("joined", "left", ""),
        ("moved", "left", ""),
        ("offered", "idle", "301"),
    ]


async def test_recorded_call_is_bridged_and_stays_with_the_worker(centre: Centre) -> None:
    call = centre.callers.call("7")
    agent = await centre.rung("301")
    pick_up(agent)
    agent.say(hearing.sine(_AGENT, 20.0))
    await call.hears(_AGENT)
    assert len(call.moves) == 1
    call.hang_up()
    await agent.over.wait()
    (record,) = await centre.serving.records("7", 1)
    assert (record["queues"][0]["agent"], record["recordings"][0]["result"]) == ("301", "complete")
