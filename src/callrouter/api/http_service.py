"""HTTP service of the operations: requests are read, carried out and answered.

What comes over a connection cannot hold calls up, nor other operators: a connection has one
request, which is bounded in size and in time, as is the reading of its answer; what is no request
gets a `Problem`. What goes wrong by a fault of ours does too, and the loop is told of it. A stream
goes on until one side ends it; who does not read it loses what the stream cannot keep.
"""

import asyncio
import re
import socket
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, cast
from urllib.parse import unquote

import orjson
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader

from callrouter.api.client import EVENTS, PRODUCT
from callrouter.api.request_reading import MAX_BYTES, MalformedError, TooLongError, read_request
from callrouter.api.routes import AT_ONCE, PART, ROUTES, Route
from callrouter.operations.operation import (
    AnswerStream,
    OperationAnswer,
    OperationError,
    Problem,
    RunningServer,
    SentEvent,
    UnavailableError,
)
from callrouter.yamlfile.wording import shown

_BACKLOG: Final = 1024
"""Connections that wait to be accepted. Past them a client that connects without waiting, such as
asyncio's, takes its refusal (EAGAIN) for a connection, and fails when it writes."""
_READ_SECONDS: Final = 5.0
_LOOKS: Final = 5
"""In so many parts what is waited for is looked for, so that a loop that stood still, and perhaps
the whole machine with the client, counts as one of them.
"""
_WRITE_SECONDS: Final = 10.0
_LINGER_SECONDS: Final = 1.0
_PATHS: Final = [(re.compile(PART.sub(r"(?P<\1>[^/]+)", route.path)), route) for route in ROUTES]
_OPERATIONS: Final = {route: route.operation for route in ROUTES}
"""Imported here, before anybody asks for one."""
_LINES: Final = "application/jsonl"
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class EncodedError(MalformedError):
    """A request whose body is compressed."""

    status = 415


class NoOperationError(OperationError):
    """A path that is none, or has no such method."""

    code = "no_such_operation"
    status = 404


class NoMethodError(NoOperationError):
    """A path that has no such method."""

    status = 405


class HttpService:
    """HTTP server of all operations of a running server."""

    def __init__(self, running: RunningServer) -> None:
        self._running = running
        self._at_once = 0
        self._streams: set[AnswerStream[Any]] = set()
        self._loop = asyncio.get_running_loop()
        self._http = web.Server(self._answer, request_factory=self._request)
        self._server: asyncio.Server | None = None

    async def start(self, sock: socket.socket) -> None:
        """Serve whoever connects to a bound socket."""
        connection = partial(
            _Connection,
            self._http,
            loop=self._loop,
            keepalive_timeout=0.0,  # it goes by the clock alone
            lingering_time=_LINGER_SECONDS,
            auto_decompress=False,
        )
        self._server = await self._loop.create_unix_server(connection, sock=sock, backlog=_BACKLOG)

    async def close(self) -> None:
        """Serve no more; what is being carried out may take a moment."""
        if self._server is not None:
            self._server.close()
            for stream in list(self._streams):
                stream.close()
            self._http.pre_shutdown()
            await self._http.shutdown(_LINGER_SECONDS)

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message, payload, protocol, writer, task, self._loop, client_max_size=MAX_BYTES
        )

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._at_once += 1
        try:
            if self._at_once > AT_ONCE:
                raise UnavailableError("too many commands at the same time")
            route, in_path = _routed(request)
            body = await _body(request)
            asked = read_request(route, in_path, _query(route, request), body)
            answer = await _OPERATIONS[route](self._running, asked)
            if route.is_stream:
                return await self._stream(route, answer, request)
            return _response(request, 200, answer)
        except OperationError as error:
            return _response(request, error.status, error.problem)
        finally:
            self._at_once -= 1

    async def _stream(
        self, route: Route[Any, Any], stream: AnswerStream[Any], request: web.BaseRequest
    ) -> web.StreamResponse:
        """Write answers as they come, until either side ends it."""
        self._streams.add(stream)
        self._at_once -= 1  # it takes nobody's place for as long as it lasts
        kind, written = (EVENTS, _event) if route.is_event_stream else (_LINES, _line)
        response = web.StreamResponse(headers={"Server": PRODUCT, "Content-Type": kind})
        response.force_close()
        try:
            cast(_Connection, request.protocol).reads(stream)
            await response.prepare(request)
            while answers := await stream.take():
                await response.write(b"".join(map(written, answers)))
        except ConnectionError:
            pass  # who read it has gone
        finally:
            self._at_once += 1
            self._streams.discard(stream)
            stream.close()
        return response


class _Connection(web.RequestHandler):
    """Connection that says what is wrong as operations do."""

    said_all = False
    """The client has closed its half of the connection, and may still wait for an answer."""
    _stream: AnswerStream[Any] | None = None
    _next_look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        super().connection_made(transport)
        self._look(_LOOKS)

    def _look(self, left: int) -> None:
        """Close it unless a request has come. left: how many times more it is looked for."""
        if self._request_count:
            return
        if not left:
            self.force_close()
            return
        loop = asyncio.get_running_loop()
        self._next_look = loop.call_later(_READ_SECONDS / _LOOKS, self._look, left - 1)

    def reads(self, stream: AnswerStream[Any]) -> None:
        """Close a stream as soon as the client is gone: nothing may be written for hours.

        One that has only closed its half cannot be told from one that is gone.
        """
        self._stream = stream
        if self.said_all:
            stream.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The client is gone."""
        super().connection_lost(exc)
        if self._next_look is not None:
            self._next_look.cancel()
        if self._stream is not None:
            self._stream.close()

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio's may say that it goes on
        """Answer the request that came before it, if there is one."""
        self.said_all = True
        if self._stream is not None:
            self._stream.close()
        if self._current_request is not None:
            _end_body(self._current_request)
        return self._request_count > 0

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and what failed by a fault of ours."""
        if status < 500:
            why = (message or "").partition("\n")[0].rstrip(":")
            return _response(request, status, Problem(code="malformed", error=f"not HTTP: {why}"))
        context = {"message": "an operation failed", "exception": exc}
        asyncio.get_running_loop().call_exception_handler(context)
        said = "it failed; the log says why"
        return _response(request, status, Problem(code="internal", error=said))


def _end_body(request: web.BaseRequest) -> None:
    """What has not come of a body will not come."""
    body = request.content
    if not body.is_eof():
        body.set_exception(web.RequestPayloadError("the connection ended before it"))
        body.feed_eof()


def _routed(request: web.BaseRequest) -> tuple[Route[Any, Any], dict[str, str]]:
    """Find the operation of a request, and the values that its path says.

    Raises NoOperationError.
    """
    path = request.rel_url.raw_path
    missing: type[NoOperationError] = NoOperationError
    for pattern, route in _PATHS:
        found = pattern.fullmatch(path)
        if found is not None and route.method == request.method:
            return route, {name: unquote(value) for name, value in found.groupdict().items()}
        if found is not None:
            missing = NoMethodError
    raise missing(f"no such operation: {request.method} {request.path}")


def _query(route: Route[Any, Any], request: web.BaseRequest) -> Iterable[tuple[str, str]]:
    last = request.headers.get("Last-Event-ID") if route.is_event_stream else None
    # Who comes again says so, whatever it asked for at first.
    return request.query.items() if last is None else [("after", last)]


async def _body(request: web.BaseRequest) -> bytes:
    """Read the body of a request; one that is announced as too long is not waited for.

    Raises MalformedError.
    """
    if (request.content_length or 0) > MAX_BYTES:
        raise TooLongError
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise EncodedError(f"the body: expected no Content-Encoding, found {shown(encoding)}")
    if cast(_Connection, request.protocol).said_all:
        _end_body(request)
    reading = asyncio.ensure_future(_whole_body(request))
    try:
        for _ in range(_LOOKS):
            await asyncio.wait((reading,), timeout=_READ_SECONDS / _LOOKS)
            if reading.done():
                return reading.result()
    except web.HTTPRequestEntityTooLarge as error:
        raise TooLongError from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise MalformedError("the body: expected all of it, found its end before") from error
    finally:
        reading.cancel()
    raise MalformedError(f"no whole request came within {_READ_SECONDS:g} s")


async def _whole_body(request: web.BaseRequest) -> bytes:
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)  # RFC 9110 section 10.1.1
    return await request.read()


def _line(answer: OperationAnswer) -> bytes:
    return answer.model_dump_json(exclude_unset=True).encode() + b"\n"


def _event(answer: SentEvent) -> bytes:
    """Write a server-sent event (HTML standard, section 9.2.5)."""
    data = orjson.dumps(answer.data)
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (answer.id.encode(), answer.event.encode(), data)


def _response(request: web.BaseRequest, status: int, answer: OperationAnswer) -> web.Response:
    """An answer, the last of its connection; who does not read it in time is dropped."""
    response = web.Response(
        status=status,
        body=_line(answer),
        content_type="application/json",
        headers={"Server": PRODUCT},
    )
    response.force_close()
    if request.transport is not None:
        asyncio.get_running_loop().call_later(_WRITE_SECONDS, request.transport.abort)
    return response
