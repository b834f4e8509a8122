"""What operators ask of webhooks: how endpoints are, what was tried, again, on and off, the stream.

Each question opens the database anew, in a thread: they are rare, and may take as long as they do.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy.exc import SQLAlchemyError

from callrouter.storage.engine import StoreError, said
from callrouter.webhooks.delivery_rows import DeliveryRows
from callrouter.webhooks.endpoint import Endpoint
from callrouter.webhooks.webhook_delivery import WebhookDelivery

T = TypeVar("T")

_LOOK_SECONDS: Final = 1.0
"""How long an event may go unseen that another process has put into the outbox."""
_READ: Final = 500


class WebhookAdmin:
    """Administration of one delivery. What asks the database raises StoreError when it is away."""

    def __init__(self, url: str, delivery: WebhookDelivery) -> None:
        self._url = url
        self._delivery = delivery

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """By name."""
        return self._delivery.endpoints

    async def states(self) -> dict[str, dict[str, Any]]:
        """How each endpoint is: the fields of `EndpointState`."""
        names = list(self.endpoints)
        states = await self._ask(lambda rows: rows.states(names))
        return {name: asdict(state) for name, state in states.items()}

    async def attempts(
        self, name: str | None, id: str | None, call: str | None, most: int
    ) -> list[dict[str, Any]]:
        """The newest events and what each endpoint was told of them; see `DeliveryRows.attempts`.

        name, id, call: of one endpoint, of one event, of one call.
        """
        endpoints = [one for one in self.endpoints.values() if name in {None, one.name}]
        return await self._ask(lambda rows: rows.attempts(endpoints, id, call, most))

    async def resend(self, name: str, id: str | None, since: float) -> int:
        """Tell an endpoint again of one event, or of all since; returns of how many."""
        endpoint = self.endpoints[name]
        now = time.time()
        count = await self._ask(lambda rows: rows.resend(endpoint, now, id=id, since=since))
        self._delivery.recount()
        return count

    async def disable(self, name: str, why: str) -> None:
        """Tell an endpoint of nothing more; with no reason, go on."""
        await self._ask(lambda rows: rows.disable(name, why))
        self._delivery.wake()

    async def follow(self, after: int | None) -> "OutboxFollower":
        """The events behind a position; None for those that come from now on.

        Raises LookupError when events behind it were removed already.
        """

        def begin(rows: DeliveryRows) -> tuple[int, int]:
            return rows.first(), rows.last()

        first, last = await self._ask(begin)
        if after is not None and first and not first - 1 <= after <= last:
            raise LookupError(f"expected a place from {first - 1} to {last}")
        return OutboxFollower(self._url, self._delivery, last if after is None else after)

    async def _ask(self, act: Callable[[DeliveryRows], T]) -> T:
        return await asyncio.to_thread(_asked, self._url, act)


def _asked(url: str, act: Callable[[DeliveryRows], T]) -> T:
    try:
        rows = DeliveryRows(url)
        try:
            return act(rows)
        finally:
            rows.close()
    except (SQLAlchemyError, OSError) as error:
        raise StoreError(f"the database cannot be used: {said(error)}") from error


class OutboxFollower:
    """Reader of the outbox, event by event from a position on: none is missing, none comes twice.

    A database that is away is waited for.
    """

    def __init__(self, url: str, delivery: WebhookDelivery, position: int) -> None:
        self._url = url
        self._delivery = delivery
        self._position = position
        self._rows: DeliveryRows | None = None
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._closed = False
        self._reading = False
        delivery.listeners.add(self._told)

    async def next(self) -> list[dict[str, Any]]:
        """Wait for events, and take those that there are: position, kind, body; none at the end."""
        while not self._closed:
            self._woken.clear()
            self._reading = True
            found = await asyncio.to_thread(self._read)
            self._reading = False
            if found:
                self._position = found[-1]["position"]
                return found
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue
        self._let_go()
        return []

    def close(self) -> None:
        """Want no more."""
        self._closed = True
        self._delivery.listeners.discard(self._told)
        self._woken.set()
        if not self._reading:  # who reads lets go of it behind that
            self._let_go()

    def _let_go(self) -> None:
        if self._rows is not None:
            self._loop.run_in_executor(None, self._rows.close)
            self._rows = None

    def _told(self) -> None:
        self._loop.call_soon_threadsafe(self._woken.set)

    def _read(self) -> list[dict[str, Any]]:
        try:
            if self._rows is None:
                self._rows = DeliveryRows(self._url)
            events = self._rows.after(self._position, _READ)
        except (SQLAlchemyError, OSError, StoreError):
            if self._rows is not None:
                self._rows.close()
                self._rows = None
            return []
        return [
            {"position": event.position, "kind": event.kind, "body": orjson.loads(event.body())}
            for event in events
        ]
