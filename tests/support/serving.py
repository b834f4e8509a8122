"""A running `callrouter serve`, seen from outside: its screen, its metrics and its records."""

import asyncio
import json
import signal
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.request import urlopen

from callrouter.observe.cdr.rows import LISTS
from support.polling import PATIENCE, until
from support.ports import free_port

ROOT: Final = Path(__file__).parents[2]
GREETING: Final = "callrouter listens on"
ALIVE: Final = (
    "callrouter_active_calls",
    "callrouter_active_legs",
    "callrouter_transactions",
    "callrouter_timers",
)
"""What has to be 0 when nothing is left over."""

PUNCTUAL: Final = "lag: 5s"
"""In the settings' `limits`: other tests make callrouter late, which is to cost no call."""

LINGER_SECONDS: Final = 32.0
"""How long the RFCs let an ended transaction live."""

_LISTEN: Final = ("127.0.0.1", "[::1]")
_START_SECONDS: Final = 120.0
_TURN_SECONDS: Final = 0.05

Record = dict[str, Any]
"""A call's row; what is a list there is a list of dicts."""


def command(*arguments: str | Path) -> list[str]:
    """The argv of a `callrouter` command, by the interpreter that runs the tests."""
    return [sys.executable, "-m", "callrouter", *map(str, arguments)]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a callrouter is told to be. folder: its working directory, with its database."""

    folder: Path
    config: Path
    port: int
    metrics_port: int

    @property
    def database(self) -> Path:
        """The SQLite file of its records."""
        return self.folder / "var" / "callrouter.db"

    def records(self, called: str = "") -> list[Record]:
        """The rows on disk, oldest first: all, or those of one called number."""
        if not self.database.exists():
            return []
        base = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            if not base.execute("SELECT 1 FROM sqlite_master WHERE name = 'calls'").fetchone():
                return []  # the file is there before its tables are
            base.row_factory = sqlite3.Row
            rows = base.execute(
                "SELECT * FROM calls WHERE called = ? OR ? = '' ORDER BY started, id",
                (called, called),
            ).fetchall()
        finally:
            base.close()
        found = [dict(row) for row in rows]
        for row in found:
            for name in LISTS:
                row[name] = json.loads(row[name])
        return found


def lay_out(folder: Path, dialplan: str, *, drain: str = "30s") -> Place:
    """Write a dialplan and settings with free ports: UDP and TCP, IPv4 and IPv6."""
    place = Place(folder, folder / "callrouter.yaml", free_port(), free_port())
    folder.mkdir(exist_ok=True)
    (folder / "dialplan.yaml").write_text(dialplan, encoding="utf-8")
    listen = [f"{kind}:{host}:{place.port}" for host in _LISTEN for kind in ("udp", "tcp")]
    place.config.write_text(
        f"listen: {json.dumps(listen)}\n"
        "dialplan: dialplan.yaml\n"
        "records: {database: 'sqlite:///var/callrouter.db', spool: var/spool}\n"
        f"metrics: '127.0.0.1:{place.metrics_port}'\n"
        "log: {level: info, format: text}\n"
        f"limits: {{calls: 50000, drain: {drain}, {PUNCTUAL}}}\n",
        encoding="utf-8",
    )
    return place


class Serving:
    """The process. greeting: what its screen said when it was ready."""

    def __init__(self, place: Place, process: asyncio.subprocess.Process, log: Path) -> None:
        self.place = place
        self.process = process
        self.greeting = ""
        self._log = log

    @classmethod
    async def start(cls, place: Place, cwd: Path | None = None) -> Self:
        """Start it in its folder, or in another, and wait until its greeting says it is ready.

        One that does not get so far is ended.
        """
        log = place.folder / "serve.log"
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(
                *command("serve", "--config", place.config),
                cwd=cwd or place.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
            )
        serving = cls(place, process, log)
        try:
            async with asyncio.timeout(_START_SECONDS):
                await serving._greeted()
        except BaseException:
            await serving.stop()
            raise
        return serving

    async def _greeted(self) -> None:
        assert self.process.stdout is not None
        while GREETING not in self.greeting:
            line = await self.process.stdout.readline()
            assert line, f"callrouter ended before it was ready: {self.log()}"
            self.greeting += line.decode()

    def log(self) -> str:
        """What it logged."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    async def logged(self, *parts: str, times: int = 1, within: float = PATIENCE) -> None:
        """Wait until so many lines of its log have all these parts: it logs off its calls' path."""

        async def look() -> bool:
            lines = self.log().splitlines()
            return sum(all(part in line for part in parts) for line in lines) >= times

        try:
            await until(look, within)
        except TimeoutError:
            raise AssertionError(f"not logged in {within:g} s: {parts}\n{self.log()}") from None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, within: float = 60.0) -> int:
        """Wait until it has ended; its exit code."""
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def stop(self) -> None:
        """End it now, if it has not ended by itself."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    # What it shows.

    async def metrics(self) -> dict[str, float]:
        """Scrape it: name to value, with its labels and with all labels of one name added up."""
        url = f"http://127.0.0.1:{self.place.metrics_port}/metrics"
        text = await asyncio.to_thread(_get, url)
        found: dict[str, float] = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                labelled, _, value = line.rpartition(" ")
                name, labels, _ = labelled.partition("{")
                found[name] = found.get(name, 0.0) + float(value)
                if labels:
                    found[labelled] = float(value)
        return found

    async def lives_on(self, seconds: float) -> None:
        """Let time pass for it: while it or we stand still, none does."""
        for _ in range(round(seconds / _TURN_SECONDS)):
            await self.metrics()
            await asyncio.sleep(_TURN_SECONDS)  # its time is what is waited for

    async def nothing_is_left(self, within: float = LINGER_SECONDS + 8) -> None:
        """Wait until no call, leg, transaction or timer is alive; fails when some stay."""
        left: dict[str, float] = {}

        async def look() -> bool:
            metrics = await self.metrics()
            left.clear()
            left.update({name: metrics[name] for name in ALIVE if metrics[name]})
            return not left

        try:
            await until(look, within)
        except TimeoutError:
            raise AssertionError(f"left over after {within:g} s: {left}") from None

    async def record(self, called: str, within: float = PATIENCE) -> Record:
        """The only record of the calls to a number, once it is on disk."""
        found = await self.records(called, 1, within)
        return found[0]

    async def records(self, called: str, count: int, within: float = 2 * PATIENCE) -> list[Record]:
        """The records of the calls to a number, once so many are on disk; one more is a fault."""

        async def look() -> list[Record]:
            found = self.place.records(called)
            return found if len(found) >= count else []

        found = await until(look, within)
        assert len(found) == count, f"{len(found)} records of {count} calls to {called}"
        return found


def _get(url: str) -> str:
    with urlopen(url, timeout=PATIENCE) as answer:
        text: str = answer.read().decode()
    return text
