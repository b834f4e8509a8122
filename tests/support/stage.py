"""One callrouter for many stories, which all run at the same time.

A story is a test that plays the parties of one call, most of which is waiting: for a ring timeout,
for 64*T1. So all that were collected run together, each with its own number, its own targets and
its own part of the dialplan; each pytest function only waits for the end of its own one.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final, Self

import pytest
import yaml

from support.phone import Phone
from support.polling import PATIENCE
from support.ports import free_port
from support.serving import Place, Record, Serving, lay_out
from support.sipp import Sipp

_FIRST_NUMBER: Final = 6000
_AT_ONCE: Final = 24
"""Stories at the same time; SIPp is not idle while it waits."""

Play = Callable[["Scene"], Awaitable[None]]


class Story:
    """A test over one number. options: of its hunt, as the dialplan has them."""

    def __init__(
        self, play: Play, targets: int, transport: str, host: str, options: dict[str, object]
    ) -> None:
        self.play = play
        self.targets = targets
        self.transport = transport
        self.host = host
        self.options = options


def story(
    *, targets: int = 1, transport: str = "udp", host: str = "127.0.0.1", **options: object
) -> Callable[[Play], Callable[["Stage"], Awaitable[None]]]:
    """Make a test of `async def f(scene)`.

    targets: how many its hunt has. transport, host: where they are. options: of the hunt (`ring`,
    `progress`, `total`, `stop_on`, `redirects`, `final`), and `to_header` of the number.
    """

    def decorate(play: Play) -> Callable[["Stage"], Awaitable[None]]:
        async def test(stage: "Stage") -> None:
            await stage.outcome(told)

        told = Story(play, targets, transport, host, options)
        functools.update_wrapper(test, play)
        del test.__wrapped__  # type: ignore[attr-defined]  # pytest would ask it for its arguments
        test.story = told  # type: ignore[attr-defined]
        marked: Callable[[Stage], Awaitable[None]] = pytest.mark.asyncio(loop_scope="session")(test)
        return marked

    return decorate


class Scene:
    """What a story has: a number, the ports of its targets, and who plays at them."""

    def __init__(self, story: Story, number: str, folder: Path) -> None:
        self.number = number
        self.ports = [free_port() for _ in range(story.targets)]
        self.names = [f"t{number}_{index}" for index in range(story.targets)]
        self._story = story
        self._folder = folder
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self._phones: list[Phone] = []
        self.serving: Serving
        self.full = False

    @property
    def extension(self) -> str:
        """An extension that rings the second target."""
        return f"9{self.number}"

    def targets(self) -> dict[str, Any]:
        """Its targets, as the dialplan has them."""
        host = self._story.host if ":" not in self._story.host else f"[{self._story.host}]"
        suffix = ";transport=tcp" if self._story.transport == "tcp" else ""
        return {
            name: {"uri": f"sip:service@{host}:{port}{suffix}"}
            for name, port in zip(self.names, self.ports, strict=True)
        }

    def entry(self) -> dict[str, Any]:
        """Its number, as the dialplan has it."""
        options = dict(self._story.options)
        entry: dict[str, Any] = {}
        hunt = self.names
        if "to_header" in options:
            entry["to_header"] = options.pop("to_header")
            hunt = hunt[:1]
        return {**entry, "route": [{"hunt": hunt, **options}]}

    @property
    def server(self) -> str:
        """Callrouter's address and port."""
        host = self._story.host
        return f"{f'[{host}]' if ':' in host else host}:{self.serving.place.port}"

    async def callee(self, scenario: str, target: int = 0, **keys: str) -> Sipp:
        """Let SIPp play a scenario at one of the targets."""
        place = self._story
        port = self.ports[target]
        sipp = await Sipp.callee(
            self._folder, scenario, port, transport=place.transport, host=place.host, keys=keys
        )
        self._closing.append(sipp.stop)
        return sipp

    async def caller(self, scenario: str, number: str = "", host: str = "", **keys: str) -> Sipp:
        """Let SIPp call the number."""
        place = self._story
        sipp = await Sipp.caller(
            self._folder,
            scenario,
            self.server,
            number or self.number,
            transport=place.transport,
            host=host or place.host,
            keys=keys,
        )
        self._closing.append(sipp.stop)
        return sipp

    async def phone(self, target: int | None = None, host: str = "") -> Phone:
        """A scripted party over UDP: at a target's port, or as the caller."""
        port = free_port() if target is None else self.ports[target]
        place = self._story.host
        phone = await Phone.open(host or place, port, (place, self.serving.place.port))
        self._closing.append(phone.close)
        self._phones.append(phone)
        return phone

    def server_address(self) -> tuple[str, int]:
        """Callrouter's address and port, for sockets."""
        return (self._story.host, self.serving.place.port)

    def closing(self, close: Callable[[], Awaitable[None]]) -> None:
        """Call this at the end of the story."""
        self._closing.append(close)

    async def record(self, within: float = PATIENCE) -> Record:
        """The only record of the calls to the number."""
        return await self.serving.record(self.number, within)

    def is_told(self) -> None:
        """Fails when a scripted party got something that the story did not expect."""
        for phone in self._phones:
            assert phone.quiet(), f"unexpected: {[str(message) for message in phone.seen]}"

    async def close(self) -> None:
        """End whoever still plays."""
        for close in self._closing:
            await close()


class Stage:
    """All stories at work."""

    def __init__(self, serving: Serving, scenes: dict[Story, Scene]) -> None:
        self.serving = serving
        self.scenes = scenes
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._tasks: dict[Story, asyncio.Task[None]] = {}
        for told, scene in scenes.items():
            scene.serving = serving
            self._tasks[told] = asyncio.create_task(self._tell(told, scene))

    @classmethod
    async def open(cls, folder: Path, stories: Iterable[Story], *, full: bool) -> Self:
        """Start callrouter with the dialplan that the stories need, and then all of them.

        full: their long versions.
        """
        scenes = {
            told: Scene(told, str(_FIRST_NUMBER + index), folder)
            for index, told in enumerate(stories)
        }
        for scene in scenes.values():
            scene.full = full
        place: Place = lay_out(folder, _dialplan(scenes.values()))
        return cls(await Serving.start(place), scenes)

    async def outcome(self, told: Story) -> None:
        """Wait for the end of one story, and fail as it did."""
        await self._tasks[told]

    async def all_told(self) -> None:
        """Wait for the end of all stories, however they end."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def close(self) -> None:
        """End what still runs."""
        for task in self._tasks.values():
            task.cancel()
        await self.all_told()
        await self.serving.stop()

    async def _tell(self, told: Story, scene: Scene) -> None:
        async with self._turns:
            try:
                await told.play(scene)
                scene.is_told()
            finally:
                await scene.close()


def _dialplan(scenes: Iterable[Scene]) -> str:
    targets: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    extensions: dict[str, Any] = {}
    for scene in scenes:
        targets.update(scene.targets())
        numbers[scene.number] = scene.entry()
        if "to_header" in numbers[scene.number]:
            extensions[scene.extension] = {"targets": [scene.names[1]]}
    plan = {
        "country": "CN",
        "trunks": {"lab": {"addresses": ["127.0.0.1", "::1"]}},
        "targets": targets,
        "extensions": extensions,
        "numbers": numbers,
    }
    return yaml.safe_dump(plan, sort_keys=False)
