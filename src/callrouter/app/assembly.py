"""Assembly of a running callrouter from its parts. Nothing is open yet."""

import asyncio
import random
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from callrouter.app.call_observer import FeatureLog, GuardLog, QueueLog, observe
from callrouter.app.edge_protection import EdgeProtection
from callrouter.archive.call_archive import Archive
from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.admission.authentication import DigestAuthentication
from callrouter.call.admission.balance_calls import call_owners
from callrouter.call.admission.call_back_service import CallBacks
from callrouter.call.admission.supervisors import ring_supervisor
from callrouter.call.services.call_events import CallEvents
from callrouter.call.services.media_services import MediaServices
from callrouter.lookup.directory import HttpDirectory
from callrouter.media.pool.pool import Pool
from callrouter.media.pool.supervisor import Size, identity_of
from callrouter.net.gateways.dns_resolver import Resolver
from callrouter.net.gateways.monitor import GatewayWatch
from callrouter.net.overload.rate_limit import Bucket
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tls import Tls
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.notices.account_mail import AccountMailer
from callrouter.observe.call_metrics import CallMetrics
from callrouter.observe.log import Log
from callrouter.operations.call_feed import CallFeed
from callrouter.queues.call_back_book import CallBackJob
from callrouter.queues.queue_events import Transition
from callrouter.register.gateway_registrations import GatewayRegistrations
from callrouter.register.registrar import Registrar
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.fraud_guards import Alarm
from callrouter.route.values.snapshot import KnownNumber
from callrouter.secret import read_logins
from callrouter.settings.settings_file import Settings
from callrouter.sip.sizes import Sizes
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory
from callrouter.state.persistence import Persistence
from callrouter.storage.account_service import AccountService
from callrouter.storage.background_writer import RecordWriter
from callrouter.storage.call_back_jobs import CallBackJobs
from callrouter.storage.queue_history import QueueHistory
from callrouter.storage.trace_ring import TraceRing
from callrouter.webhooks.call_teller import CallTeller, lost_call_told
from callrouter.webhooks.webhook_admin import WebhookAdmin
from callrouter.webhooks.webhook_delivery import WebhookDelivery

T = TypeVar("T")

_SEED_BITS: Final = 64
_NONCE_SECRET_BYTES: Final = 32
_KEPT_SECONDS: Final = 2.0
"""How long an operator waits for a disk that hangs."""
_REMARKS: Final = 1 / 60
"""Lines a second about credentials that are odd, after so many at once."""
_REMARKS_AT_ONCE: Final = 5


class Parts:
    """The parts, by what they are for. `Server` opens, runs and closes them."""

    def __init__(
        self,
        settings: Settings,
        dialplan: Dialplan,
        log: Log,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._loop = loop
        self._log = log
        self._remarks = Bucket(_REMARKS, _REMARKS_AT_ONCE)
        self.tls = None if settings.tls is None else Tls(settings.tls.options())
        self.listeners = Listeners(settings.connections.limits(), self.tls)
        limits = settings.limits
        sizes = Sizes(limits.headers, limits.header_size, limits.body_size)
        self.stack = Stack(Tokens(), self.listeners.connect, sizes)
        self.driver = Driver(loop, self.stack, self._bug)
        records = settings.records
        database = records.database
        self.writer = RecordWriter(database, records.spool, dialplan.rate_plans)
        self.webhooks = self._webhook_delivery(settings)
        tells = self.webhooks is not None
        self.webhook_admin = WebhookAdmin(database, self.webhooks) if self.webhooks else None
        self.teller = self._teller()
        self.accounts = AccountService(database, self.writer.process, self._step_soon, tells=tells)
        self.account_mail = AccountMailer(database)
        self.call_metrics = CallMetrics()
        self.persistence = Persistence(settings.state)
        self.memory = Memory(self.persistence.put, secrets.randbits(_SEED_BITS), self.accounts)
        self.memory.ports.failures.noted = self._unanswered
        self.accounts.lives, self.accounts.calls = self._live, self._call_owners
        self.events = CallEvents(self._bug)
        observe(self.events, log, self.call_metrics, self.writer, self.teller)
        self.events.switched.subscribe(FeatureLog(log, self.kept).switched)
        self.memory.queues.start(self.stack, self.events)
        self.memory.queues.soon = self._step_soon
        self.history = QueueHistory(database)
        self.memory.queues.noted = self._queue_noted(log)
        self.memory.outgoing.guards.noted = self._alarm_noted(log)
        self.feed = CallFeed(self.events)
        self.trace = self._trace(settings)
        self.directory = HttpDirectory(self.driver.step)
        self.media = Pool(_media_size(settings), log, self.driver.step)
        self.archive = self._archive(settings)
        places = self.memory.gateways.places
        self.registrations = GatewayRegistrations(self.stack, places, random.random)
        self.authentication = self._authentication()
        self.calls = self._calls(settings, dialplan)
        self.jobs = CallBackJobs(database, self._step_soon)
        self.call_backs = self._call_backs()
        self.gateways = _gateway_watch(settings, loop, self.driver, self.memory, self._bug)
        self.protection = EdgeProtection(
            settings=settings,
            stack=self.stack,
            listeners=self.listeners,
            calls=self.calls,
            bans=self.memory.bans,
            authentication=self.authentication,
            clock=self.memory.clock.now,
        )
        self.driver.early_reject = self.protection.early_reject

    def _call_backs(self) -> CallBacks:
        """Who calls those back whom nobody has answered."""
        return CallBacks(
            stack=self.stack,
            calls=self.calls,
            queues=self.memory.queues,
            events=self.events,
            snapshot=self.memory.snapshot,
            store=self.jobs,
        )

    def _trace(self, settings: Settings) -> TraceRing | None:
        """The SIP trace, if there is to be one."""
        if settings.trace is None:
            return None
        ring = TraceRing(settings.trace.folder, settings.trace.keep)
        self.driver.taps = (ring.seen,)
        self.events.started.subscribe(ring.started)
        self.events.dialog.subscribe(ring.begun)
        self.events.ended.subscribe(ring.ended)
        return ring

    def _webhook_delivery(self, settings: Settings) -> WebhookDelivery | None:
        """Who tells others of events, if anybody is to be told."""
        if settings.webhooks is None:
            return None
        endpoints = [entry.endpoint() for entry in settings.webhooks]
        delivery = WebhookDelivery(settings.records.database, endpoints)
        self.writer.committed = delivery.wake
        return delivery

    def _teller(self) -> CallTeller | None:
        """Who makes events of calls, if anybody is to be told."""
        if self.webhooks is None:
            return None
        self.writer.telling = lambda row: lost_call_told(self.calls.dialplan, row)
        return CallTeller(self.writer, lambda: self.calls.dialplan, self._loop.call_later)

    def _queue_noted(self, log: Log) -> Callable[[Transition], None]:
        """Who hears of the transitions of queues."""
        noted = QueueLog(log, self.history, self.memory.clock.wall).noted
        teller = self.teller
        if teller is None:
            return noted

        def both(row: Transition) -> None:
            noted(row)
            teller.queued(row)

        return both

    def _alarm_noted(self, log: Log) -> Callable[[Alarm], None]:
        """Who hears of the alarms of guards against fraud."""
        return GuardLog(log, self.teller, self.memory.clock.wall).noted

    def _archive(self, settings: Settings) -> Archive:
        media = settings.media
        return Archive(
            settings.records.database,
            media.voicemail,
            media.recordings,
            self._step_soon,
            identity_of(media.user or "") if media.workers.max else None,
        )

    def _authentication(self) -> DigestAuthentication:
        ports = self.memory.ports
        failed = partial(ports.failures.add, "registrations")
        registrar = Registrar(self.stack, ports.registrations, failed)
        # Nonces of another process are not ours, so their secret need not outlive this one.
        secret = secrets.token_bytes(_NONCE_SECRET_BYTES)
        authentication = DigestAuthentication(secret, Tokens(), registrar, self.registrations)
        remarks = Bucket(_REMARKS, _REMARKS_AT_ONCE)

        def remark(what: str, source: str, user: str) -> None:
            if remarks.take(self._loop.time()):
                self._log.warning(what, source=source, user=user)

        def throttled(source: str, seconds: float) -> None:
            if remarks.take(self._loop.time()):
                what = "too many wrong passwords: only who was let in there before is heard"
                self._log.warning(what, source=source, seconds=seconds)

        authentication.remark = remark
        authentication.throttled = throttled
        return authentication

    def _calls(self, settings: Settings, dialplan: Dialplan) -> Calls:
        keeping = self.archive if settings.media.workers.max else None
        return Calls(
            stack=self.stack,
            dialplan=dialplan,
            events=self.events,
            limit=settings.limits.calls,
            epoch=self.memory.clock.zero,
            shared=self.memory.ports,
            directory=self.directory,
            media=MediaServices(self.media, keeping),
            authentication=self.authentication,
        )

    def _live(self, states: Mapping[str, str], known: Mapping[str, KnownNumber]) -> None:
        self.memory.live(states, known, self.calls.dialplan.country)

    def _call_owners(self, account: str, heard: Callable[[], None]) -> None:
        """Call those who are to hear that a balance is low, in a step of the stack."""
        call_owners(self.calls, self.stack, self.memory.snapshot(), account, heard)

    def _unanswered(self, port: str, why: str) -> None:
        """Log that a port of the shared state gave no answer, now and then."""
        if self._remarks.take(self._loop.time()):
            self._log.warning("shared state does not answer", port=port, why=why)

    def record(self, call: str, on: bool) -> str:
        """Begin or end the recording of a call; returns why not."""
        return self._at_once(partial(self.calls.record, call, on), "it failed; the log says why")

    def listen(self, call: str, by: str, mode: str) -> str:
        """Let an extension hear a call; returns why not."""
        snapshot = self.memory.snapshot()
        ring = partial(ring_supervisor, self.calls, self.stack, snapshot, call, by, mode)
        return self._at_once(ring, "it failed; the log says why")

    def end(self, call: str) -> bool:
        """End a call; False when there is none of that id."""
        return self._at_once(partial(self.calls.end, call), False)

    def move(self, call: str, queue: str, front: bool) -> str:
        """Let a caller wait elsewhere; returns why not."""
        move = partial(self.memory.queues.move, call, queue, front=front)
        return self._at_once(move, "it failed; the log says why")

    def call_back(self, rule: str, caller: str, number: str, shown: str) -> CallBackJob | str:
        """Call somebody back; text that says why not."""
        failed: CallBackJob | str = "it failed; the log says why"
        return self._at_once(partial(self.call_backs.add, rule, caller, number, shown), failed)

    def cancel_call_back(self, id: str) -> CallBackJob | None:
        """Call somebody back no more; None when nobody was to be."""
        job = self.call_backs.book.jobs.get(id)
        done = self._at_once(partial(self.call_backs.cancel, id), False)
        return job if done else None

    def _at_once(self, act: Callable[[], T], failed: T) -> T:
        """What something in a step of the stack gives. failed: what it is when that has a bug."""
        given: list[T] = []
        self.driver.step(lambda: given.append(act()))
        return given[0] if given else failed

    async def kept(self) -> bool:
        """Whether the changes of the state so far are on disk; False when the disk says nothing."""
        written: asyncio.Future[bool] = self._loop.create_future()

        def settle(is_written: bool) -> None:
            if not written.done():
                written.set_result(is_written)

        def told(is_written: bool) -> None:
            self._loop.call_soon_threadsafe(settle, is_written)

        self.persistence.when_written(told)
        try:
            async with asyncio.timeout(_KEPT_SECONDS):
                return await written
        except TimeoutError:
            return False

    def read_logins(self, dialplan: Dialplan) -> None:
        """Read its passwords; who has none is not let in."""

        def complain(whose: str, error: str) -> None:
            self._log.error("a password cannot be read", account=whose, error=error)

        dialplan.access.logins = read_logins(dialplan.access, complain)

    def _step_soon(self, act: Callable[[], None]) -> None:
        """Let the stack do something, from any thread."""
        self._loop.call_soon_threadsafe(self.driver.step, act)

    def _bug(self, error: Exception) -> None:
        self._log.error("internal error", exc_info=error)


def _gateway_watch(
    settings: Settings,
    loop: asyncio.AbstractEventLoop,
    driver: Driver,
    memory: Memory,
    on_bug: Callable[[Exception], None],
) -> GatewayWatch:
    spoken = {listen.transport for listen in settings.listen}
    transports = [transport for transport in ("udp", "tcp", "tls") if transport in spoken]
    sixth = any(":" in listen.host for listen in settings.listen)
    resolver = Resolver(settings.nameservers, transports, sixth=sixth)
    return GatewayWatch(loop, driver, memory.gateways, resolver, on_bug)


def _media_size(settings: Settings) -> Size:
    media = settings.media
    host, public = settings.rtp
    return Size(
        low=media.workers.min,
        high=media.workers.max,
        host=host,
        public=public,
        ports=media.ports,
        user=media.user or "",
        python=str(media.python or ""),
    )
