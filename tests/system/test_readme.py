"""README.md as a newcomer follows it: every command in it is run, in its order, in a fresh copy.

The copy has an environment of its own, so that `scripts/run` makes it ready as it would anywhere,
and touches nothing of the tree that is tested. The ports are those that the README names.
"""

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import pytest_asyncio
from support.polling import until
from support.ports import is_free
from support.serving import GREETING, ROOT, Place

README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
_COPIED: Final = ("config", "dialplans", "scripts", "src")
_FILES: Final = ("LICENSE", "README.md", "pyproject.toml", "requirements.lock")
_PORTS: Final = (5060, 5080, 9090, 5061)
_SERVES: Final = "scripts/run"
_BLOCK: Final = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ID: Final = re.compile(r"\b[0-9a-f]{11}-[0-9a-f]{8}\b")
_BACKGROUND: Final = re.compile(r"Background mode - PID=\[(\d+)\]")

# What differs from call to call: ids, times, versions of dialplans, milliseconds.
_VARIES: Final = (
    (_ID, "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+\d\d:\d\d)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "VERSION"),
    (re.compile(r"\b\d+-\d+@"), "CALL@"),
    (re.compile(r"(?<![\w.:@])\d+(\.\d+)?s?(?![\w.:@])"), "N"),
    (re.compile(r"\s+"), " "),
)


class Part(NamedTuple):
    """A block of commands, and the output that the README shows behind it, "" for none."""

    commands: list[str]
    shown: str


def parts() -> Iterator[Part]:
    """The blocks of commands in their order."""
    blocks = _BLOCK.findall(README)
    for index, (kind, text) in enumerate(blocks):
        if kind == "sh":
            after = blocks[index + 1] if index + 1 < len(blocks) else ("", "")
            yield Part(text.splitlines(), after[1] if after[0] == "text" else "")


def alike(line: str) -> str:
    """The line without what differs from call to call."""
    for pattern, word in _VARIES:
        line = pattern.sub(word, line)
    return line.strip()


class Clone:
    """A copy of what a clone has, and what was started in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.id = ""  # of the last call that was shown
        self._said = ""
        self._server: asyncio.subprocess.Process | None = None
        self._env = {name: value for name, value in os.environ.items() if name != "COLUMNS"}

    async def run(self, command: str) -> str:
        """Run one command line; what it printed."""
        if known := _ID.search(command):
            command = command.replace(known[0], self.id)
        if command == _SERVES:
            return await self._serve()
        if command.startswith(f"{_SERVES} cdr"):
            await until(self._recorded)
        # A file and no pipe: SIPp in the background keeps it open.
        path = self.folder / "output"
        with path.open("wb") as output:
            process = await self._start(command, output.fileno())
        async with asyncio.timeout(300):
            code = await process.wait()
        said = path.read_text(encoding="utf-8", errors="replace")
        self._said += said
        # 99 is what SIPp says of itself when it has gone into the background.
        assert code == 0 or (code == 99 and command.endswith("-bg")), f"{command} ({code}):\n{said}"
        if shown := _ID.search(said):
            self.id = shown[0]
        return said

    async def close(self) -> int:
        """End the server as CTRL-C does, and a SIPp that is left; the server's exit code."""
        for pid in _BACKGROUND.findall(self._said):
            end_sipp(int(pid))
        if self._server is None:
            return 0
        if self._server.returncode is None:
            self._server.send_signal(signal.SIGINT)
        async with asyncio.timeout(60):
            return await self._server.wait()

    async def _recorded(self) -> bool:
        return bool(Place(self.folder, self.folder, *_PORTS[:2]).records())

    async def _serve(self) -> str:
        path = self.folder / "screen"
        with path.open("wb") as output:
            self._server = await self._start(f"exec {_SERVES}", output.fileno())
        server = self._server

        async def ready() -> str:
            said = path.read_text(encoding="utf-8")
            assert server.returncode is None, f"{_SERVES} ended: {said}"
            return said if GREETING in said and said.count("\n") > 4 else ""

        return await until(ready, within=120)

    async def _start(self, command: str, output: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *("bash", "-c", command),
            cwd=self.folder,
            env=self._env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def end_sipp(pid: int) -> None:
    """Kill that SIPp, unless it has ended and another program has its number."""
    with suppress(OSError):
        if Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip() == "sipp":
            os.kill(pid, signal.SIGKILL)


def copied(folder: Path) -> None:
    """What git would clone of the program, and the environment of these tests beside it."""
    for name in _COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _FILES:
        shutil.copy(ROOT / name, folder / name)
    if sys.prefix != sys.base_prefix:  # else `scripts/run` makes one, from the network
        shutil.copytree(sys.prefix, folder / ".venv", symlinks=True)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clone(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clone]:
    folder = tmp_path_factory.mktemp("clone")
    await asyncio.to_thread(copied, folder)
    opened = Clone(folder)
    yield opened
    await opened.close()


async def free(port: int) -> None:
    """Wait until nobody has the port; somebody may only just be leaving it."""

    async def look() -> bool:
        return is_free(port)

    try:
        await until(look, within=120)
    except TimeoutError:
        pytest.fail(f"port {port} of 127.0.0.1 is in use; the README's commands need it: free it")


@pytest.mark.asyncio(loop_scope="session")
async def test_every_command_of_the_readme_does_what_the_readme_shows(clone: Clone) -> None:
    for port in _PORTS:
        await free(port)
    for part in parts():
        said = "".join([await clone.run(command) for command in part.commands])
        lines = {alike(line) for line in said.splitlines()}
        for line in part.shown.splitlines():
            assert alike(line) in lines, f"{part.commands} does not print {line!r} but:\n{said}"
    assert await clone.close() == 0


def test_readme_walks_from_serving_through_a_call_of_sipp_to_its_record() -> None:
    _, *walk = [command for part in parts() for command in part.commands]
    assert walk[:4] == [
        "scripts/run",
        "sipp -sn uas -i 127.0.0.1 -p 5080 -m 1 -bg",
        "sipp -sn uac -i 127.0.0.1 -m 1 -s 4000 127.0.0.1:5060",
        "scripts/run cdr",
    ]


def test_the_other_of_the_two_commands_is_what_ci_runs() -> None:
    assert "scripts/test" in README
    assert "scripts/test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_readme_links_to_files_that_are_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
