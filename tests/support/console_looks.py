"""How the main pages of the console look, in both themes: pictures that machines can compare.

What changes from day to day is hidden, and each pixel of a picture is the mean of 8 by 8 of the
page, so that the edges of letters may differ a little.
"""

import base64
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from playwright.async_api import Page, expect

from callrouter.storage.cdr_table import Store
from support.kept_recordings import call_row
from support.page_reader import chromium, opened
from support.web_console import Console

PICTURES: Final = Path(__file__).parents[1] / "data" / "console_looks"
TOLERATED: Final = 0.002
"""The share of pixels that may be another: a button that is gone is 0.004."""
PAGES: Final = {
    "live": "/",
    "calls": "/calls?day=2027-01-15",
    "call": "/calls/1a20000-0002",
    "schedules": "/schedules",
    "reports": "/reports?day=2027-01-15",
    "dialplan": "/dialplan",
}
THEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

_DIALPLAN: Final = """\
country: CN
timezone: Asia/Shanghai
trunks: {carrier: {addresses: [127.0.0.1]}}
targets: {desk: {uri: "sip:desk@127.0.0.1:9"}}
schedules: {office: {open: ["Mon-Sun 00:00-24:00"]}}
extensions: {"801": {targets: [desk], forward: {busy: "802"}}, "802": {targets: [desk]}}
queues: {sales: {agents: ["801", "802"]}}
lists: {nuisance: {prefixes: ["139"]}}
numbers:
  "4000": {block: [nuisance], route: [{hunt: [desk]}]}
  "7000": {route: [{queue: sales}]}
"""
_NOON: Final = 1_800_000_000.0
_ANSWERED: Final = [
    {
        "target": "desk",
        "uri": "sip:desk@192.0.2.7",
        "started_ms": 4,
        "progress_ms": 90,
        "answered_ms": 2400,
        "ended_ms": 63000,
        "status": 200,
        "cause": 16,
        "result": "answered",
    }
]
_BLOCKED: Final = [
    ("trunk carrier", "passed", "192.0.2.1", "the source address is in 192.0.2.0/24", 3),
    ("number 4000", "passed", "4000", "written so", 9),
    ("block nuisance", "refused", "+8613900139000", "begins with +86139", 9),
]
_CHANGING: Final = (
    "time, [data-since], input[type=date], .calendar { visibility: hidden !important }"
    "#checked { display: none }"
)
_SMALL: Final = """async ([page, known]) => {
  const step = 8;
  const drawn = async (data) => {
    const image = new Image();
    image.src = "data:image/png;base64," + data;
    await image.decode();
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    return context.getImageData(0, 0, image.width, image.height);
  };
  const whole = await drawn(page);
  const canvas = document.createElement("canvas");
  canvas.width = Math.floor(whole.width / step);
  canvas.height = Math.floor(whole.height / step);
  const context = canvas.getContext("2d");
  const small = context.createImageData(canvas.width, canvas.height);
  for (let at = 0; at < small.data.length; at += 1) {
    const pixel = at >> 2, x = pixel % canvas.width, y = Math.floor(pixel / canvas.width);
    let sum = 0;
    for (let row = 0; row < step; row += 1)
      for (let column = 0; column < step; column += 1)
        sum += whole.data[4 * ((y * step + row) * whole.width + x * step + column) + (at & 3)];
    small.data[at] = Math.round(sum / step / step);
  }
  context.putImageData(small, 0, 0);
  const picture = canvas.toDataURL("image/png").split(",")[1];
  if (!known) return [picture, 1];
  const before = await drawn(known);
  if (before.width !== small.width || before.height !== small.height) return [picture, 1];
  let differ = 0;
  for (let at = 0; at < small.data.length; at += 4)
    if ([0, 1, 2].some((one) => Math.abs(small.data[at + one] - before.data[at + one]) > 24))
      differ += 1;
  return [picture, differ / (canvas.width * canvas.height)];
}"""


class Look(NamedTuple):
    """How a page looks. picture: a PNG. differs: the share of pixels that the known one has not."""

    name: str
    picture: bytes
    differs: float


async def looks(folder: Path) -> AsyncIterator[Look]:
    """The look of each page in each theme. folder: of a server of its own."""
    console = await Console.start(folder, _DIALPLAN)
    try:
        _fill(console)
        person = console.person("ops", name="otto")
        async with chromium() as browser:
            window = {"width": 1200, "height": 800}
            # Our pages forbid styles that are not their own, such as the one that hides.
            page = await opened(browser, person, viewport=window, bypass_csp=True)
            blank = await page.context.new_page()
            for name, path in PAGES.items():
                await page.goto(path)
                await expect(page.get_by_text("Waiting for the server")).to_have_count(0)
                for theme in THEMES:
                    await page.emulate_media(color_scheme=theme)
                    yield await _look(page, blank, f"{name}-{theme}.png")
    finally:
        await console.serving.stop()
        shutil.rmtree(folder)


def _fill(console: Console) -> None:
    rules = [
        {"rule": rule, "matched": True, "result": result, "value": value, "why": why}
        | {"file": "dialplan.yaml", "line": line}
        for rule, result, value, why, line in _BLOCKED
    ]
    refused: dict[str, Any] = {"disposition": "REJECTED", "status": 403, "cause": 21}
    refused |= {"reason": "blocked_caller", "hung_up_by": "callrouter", "ended_ms": 2}
    refused |= {"caller": "+8613900139000", "trunk": "carrier", "trace": json.dumps(rules)}
    answered = {"answered_ms": 2400, "ended_ms": 63000, "legs": json.dumps(_ANSWERED)}
    store = Store(f"sqlite:///{console.place.database}")
    rows = [call_row("1a20000-0002", _NOON + 7300, **refused)]
    rows += [call_row(f"1a20000-01{at:02}", _NOON + 1800 * at, **answered) for at in range(8)]
    store.insert(rows)
    store.close()


async def _look(page: Page, blank: Page, name: str) -> Look:
    whole = await page.screenshot(style=_CHANGING, animations="disabled", caret="hide")
    known = PICTURES / name
    before = base64.b64encode(known.read_bytes()).decode() if known.exists() else ""
    said = await blank.evaluate(_SMALL, [base64.b64encode(whole).decode(), before])
    return Look(name, base64.b64decode(said[0]), said[1])
