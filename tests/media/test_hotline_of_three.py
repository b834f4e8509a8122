"""A hotline from its first caller to its last: three agents, five callers, and a supervisor."""

import asyncio
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.polling import until
from support.ports import free_port
from support.rtp_callers import Call, Callers
from support.serving import Serving, command, lay_out
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_MUSIC = 660
_TONES = {"301": 1000, "302": 1300, "303": 1600}
"""What each agent says."""
_CALLER = 2000
"""Louder, so that it is heard among them."""
_CALLED = "02012345678"
_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}, phones: {{phones: true}}}}
gateways: {{back: {{address: "127.0.0.1:{customer}"}}}}
targets: {{chief: {{uri: "sip:chief@127.0.0.1:{chief}"}}}}
extensions:
  "301": {{phone: {{user: "301", password_file: "301", addresses: [127.0.0.1]}}}}
  "302": {{phone: {{user: "302", password_file: "302", addresses: [127.0.0.1]}}}}
  "303": {{phone: {{user: "303", password_file: "303", addresses: [127.0.0.1]}}}}
  "309": {{targets: [chief]}}
hold_music: {{music: lab-music.wav}}
queues:
  support:
    agents: ["301", "302", "303"]
    ring: 60s
    wrap_up: 1s
    music: music
    announce: {{every: 60s, position: true}}
    keys: {{"1": {{call_back: later}}}}
call_backs: {{later: {{queue: support, via: back}}}}
numbers: {{"{called}": {{route: [{{queue: support}}]}}}}
"""


class Hotline:
    """The callrouter and all who talk by it. heard: what each agent's telephone writes down."""

    def __init__(self, serving: Serving, folder: Path) -> None:
        self.serving = serving
        self.agents: dict[str, Softphone] = {}
        self.callers: Callers
        self.customers: Callers
        self.chiefs: Callers
        self.heard = {name: folder / f"heard-{name}.wav" for name in _TONES}
        self._folder = folder

    async def open(self, customer: int, chief: int) -> None:
        """Have everybody there."""
        port = self.serving.place.port
        self.callers = await Callers.open(port)
        self.customers = await Callers.open(port, port=customer, answer_after=None)
        self.chiefs = await Callers.open(port, port=chief, answer_after=None)
        for name, tone in _TONES.items():
            phone = self.agents[name] = await Softphone.start()
            said = await phone.register(f"127.0.0.1:{port}", name, f"{name}-secret")
            assert said["active"]
            file = hearing.write(self._folder / f"said-{name}.wav", hearing.sine(tone, 1.0))
            await phone.play(file, loop=True)
            await phone.record(self.heard[name])

    async def close(self) -> None:
        for each in (self.callers, self.customers, self.chiefs):
            each.close()
        for phone in self.agents.values():
            await phone.quit()

    def uri(self, number: str) -> str:
        return f"sip:{number}@127.0.0.1:{self.serving.place.port}"

    def call(self, caller: str) -> Call:
        return self.callers.call(_CALLED, user=caller)

    async def answers(self, agent: str) -> None:
        """An agent is rung, and picks up."""
        await self.agents[agent].event("incoming")
        await self.agents[agent].answer()
        await self.agents[agent].state("confirmed")

    async def shows(self, *arguments: str) -> str:
        """What a command prints, each run of spaces one."""
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--config", self.serving.place.config),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"COLUMNS": "200"},
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return re.sub(" +", " ", out.decode())

    async def supervised(self, caller: str) -> Call:
        """The supervisor, who hears the call of a caller."""
        before = len(self.chiefs.came)
        (line,) = [it for it in (await self.shows("calls")).splitlines() if f" {caller} " in it]
        await self.shows("calls", "listen", line.split()[0], "--by", "309")
        chief = await came(self.chiefs, before)
        chief.accept()
        return chief

    async def consults(self, agent: str, colleague: str) -> None:
        """An agent asks a colleague, and puts its caller through."""
        phone = self.agents[agent]
        await phone.hold()
        await phone.call(self.uri(colleague))
        await self.answers(colleague)
        await phone.state("confirmed")
        await phone.join()
        for _ in range(2):
            await phone.state("disconnected")

    async def shown(self, what: str, *parts: str) -> None:
        """Wait until a command prints a line with all these parts."""

        async def look() -> bool:
            lines = (await self.shows(what)).splitlines()
            return any(all(part in line for part in parts) for line in lines)

        await until(look)


async def came(phone: Callers, before: int) -> Call:
    """The next call that comes to a telephone, once it does."""

    async def look() -> list[Call]:
        return phone.came[before:]

    return (await until(look))[0]


@pytest_asyncio.fixture(loop_scope="session")
async def hotline(tmp_path: Path) -> AsyncIterator[Hotline]:
    customer, chief = free_port(), free_port()
    place = lay_out(tmp_path, _DIALPLAN.format(customer=customer, chief=chief, called=_CALLED))
    shutil.copy(Path(__file__).parents[2] / "dialplans" / "lab-music.wav", tmp_path)
    for name in _TONES:
        (tmp_path / name).write_text(f"{name}-secret", encoding="utf-8")
    shared = shared_folder()
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(media_settings(shared, 2, 4))
    serving = await Serving.start(place)
    hotline = Hotline(serving, tmp_path)
    await hotline.open(customer, chief)
    yield hotline
    await hotline.close()
    log = serving.log()
    await serving.stop()
    shutil.rmtree(shared)
    assert "Traceback" not in log, log


async def test_five_callers_three_agents_and_a_supervisor(hotline: Hotline) -> None:
    talks = {}
    for caller, agent in zip("123", _TONES, strict=True):
        talks[agent] = hotline.call(f"1380013800{caller}")
        await hotline.answers(agent)
        await talks[agent].hears(_TONES[agent])
        talks[agent].say(hearing.sine(_CALLER, 120.0, 12000.0))
    fourth, fifth = hotline.call("13800138004"), hotline.call("13800138005")
    for waits in (fourth, fifth):
        await waits.hears(_MUSIC)
    shown = await hotline.shows("queues")
    assert re.search(r"^support 2 \d+s 3 talking 5 3 0 0 \d+s 100.0 %", shown, re.MULTILINE)
    assert re.findall(r"^support (\d) \S+ \d+s 0", shown, re.MULTILINE) == ["1", "2"]

    await fifth.line.press("1")
    await fifth.over.wait()
    await hotline.shown("queues", "support 2", "is called back")

    chief = await hotline.supervised("13800138001")
    await chief.hears(_CALLER)
    talks["301"].hush()
    await chief.hears(_TONES["301"])

    talks["303"].hang_up()  # and after its rest 303 has who waits for longest
    await hotline.answers("303")
    await fourth.hears(_TONES["303"])
    talks["302"].hang_up()  # and 302 calls the fifth back
    await hotline.answers("302")
    customer = await came(hotline.customers, 0)
    customer.accept()
    await customer.hears(_TONES["302"])
    customer.hang_up()
    await hotline.agents["302"].state("disconnected")

    asks, colleague = hotline.agents["301"], hotline.agents["302"]
    await hotline.consults("301", "302")
    await talks["301"].hears(_TONES["302"])
    await chief.hears(_TONES["302"])
    await hotline.shown("agents", "301 support ready")
    await hotline.shown("agents", "302 support on call")
    since = time.time()
    await colleague.transfer(hotline.uri(_CALLED))  # which puts the caller into the queue again
    await talks["301"].hears(_MUSIC, since)
    await chief.over.wait()
    await hotline.answers("301")
    await talks["301"].hears(_TONES["301"], since)
    talks["301"].hang_up()
    for phone in (asks, colleague):
        await phone.state("disconnected")

    # PJSIP sends to who sends to it: were the caller silent, that would be 303 for ever.
    fourth.say(hearing.sine(_CALLER, 120.0, 12000.0))
    await hotline.consults("303", "302")  # of a call that has no media with us
    await fourth.hears(_TONES["302"])
    chief = await hotline.supervised("13800138004")
    await chief.hears(_CALLER)
    fourth.hush()
    await chief.hears(_TONES["302"])
    fourth.hang_up()
    await chief.over.wait()
    await told_right(hotline)


async def told_right(hotline: Hotline) -> None:
    """The records tell each caller's story."""
    records = await hotline.serving.records(_CALLED, 7)
    heard = [it for it in records if it["extension"] == "309"]
    assert [(it["direction"], it["legs"][0]["target"]) for it in heard] == [
        ("internal", "chief")
    ] * 2
    first, second, third, fourth, fifth = sorted(
        (it for it in records if it not in heard), key=lambda it: it["caller"]
    )
    agents = {"1": ["301", "301"], "2": ["302"], "3": ["303"], "4": ["303"]}
    for record in (first, second, third, fourth):
        waits = [(it["outcome"], it["agent"]) for it in record["queues"]]
        assert waits == [("answered", agent) for agent in agents[record["caller"][-1]]]
        assert (record["disposition"], record["hung_up_by"]) == ("ANSWERED", "caller")
    told = [(it["target"], it["uri"].partition("@")[0], it["result"]) for it in first["legs"]]
    assert told == [
        ("phones 301", "sip:301", "answered"),
        ("transferred", "sip:302", "answered"),
        ("phones 301", "sip:301", "answered"),
    ]
    assert [it["value"] for it in first["trace"] if it["rule"] == "supervise"] == ["309"]
    assert [leg["target"] for leg in fourth["legs"]] == ["phones 303", "transferred"]
    assert [it["which"] for it in fourth["heard"]].count("queue_position") == 1
    assert [it["outcome"] for it in fifth["queues"]] == ["key"]
    (back,) = await hotline.serving.records("13800138005", 1)
    assert (back["call_back_of"], back["extension"]) == (fifth["id"], "302")
    assert [leg["result"] for leg in back["legs"]] == ["answered", "answered"]
