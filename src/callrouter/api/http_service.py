"""HTTP service of the operations: requests are read, carried out and answered.

What comes over a connection cannot hold calls up, nor other operators: a connection has one
request, which is bounded in size and in time, as is the reading of its answer; what is no request
gets a `Problem`. What goes wrong by a fault of ours does too, and the loop is told of it.
"""

import asyncio
import socket
from functools import partial
from typing import Any, Final, cast

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from callrouter.api.client import PRODUCT
from callrouter.api.routes import PART, ROUTES, Route
from callrouter.operations.operation import (
    AnswerT,
    OperationAnswer,
    OperationError,
    Problem,
    RequestT,
    RunningServer,
    UnavailableError,
)

MAX_BYTES: Final = 16 * 1024
"""The longest body of a request; its head may have half of that in a line."""
AT_ONCE: Final = 16
"""Requests that are read or carried out at the same time."""

_READ_SECONDS: Final = 5.0
_WRITE_SECONDS: Final = 10.0
_LINGER_SECONDS: Final = 1.0
_CODES: Final = {404: "no_such_operation", 405: "no_such_operation", 413: "malformed"}


class MalformedError(OperationError):
    """What is no request that we know."""

    code = "malformed"
    status = 400


class HttpService:
    """HTTP server of all operations of a running server."""

    def __init__(self, running: RunningServer) -> None:
        self._running = running
        self._at_once = 0
        self._server: asyncio.Server | None = None
        application = web.Application(middlewares=[self._answer], client_max_size=MAX_BYTES)
        for route in ROUTES:
            # By itself aiohttp takes no braces in a name.
            path = PART.sub(r"{\1:[^/]+}", route.path)
            application.router.add_route(route.method, path, partial(self._carry_out, route))
        self._runner = web.AppRunner(application, shutdown_timeout=_LINGER_SECONDS)

    async def start(self, sock: socket.socket) -> None:
        """Serve whoever connects to a bound socket."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        connection = partial(
            _Connection,
            cast(web.Server, self._runner.server),
            loop=loop,
            keepalive_timeout=_READ_SECONDS,  # counts from the first moment of a connection
            lingering_time=_LINGER_SECONDS,
        )
        self._server = await loop.create_unix_server(connection, sock=sock)

    async def close(self) -> None:
        """Serve no more; what is being carried out may take a moment."""
        if self._server is not None:
            self._server.close()
            await self._runner.cleanup()

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self._at_once += 1
        try:
            if self._at_once > AT_ONCE:
                raise UnavailableError("too many commands at the same time")
            return await handler(request)
        except OperationError as error:
            return _response(request, error.status, error.problem)
        except web.HTTPException as error:
            said = f"no such operation: {request.method} {request.path}"
            if error.status == 413:
                said = f"the request is longer than {MAX_BYTES} bytes"
            problem = Problem(code=_CODES.get(error.status, "malformed"), error=said)
            return _response(request, error.status, problem)
        finally:
            self._at_once -= 1

    async def _carry_out(self, route: Route[Any, Any], request: web.Request) -> web.StreamResponse:
        asked = await _read(route, request)
        return _response(request, 200, await route.operation(self._running, asked))


class _Connection(web.RequestHandler):
    """Connection that says what is wrong as operations do."""

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


async def _read(route: Route[RequestT, AnswerT], request: web.Request) -> RequestT:
    """Read a whole request. Raises MalformedError."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            body = await request.read()
        if not route.has_body:
            return route.request.model_validate_strings({**request.query, **request.match_info})
        given = orjson.loads(body or b"{}")
        if not isinstance(given, dict):
            raise MalformedError("expected a JSON object")
        return route.request.model_validate({**given, **request.match_info})
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field, expected = ".".join(str(step) for step in first["loc"]), first["msg"]
        said = f"not a request: {field}: {expected}"
        raise MalformedError(said, field=field, expected=expected) from error
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"not JSON: {error}") from error
    except (TimeoutError, web.RequestPayloadError, ConnectionError) as error:
        raise MalformedError(f"no whole request came within {_READ_SECONDS:g} s") from error


def _response(request: web.BaseRequest, status: int, answer: OperationAnswer) -> web.Response:
    """An answer, the last of its connection; who does not read it in time is dropped."""
    response = web.Response(
        status=status,
        body=answer.model_dump_json(exclude_unset=True).encode() + b"\n",
        content_type="application/json",
        headers={"Server": PRODUCT},
    )
    response.force_close()
    if request.transport is not None:
        asyncio.get_running_loop().call_later(_WRITE_SECONDS, request.transport.abort)
    return response
