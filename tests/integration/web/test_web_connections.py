"""Connections to the console that say nothing, or too little: closed in time, and bounded."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
import trustme
import uvicorn
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from support.polling import PATIENCE

from callrouter.web import connections
from callrouter.web.connections import LIMITS, BoundedListener, ConnectionLoop, TimedProtocol

HEAD = b"POST / HTTP/1.1\r\nHost: us\r\nContent-Length: 4\r\n\r\n"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(body)(scope, receive, send)


async def served(*, proxied: bool) -> AsyncIterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    config = uvicorn.Config(echo, http=TimedProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    bounded = BoundedListener.of(listening, proxied=proxied)
    task = asyncio.create_task(server._serve([bounded]))
    yield port
    server.should_exit = True
    await task


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    async for port in served(proxied=False):
        yield port


@pytest_asyncio.fixture
async def proxied() -> AsyncIterator[int]:
    async for port in served(proxied=True):
        yield port


async def answered(port: int, said: bytes) -> bytes:
    """What comes until the other side closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("said", [b"", HEAD[:20], HEAD, HEAD + b"abc"])
@pytest.mark.asyncio
async def test_request_that_does_not_come_whole_is_closed(
    port: int, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = dict.fromkeys(connections._SECONDS, 0.1)
    monkeypatch.setattr(connections, "_SECONDS", quick)
    assert await answered(port, said) == b""


@pytest.mark.asyncio
async def test_one_address_has_so_many_connections_until_it_closes_some(port: int) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(LIMITS.per_source)]
    whole = HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"abcd"
    assert await answered(port, whole) == b""
    _, writer = opened.pop()
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(PATIENCE):
        while not (answer := await answered(port, whole)).endswith(b"\r\n\r\nabcd"):
            assert answer == b""
    for _, writer in opened:
        writer.close()


@pytest.mark.asyncio
async def test_proxy_of_this_machine_has_as_many_as_it_needs(proxied: int) -> None:
    opened = [await asyncio.open_connection("127.0.0.1", proxied) for _ in range(201)]
    _, writer = opened[-1]
    writer.write(HEAD + b"abcd")
    async with asyncio.timeout(PATIENCE):
        assert (await opened[-1][0].readline()).startswith(b"HTTP/1.1 200")
    for _, writer in opened:
        writer.close()


def test_silent_tls_handshake_ends_before_it_takes_room_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_SECONDS", 0.1)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def silent() -> bytes:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", ssl=context)
        async with server:
            return await answered(server.sockets[0].getsockname()[1], b"")

    with asyncio.Runner(loop_factory=ConnectionLoop) as runner:
        assert runner.run(silent()) == b""
