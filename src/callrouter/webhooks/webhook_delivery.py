"""Delivery of webhooks: tells endpoints what is in the outbox, in a thread of its own.

Rules.

- One event is on its way to an endpoint at a time, so one that hangs keeps nobody else from
  anything. What was answered is written down before the next event goes.
- What fails is tried again after 5 s, 5 and 30 minutes, 2, 5, 10, 14, 20 and 24 hours, a tenth more
  or less by chance; then it is given up. Later events of the same subject wait behind it, all
  others go on.
- An endpoint that answers 410 is disabled until it is enabled by hand; its events wait meanwhile.
  One that says when to come again (429 or 503 with Retry-After) is left alone until then.
- Events stay in the outbox for seven days. An event may arrive twice, when the process ends between
  the answer and the note of it: its `webhook-id` is the same.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import aiohttp
import structlog
from sqlalchemy.exc import SQLAlchemyError

from callrouter.metric import Rows, counter, gauge
from callrouter.secret import SecretError
from callrouter.storage.background import RETRY_SECONDS, Reopened
from callrouter.storage.engine import StoreError
from callrouter.webhooks.delivery_rows import DeliveryRows, DueEvent
from callrouter.webhooks.endpoint import Endpoint
from callrouter.webhooks.signed_post import (
    DELIVERED,
    GONE,
    Attempt,
    attempt,
    open_session,
    signed,
)

RETRIES: Final = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0)
"""Seconds from one attempt to the next."""
KEPT_SECONDS: Final = 7 * 86400.0
"""How long events stay in the outbox."""

_JITTER: Final = 0.1
_AT_ONCE: Final = 50
"""Events that an endpoint is read at once; they are told one after the other."""
_LOOK_SECONDS: Final = 1.0
_PRUNE_SECONDS: Final = 10.0
_GOODBYE_SECONDS: Final = 2.0
"""How long what is under way at the end may take."""
_END: Final = " end"
_PRUNING: Final = " pruning"
"""What waits beside the endpoints, whose names have no blank."""
_AWAY: Final = (SQLAlchemyError, OSError, StoreError)

T = TypeVar("T")

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def retry_seconds(tries: int, chance: float = 0.5) -> float | None:
    """How long to wait after so many tries, None to give up. chance: from 0 to 1."""
    if tries > len(RETRIES):
        return None
    return RETRIES[tries - 1] * (1 + _JITTER * (2 * chance - 1))


class WebhookDelivery:
    """Delivery of the events in a database. endpoints: who is told of them.

    attempts: made so far, by endpoint and result. backlog: events that wait, by endpoint. dropped:
    events that were too old before they could be told of. listeners: who else reads the outbox;
    called when there may be events, from any thread.
    """

    def __init__(self, url: str, endpoints: Sequence[Endpoint]) -> None:
        self.endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.backlog: dict[str, int] = dict.fromkeys(self.endpoints, 0)
        self.dropped = 0
        self.listeners: set[Callable[[], None]] = set()
        self._failing: set[str] = set()
        self._rows = Reopened(
            partial(self._open, url),
            "webhooks wait: the database cannot be used",
            "webhooks go on: the database can be used again",
        )
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._wakes: dict[str, asyncio.Event] = {}
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._started = False

    @property
    def failing(self) -> bool:
        """The database cannot be used."""
        return self._rows.on

    def start(self) -> None:
        """Begin to deliver."""
        for endpoint in self.endpoints.values():
            try:
                signed(endpoint, "", "", datetime.now(UTC))
            except SecretError as error:  # it is read for each attempt, so it may come yet
                _log.error("webhook cannot be signed", endpoint=endpoint.name, error=str(error))
        self._started = True
        self._thread.start()

    def wake(self) -> None:
        """There may be events. From any thread."""
        with suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._wake_all)
        for listener in tuple(self.listeners):
            listener()

    def recount(self) -> None:
        """Others have changed what waits. From any thread."""
        with suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._count)
        self.wake()

    def _count(self) -> None:
        states = self._ask(lambda rows: rows.states(list(self.endpoints)))
        for name, state in (states or {}).items():
            self.backlog[name] = state.waiting

    def close(self) -> None:
        """Stop. What is under way has a moment to end; else it is tried again at the next start."""
        self._closing = True
        if self._started:
            self.wake()
            self._thread.join()
        self._loop.close()
        self._rows.close()

    def _open(self, url: str) -> DeliveryRows:
        rows = DeliveryRows(url)
        rows.know(list(self.endpoints))
        for name, state in rows.states(list(self.endpoints)).items():
            self.backlog[name] = state.waiting
        return rows

    def _run(self) -> None:
        self._loop.run_until_complete(self._deliver())

    async def _deliver(self) -> None:
        work: list[Callable[[], Coroutine[Any, Any, None]]] = [self._prune]
        self._wakes = {name: asyncio.Event() for name in (*self.endpoints, _END, _PRUNING)}
        work += [partial(self._serve, endpoint) for endpoint in self.endpoints.values()]
        tasks = [asyncio.create_task(begin()) for begin in work]
        while not self._closing:
            await self._wait(_END, _LOOK_SECONDS)
        _, late = await asyncio.wait(tasks, timeout=_GOODBYE_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wake_all(self) -> None:
        for wake in self._wakes.values():
            wake.set()

    async def _wait(self, name: str, seconds: float) -> None:
        """Wait until it is woken, and no longer than so many seconds."""
        if not self._closing:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wakes[name].wait()
        self._wakes[name].clear()

    async def _serve(self, endpoint: Endpoint) -> None:
        """Tell one endpoint, event by event, until the end."""
        async with open_session(endpoint) as session:
            while not self._closing:
                try:
                    pause = await self._turn(endpoint, session)
                except Exception as error:  # noqa: BLE001 - a bug must cost no other endpoint
                    _log.error("internal error in webhooks", endpoint=endpoint.name, exc_info=error)
                    pause = RETRY_SECONDS
                if pause:
                    await self._wait(endpoint.name, pause)

    async def _turn(self, endpoint: Endpoint, session: aiohttp.ClientSession) -> float:
        """Tell what is due; returns for how many seconds there is nothing more to do."""
        now = time.time()
        more: bool | None = True
        while more:
            more = self._ask(partial(self._fan_out, endpoint, now))
            await asyncio.sleep(0)  # the other endpoints' turn
        due = self._ask(lambda rows: rows.due(endpoint.name, now, _AT_ONCE))
        if more is None or due is None:
            return RETRY_SECONDS
        events, next_due = due
        for event in events:
            made = await self._told(endpoint, session, event)
            if made.wait_seconds:
                await self._rest(endpoint, made.wait_seconds)
            if self._closing or made.result != DELIVERED:
                return 0.0  # what is due has changed
        if events:
            return 0.0
        if next_due is None:
            return _LOOK_SECONDS
        if next_due - now > RETRIES[-1] * (1 + _JITTER):
            self._ask(lambda rows: rows.hasten(endpoint.name, now, now))
        return min(max(next_due - now, 0.01), _LOOK_SECONDS)

    def _fan_out(self, endpoint: Endpoint, now: float, rows: DeliveryRows) -> bool:
        count, more = rows.fan_out(endpoint, now)
        self.backlog[endpoint.name] += count
        return more

    async def _told(
        self, endpoint: Endpoint, session: aiohttp.ClientSession, event: DueEvent
    ) -> Attempt:
        """Tell of an event, and write down how that went, however long the database takes."""
        made = await attempt(session, endpoint, event.id, event.body(), datetime.now(UTC))
        self.attempts[endpoint.name, made.result] += 1
        note = partial(self._note, endpoint, event, made, time.time())
        while self._ask(note) is None and not self._closing:
            await self._rest(endpoint, RETRY_SECONDS)  # nothing else may go to it meanwhile
        return made

    def _note(
        self, endpoint: Endpoint, event: DueEvent, made: Attempt, now: float, rows: DeliveryRows
    ) -> bool:
        name, tries = endpoint.name, event.tries + 1
        if made.result == DELIVERED:
            rows.delivered(name, event.position, tries, now, made.status)
            self.backlog[name] -= 1
            self._say(name, "")
            return True
        wait = retry_seconds(tries, random.random())
        due = None if wait is None else now + max(wait, made.wait_seconds)
        gone = made.result == GONE
        rows.failed(
            name,
            event,
            now=now,
            due=due,
            status=made.status,
            error=made.error,
            disables=gone,
        )
        self._say(name, made.error)
        if due is None:
            self.backlog[name] -= 1
            told = {"webhook": event.id, "kind": event.kind, "tries": tries}
            _log.error("event not delivered: given up", endpoint=name, error=made.error, **told)
        if gone:
            _log.error("webhook disabled", endpoint=name, why=made.error)
        return True

    def _say(self, name: str, error: str) -> None:
        """Log that an endpoint fails when that begins and when it is over, and not each time."""
        if error and name not in self._failing:
            self._failing.add(name)
            _log.warning("webhook fails: its events wait", endpoint=name, error=error)
        elif not error and name in self._failing:
            self._failing.remove(name)
            _log.info("webhook answers again", endpoint=name)

    async def _rest(self, endpoint: Endpoint, seconds: float) -> None:
        """Leave an endpoint alone, as it asked for."""
        until = time.monotonic() + seconds
        while not self._closing and time.monotonic() < until:
            await self._wait(endpoint.name, min(until - time.monotonic(), _LOOK_SECONDS))

    async def _prune(self) -> None:
        """Remove what is too old, now and then."""
        looked = -_PRUNE_SECONDS
        while not self._closing:
            if time.monotonic() - looked >= _PRUNE_SECONDS:
                looked = time.monotonic()
                dropped = self._ask(lambda rows: rows.prune(time.time() - KEPT_SECONDS))
                if dropped:
                    self.dropped += dropped
                    self._count()
                    _log.error("events not delivered: too old", deliveries=dropped)
            await self._wait(_PRUNING, _LOOK_SECONDS)

    def _ask(self, act: Callable[[DeliveryRows], T]) -> T | None:
        """Do something with the database; None when it is away."""
        if self._rows.waits:
            return None
        try:
            found = act(self._rows.store())
        except _AWAY as error:
            self._rows.begin(error)
            return None
        self._rows.end()
        return found


METRICS: Final[Rows[WebhookDelivery | None]] = (
    counter(
        "callrouter_webhook_attempts",
        "Each attempt to tell an endpoint of an event counts one, by what became of it; when "
        "failed or gone grows, `callrouter webhooks attempts` says why.",
        lambda it: {} if it is None else dict(it.attempts),
        "endpoint",
        "result",
    ),
    gauge(
        "callrouter_webhook_backlog",
        "This many events wait to be told to an endpoint; when it keeps growing, the endpoint is "
        "down, disabled or too slow.",
        lambda it: {} if it is None else dict(it.backlog),
        "endpoint",
    ),
    counter(
        "callrouter_webhook_dropped",
        "Each event that was seven days old before an endpoint could be told of it counts one; it "
        "should be 0 for ever.",
        lambda it: 0 if it is None else it.dropped,
    ),
)
