"""A CRM that says by HTTP who is responsible for a caller, well or badly."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from support.ports import free_port

Act = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Crm:
    """The other system. acts: what a caller's question sets off; others are nobody's.

    asked: the callers it was asked for, in order. port: where it listens.
    """

    def __init__(self) -> None:
        self.acts: dict[str, Act] = {}
        self.asked: list[str] = []
        self.port = free_port()
        self.came = asyncio.Event()
        self.go_on = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, tls: ssl.SSLContext | None = None) -> AsyncIterator["Crm"]:
        crm = cls()
        app = web.Application()
        app.router.add_get("/owner", crm._answer)
        app.router.add_get("/elsewhere", crm._elsewhere)
        runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", crm.port, ssl_context=tls).start()
        try:
            yield crm
        finally:
            crm.go_on.set()
            await runner.cleanup()

    def owns(self, owner: str) -> Act:
        return self.says(f'{{"owner": "{owner}"}}')

    def says(self, text: str, status: int = 200, **headers: str) -> Act:
        async def act(_request: web.Request) -> web.Response:
            return web.Response(text=text, status=status, headers=headers)

        return act

    async def dawdles(self, request: web.Request) -> web.StreamResponse:
        """Answer only when the test says so."""
        self.came.set()
        await self.go_on.wait()
        return await self.owns("101")(request)

    async def drips(self, request: web.Request) -> web.StreamResponse:
        """Send the answer's head, and never all of its body."""
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"owner": "1')
        await self.go_on.wait()
        return response

    async def breaks(self, request: web.Request) -> web.StreamResponse:
        """Close the connection in the middle of the answer."""
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"owner": "101"')
        assert request.transport is not None
        request.transport.abort()
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        caller = request.query["caller"]
        self.asked.append(caller)
        return await self.acts.get(caller, self.says("", 404))(request)

    async def _elsewhere(self, _request: web.Request) -> web.StreamResponse:
        self.asked.append("elsewhere")
        return web.json_response({"owner": "666"})
