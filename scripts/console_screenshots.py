"""The screenshots of the documents, and those that a test compares: the console in chromium.

After the pages have changed: python scripts/console_screenshots.py
"""

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import Page

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from support.console_looks import PICTURES, TOLERATED, looks  # noqa: E402
from support.console_story import ConsoleStory  # noqa: E402 - the path comes first
from support.message import SDP  # noqa: E402
from support.page_reader import chromium, opened  # noqa: E402
from support.phone import Phone  # noqa: E402
from support.ports import free_port  # noqa: E402
from support.web_console import Console  # noqa: E402

IMAGES: Final = ROOT / "docs" / "images"
DIALPLAN: Final = """\
country: CN
trunks: {{carrier: {{addresses: [127.0.0.1]}}}}
targets:
  reception: {{uri: "sip:reception@127.0.0.1:{first}", ring: 20s}}
  sales: {{uri: "sip:sales@127.0.0.1:{second}"}}
lists:
  nuisance: {{numbers: ["+8613900139000"]}}
numbers:
  "4000":
    block: [nuisance]
    route:
      - hunt: [reception, sales]
"""
WINDOW: Final = {"width": 1400, "height": 800}


async def main() -> None:
    """Show a call that is over and one that is up, then a refused one and what ops make of it."""
    first, second = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        console = await Console.start(
            Path(folder) / "x", DIALPLAN.format(first=first, second=second)
        )
        server = ("127.0.0.1", console.place.port)
        phones = [await Phone.open("127.0.0.1", port, server) for port in (first, second)]
        try:
            await story(console, *phones)
        finally:
            await console.serving.stop()
    with tempfile.TemporaryDirectory() as folder:
        async with ConsoleStory.open(Path(folder) / "x", IMAGES) as told:
            await told.is_told()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async for look in looks(Path(folder) / "x"):
            if look.differs > TOLERATED / 2:
                (PICTURES / look.name).write_bytes(look.picture)


async def story(console: Console, reception: Phone, sales: Phone) -> None:
    """The reception is busy, sales answers; the first call is over when the second comes."""
    server = ("127.0.0.1", console.place.port)
    callers = [await Phone.open("127.0.0.1", free_port(), server) for _ in range(2)]
    for caller, number in zip(callers, ("13800138000", "02087654321"), strict=True):
        caller.invite("4000", caller=number)
        reception.reply(await reception.expect("INVITE"), 486)
        await reception.expect("ACK")
        invite = await sales.expect("INVITE")
        sales.reply(invite, 180)
        await caller.expect(180)
        sales.reply(invite, 200, SDP)
        caller.ack(await caller.expect(200))
        await sales.expect("ACK")
        if caller is callers[0]:
            caller.request("BYE")
            await caller.expect(200)
            sales.reply(await sales.expect("BYE"), 200)
    record = (await console.serving.records("4000", 1))[0]
    async with chromium() as browser:
        page = await opened(browser, console.person("ops", name="ann"), viewport=WINDOW)
        await page.goto("/")
        await page.locator("tbody tr").wait_for()
        await taken(page, "live-calls.png")
        await page.goto(f"/calls/{record['id']}")
        await taken(page, "call.png")


async def taken(page: Page, name: str) -> None:
    """Take a picture of a page down to its footer."""
    below = await page.locator("footer").bounding_box()
    height = WINDOW["height"] if below is None else below["y"]
    clip = {"x": 0.0, "y": 0.0, "width": float(WINDOW["width"]), "height": height}
    await page.screenshot(path=IMAGES / name, full_page=True, clip=clip)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    asyncio.run(main())
