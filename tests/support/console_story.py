"""The story of an ops person at the console: a refused call, why, a mended rule, a call heard."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, Self

from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect

from support import hearing
from support.page_reader import chromium, opened
from support.polling import PATIENCE
from support.softphone import Softphone
from support.unprivileged import media_settings, shared_folder
from support.web_console import PASSWORD, Console

DIALPLAN: Final = """\
country: CN
timezone: Asia/Shanghai
trunks: {{carrier: {{addresses: [127.0.0.1]}}}}
targets:
  reception: {{uri: "sip:phone@127.0.0.1:{port}", ring: 20s}}
lists:
  nuisance:
    # Callers that sell, and nobody else.
    prefixes: ["138"]
numbers:
  "4000":
    block: [nuisance]
    record: {{notice: false, sides: stereo}}
    route:
      - hunt: [reception]
"""
REFUSING: Final = "    block: [nuisance]"
REFUSES: Final = 'prefixes: ["138"]'
MENDED: Final = 'prefixes: ["1390013"]'
CALLER: Final = "13800138000"
TONE: Final = 440
"""Hertz of what the caller says."""
_LINK: Final = re.compile(r"http://\S+(/invitation/\S+)")
_WINDOW: Final = {"width": 1400, "height": 800}
_DAY: Final = 86400
_SOUNDS: Final = "(audio) => audio.currentTime > 0.2"
_CHOSEN: Final = """(line) => { const at = document.activeElement;
  return at?.value?.slice(at.selectionStart, at.selectionEnd) === line; }"""


@dataclass
class ConsoleStory:
    """The parts of the story. pictures: the folder that they are taken into."""

    console: Console
    chromium: Chromium
    reception: Softphone
    caller: Softphone
    pictures: Path

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, pictures: Path) -> AsyncIterator[Self]:
        """A server with a console, a browser, and two telephones."""
        reception = await Softphone.start(answer_after=0.2)
        caller = await Softphone.start(user=CALLER)
        shared = shared_folder()
        dialplan = DIALPLAN.format(port=reception.port)
        console = await Console.start(folder, dialplan, media_settings(shared, 1, 1))
        try:
            async with chromium() as browser:
                yield cls(console, browser, reception, caller, pictures)
            assert "Traceback" not in console.serving.log()
        finally:
            await asyncio.gather(reception.quit(), caller.quit())
            await console.serving.stop()
            shutil.rmtree(shared)

    @property
    def file(self) -> Path:
        """The dialplan's."""
        return self.console.place.folder / "dialplan.yaml"

    async def calls(self) -> None:
        """Call the number, as somebody who is wanted."""
        port = self.console.place.port
        await self.caller.call(f"sip:4000@127.0.0.1:{port}")

    async def is_told(self) -> None:
        """All of it."""
        await self.was_refused_yesterday()
        page = await self.is_invited_by(await self.signs_up_by_the_link())
        await self.finds_the_refused_call(page)
        await self.mends_the_rule(page)
        await self.puts_it_live(page)
        await self.hears(page, await self.is_recorded())

    async def was_refused_yesterday(self) -> None:
        """The call that somebody complains of; what it left is a day old."""
        await self.calls()
        await self.caller.state("disconnected")
        record = await self.console.serving.record("4000")
        base = sqlite3.connect(self.console.place.database, timeout=PATIENCE)
        with base:
            values = (record["started"] - _DAY, record["id"])
            base.execute("UPDATE calls SET started = ? WHERE id = ?", values)
        base.close()

    async def signs_up_by_the_link(self) -> Page:
        """The first administrator takes the link that the server has printed."""
        output = self.console.serving.process.stdout
        assert output is not None
        found = None
        async with asyncio.timeout(PATIENCE):
            while found is None:
                found = _LINK.search((await output.readline()).decode())
        return await self._signed_up(found[1], "ann")

    async def is_invited_by(self, admin: Page) -> Page:
        """The administrator invites an ops person, who signs up."""
        await admin.goto("/people")
        await admin.get_by_label("Role").select_option("ops")
        await admin.get_by_role("button", name="Make a link").click()
        link = await admin.locator("#link").get_attribute("href") or ""
        return await self._signed_up(link, "otto")

    async def _signed_up(self, link: str, name: str) -> Page:
        page = await opened(self.chromium, self.console.browser(), viewport=_WINDOW)
        await page.goto(link)
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Password, 10").fill(PASSWORD)
        await page.get_by_label("again").fill(PASSWORD)
        await page.get_by_role("button", name="Sign up").click()
        await expect(page.get_by_role("heading", name="Live calls")).to_be_visible()
        return page

    async def goes_to_calls(self, page: Page) -> None:
        """By the menu."""
        await page.locator("nav summary", has_text="Calls").click()
        await page.get_by_role("link", name="Calls", exact=True).click()

    async def finds_the_refused_call(self, page: Page) -> None:
        """By its day, a part of its number, and how it ended."""
        await self.goes_to_calls(page)
        day = page.get_by_label("Day")
        yesterday = date.fromisoformat(await day.input_value()) - timedelta(days=1)
        await day.fill(f"{yesterday}")
        await page.get_by_label("Part of a number").fill("138001")
        await page.get_by_label("Ended").select_option("REJECTED")
        await page.get_by_role("button", name="Search").click()
        row = page.locator("#found tbody tr")
        await expect(row).to_contain_text(CALLER)
        await row.get_by_role("link").click()
        await expect(page.locator(".verdicts")).to_be_visible()
        await self._taken(page, "refused-call.png")

    async def mends_the_rule(self, page: Page) -> None:
        """From the line that refused, in the text of the dialplan; it is not live yet."""
        await page.locator(".verdicts .refused").get_by_role("link").click()
        await page.wait_for_function(_CHOSEN, arg=REFUSING)
        await page.get_by_label("Text").fill(self.file.read_text().replace(REFUSES, MENDED))
        await expect(page.locator("#checked")).to_contain_text("No mistake.")
        await page.get_by_role("button", name="What would change?").click()
        await expect(page.locator("#compared")).to_contain_text("1 calls, 1 changed")
        await self._taken(page, "dialplan.png")

    async def puts_it_live(self, page: Page) -> None:
        """The text is the file's, and serves."""
        await page.get_by_role("button", name="Put live").click()
        await expect(page.get_by_role("status").first).to_contain_text("It is live:")

    async def is_recorded(self) -> str:
        """The caller calls again, and speaks; the id of the call."""
        await self.calls()
        await self.caller.state("confirmed")
        await self.caller.media()
        said = hearing.sine(TONE, 1.5)
        await self.caller.says(self.console.place.folder / "said.wav", said)
        await self.caller.hang_up()
        call: str = (await self.console.serving.records("4000", 2))[-1]["id"]
        return call

    async def hears(self, page: Page, call: str) -> str:
        """Play the recording of a call by keyboard until it sounds; the path of its audio."""
        await self.goes_to_calls(page)
        await page.locator(f"a[href='/calls/{call}']").click()
        player = page.get_by_label("Recording")
        await player.focus()
        await page.keyboard.press("Space")
        await page.wait_for_function(_SOUNDS, arg=await player.element_handle())
        await page.locator("img.waveform").scroll_into_view_if_needed()
        await self._taken(page, "recording.png")
        return await player.get_attribute("src") or ""

    async def _taken(self, page: Page, name: str) -> None:
        await page.screenshot(path=self.pictures / name, full_page=True)
