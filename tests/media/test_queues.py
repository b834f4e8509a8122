"""Queues over SIP: callers who wait, and agents whose telephones ring for them."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.polling import until
from support.ports import free_port
from support.rtp_callers import Call, Callers
from support.serving import Serving, command, lay_out
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MUSIC, _LONG = 660, 880
_AGENTS = ("301", "302", "303")
_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
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
  left: {{agents: ["309"], music: music, keys: {{"1": {{hunt: [last]}}}}}}
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

    async def shows(self, *arguments: str) -> object:
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
    call._accept()


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


async def test_caller_hears_music_and_is_connected_with_the_second_agent(centre: Centre) -> None:
    call = centre.callers.call("1")
    await call.hears(_MUSIC)
    first = await centre.rung("301")
    second = await centre.rung("302")
    assert first.over.is_set()
    assert not first.answered.is_set()
    pick_up(second)
    await until(lambda: _moved(call, second))
    call.hang_up()
    await second.over.wait()
    (record,) = await centre.serving.records("1", 1)
    (wait,) = record["queues"]
    assert (wait["queue"], wait["outcome"], wait["agent"]) == ("idle", "answered", "302")
    assert [leg["result"] for leg in record["legs"]] == ["no_answer", "answered"]


async def _moved(call: Call, agent: Call) -> bool:
    return call.line.remote == ("127.0.0.1", agent.line.port)
