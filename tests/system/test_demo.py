"""`callrouter demo` as a newcomer sees it, and as one who stops it half-way leaves it."""

import asyncio
import os
import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from support.serving import command

pytestmark = pytest.mark.asyncio(loop_scope="session")

_WITHIN: Final = 120.0
# Which phone a message went to or came from is told by its arrow; within one phone the order is
# fixed, between two of them it is a matter of microseconds.
_MESSAGES: Final = {
    "caller": "INVITE 4001, 100 Trying, 180 Ringing, 200 OK, ACK, BYE, 200 OK (BYE)",
    "busy": "INVITE busy, 486 Busy Here, ACK",
    "silent": "INVITE silent, 100 Trying, CANCEL, 200 OK (CANCEL), 487 Request Terminated, ACK",
    "answers": "INVITE answers, 180 Ringing, 200 OK, ACK, BYE, 200 OK (BYE)",
}
_LINE: Final = re.compile(r" *(\d+) ([ |]*)\|([-<][-A-Za-z0-9 ()]+?[->])\|?[ |]*\Z")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: there is a socket in it (unix(7))."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        yield Path(name)


async def start(folder: Path) -> asyncio.subprocess.Process:
    """The demo, with its temporary files in a folder."""
    env = {**os.environ, "TMPDIR": str(folder), "COLUMNS": "100"}
    return await asyncio.create_subprocess_exec(
        *command("demo"),
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


def ladder(said: str) -> dict[str, list[str]]:
    """The messages of each phone, in order."""
    lines = said.splitlines()
    head = next(index for index, line in enumerate(lines) if line.split()[:2] == ["ms", "caller"])
    columns = {name: lines[head].index(name) + len(name) // 2 for name in _MESSAGES}
    found: dict[str, list[str]] = {name: [] for name in _MESSAGES}
    for line in lines[head + 1 :]:
        match = _LINE.match(line)
        if match is None:
            break
        left, right = match.start(3) - 1, match.end(3)
        [phone] = [name for name, column in columns.items() if column in {left, right}]
        found[phone].append(match[3].strip("-<> "))
    return found


async def test_demo_shows_the_call_its_verdicts_and_its_record(folder: Path) -> None:
    demo = await start(folder)
    async with asyncio.timeout(_WITHIN):
        output, _ = await demo.communicate()
    said = output.decode()
    assert demo.returncode == 0, said
    for phone, messages in _MESSAGES.items():
        # Whoever is late is sent it again.
        assert list(dict.fromkeys(ladder(said)[phone])) == messages.split(", "), said
    _, rules, record = re.split(r"\nWhat the rules said\n|\nThe record.*\n", said)
    for place in (
        "demo.*passed.*:6",
        "number 4001 +passed.*:14",
        "step 1 of number 4001 +passed.*:17",
    ):
        assert re.search(place, rules), f"{place} is not in\n{rules}"
    results = re.findall(r"^(\w+) .* (\d{3}) +\d+ +(\w+) *$", record, re.MULTILINE)
    assert results[:3] == [
        ("busy", "486", "busy"),
        ("silent", "408", "no_answer"),
        ("answers", "200", "answered"),
    ]
    assert "ANSWERED" in record
    assert max(map(len, said.splitlines())) <= 100
    assert os.listdir(folder) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_demo_stopped_in_the_middle_leaves_nothing_behind(
    folder: Path, number: signal.Signals
) -> None:
    demo = await start(folder)
    assert demo.stdout is not None
    said = ""
    async with asyncio.timeout(_WITHIN):
        while "INVITE silent" not in said:
            line = await demo.stdout.readline()
            assert line, said
            said += line.decode()
        assert os.listdir(folder) != []
        demo.send_signal(number)
        said += (await demo.stdout.read()).decode()
        assert await demo.wait() == 1
    assert "callrouter: error: given up" in said
    assert "Traceback" not in said
    assert os.listdir(folder) == []
