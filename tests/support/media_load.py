"""A callrouter with many menus, boxes and prompts of different tones, to be called all at once."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import orjson

from callrouter.media.pool.sizing import slices
from support.ports import free_port, rtp_ports
from support.programs import processor
from support.rtp_callers import Call, Callers
from support.serving import Serving, command, lay_out
from support.unprivileged import media_settings, shared_folder

MENU_HERTZ: Final = (400, 500, 600, 700, 800, 900, 1100, 1200)
"""What the caller of menu 0 to 7 hears, over and over."""

KEY_HERTZ: Final = (1300, 1400, 1600, 1700, 1900, 2100, 2300, 2500)
"""What is heard after key 1 to 8."""

AFTER_HERTZ: Final = 440
"""What is heard when a menu is over: the next step."""

_DIALPLAN: Final = """\
country: CN
language: en
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets: {{uas: {{uri: "sip:service@127.0.0.1:{callee}"}}}}
# 50xx: a menu, then a prompt; 51xx: then voicemail; 52xx: then a hunt.
numbers:
  "4100": {{route: [{{play: after}}]}}
  "4101": {{route: [{{greet: {{prompts: after, repeat: true}}, hunt: [uas], ring: 20s}}]}}
  "4103": {{route: [{{voicemail: plain}}]}}
  "4104": {{record: {{sides: stereo, notice: false}}, route: [{{hunt: [uas], ring: 20s}}]}}
  "4108": {{survey: true, route: [{{hunt: [uas]}}]}}
  "4109": {{route: [{{play: long}}]}}
  "4120": {{route: [{{play: short}}]}}
{numbers}
prompts:
  after: {{tone: {{hertz: 440, for: 2s}}}}
  long: {{tone: {{hertz: 440, for: 60s}}}}
  short: {{tone: {{hertz: 800, for: 100ms}}}}
{prompts}
menus:
{menus}
voicemail:
  plain: {{greeting: short, max: 30s, min: 0s, quota: {{messages: 5000}}}}
"""


async def at_best(measure: Callable[[], Awaitable[float]], enough: float) -> float:
    """Measure until it is little enough, three times at most: others may have the processor."""
    least = await measure()
    for _ in range(2):
        if least > enough:
            least = min(least, await measure())
    return least


class Held(NamedTuple):
    """Memory of all workers: what pages are shared is counted in shares (PSS).

    bytes: of all, nursery included. slots: of all workers.
    """

    bytes: int
    slots: int


class Load:
    """The callrouter. shared: the folder of what workers read and write. callees: at its target."""

    def __init__(self, serving: Serving, shared: Path, callers: Callers, callees: Callers) -> None:
        self.serving = serving
        self.shared = shared
        self.callers = callers
        self.callees = callees

    @classmethod
    async def start(cls, folder: Path, *, least: int, most: int, answer_after: float = 0.2) -> Self:
        """Lay it out in a folder, start it, and open a socket for callers and one for callees.

        answer_after: seconds that the callees ring.
        """
        callee = free_port()
        place = lay_out(folder, _dialplan(callee))
        shared = shared_folder()
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(media_settings(shared, least, most))
        try:
            serving = await Serving.start(place)
        except BaseException:
            shutil.rmtree(shared)
            raise
        callers = await Callers.open(place.port)
        callees = await Callers.open(place.port, port=callee, answer_after=answer_after)
        load = cls(serving, shared, callers, callees)
        load._slices = slices(*rtp_ports(), most)
        return load

    async def stop(self) -> None:
        """End all of it. Fails when something was logged that is nobody's fault but ours."""
        self.callers.close()
        self.callees.close()
        log = self.serving.log()
        await self.serving.stop()
        shutil.rmtree(self.shared)
        assert "Traceback" not in log, log
        assert "media process says" not in log, log

    async def pool(self) -> dict[str, Any]:
        """What `callrouter media --json` says."""
        place = self.serving.place
        process = await asyncio.create_subprocess_exec(
            *command("media", "--json", "--config", place.config),
            cwd=place.folder,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0
        answer: dict[str, Any] = orjson.loads(out)
        return answer

    async def workers(self) -> list[dict[str, Any]]:
        """Those of the pool."""
        found: list[dict[str, Any]] = (await self.pool())["workers"]
        return found

    def worker_of(self, call: Call) -> int:
        """The index of the worker that a call's media goes to, -1 when that is none of them."""
        port = 0 if call.line.remote is None else call.line.remote[1]
        found = (at for at, part in enumerate(self._slices) if part.low <= port <= part.high)
        return next(found, -1)

    async def pid(self, index: int) -> int:
        """The process of a worker."""
        found = (one for one in await self.workers() if one["name"].startswith(f"{index}-"))
        pid: int = next(found)["pid"]
        assert pid, "to kill number 0 would be to kill ourselves"
        return pid

    async def slots(self) -> int:
        """How many slots the workers have that take calls."""
        return int((await self.serving.metrics())["callrouter_media_slots"])

    async def is_idle(self) -> bool:
        """All of them are free."""
        return not (await self.serving.metrics())["callrouter_media_slots_used"]

    async def memory(self) -> Held:
        """Measure all workers."""
        pool = await self.pool()
        workers = [worker for worker in pool["workers"] if worker["state"] == "serving"]
        pids = [pool["nursery"], *(worker["pid"] for worker in workers)]
        return Held(sum(map(_pss, pids)), sum(worker["slots"] for worker in workers))

    def processor(self) -> float:
        """Seconds that the signalling process has used: without its workers and their nursery."""
        return processor(self.serving.process.pid)


def _pss(pid: int) -> int:
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))


def _dialplan(callee: int) -> str:
    menus = range(len(MENU_HERTZ))
    return _DIALPLAN.format(
        callee=callee,
        numbers="\n".join(
            f'  "50{index:02}": {{route: [{{menu: menu{index}}}, {{play: after}}]}}\n'
            f'  "51{index:02}": {{route: [{{menu: menu{index}}}, {{voicemail: plain}}]}}\n'
            f'  "52{index:02}": {{route: [{{menu: menu{index}}}, {{hunt: [uas], ring: 20s}}]}}'
            for index in menus
        ),
        prompts="\n".join(
            [f"  menu{at}: {{tone: {{hertz: {hz}, for: 20s}}}}" for at, hz in enumerate(MENU_HERTZ)]
            + [f"  key{at}: {{tone: {{hertz: {hz}, for: 3s}}}}" for at, hz in enumerate(KEY_HERTZ)]
        ),
        menus="\n".join(
            f"  menu{index}: {{prompt: menu{index}, keys: {{{_KEYS}}}}}" for index in menus
        ),
    )


_KEYS: Final = ", ".join(f'"{at + 1}": {{play: key{at}}}' for at in range(len(KEY_HERTZ)))
