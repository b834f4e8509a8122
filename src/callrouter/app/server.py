"""The server: all parts built, wired together, and taken down in the right order."""

import asyncio
import gc
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Final

from callrouter.api.unix_socket import ControlListener
from callrouter.app.assembly import Parts
from callrouter.app.metric_table import METRICS
from callrouter.errors import ConfigError
from callrouter.net.transport.tls import TlsError
from callrouter.net.transport.tokens_and_lag import LagProbe
from callrouter.observe.log import Log
from callrouter.observe.metrics import MetricsServer, Registry
from callrouter.operations.operation import RunningServer
from callrouter.operations.reload.background_loader import LoadError
from callrouter.operations.reload.file_watch import Watcher
from callrouter.operations.reload.reloader import Reloader
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.media_steps import MEDIA
from callrouter.settings.settings_file import Settings
from callrouter.state.gateway_health import UP, GatewayChange
from callrouter.storage.account_admin import AccountAdmin
from callrouter.storage.number_admin import NumberAdmin

_GC_THRESHOLDS: Final = (2_000, 1_000_000, 1_000_000)
"""Young objects only: a call that ends leaves no cycle (a test holds that), and to look through a
hundred thousand calls' lingering objects for one stops the loop for a tenth of a second. Each is
looked at once, whatever the first number is: few at a time are still in the processor's caches, and
take a millisecond where 50,000 took a tenth of a second."""
_GOODBYE_SECONDS: Final = 2.0
"""How long the BYEs of a forced end may take to be answered."""
_EXPIRE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 2.0
"""How long a start waits for the lives of numbers, when the database says nothing."""
RELOADS: Final = frozenset((signal.SIGHUP,))
"""Whoever starts a server blocks it before: by itself it would end a process that only begins."""


class Server:
    """One running callrouter."""

    def __init__(self, settings: Settings, dialplan: Dialplan, log: Log) -> None:
        loop = asyncio.get_running_loop()
        self._loop = loop
        self._settings = settings
        self._log = log
        self._parts = parts = Parts(settings, dialplan, log, loop)
        parts.read_logins(dialplan)
        self._reloader = Reloader(
            dialplan, settings.dialplan, self._serve, log, settings.media.prompts, renew=self._renew
        )
        running = RunningServer(
            shared=parts.memory.ports,
            accounts=AccountAdmin(parts.accounts),
            numbers=NumberAdmin(parts.accounts),
            bans=parts.memory.bans,
            throttle=parts.authentication.throttle,
            gateways=parts.memory.gateways,
            queues=parts.memory.queues,
            listen=parts.listen,
            end=parts.end,
            move=parts.move,
            call_backs=parts.jobs.newest,
            call_back=parts.call_back,
            cancel_call_back=parts.cancel_call_back,
            clock=parts.memory.clock,
            calls=parts.calls.in_progress,
            registrations=parts.registrations,
            started=time.time(),
            dialplan=lambda: self._reloader.dialplan,
            reload=partial(self._reloader.reload, "asked for"),
            media=parts.media.status,
            record=parts.record,
            follow=parts.feed.follow,
            drain=self._drain_by_command,
            is_draining=lambda: self._draining,
            kept=parts.kept,
            webhooks=parts.webhook_admin,
        )
        self._control = ControlListener(settings.control, running)
        self._watcher = Watcher(lambda: self._reload_soon("a file changed"))
        self._certificates = Watcher(self._renew_soon)
        self._reloading: set[asyncio.Task[None]] = set()
        self._expiring: asyncio.TimerHandle | None = None
        self._exposed: MetricsServer | None = None
        self._lag: LagProbe | None = None
        self._draining = False
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    async def start(self) -> None:
        """Open everything. Raises CallrouterError; what was opened is closed by `close`."""
        self._loop.set_exception_handler(self._on_loop_error)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._on_signal)
        if self._parts.trace is not None:
            self._parts.trace.start()
        self._parts.writer.start()
        if self._parts.webhooks is not None:
            self._parts.webhooks.start()
        self._parts.persistence.open(self._parts.memory)
        self._parts.calls.epoch = self._parts.memory.clock.zero
        self._remember_telephones()
        self._serve_accounts(self._parts.calls.dialplan)
        self._parts.accounts.start()
        await self._control.start()
        metrics = self._settings.metrics
        registry = Registry(METRICS, self._parts)
        self._exposed = MetricsServer(registry, metrics.host, metrics.port)
        # Workers take time to start: an address that cannot be had is said before.
        self._parts.listeners.try_out(
            (one.transport, one.host, one.port) for one in self._settings.listen
        )
        if self._settings.media.workers.max:
            self._parts.archive.serve(self._parts.calls.dialplan.boxes)
            self._parts.archive.start()
            await self._parts.listeners.listen_inside(self._parts.driver)
            places = ((one.transport, one.host, one.port) for one in self._settings.listen)
            await self._parts.media.start(self._parts.listeners.towards_workers(places))
        # A number that takes no calls takes none from the first moment on.
        await asyncio.to_thread(self._parts.accounts.looked.wait, _LOOK_SECONDS)
        self._compare_numbers(self._parts.calls.dialplan)
        for listen in self._settings.listen:
            await self._parts.listeners.listen(self._parts.driver, *listen)
        self._parts.memory.bindings.rejoin(self._parts.listeners.again)
        self._parts.memory.gateways.changed = self._note_gateway
        self._parts.gateways.serve(self._parts.calls.dialplan.gateways)
        self._serve_queues(self._parts.calls.dialplan)
        self._register(self._parts.calls.dialplan)
        self._lag = LagProbe(self._loop, self._note_lag)
        self._expire()
        if self._settings.watch:
            self._watcher.watch(self._reloader.dialplan.files)
            if self._parts.tls is not None:
                self._certificates.watch(map(str, self._parts.tls.options.files))
        self._loop.add_signal_handler(signal.SIGHUP, self._reload_soon, "SIGHUP")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, RELOADS)  # one that came meanwhile comes now
        # What stands now stays for good: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain; a second signal ends the calls at once."""
        await self._stopping.wait()
        await self._drain()

    @property
    def lost(self) -> int:
        """Call records that are nowhere."""
        return self._parts.writer.lost

    async def close(self) -> None:
        """Close what is open; every record and the state are on disk afterwards."""
        self._watcher.close()
        self._certificates.close()
        await self._reloader.close()
        await self._control.close()
        await self._parts.directory.close()
        if self._expiring is not None:
            self._expiring.cancel()
        if self._lag is not None:
            self._lag.close()
        await self._parts.media.close()
        await self._parts.gateways.close()
        self._parts.driver.close()
        self._parts.listeners.close()
        if self._exposed is not None:
            await asyncio.to_thread(self._exposed.close)
        if self._parts.trace is not None:
            await asyncio.to_thread(self._parts.trace.close)
        await asyncio.to_thread(self._parts.archive.close)
        await asyncio.to_thread(self._parts.accounts.close)
        await asyncio.to_thread(self._parts.jobs.close)
        await asyncio.to_thread(self._parts.account_mail.close)
        await asyncio.to_thread(self._parts.history.close)
        await asyncio.to_thread(self._parts.writer.close)
        if self._parts.webhooks is not None:
            await asyncio.to_thread(self._parts.webhooks.close)
        self._parts.memory.clock.mark()
        await asyncio.to_thread(self._parts.persistence.close)

    def _on_signal(self) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def _serve(self, dialplan: Dialplan) -> None:
        """Decide new calls by this dialplan; those in progress have their plans."""
        self._parts.read_logins(dialplan)
        self._parts.calls.dialplan = dialplan
        self._parts.protection.serve(dialplan)
        self._parts.gateways.serve(dialplan.gateways)
        self._serve_queues(dialplan)
        self._serve_accounts(dialplan)
        self._compare_numbers(dialplan)
        self._register(dialplan)
        if self._settings.media.workers.max:
            self._parts.archive.serve(dialplan.boxes)
        if self._settings.watch:
            self._watcher.watch(dialplan.files)

    def _remember_telephones(self) -> None:
        """Hear who had registered with an earlier process, whoever guesses at its address."""
        parts = self._parts
        clock, now = parts.memory.clock.now(), self._loop.time()
        for extension, binding in parts.memory.bindings.all(clock):
            *_, host, port = binding.place
            parts.authentication.remember((host, port), (extension,), now)

    def _serve_accounts(self, dialplan: Dialplan) -> None:
        """Have the accounts of a dialplan."""
        plans = dialplan.rate_plans
        mails = dialplan.account_mails
        accounts = () if plans is None else tuple(plans.accounts.values())
        called = {rule.account for rule in dialplan.balance_calls}
        self._parts.accounts.serve(accounts, mailed=mails.keys(), called=called)
        self._parts.account_mail.serve(mails)

    def _compare_numbers(self, dialplan: Dialplan) -> None:
        """Say which numbers the dialplan and the database do not both have, if any have a life."""
        memory = self._parts.memory
        if not memory.managed:
            return
        routed = {key for key, number in dialplan.numbers.items() if number.normal}
        unmanaged, nowhere = memory.compared(routed)
        for said, found in (
            ("numbers are routed that have no life", unmanaged),
            ("numbers that have a life are routed nowhere", nowhere),
        ):
            if found:
                self._log.warning(said, count=len(found), numbers=" ".join(found[:10]))

    def _serve_queues(self, dialplan: Dialplan) -> None:
        """Have the queues and agents of a dialplan; who waits goes on waiting."""
        if dialplan.queues:
            self._parts.history.start()
        serve = partial(self._parts.memory.queues.serve, dialplan.queues, dialplan.agents)
        self._parts.driver.step(serve)
        self._parts.driver.step(partial(self._parts.call_backs.serve, dialplan))

    def _register(self, dialplan: Dialplan) -> None:
        """Be registered as a dialplan says; while new calls are not wanted, nowhere."""
        if self._draining:
            return
        serve = partial(self._parts.registrations.serve, dialplan.gateways, dialplan.access)
        self._parts.driver.step(serve)

    def _reload_soon(self, why: str) -> None:
        """Load the dialplan again, from any thread."""
        self._loop.call_soon_threadsafe(self._begin, partial(self._reload, why))

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = self._loop.create_task(work())
        self._reloading.add(task)
        task.add_done_callback(self._reloading.discard)

    async def _reload(self, why: str) -> None:
        with suppress(ConfigError, LoadError):  # the reloader has logged it
            await self._reloader.reload(why)

    async def _renew(self) -> None:
        """Take new certificates, if there are any; connections keep theirs."""
        if self._parts.tls is None:
            return
        try:
            await self._parts.tls.reload()
        except TlsError as error:
            self._log.error("certificates not reloaded: the old ones serve on", mistake=str(error))
        else:
            self._log.info("certificates reloaded")

    def _renew_soon(self) -> None:
        """Take new certificates, from any thread."""
        self._loop.call_soon_threadsafe(self._begin, self._renew)

    def _expire(self) -> None:
        """Forget now and then what has ended, and see whether anybody can be spoken to."""
        down = self._parts.memory.gateways.down
        if self._parts.media.slots:
            down.discard(MEDIA)
        else:
            down.add(MEDIA)
        clock = self._parts.memory.clock
        self._parts.memory.expire(clock.now())
        clock.mark_now_and_then()
        self._expiring = self._loop.call_later(_EXPIRE_SECONDS, self._expire)

    def _drain_by_command(self, on: bool) -> str:
        """Take no new calls and stop after the last one, however long it takes; or go on as before.

        Returns why not. A signal that comes meanwhile stops as it always does.
        """
        parts = self._parts
        if self._stopping.is_set():
            return "it is stopping already"
        if on == self._draining:
            return "" if on else "it is not draining"
        self._draining = on
        self._log.info("draining" if on else "no longer draining", calls=parts.calls.active)
        if on:
            parts.driver.step(parts.registrations.stop)
            parts.calls.drain(self._stopping.set)
        else:
            parts.calls.resume()
            dialplan = parts.calls.dialplan
            again = partial(parts.registrations.resume, dialplan.gateways, dialplan.access)
            parts.driver.step(again)
        return ""

    async def _drain(self) -> None:
        limit = self._settings.limits.drain
        self._log.info("draining", calls=self._parts.calls.active, limit_seconds=limit)
        idle = asyncio.Event()
        if not self._draining:
            self._parts.driver.step(self._parts.registrations.stop)
        self._draining = True
        self._parts.calls.drain(idle.set)
        if not await self._first(limit, idle, self._hurry):
            self._log.warning("calls ended by the drain limit", calls=self._parts.calls.active)
        self._parts.driver.step(self._parts.calls.end_all)  # a step: their records end now
        self._parts.gateways.rest()
        self._parts.driver.flush()
        # The last BYEs and final responses are answered, or given up.
        deadline = self._loop.time() + _GOODBYE_SECONDS
        while self._parts.stack.unanswered() and self._loop.time() < deadline:  # noqa: ASYNC110
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

    def _note_lag(self, seconds: float) -> None:
        self._parts.protection.measured(seconds, self._loop.time())
        step = self._parts.memory.look_at_clock()
        if step:
            self._log.warning(
                "the system's clock was put " + ("forward" if step > 0 else "back"),
                seconds=round(abs(step), 3),
                effect="opening hours, overrides and the times of records follow it; nothing else",
            )

    def _note_gateway(self, change: GatewayChange) -> None:
        say = self._log.info if change.state == UP else self._log.warning
        say("gateway", name=change.gateway, state=change.state, why=change.why)

    def _on_loop_error(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._log.error(
            "event loop error", what=context["message"], exc_info=context.get("exception")
        )
