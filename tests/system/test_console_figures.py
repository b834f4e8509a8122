"""What the console costs and how soon it shows things, measured beside real calls.

--full has a million records, 200 browsers and more calls, and wants the machine for itself. What is
measured is logged, with the machine's load: `pytest -o addopts= --log-cli-level=INFO --full`.
"""

import asyncio
import logging
import os
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import pytest
import pytest_asyncio
from support.kept_recordings import call_row
from support.message import SDP
from support.page_reader import chromium, opened
from support.phone import Phone
from support.phones import Phones
from support.polling import PATIENCE, until
from support.ports import free_port
from support.web_console import Browser, Console, web_pid

from callrouter.bench.processes import cpu_seconds
from callrouter.bench.served_metrics import loop_lag, quantile
from callrouter.observe.cdr.rows import COLUMNS
from callrouter.storage.cdr_table import Store

note = logging.getLogger(__name__).info

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.alone]

DIALPLAN: Final = """\
country: CN
trunks: {{lab: {{addresses: [127.0.0.1]}}}}
targets:
  many: {{uri: "sip:service@127.0.0.1:{many}"}}
  desk: {{uri: "sip:desk@127.0.0.1:{desk}"}}
numbers:
  "6000": {{route: [{{hunt: [many]}}]}}
  "7000": {{route: [{{hunt: [desk]}}]}}
"""
FIRST_PAGE_SECONDS: Final = 0.3
SEARCH_SECONDS: Final = 0.5
VISIBLE_SECONDS: Final = 1.0
BACK_SECONDS: Final = 3.0
LAG_SECONDS: Final = 0.010
WEB_SHARE: Final = 0.10
SERVER_SHARE: Final = 0.02
"""Of a core. The server's is what cannot be told from what it takes by itself."""
SPREAD_SECONDS: Final = 30 * 86400
"""How long it took to get the records."""
_WATCH: Final = """() => {
  window.times = [];
  let shown = 0;
  new MutationObserver(() => {
    const now = document.querySelectorAll("#live tbody tr").length;
    if (now !== shown) window.times.push(Date.now() / 1000);
    shown = now;
  }).observe(document.getElementById("live"), {childList: true, subtree: true});
}"""


@dataclass
class Measured:
    """The server and its console, with records; phones that call, and one that is called."""

    console: Console
    person: Browser
    callers: Phones
    desk: Phone
    records: int

    def lag(self) -> dict[float, float]:
        return loop_lag(self.console.place.metrics_port)

    def lag_since(self, before: dict[float, float]) -> float:
        """What 99 of 100 rounds of the loop were not later than, in seconds."""
        return quantile(0.99, before, self.lag()) or 0.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def measured(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Measured]:
    records = 1_000_000 if request.config.getoption("--full") else 20_000
    many, desk = free_port(), free_port()
    dialplan = DIALPLAN.format(many=many, desk=desk)
    console = await Console.start(tmp_path_factory.mktemp("figures"), dialplan)
    filled(console, records)
    server = ("127.0.0.1", console.place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, many)
    phone = await Phone.open("127.0.0.1", desk, server)
    try:
        yield Measured(console, console.person("ops"), callers, phone, records)
    finally:
        await asyncio.gather(callers.close(), callees.close(), phone.close())
        await console.serving.stop()


def filled(console: Console, count: int) -> None:
    """Put records of a month there, each of another caller."""
    store = Store(f"sqlite:///{console.place.database}")
    store.insert([call_row("seed", time.time(), answered_ms=400)])
    store.close()
    made = {
        "id": "printf('m%07d', n.i)",
        "started": f"started - n.i * {SPREAD_SECONDS / count}",
        "caller": "printf('+861380%07d', n.i * 7919 % 10000000)",
    }
    values = ", ".join(made.get(name, name) for name in COLUMNS)
    base = sqlite3.connect(console.place.database, timeout=PATIENCE)
    with base:
        base.execute(
            f"INSERT INTO calls ({', '.join(COLUMNS)}) WITH RECURSIVE n(i) AS "
            f"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
            f"SELECT {values} FROM calls, n WHERE id = 'seed'"
        )
    base.close()


def seconds(person: Browser, path: str) -> float:
    """How long an answer takes."""
    began = time.perf_counter()
    assert person.get(path).status == 200, path
    return time.perf_counter() - began


def reported(what: str, value: float, unit: str = "s") -> None:
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    note("%s: %.4f %s; load of the machine: %s", what, value, unit, load)


async def test_pages_and_searches_are_soon_there_and_calls_are_not_late(
    measured: Measured, full: bool
) -> None:
    person = measured.person
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
    found = f"/calls?day={day}&part=00777"
    for path, limit in (
        ("/", FIRST_PAGE_SECONDS),
        ("/calls", FIRST_PAGE_SECONDS),
        (found, SEARCH_SECONDS),
    ):
        best = min([await asyncio.to_thread(seconds, person, path) for _ in range(5)])
        reported(f"{path} of {measured.records} records", best)
        assert best < limit, path
    before = measured.lag()
    await measured.console.serving.lives_on(2.0)
    usual = measured.lag_since(before)
    reported("the loop of calls by itself, 99 of 100", usual)
    before = measured.lag()
    began = time.perf_counter()
    parts = [f"/calls?day={day}&part={index:03}77" for index in range(50)]
    rounds = 4 if full else 1  # the loop is looked at some 20 times a second
    for _ in range(rounds):
        await asyncio.gather(*(asyncio.to_thread(seconds, person, path) for path in parts))
    reported("50 searches at once", (time.perf_counter() - began) / rounds)
    lag = measured.lag_since(before)
    reported("the loop of calls meanwhile, 99 of 100", lag)
    assert not full or lag < usual + LAG_SECONDS  # 99 of 100 of a few looks are all of them


async def test_call_is_shown_and_gone_within_a_second_of_its_parties(
    measured: Measured, full: bool
) -> None:
    server = ("127.0.0.1", measured.console.place.port)
    async with chromium() as browser:
        page = await opened(browser, measured.person)
        await page.goto("/")
        await page.get_by_text("Nobody calls now.").wait_for()
        await page.evaluate(_WATCH)
        caller = await Phone.open("127.0.0.1", free_port(), server)
        called = time.time()
        caller.invite("7000", SDP)
        measured.desk.reply(await measured.desk.expect("INVITE"), 200, SDP)
        caller.ack(await caller.expect(200))
        await measured.desk.expect("ACK")
        await page.wait_for_function("() => window.times.length === 1")
        left = time.time()
        caller.request("BYE")
        measured.desk.reply(await measured.desk.expect("BYE"), 200)
        await caller.expect(200)
        await page.wait_for_function("() => window.times.length === 2")
        came, went = await page.evaluate("() => window.times")
        await caller.close()
    reported("a call is shown after its INVITE", came - called)
    reported("it is gone after its BYE", went - left)
    assert max(came - called, went - left) < VISIBLE_SECONDS * (1 if full else 3)


async def test_kill_of_the_web_process_is_noticed_by_no_call(
    measured: Measured, full: bool
) -> None:
    async def busy() -> bool:
        return (await measured.console.serving.metrics())["callrouter_active_calls"] >= 10

    calling = asyncio.create_task(measured.callers.calls("6000", 1000 if full else 200, 100, 0.2))
    await until(busy)
    pid = web_pid(measured.console.serving)
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    answer = await asyncio.to_thread(measured.console.browser().get, "/login")
    back = time.perf_counter() - began
    made = await calling
    reported("the web process is back after", back)
    assert answer.status == 200
    assert {(one.status, one.closed) for one in made} == {(200, True)}
    assert back < BACK_SECONDS * (1 if full else 3)


async def test_browsers_on_the_live_page_cost_calls_nothing(measured: Measured, full: bool) -> None:
    browsers, length = (200, 20.0) if full else (40, 3.0)
    pid = measured.console.serving.process.pid
    calls = round(10 * length)

    async def took() -> tuple[float, float]:
        """Shares of a core: of the server, and of the web process, while there are calls."""
        web = web_pid(measured.console.serving)
        began, before = time.perf_counter(), (cpu_seconds(pid), cpu_seconds(web))
        await measured.callers.calls("6000", calls, 10, 3.0)
        whole, after = time.perf_counter() - began, (cpu_seconds(pid), cpu_seconds(web))
        of_web = (after[1] - before[1]) / whole
        return (after[0] - before[0]) / whole - of_web, of_web

    alone, _ = await took()
    people = [measured.console.person("viewer") for _ in range(5)]
    streams = [await watching(people[at % 5], 1 + at) for at in range(browsers)]
    try:
        before = measured.lag()
        watched, web = await took()
        lag = measured.lag_since(before)
    finally:
        for stream in streams:
            stream.cancel()
    reported(f"{browsers} browsers: the web process", 100 * web, "% of a core")
    reported("the server of calls, more than without them", 100 * (watched - alone), "% of a core")
    reported("its loop meanwhile, 99 of 100", lag)
    assert web < WEB_SHARE
    assert watched - alone < SERVER_SHARE


async def watching(person: Browser, host: int) -> asyncio.Task[None]:
    """A browser on the live page, at an address of its own, until it is cancelled."""
    place = ("127.0.0.1", person.port)
    reader, writer = await asyncio.open_connection(*place, local_addr=(f"127.0.1.{host}", 0))
    head = f"GET /live/rows HTTP/1.1\r\nHost: 127.0.0.1:{person.port}\r\nCookie: {person.cookie}"
    writer.write(f"{head}\r\n\r\n".encode())
    assert b" 200 " in await reader.readline()

    async def read() -> None:
        try:
            while await reader.read(65536):
                pass
        finally:
            writer.close()

    return asyncio.create_task(read())
