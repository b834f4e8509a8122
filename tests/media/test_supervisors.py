"""Supervisors: they hear two who talk, and are heard by one of them or by both."""

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
from support.proving import PASSWORDS, Telephone
from support.rtp_callers import Call, Callers
from support.serving import Serving, command, lay_out
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CALLER, _AGENT, _SUPERVISOR = 660, 1500, 880
_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}, phones: {{phones: true}}}}
gateways: {{out: {{address: 127.0.0.9}}}}
outbound: {{emergency: [main], permission: staff}}
outbound_lines: {{main: {{via: out}}}}
permissions: {{staff: {{}}, chiefs: {{supervise: true}}}}
targets:
  agent: {{uri: "sip:agent@127.0.0.1:{agent}"}}
  chief: {{uri: "sip:chief@127.0.0.1:{chief}"}}
extensions:
  "301": {{targets: [agent]}}
  "302": {{targets: [chief]}}
  "101": {{phone: {{user: "101", password_file: "101"}}, permission: chiefs}}
  "102": {{phone: {{user: "102", password_file: "102"}}}}
hold_music: {{music: lab-music.wav}}
numbers:
  "1": {{route: [{{hunt: [agent]}}]}}
  "*55*x*": {{route: [{{feature: {{supervise: listen}}}}]}}
  "2": {{hold_music: music, route: [{{hunt: [agent]}}]}}
"""


class Office:
    """The callrouter, its callers, the agent's and the supervisor's telephones."""

    def __init__(
        self, serving: Serving, callers: Callers, agents: Callers, chiefs: Callers
    ) -> None:
        self.serving = serving
        self.callers = callers
        self.agents = agents
        self.chiefs = chiefs

    async def talk(self, number: str) -> tuple[Call, Call]:
        """A caller and the agent, who has answered."""
        before = len(self.agents.came)
        caller = self.callers.call(number)
        agent = await came(self.agents, before)
        agent.accept()
        caller.say(hearing.sine(_CALLER, 60.0))
        await agent.hears(_CALLER)
        return caller, agent

    async def supervised(self, mode: str) -> Call:
        """The supervisor, who has answered."""
        before = len(self.chiefs.came)
        (call,) = (await self.shows("calls"))["calls"]
        await self.shows("calls", "listen", call["id"], "--by", "302", "--mode", mode)
        chief = await came(self.chiefs, before)
        chief.accept()
        return chief

    async def shows(self, *arguments: str, ends: int = 0) -> Any:
        """What a command says as JSON. ends: with this exit code."""
        config = self.serving.place.config
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--json", "--config", config), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == ends, out.decode()
        return json.loads(out)


async def came(phone: Callers, before: int) -> Call:
    async def look() -> list[Call]:
        return phone.came[before : before + 1]

    return (await until(look))[0]


@pytest_asyncio.fixture(loop_scope="session")
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    ports = {"agent": free_port(), "chief": free_port()}
    place = lay_out(tmp_path, _DIALPLAN.format(**ports))
    shutil.copy(Path(__file__).parents[2] / "dialplans" / "lab-music.wav", tmp_path)
    for user in ("101", "102"):
        (tmp_path / user).write_text(PASSWORDS[user], encoding="utf-8")
    shared = shared_folder()
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(media_settings(shared, 1, 1))
    serving = await Serving.start(place)
    callers = await Callers.open(place.port)
    agents, chiefs = [
        await Callers.open(place.port, port=port, answer_after=None) for port in ports.values()
    ]
    yield Office(serving, callers, agents, chiefs)
    for each in (callers, agents, chiefs):
        each.close()
    log = serving.log()
    await serving.stop()
    shutil.rmtree(shared)
    assert "Traceback" not in log, log


async def test_supervisor_hears_both_then_whispers_then_joins(office: Office) -> None:
    caller, agent = await office.talk("1")
    (call,) = (await office.shows("calls"))["calls"]
    own = await office.shows("calls", "listen", call["id"], "--by", "301", ends=1)
    assert own["error"] == f"extension 301 talks in call {call['id']} itself"
    chief = await office.supervised("listen")
    await chief.hears(_CALLER)
    caller.hush()
    agent.say(hearing.sine(_AGENT, 60.0))
    await chief.hears(_AGENT)
    await caller.hears(_AGENT)  # by the worker now
    agent.hush()
    chief.say(hearing.sine(_SUPERVISOR, 60.0))
    await chief.line.press("5")
    await agent.hears(_SUPERVISOR)
    since = time.time()
    await caller.listen(0.5)
    assert not any(packet.is_loud for packet in caller.line.heard if packet.at > since)
    await chief.line.press("6")
    await caller.hears(_SUPERVISOR)
    chief.hang_up()
    caller.say(hearing.sine(_CALLER, 60.0))
    await agent.hears(_CALLER)
    caller.hang_up()
    await agent.over.wait()
    both = await office.serving.records("1", 2)
    (record,) = [it for it in both if not it["extension"]]
    assert [it["value"] for it in record["trace"] if it["rule"] == "supervise"] == ["302"]
    assert (record["disposition"], record["hung_up_by"]) == ("ANSWERED", "caller")


async def test_supervisor_of_a_call_at_the_worker_is_hung_up_on_with_it(office: Office) -> None:
    caller, agent = await office.talk("2")
    moves = len(caller.moves)
    chief = await office.supervised("barge")
    chief.say(hearing.sine(_SUPERVISOR, 60.0))
    await chief.hears(_CALLER)
    caller.hush()
    await caller.hears(_SUPERVISOR)
    await agent.hears(_SUPERVISOR)
    assert len(caller.moves) == moves
    agent.hang_up()
    await caller.over.wait()
    await chief.over.wait()
    await office.serving.nothing_is_left()


async def test_feature_code_is_for_whose_permission_lets_supervise(office: Office) -> None:
    caller, agent = await office.talk("1")
    ends = {}
    for user in ("102", "101"):
        server = ("127.0.0.1", office.serving.place.port)
        phone = await Telephone.open("127.0.0.41", free_port(), server)
        phone.user = user
        await phone.calls("*55*301")
        phone.ack(await phone.expect(200))
        if user == "102":
            phone.reply(await phone.expect("BYE"), 200)  # it has heard that this was no choice
            assert len(caller.moves) == 1
        else:
            await agent.hears(_CALLER, time.time())
            assert len(caller.moves) == 2  # to the worker, so that a third can hear
            caller.hang_up()
            await agent.over.wait()
            phone.reply(await phone.expect("BYE"), 200)
        await phone.close()
        ends[user] = (await office.serving.records("*55*301", len(ends) + 1))[-1]
    verdicts = {
        user: [(it["result"], it["value"]) for it in record["trace"] if it["rule"] == "supervise"]
        for user, record in ends.items()
    }
    assert verdicts == {"102": [("refused", "301")], "101": [("passed", "101")]}
