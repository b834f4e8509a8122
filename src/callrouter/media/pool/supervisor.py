"""Supervisor of the pool's processes: the nursery, and one worker for each index.

A worker that dies young would die again, so the next one is started later and later. The nursery
may die too: its workers live on with their calls, and the next nursery forks the next ones.
"""

import asyncio
import os
import pwd
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from callrouter.errors import CallrouterError
from callrouter.media.pool.fork_server_handle import ForkServerHandle, interpreters
from callrouter.media.pool.sizing import slices
from callrouter.media.pool.worker_handle import ENDING, START_SECONDS, STARTING, Owner, WorkerHandle

_YOUNG_SECONDS: Final = 10.0
_BACK_OFF: Final = (0.25, 30.0)
"""Seconds, first and longest; doubling, and forgotten when nothing failed for the longest."""
_AT_ONCE: Final = 4
"""Workers starting at the same time: more would take the processor from the calls."""
_AWAKE_SECONDS: Final = 30.0
_QUIT_SECONDS: Final = 2.0
_MEMORY_BYTES: Final = 256 * 1024 * 1024
_FILES: Final = 256
_HINT: Final = (
    "PJSIP's wheel, pjsua2-python, is for x86-64 and Python up to 3.12: install it for such a "
    "Python and name that in media.python (docs/operations.md)"
)


class MediaError(CallrouterError):
    """A media pool that cannot be as the settings want it."""


class ProcessLog(Protocol):
    """Log of what happens to the processes."""

    def info(self, event: str, **fields: Any) -> None:
        """What went as it should."""

    def warning(self, event: str, **fields: Any) -> None:
        """What someone should look at."""


@dataclass(slots=True, kw_only=True)
class Size:
    """Size of the pool, and what its workers are given.

    low, high: workers; high 0 is no media. host: the IPv4 address that RTP is received at. public:
    the address that peers are told, "" for the same. ports: first and last for RTP. user: whom
    workers run as when we are root, "" for the same. python: the interpreter that runs them, "" for
    the first that can.
    """

    low: int
    high: int
    host: str
    public: str
    ports: tuple[int, int]
    user: str
    python: str


class Supervisor:
    """Supervisor of workers. links: by index, until the process is gone. missing: why none are.

    signalling: from where workers are sent SIP, as `protocol` has it. changed: called when a worker
    can be started that could not before, or never will. Raises MediaError when there is no such
    user.
    """

    def __init__(
        self, size: Size, log: ProcessLog, owner: Owner, changed: Callable[[], None]
    ) -> None:
        self.links: dict[int, WorkerHandle] = {}
        self.missing = ""
        self.signalling: Sequence[tuple[str, int]] = ()
        self._size = size
        self._log = log
        self._owner = owner
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._slices = slices(*size.ports, size.high) if size.high else []
        self._pythons = [size.python] if size.python else interpreters()
        self._tried: dict[str, str] = {}
        self._fork_server: ForkServerHandle | None = None
        self._dead: list[ForkServerHandle] = []
        self._is_awake = False
        self._closing = False
        self._serial = 0
        self._failures = 0
        self._not_before = 0.0
        self._empty = asyncio.Event()
        self._identity = identity_of(size.user) if size.high else None

    @property
    def fork_server_pid(self) -> int:
        """0 while there is none."""
        return self._fork_server.pid if self._fork_server is not None else 0

    def count(self, state: str) -> int:
        """Workers in a state. From any thread."""
        return sum(link.state == state for link in list(self.links.values()))

    def spawn(self) -> bool:
        """Start a worker, if there may be one more now."""
        nursery = self._fork_server
        if nursery is None or not self._is_awake or self._loop.time() < self._not_before:
            return False
        if self.count(STARTING) >= _AT_ONCE:
            return False
        index = next((at for at in range(self._size.high) if at not in self.links), -1)
        if index < 0:
            return False
        self._serial += 1
        name = f"{index}-{self._serial}"
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:  # no descriptor is left: calls go on with what there is
            self._log.warning("media worker cannot be started", why=str(error))
            self._back_off()
            return False
        with theirs:
            if not nursery.spawn(self._config(name, index), theirs):
                ours.close()
                nursery.kill()
                return False
        self.links[index] = WorkerHandle(name, index, ours, self._owner)
        return True

    def died(self, link: WorkerHandle) -> None:
        """A worker was lost: see when the next one may start."""
        if self._loop.time() - link.born < _YOUNG_SECONDS:
            self._back_off()

    def remove(self, link: WorkerHandle) -> None:
        """Its process is gone: its index is free."""
        link.abandon()
        if self.links.get(link.index) is link:
            del self.links[link.index]
        if not self.links:
            self._empty.set()

    def tick(self, now: float) -> None:
        """Start a nursery if there is none, and end one that hangs."""
        self._dead = [nursery for nursery in self._dead if not nursery.reap()]
        nursery = self._fork_server
        if nursery is None:
            if now >= self._not_before and not self.missing:
                self._start_fork_server()
        elif not self._is_awake:
            if now - nursery.born > _AWAKE_SECONDS:
                nursery.kill()
        elif any(
            not link.is_traced and now - link.born > START_SECONDS for link in self.links.values()
        ):
            nursery.kill()

    async def close(self) -> None:
        """End all of them; nothing is left afterwards."""
        self._closing = True
        self._is_awake = False
        for link in list(self.links.values()):
            link.quit()
        await self._until_empty()
        for link in list(self.links.values()):
            link.lose()
        for nursery in (*self._dead, *filter(None, (self._fork_server,))):
            await nursery.close()
        await self._until_empty()
        for link in list(self.links.values()):
            self.remove(link)

    # What the nursery says.

    def awake(self) -> None:
        """It can fork workers."""
        self._is_awake = True
        self._changed()

    def missing_library(self, why: str) -> None:
        """There is no pjsua2 for this interpreter: go on to the next, or have no workers."""
        self._tried[self._pythons.pop(0)] = why
        if self._pythons:
            return
        self.missing = "; ".join(f"{python}: {reason}" for python, reason in self._tried.items())
        self._log.warning("no media: pjsua2 cannot be imported", why=self.missing, hint=_HINT)
        self._changed()

    def started(self, name: str, pid: int) -> None:
        """A worker was forked."""
        link = self._named(name)
        if link is not None:
            link.started(pid)

    def exited(self, name: str, status: int) -> None:
        """A worker ended."""
        self._log.info("media worker ended", worker=name, status=status)

    def said(self, text: str) -> None:
        """It or a worker wrote to stderr."""
        self._log.warning("media process says", text=text)

    def nursery_died(self) -> None:
        """It is gone; what it had not told of its workers nobody will tell."""
        nursery, self._fork_server = self._fork_server, None
        was_awake, self._is_awake = self._is_awake, False
        if nursery is None:
            return
        self._dead.append(nursery)
        if self.missing or self._closing or nursery.python in self._tried:
            return
        if not was_awake and nursery.python not in {self._size.python, sys.executable}:
            self.missing_library("it cannot run them")
            return
        self._log.warning("media nursery died", pid=nursery.pid, awake=was_awake)
        if self._loop.time() - nursery.born < _YOUNG_SECONDS:
            self._back_off()
        for link in list(self.links.values()):
            if not link.is_traced:
                if link.state != ENDING:
                    self._owner.lost(link, "died")
                self.remove(link)

    def _start_fork_server(self) -> None:
        try:
            self._fork_server = ForkServerHandle(self, self._pythons[0])
        except OSError as error:
            self._log.warning("media nursery cannot be started", why=str(error))
            self._back_off()

    def _back_off(self) -> None:
        first, longest = _BACK_OFF
        now = self._loop.time()
        if now < self._not_before:  # what dies at the same time is one failure
            return
        if now - self._not_before > longest:
            self._failures = 0
        self._not_before = now + min(first * 2**self._failures, longest)
        self._failures += 1

    def _config(self, name: str, index: int) -> dict[str, Any]:
        size = self._size
        ports = self._slices[index]
        return {
            "name": name,
            "signalling": self.signalling,
            "rtp_host": size.host,
            "rtp_public": size.public,
            "rtp_low": ports.low,
            "rtp_high": ports.high,
            "user": self._identity,
            "memory_bytes": _MEMORY_BYTES,
            "files": _FILES,
        }

    def _named(self, name: str) -> WorkerHandle | None:
        return next((link for link in self.links.values() if link.name == name), None)

    async def _until_empty(self) -> None:
        if not self.links:
            return
        self._empty.clear()
        try:
            async with asyncio.timeout(_QUIT_SECONDS):
                await self._empty.wait()
        except TimeoutError:
            return  # the caller has harder means


def identity_of(user: str) -> tuple[int, int] | None:
    """uid and gid that workers change to; None to stay who we are.

    Raises MediaError when there is no such user.
    """
    if os.geteuid() != 0 or not user:
        return None
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        raise MediaError(f"media.user: there is no user {user}") from None
    return found.pw_uid, found.pw_gid
