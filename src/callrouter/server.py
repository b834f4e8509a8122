"""Builds all parts, wires them together, and takes them down in the right order."""

import asyncio
import gc
import signal
import time
from typing import Any, Final

from callrouter.call.calls import Calls
from callrouter.config import Settings
from callrouter.net.clock import LagProbe, Tokens
from callrouter.net.edges import Edges
from callrouter.net.pump import Pump
from callrouter.observe.log import Log
from callrouter.observe.metrics import Metrics, MetricsServer, Sources
from callrouter.observe.observer import Observing
from callrouter.observe.writer import RecordWriter
from callrouter.route.dialplan import Dialplan
from callrouter.sip.stack import Stack

_GC_THRESHOLDS: Final = (50_000, 20, 100)
_GOODBYE_SECONDS: Final = 2.0
"""How long the BYEs of a forced end may take to be answered."""


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
        self._calls = Calls(
            self._stack,
            dialplan,
            Observing(log, self._metrics, self._writer),
            settings.limits.calls,
            time.time() - loop.time(),
        )
        self._exposed: MetricsServer | None = None
        self._lag: LagProbe | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def start(self) -> None:
        """Open everything. Raises CallrouterError; what was opened is closed by `close`."""
        self._loop.set_exception_handler(self._on_loop_error)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        self._writer.start()
        metrics = self._settings.metrics
        self._exposed = MetricsServer(self._metrics, metrics.host, metrics.port)
        for listen in self._settings.listen:
            await self._edges.listen(self._pump, listen.transport, listen.host, listen.port)
        self._lag = LagProbe(self._loop, self._note_lag)
        # What stands now stays for good: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; a second signal ends the calls at once."""
        await self._stopping.wait()
        await self._drain()

    async def close(self) -> None:
        """Close what is open; every record is on disk afterwards."""
        if self._lag is not None:
            self._lag.close()
        self._pump.close()
        self._edges.close()
        if self._exposed is not None:
            await asyncio.to_thread(self._exposed.close)
        await asyncio.to_thread(self._writer.close)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

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
        self._calls.epoch = time.time() - self._loop.time()

    def _bug(self, error: Exception) -> None:
        self._log.error("internal error", exc_info=error)

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._log.error(
            "event loop error", what=context["message"], exc_info=context.get("exception")
        )
