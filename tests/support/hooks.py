"""Receivers of webhooks: real HTTP servers that verify what comes, and answer as they are told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, Self

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from callrouter.route.rules.mailboxes import Secret
from callrouter.webhooks.endpoint import Endpoint
from support.polling import PATIENCE

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""That of the vector of Standard Webhooks."""


class Received(NamedTuple):
    """An event that came. id: its webhook-id. at: when, by the clock of the receiver's loop."""

    id: str
    body: dict[str, Any]
    at: float

    @property
    def kind(self) -> str:
        kind: str = self.body["type"]
        return kind


class HookReceiver:
    """A receiver. statuses: what it answers first, before 204. hangs: it answers nothing.

    headers: of every answer. events: those that it took, in the order they came; tries: requests.
    """

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.hangs = False
        self.events: list[Received] = []
        self.tries = 0
        self.at_once = 0
        self.most_at_once = 0
        self.url = ""
        self._came = asyncio.Condition()
        self._go_on = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, host: str = "127.0.0.1") -> AsyncIterator[Self]:
        hook = cls()
        app = web.Application()
        app.router.add_post("/events", hook._take)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, host, 0).start()
        hook.url = f"http://{host}:{runner.addresses[0][1]}/events"
        try:
            yield hook
        finally:
            hook._go_on.set()
            await runner.cleanup()

    def endpoint(self, name: str, **more: Any) -> Endpoint:
        """It, as the delivery knows it; its secret is in the variable TEST_WEBHOOK."""
        secrets = (Secret(file="", env="TEST_WEBHOOK"),)
        more = {"allow_private": True, "secrets": secrets, **more}
        return Endpoint(name=name, url=self.url, **more)

    def ids(self, kind: str = "") -> set[str]:
        """The events that it took, of kinds that begin so."""
        return {event.id for event in self.events if event.kind.startswith(kind)}

    async def took(self, count: int, kind: str = "") -> list[Received]:
        """Wait until it has taken so many events, of one kind or of any; those."""

        def found() -> list[Received]:
            return [event for event in self.events if kind in {"", event.kind}]

        async with self._came, asyncio.timeout(PATIENCE):
            await self._came.wait_for(lambda: len(found()) >= count)
        return found()

    async def tried(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with self._came, asyncio.timeout(PATIENCE):
            await self._came.wait_for(lambda: self.tries >= count)

    async def _take(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            return await self._answer(dict(request.headers), text)
        finally:
            self.at_once -= 1

    async def _answer(self, headers: dict[str, str], text: str) -> web.Response:
        async with self._came:
            self.tries += 1
            self._came.notify_all()
        if self.hangs:
            await self._go_on.wait()
        status = self.statuses.pop(0) if self.statuses else 204
        if status < 300:
            Webhook(SECRET).verify(text, headers)
            named = {name.lower(): value for name, value in headers.items()}
            now = asyncio.get_running_loop().time()
            async with self._came:
                self.events.append(Received(named["webhook-id"], json.loads(text), now))
                self._came.notify_all()
        return web.Response(status=status, headers={"Location": "/elsewhere", **self.headers})
