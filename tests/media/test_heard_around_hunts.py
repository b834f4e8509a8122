"""What callers hear while targets ring, and when nobody is left to ring."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support import hearing
from support.polling import until
from support.ports import free_port
from support.rtp_callers import Call, Callers
from support.serving import Serving, lay_out
from support.unprivileged import media_settings, shared_folder

pytestmark = pytest.mark.asyncio(loop_scope="session")

_GREETING, _EARLY, _BUSY, _BYE, _MENU = 750, 600, 880, 1200, 1500

_DIALPLAN = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  early: {{uri: "sip:service@127.0.0.1:{early}", ring: 7s}}
  silent: {{uri: "sip:service@127.0.0.1:{silent}", ring: 2s}}
prompts:
  greeting: {{tone: {{hertz: 750, for: 1s}}}}
  sorry: {{tone: {{hertz: 880, for: 500ms}}}}
  bye: {{tone: {{hertz: 1200, for: 500ms}}}}
  choose: {{tone: {{hertz: 1500, for: 500ms}}}}
menus:
  one: {{prompt: choose, keys: {{"1": {{play: sorry}}}}, tries: 1, wait: 500ms, farewell: bye}}
numbers:
  "4001":
    record: {{notice: false}}
    route: [{{greet: {{prompts: greeting, repeat: true}}, hunt: [early, silent]}}]
  "4002": {{route: [{{hunt: [silent]}}], reasons: {{no_target_left: {{prompt: sorry}}}}}}
  "4003": {{route: [{{hunt: [silent]}}]}}
  "4004": {{route: [{{hunt: [silent]}}], reasons: {{no_target_left: {{cause: 20}}}}}}
  "4005": {{route: [{{menu: one}}, {{hunt: [silent]}}]}}
  "4006": {{route: [{{menu: one}}]}}
  "4007": {{route: [{{menu: one}}, {{hunt: [silent], on: [busy]}}]}}
"""


class House:
    """The callrouter, its callers and both its targets, which ring for ever."""

    def __init__(self, serving: Serving, callers: Callers, early: Callers, silent: Callers) -> None:
        self.serving = serving
        self.callers = callers
        self.early = early
        self.silent = silent


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    ports = {"early": free_port(), "silent": free_port()}
    place = lay_out(tmp_path, _DIALPLAN.format(**ports))
    shared = shared_folder()
    with place.config.open("a", encoding="utf-8") as settings:
        settings.write(media_settings(shared, 2, 4))
    serving = await Serving.start(place)
    callers = await Callers.open(place.port)
    rung = [await Callers.open(place.port, port=at, answer_after=None) for at in ports.values()]
    rung[0].early = True
    yield House(serving, callers, *rung)
    for each in (callers, *rung):
        each.close()
    log = serving.log()
    await serving.stop()
    shutil.rmtree(shared)
    assert "Traceback" not in log, log


async def test_greeting_that_repeats_comes_back_after_a_targets_early_media(house: House) -> None:
    call = house.callers.call("4001")
    call.say(hearing.silence(20.0))  # as telephones do: who sends nothing gets little (decision 21)

    async def rings() -> list[Call]:
        return house.early.came

    (target,) = await until(rings)
    target.say(hearing.sine(_EARLY, 20.0))
    since = await call.hears(_EARLY)
    await call.hears(_GREETING, since)
    call.hang_up()
    await call.over.wait()


async def test_prompt_alone_is_heard_and_leaves_the_targets_own_answer(house: House) -> None:
    plain = house.callers.call("4003", "2001")
    caused = house.callers.call("4004", "2002")
    call = house.callers.call("4002", "2003")
    await call.hears(_BUSY)
    for each in (call, plain, caused):
        await each.over.wait()
    assert call.status == plain.status == caused.status >= 400
    records = {number: await house.serving.record(number) for number in ("4002", "4003", "4004")}
    assert records["4002"]["cause"] == records["4003"]["cause"]
    assert records["4004"]["cause"] == 20
    assert records["4002"]["answered_ms"] is None


@pytest.mark.parametrize(("number", "heard"), [("4005", False), ("4006", True), ("4007", True)])
async def test_menu_says_goodbye_only_when_the_call_ends(
    house: House, number: str, heard: bool
) -> None:
    call = house.callers.call(number)
    await call.hears(_MENU)
    await call.over.wait()
    assert any(packet.has(_BYE) for packet in call.line.heard) is heard
    assert bool(house.silent.came) is not heard
