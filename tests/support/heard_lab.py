"""The lab with its targets at ports of its own, and telephones that hear and speak."""

import asyncio
import shutil
from collections import Counter
from pathlib import Path
from typing import Final, Self

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.media.sounds.prompts import prepare
from support.ports import free_port
from support.serving import ROOT, Record, Serving, command, lay_out
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder

_PORTS: Final = ("5080", "5081", "5082", "5083")
_FILES: Final = ("lab-blocked.txt", "lab-digest.txt", "lab-music.wav", "lab-pin.txt")


class Lab:
    """A callrouter that serves the lab's dialplan.

    targets: the port of each of its targets. shared: the folder of what workers read and write.
    """

    def __init__(self, serving: Serving, targets: dict[str, int], shared: Path) -> None:
        self.serving = serving
        self.targets = targets
        self.shared = shared
        self._phones: list[Softphone] = []
        self._read: Counter[str] = Counter()

    @classmethod
    async def start(cls, folder: Path, *, least: int = 2, most: int = 6) -> Self:
        """Lay it out in a folder and start it."""
        targets = {name: free_port() for name in _PORTS}
        text = (ROOT / "dialplans" / "lab.yaml").read_text(encoding="utf-8")
        for name, port in targets.items():
            text = text.replace(f"127.0.0.1:{name}", f"127.0.0.1:{port}")
        place = lay_out(folder, text)
        for name in _FILES:
            shutil.copy(ROOT / "dialplans" / name, folder / name)
        shared = shared_folder()
        with place.config.open("a", encoding="utf-8") as settings:
            settings.write(media_settings(shared, least, most))
        return cls(await Serving.start(place), targets, shared)

    def number(self, number: str) -> str:
        """The URI to call."""
        return f"sip:{number}@127.0.0.1:{self.serving.place.port}"

    async def phone(
        self, port: int = 0, answer_after: float | None = None, user: str = "phone"
    ) -> Softphone:
        """A telephone; it ends with `hang_up_all`."""
        made = await Softphone.start(port=port, answer_after=answer_after, user=user)
        self._phones.append(made)
        return made

    async def target(self, name: str, answer_after: float | None = 0.2) -> Softphone:
        """A telephone at the place of a target."""
        return await self.phone(self.targets[name], answer_after)

    async def command(self, *arguments: str) -> str:
        """What a `callrouter` command prints about the running lab."""
        place = self.serving.place
        process = await asyncio.create_subprocess_exec(
            *command(*arguments, "--config", place.config),
            cwd=place.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, out.decode()
        return out.decode()

    def prompt(self, name: str) -> Path:
        """The file of a prompt, as workers play it."""
        plan = load_dialplan(self.serving.place.folder / "dialplan.yaml")
        prepare(plan, self.serving.place.folder / "var" / "prompts")
        sound = plan.prompts.find(name)
        assert sound is not None
        return sound.path

    async def record(self, number: str) -> Record:
        """The record of the next call to a number, of which no other may be on disk then."""
        self._read[number] += 1
        return (await self.serving.records(number, self._read[number]))[-1]

    def forget(self) -> None:
        """Take all records on disk for read."""
        self._read = Counter(record["called"] for record in self.serving.place.records())

    async def stop(self) -> None:
        """End it, and remove what the workers wrote."""
        await self.serving.stop()
        shutil.rmtree(self.shared)

    async def hang_up_all(self) -> None:
        """End all telephones."""
        await asyncio.gather(*(phone.quit() for phone in self._phones))
        self._phones.clear()
