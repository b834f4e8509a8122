"""The media pool: as many workers as calls need, and the slots they have.

Theory. The pool sits in the signalling process and knows workers by their channels alone; it never
waits for one. What goes wrong has one way out: the worker is killed, the calls that hold slots of
it hear `MediaLost` once, and another worker takes its place. Its index, and with it its slice of
the RTP ports, is free again only when the kernel says that the process is gone.

A worker that leaks is not killed but retired: no new calls, and it quits after the last.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from callrouter.call.services.media import MediaEvent, MediaSlots
from callrouter.media.pool.reservation import Reservation
from callrouter.media.pool.sizing import Need, is_ample, is_short
from callrouter.media.pool.supervisor import ProcessLog, Size, Supervisor
from callrouter.media.pool.worker_handle import ENDING, RETIRING, SERVING, STARTING, WorkerHandle
from callrouter.media.pool.worker_selection import WorkerSelection
from callrouter.metric import LAG_MS, Histogram, Rows, counter, gauge, histogram

_TICK_SECONDS: Final = 0.25
_LATE_SECONDS: Final = 0.5
"""A tick so late says that we slept, not that the workers do."""
_SHRINK_SECONDS: Final = 60.0
"""How long there must be more workers than needed before one goes."""
_WAIT_SECONDS: Final = 10.0
"""How long `start` waits for the first workers."""


class Pool:
    """The media pool; implements `MediaPool`.

    refused: reservations that found no worker. unwritten: files that a worker could not write, or
    not whole. lost_by: workers, by why. acks: how long commands took.
    """

    def __init__(
        self,
        size: Size,
        log: ProcessLog,
        step: Callable[[Callable[[], None]], None],
    ) -> None:
        """step: posts an event, as `Pump.step`.

        Raises MediaError when there is no such user.
        """
        self._size = size
        self._log = log
        self.step = step
        self.acks = Histogram(LAG_MS)
        self._loop = asyncio.get_running_loop()
        self._supervisor = Supervisor(size, log, self, self._on_change)
        self._selection: WorkerSelection[WorkerHandle] = WorkerSelection()
        self._capacity = 1
        self._ample_since: float | None = None
        self._due = 0.0
        self._ticker: asyncio.TimerHandle | None = None
        self._settled = asyncio.Event()
        self.refused = 0
        self.unwritten = 0
        self.lost_by: Counter[str] = Counter()

    async def start(self, signalling: Sequence[tuple[str, int]]) -> None:
        """Start the least workers and wait until they serve, some seconds at most.

        signalling: the addresses and ports from which they are sent SIP, port 0 for any.
        """
        self._supervisor.signalling = signalling
        if not self._size.high:
            return
        if not self._size.user and os.geteuid() == 0:
            self._log.warning("media workers run as root: name a user in media.user")
        self._due = self._loop.time()
        self._tick()
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._settled.wait()
        except TimeoutError:
            self._log.warning("media workers are slow to start", serving=self.count(SERVING))

    async def close(self) -> None:
        """End all workers and the nursery; nothing is left afterwards."""
        if self._ticker is None:
            return
        self._ticker.cancel()
        self._ticker = None
        self._selection = WorkerSelection()
        await self._supervisor.close()

    def reserve(
        self, count: int, post: Callable[[MediaEvent], None], beside: MediaSlots | None = None
    ) -> Reservation | None:
        """Take slots of one worker, and see to it that there are enough for the next."""
        link = self._selection.best(count) if beside is None else self._of(beside, count)
        slots = None
        if link is None:
            self.refused += 1
        else:
            slots = link.reserve(count, post)
            self._selection.put(link)
        self._fit()
        return slots

    def _of(self, slots: MediaSlots, count: int) -> WorkerHandle | None:
        """The worker of slots that stand, if it takes more sessions."""
        holder = slots.holder if isinstance(slots, Reservation) else None
        if not isinstance(holder, WorkerHandle) or holder not in self._selection:
            return None
        return holder if holder.free >= count else None

    # How it is. From any thread.

    def count(self, state: str) -> int:
        """Workers in a state of `worker_handle`."""
        return self._supervisor.count(state)

    @property
    def slots(self) -> int:
        """Slots of the workers that take calls."""
        return sum(link.slots for link in self._serving())

    @property
    def used(self) -> int:
        """Those of them that are not free."""
        return sum(link.used for link in self._serving())

    def status(self) -> dict[str, Any]:
        """The pool and its workers, for operators."""
        links = sorted(self._supervisor.links.values(), key=lambda link: link.index)
        return {
            "missing": self._supervisor.missing,
            "nursery": self._supervisor.fork_server_pid,
            "workers": [link.status() for link in links],
            "slots": self.slots,
            "used": self.used,
            "refused": self.refused,
            "lost": dict(self.lost_by),
        }

    # What a worker comes to.

    def ready(self, link: WorkerHandle) -> None:
        """Let it take calls."""
        self._capacity = link.slots
        self._selection.put(link)
        self._log.info("media worker ready", worker=link.name, pid=link.pid, slots=link.slots)
        self._on_change()

    def freed(self, link: WorkerHandle) -> None:
        """Put it where its slots say, unless it takes no more calls."""
        if link.state == SERVING:
            self._selection.put(link)

    def leaks(self, link: WorkerHandle, why: str) -> None:
        """Give it no more calls, and start another."""
        self._log.warning("media worker leaks and is retired", worker=link.name, why=why)
        self._retire(link)
        self._fit()

    def lost(self, link: WorkerHandle, why: str) -> None:
        """Kill it, tell its calls, start another."""
        self._log.warning(
            "media worker lost", worker=link.name, pid=link.pid, why=why, slots=link.used
        )
        self.lost_by[why] += 1
        self._selection.remove(link)
        self._supervisor.died(link)
        link.lose()
        self._fit()

    def gone(self, link: WorkerHandle) -> None:
        """Its process is no more: another may have its place."""
        link.hear_rest()
        if link.state != ENDING:
            self.lost(link, "died")
        self._supervisor.remove(link)
        self._fit()

    def refused_command(self, link: WorkerHandle, do: str, error: str) -> None:
        """It could not do a command; mostly because the session has just ended."""
        self._log.info("media command failed", worker=link.name, command=do, why=error)

    def not_written(self, link: WorkerHandle, file: str, fault: str) -> None:
        """It could not write a recording or a message, or not all of it."""
        self.unwritten += 1
        self._log.warning("media not written", worker=link.name, file=file, why=fault)

    def acknowledged(self, seconds: float) -> None:
        """It did a command."""
        self.acks.add(seconds * 1000)

    def _serving(self) -> list[WorkerHandle]:
        return [link for link in list(self._supervisor.links.values()) if link.state == SERVING]

    def _on_change(self) -> None:
        self._fit()
        if self._supervisor.missing or self.count(SERVING) >= self._size.low:
            self._settled.set()

    def _need(self) -> Need:
        used = free = starting = whole = 0
        for link in self._supervisor.links.values():
            if link.state == SERVING:
                used += link.used
                free += link.free
                whole += not link.used
            elif link.state == STARTING:
                starting += 1
        return Need(self._capacity, used, free, starting, whole)

    def _fit(self) -> None:
        """Start workers when more are needed."""
        while self._is_short() and self._supervisor.spawn():
            pass

    def _is_short(self) -> bool:
        return is_short(self._need()) or self._taking() < self._size.low

    def _taking(self) -> int:
        """Workers that take calls, or will soon."""
        return sum(link.state in {SERVING, STARTING} for link in self._supervisor.links.values())

    def _shrink(self, now: float) -> None:
        """End a worker when there have been too many for long."""
        serving = self._serving()
        if len(serving) <= self._size.low or not is_ample(self._need()):
            self._ample_since = None
        elif self._ample_since is None:
            self._ample_since = now
        elif now - self._ample_since > _SHRINK_SECONDS:
            idle = max((link for link in serving if not link.used), key=lambda link: link.index)
            self._log.info("media worker not needed", worker=idle.name)
            self._retire(idle)

    def _retire(self, link: WorkerHandle) -> None:
        self._selection.remove(link)
        link.retire()

    def _tick(self) -> None:
        now = self._loop.time()
        late = now - self._due
        self._due = now + _TICK_SECONDS
        self._ticker = self._loop.call_at(self._due, self._tick)
        self._supervisor.tick(now)
        if late < _LATE_SECONDS:
            for link in list(self._supervisor.links.values()):
                link.check(now)
        self._fit()
        self._shrink(now)


METRICS: Final[Rows[Pool]] = (
    gauge(
        "callrouter_media_slots",
        "The serving media workers have room for this many sessions, taken or free.",
        lambda it: it.slots,
    ),
    gauge(
        "callrouter_media_slots_used",
        "This many sessions of the serving media workers are reserved; near "
        "callrouter_media_slots more workers are needed.",
        lambda it: it.used,
    ),
    counter(
        "callrouter_media_refused",
        "Each reservation of media slots that no worker had free counts one; its call went on "
        "as the route says, so allow more workers.",
        lambda it: it.refused,
    ),
    counter(
        "callrouter_media_unwritten",
        "Each message or recording that a media worker could not write, or not whole, counts "
        "one; its folder is read-only, full or gone.",
        lambda it: it.unwritten,
    ),
    gauge(
        "callrouter_media_workers",
        "This many media workers are in each state; while none serves, no call hears us.",
        lambda it: {state: it.count(state) for state in (STARTING, SERVING, RETIRING)},
        "state",
    ),
    counter(
        "callrouter_media_lost",
        "Each media worker that died, hung or broke the protocol counts one; its calls lost "
        "their media.",
        lambda it: {why: it.lost_by[why] for why in ("died", "hung", "broken")},
        "why",
    ),
    histogram(
        "callrouter_media_ack_seconds",
        "Each command to a media worker adds the seconds until it was done; workers with "
        "too much to do take long.",
        lambda it: it.acks,
    ),
)
