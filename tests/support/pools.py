"""A media pool with real workers, and what it says and posts."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from callrouter.call.services.media import MediaEvent, MediaLost
from callrouter.media.pool.pool import Pool
from callrouter.media.pool.reservation import Reservation
from callrouter.media.pool.supervisor import Size
from support.polling import PATIENCE, until
from support.ports import rtp_ports

HOST: Final = "127.0.0.1"


class Diary:
    """A log to look into. lines: the event and its fields."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def info(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    warning = info

    def said(self, event: str) -> list[dict[str, Any]]:
        """The fields of all lines of one kind."""
        return [fields for what, fields in self.lines if what == event]


class Rig:
    """The pool. bugs: what scripts raised. acks: how long commands took, in seconds."""

    def __init__(self, low: int, high: int, python: str = "") -> None:
        self.diary = Diary()
        self.bugs: list[Exception] = []
        size = Size(
            low=low,
            high=high,
            host=HOST,
            public="",
            ports=rtp_ports(),
            user="",
            python=python,
        )
        self.pool = Pool(size, self.diary, self._step)

    @property
    def acks(self) -> int:
        """Commands that workers acknowledged."""
        return sum(self.pool.acks.counts)

    def workers(self, state: str = "") -> list[dict[str, Any]]:
        """The status of all workers, or those in one state."""
        found: list[dict[str, Any]] = self.pool.status()["workers"]
        return [worker for worker in found if state in {"", worker["state"]}]

    def pids(self) -> list[int]:
        """Those that are known: to kill number 0 would be to kill ourselves."""
        return [worker["pid"] for worker in self.workers() if worker["pid"]]

    async def serving(self, count: int, within: float = PATIENCE) -> None:
        """Wait until exactly so many workers take calls."""

        async def look() -> bool:
            return len(self.workers("serving")) == count

        await until(look, within)

    async def replaced(self, pid: int, count: int, within: float = PATIENCE) -> None:
        """Wait until a worker is gone and so many others take calls."""

        async def look() -> bool:
            serving = [worker["pid"] for worker in self.workers("serving")]
            return len(serving) == count and pid not in self.pids()

        await until(look, within)

    def holder(self, slots: Reservation) -> dict[str, Any]:
        """The worker that holds these slots."""
        found = next(worker for worker in self.workers() if worker["port"] == slots.port)
        assert found["pid"], "to kill number 0 would be to kill ourselves"
        return found

    def nursery(self) -> int:
        """The pid that all workers have been forked from."""
        return int(self.pool.status()["nursery"])

    def _step(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001  # looked at when the pool is closed
            self.bugs.append(error)


class Ear:
    """Hears what is posted for one reservation."""

    def __init__(self) -> None:
        self.heard: list[MediaEvent] = []
        self.lost = asyncio.Event()

    def post(self, event: MediaEvent) -> None:
        self.heard.append(event)
        if isinstance(event, MediaLost):
            self.lost.set()


@asynccontextmanager
async def pooled(low: int, high: int) -> AsyncIterator[Rig]:
    """A pool that has started; it is closed and leaves no process and no bug."""
    rig = Rig(low, high)
    await rig.pool.start([(HOST, 0)])
    try:
        yield rig
    finally:
        pids = [*rig.pids(), *filter(None, (rig.nursery(),))]
        await rig.pool.close()
    assert rig.bugs == []
    assert [pid for pid in pids if is_alive(pid)] == []


def is_alive(pid: int) -> bool:
    """It runs: there is such a process and it is no zombie."""
    stat = _stat(pid)
    return bool(stat) and stat[0] not in {"Z", "X"}


async def are_gone(pids: list[int], within: float = PATIENCE) -> None:
    """Wait until none of these processes runs."""

    async def look() -> bool:
        return not any(is_alive(pid) for pid in pids)

    await until(look, within)


def descriptors() -> int:
    """Open file descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))


def _stat(pid: int) -> list[str]:
    """What /proc/PID/stat says after the name (proc(5))."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
