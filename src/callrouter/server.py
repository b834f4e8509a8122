"""Builds all parts, wires them together, and takes them down in the right order."""

import asyncio
import gc
import secrets
import signal
import time
from contextlib import suppress
from typing import Any, Final

from callrouter.call.calls import Calls
from callrouter.config import Settings
from callrouter.control.desk import Desk
from callrouter.control.listener import ControlListener
from callrouter.control.live import Live
from callrouter.control.loader import LoadError
from callrouter.control.reload import Reloader
from callrouter.control.watch import Watcher
from callrouter.errors import ConfigError
from callrouter.net.clock import LagProbe, Tokens
from callrouter.net.edges import Edges
from callrouter.net.pump import Pump
from callrouter.observe.log import Log
from callrouter.observe.metrics import Metrics, MetricsServer, Sources
from callrouter.observe.observer import Observing
from callrouter.observe.writer import RecordWriter
from callrouter.route.dialplan import Dialplan
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory
from callrouter.state.persist import Keeper

_GC_THRESHOLDS: Final = (50_000, 1_000_000, 1_000_000)
"""Young objects only: a call that ends leaves no cycle (a test holds that), and to look through a
hundred thousand calls' lingering objects for one stops the loop for a tenth of a second."""
_CLOCK_STEP: Final = 0.005
_GOODBYE_SECONDS: Final = 2.0
"""How long the BYEs of a forced end may take to be answered."""
_EXPIRE_SECONDS: Final = 5.0
_SEED_BITS: Final = 64


class Server:
    """One running callrouter."""

    def __init__(self, settings: Settings, dialplan: Dialplan, log: Log) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._settings = settings
        self._log = log
        self._edges = Edges()
        self._stack = Stack(Tokens(), self._edges.connect)
        self._pump = Pump(loop, self._stack, self._bug)
        self._writer = RecordWriter(settings.records.database, settings.records.spool)
        self._metrics = Metrics(self._sources())
        self._keeper = Keeper(settings.state)
        self._memory = Memory(self._keeper.put, secrets.randbits(_SEED_BITS))
        live = Live(Observing(log, self._metrics, self._writer))
        epoch = time.time() - loop.time()
        self._calls = Calls(self._stack, dialplan, live, settings.limits.calls, epoch, self._memory)
        self._reloader = Reloader(dialplan, settings.dialplan, self._serve, log)
        desk = Desk(self._memory, live, self._reloader, time.time())
        self._control = ControlListener(settings.control, desk)
        self._watcher = Watcher(lambda: self._reload_soon("a file changed"))
        self._reloading: set[asyncio.Task[None]] = set()
        self._expiring: asyncio.TimerHandle | None = None
        self._exposed: MetricsServer | None = None
        self._lag: LagProbe | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def start(self) -> None:
        """Open everything. Raises CallrouterError; what was opened is closed by `close`."""
        self._loop.set_exception_handler(self._on_loop_error)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload_soon, "SIGHUP")
        self._writer.start()
        self._keeper.open(self._memory)
        await self._control.start()
        metrics = self._settings.metrics
        self._exposed = MetricsServer(self._metrics, metrics.host, metrics.port)
        for listen in self._settings.listen:
            await self._edges.listen(self._pump, listen.transport, listen.host, listen.port)
        self._lag = LagProbe(self._loop, self._note_lag)
        self._expire()
        if self._settings.watch:
            self._watcher.watch(self._reloader.dialplan.files)
        # What stands now stays for good: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; a second signal ends the calls at once."""
        await self._stopping.wait()
        await self._drain()

    async def close(self) -> None:
        """Close what is open; every record and the state are on disk afterwards."""
        self._watcher.close()
        self._control.close()
        await self._reloader.close()
        if self._expiring is not None:
            self._expiring.cancel()
        if self._lag is not None:
            self._lag.close()
        self._pump.close()
        self._edges.close()
        if self._exposed is not None:
            await asyncio.to_thread(self._exposed.close)
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._keeper.close)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def _serve(self, dialplan: Dialplan) -> None:
        """Decide new calls by this dialplan; those in progress have their plans."""
        self._calls.dialplan = dialplan
        if self._settings.watch:
            self._watcher.watch(dialplan.files)

    def _reload_soon(self, why: str) -> None:
        """Load the dialplan again, from any thread."""
        self._loop.call_soon_threadsafe(self._begin_reload, why)

    def _begin_reload(self, why: str) -> None:
        task = self._loop.create_task(self._reload(why))
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reload(self, why: str) -> None:
        with suppress(ConfigError, LoadError):  # the reloader has logged it
            await self._reloader.reload(why)

    def _expire(self) -> None:
        """Forget now and then what has ended."""
        self._memory.expire(time.time())
        self._expiring = self._loop.call_later(_EXPIRE_SECONDS, self._expire)

    async def _drain(self) -> None:
        limit = self._settings.limits.drain
        self._log.info("draining", calls=self._calls.active, limit_seconds=limit)
        idle = asyncio.Event()
        self._calls.drain(idle.set)
        if not await self._first(limit, idle, self._hurry):
            self._log.warning("calls ended by the drain limit", calls=self._calls.active)
        self._calls.end_all()
        self._pump.flush()
        # The last BYEs and final responses are answered, or given up.
        deadline = self._loop.time() + _GOODBYE_SECONDS
        while self._stack.unanswered() and self._loop.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # the stack has no event for its last answer
        self._log.info("stopped")

    async def _first(self, limit: float, *events: asyncio.Event) -> bool:
        """Wait for the first of some events; False when none came within the limit."""
        waits = [self._loop.create_task(event.wait()) for event in events]
        done, pending = await asyncio.wait(
            waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending:
            task.cancel()
        return bool(done)

    def _sources(self) -> Sources:
        stack = self._stack
        return Sources(
            active_calls=lambda: self._calls.active,
            active_legs=lambda: len(stack.dialogs),
            transactions=lambda: len(stack.clients) + len(stack.servers),
            timers=lambda: stack.timers.live,
            retransmissions=lambda: stack.retransmitted,
            malformed=lambda: stack.malformed,
            dropped=lambda: stack.stray,
            strangers=lambda: self._calls.strangers,
            overloaded=lambda: self._calls.overloaded,
            records_queued=lambda: self._writer.depth,
            records_written=lambda: self._writer.written,
            records_spooled=lambda: self._writer.spooled,
            records_lost=lambda: self._writer.lost,
        )

    def _note_lag(self, seconds: float) -> None:
        self._metrics.loop_lag.add(seconds * 1000)
        # The loop's clock ticks in ms: only a step of the system's clock is worth following.
        epoch = time.time() - self._loop.time()
        if abs(epoch - self._calls.epoch) > _CLOCK_STEP:
            self._calls.epoch = epoch

    def _bug(self, error: Exception) -> None:
        self._log.error("internal error", exc_info=error)

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._log.error(
            "event loop error", what=context["message"], exc_info=context.get("exception")
        )
