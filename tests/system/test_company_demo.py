"""`callrouter demo --web` as somebody sees it who looks at the console for the first time."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import expect
from support.page_reader import chromium, opened
from support.polling import PATIENCE, until
from support.serving import command
from support.web_console import Browser

from callrouter.web.pages.navigation import MENU

pytestmark = pytest.mark.asyncio(loop_scope="module")

_FILLED = "main :is(tbody tr, .calendar .day, .board dd, textarea, pre)"
STORIES = {"ANSWERED", "REJECTED", "BUSY", "CANCELLED", "NO_ANSWER"}


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The demo, with its temporary files in a folder; killed if it is still there in the end."""
    process = await asyncio.create_subprocess_exec(
        *command("demo", "--web"),
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def link_of(process: asyncio.subprocess.Process) -> str:
    """The link for the first administrator."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(PATIENCE):
        while "/invitation/" not in said:
            line = (await process.stdout.readline()).decode()
            assert line, said
            said += line
    return said.split()[-1]


async def test_every_page_of_the_demo_has_something_to_show() -> None:
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        folder = Path(name)
        async with demo(folder) as process, chromium() as browser:
            link = urlsplit(await link_of(process))
            person = Browser(link.port or 0).signed_up(link.path.rpartition("/")[2], "ann")

            async def all_told() -> bool:
                found = person.get("/api/v1/records?most=100").json["records"]
                return {one["disposition"] for one in found} >= STORIES

            await until(all_told, PATIENCE)
            page = await opened(browser, person)
            paths = [entry.path for group in MENU for entry in group.entries]
            for path in paths:
                shown = await page.goto(path)
                assert shown is not None
                assert shown.status == 200, path
                if path not in {"/", "/callbacks", "/what-if", "/me"}:  # at times, or when asked
                    assert await page.locator(_FILLED).count() > 0, path
            await page.goto("/")
            await expect(page.locator("tbody tr")).not_to_have_count(0)
            assert page.mistakes == []  # type: ignore[attr-defined]
            await page.context.close()
            process.send_signal(signal.SIGINT)
            said, _ = await process.communicate()
            assert process.returncode == 0, said.decode()
            assert b"Traceback" not in said
            assert b"Fatal" not in said
        assert os.listdir(folder) == []
