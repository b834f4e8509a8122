"""Client of a running server's socket, as the commands use it."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import (
    BadStatusLine,
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    RemoteDisconnected,
)
from pathlib import Path
from typing import Final, Generic
from urllib.parse import quote, urlencode

import orjson
from pydantic import ValidationError

from callrouter import __version__
from callrouter.api.routes import Route, route_of
from callrouter.errors import CallrouterError
from callrouter.operations.operation import (
    AnswerT,
    Operation,
    Problem,
    RequestT,
    StreamedT,
    StreamOperation,
)

PRODUCT: Final = f"callrouter/{__version__}"
"""What servers and commands call themselves (RFC 9110 section 10.2.4)."""
NOT_UNDERSTOOD: Final = frozenset({"malformed", "no_such_operation"})
"""Codes of problems that a command of the server's own version never causes."""

EVENTS: Final = "text/event-stream"
"""What a stream of server-sent events says it is."""

_CONNECT_SECONDS: Final = 5.0
_CREDENTIALS: Final = struct.Struct("3i")
"""Linux's `struct ucred`: process, user, group."""


class ControlError(CallrouterError):
    """A server that did not answer, or not in a way that this command understands."""


class AskedError(CallrouterError):
    """A request that the server could not carry out. problem: what it said."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.error)
        self.problem = problem


def socket_name(path: Path) -> str:
    """The name that the kernel is given for a socket: it takes no more than 107 bytes."""
    return min(str(path), os.path.relpath(path), key=len)


def ask(
    path: Path,
    operation: Operation[RequestT, AnswerT],
    request: RequestT,
    seconds: float = 10.0,
) -> AnswerT:
    """Ask the server that listens at a path to do something, and return its answer.

    seconds: how long the answer may take. Raises ControlError when there is no server, no answer or
    one of another version, AskedError when it could not do it.
    """
    route = route_of(operation)
    with closing(_Connection(path, seconds)) as connection, _answering(path):
        response = _response(connection, route, request)
        body = response.read()
    return _understood(path, route, response, body)


def follow(
    path: Path,
    operation: StreamOperation[RequestT, StreamedT],
    request: RequestT,
    seconds: float = 10.0,
) -> Iterator[StreamedT]:
    """Ask the server that listens at a path for a stream, and give its answers as they come.

    It ends with the server. seconds: how long the beginning may take. Raises as `ask` does; also
    ControlError when the server breaks off.
    """
    with closing(Followed(path, operation, request, seconds)) as followed:
        yield from followed


class Followed(Generic[StreamedT]):
    """A stream of a server's answers, which has begun; whoever reads it may be stopped.

    Raises as `follow` does, which reads one to its end.
    """

    def __init__(
        self,
        path: Path,
        operation: StreamOperation[RequestT, StreamedT],
        request: RequestT,
        seconds: float = 10.0,
    ) -> None:
        self._path = path
        self._route = route_of(operation)
        self._connection = _Connection(path, seconds)
        # Kept, for HTTP gives a connection's socket away with an answer that ends it.
        self._socket = self._connection.sock
        try:
            with _answering(path):
                self._response = _response(self._connection, self._route, request)
            if self._response.status != 200:
                _understood(path, self._route, self._response, self._response.read())
        except CallrouterError:
            self._connection.close()
            raise
        self._socket.settimeout(None)  # nothing may happen for hours

    def __iter__(self) -> Iterator[StreamedT]:
        with _answering(self._path):
            while line := _next(self._response):
                yield _understood(self._path, self._route, self._response, line)

    def stop(self) -> None:
        """Have whoever reads it come to its end, from any thread."""
        with suppress(OSError):  # the server was first
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let it go."""
        self._response.close()
        self._connection.close()


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    """Say of a server that does not answer, or not by HTTP, what it is. Raises ControlError."""
    try:
        yield
    except (OSError, HTTPException) as error:
        if isinstance(error, BadStatusLine) and not isinstance(error, RemoteDisconnected):
            raise _other_version(path, "one that does not speak HTTP") from error
        raise ControlError(f"the callrouter at {path} did not answer") from error


def _response(
    connection: "_Connection", route: Route[RequestT, AnswerT], request: RequestT
) -> HTTPResponse:
    connection.request(route.method, *_written(route, request))
    return connection.getresponse()


def _next(response: HTTPResponse) -> bytes:
    """The next answer of a stream as JSON, b"" at its end."""
    if response.headers.get_content_type() != EVENTS:
        return response.readline()
    fields: dict[str, bytes] = {}
    while line := response.readline().rstrip(b"\n"):
        name, _, value = line.partition(b": ")
        fields[name.decode()] = value
    if not fields:
        return b""
    said = {name: fields.get(name, b"").decode() for name in ("id", "event")}
    return orjson.dumps({**said, "data": orjson.Fragment(fields.get("data", b"null"))})


def _understood(
    path: Path, route: Route[RequestT, AnswerT], response: HTTPResponse, body: bytes
) -> AnswerT:
    """Read an answer. Raises ControlError when it is of another version, AskedError."""
    server = response.headers.get("Server", "another program")
    try:
        if response.status == 200:
            return route.answer.model_validate_json(body)
        problem = Problem.model_validate_json(body)
    except ValidationError as error:
        raise _other_version(path, server) from error
    if problem.code in NOT_UNDERSTOOD:
        raise _other_version(path, f"{server} and said: {problem.error}")
    raise AskedError(problem)


def watch(path: Path) -> int | None:
    """Open a descriptor that is readable once the server at a path has ended (pidfd_open(2)).

    None when its process cannot be seen from here, as from another container. Raises ControlError
    when there is no server.
    """
    with _connected(path) as sock:
        told = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process: int = _CREDENTIALS.unpack(told)[0]
    try:
        return os.pidfd_open(process)
    except OSError:
        return None


class _Connection(HTTPConnection):
    """Connection to a Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self.sock = _connected(path)
        self.sock.settimeout(seconds)


def _written(route: Route[RequestT, AnswerT], request: RequestT) -> tuple[str, bytes | None]:
    """Target and body of a request."""
    values = request.model_dump(mode="json", exclude_none=True)
    target = route.path.format_map(
        {name: quote(values.pop(name), safe="") for name in route.in_path}
    )
    if route.has_body:
        return target, orjson.dumps(values)
    return f"{target}?{urlencode(values)}" if values else target, None


def _other_version(path: Path, server: str) -> ControlError:
    return ControlError(
        f"the callrouter at {path} is of another version than this command, {PRODUCT}: "
        f"it is {server}"
    )


def _connected(path: Path) -> socket.socket:
    """Connect to the server at a path. Raises ControlError."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(_CONNECT_SECONDS)
        sock.connect(socket_name(path))
    except OSError as error:
        sock.close()
        if isinstance(error, FileNotFoundError | ConnectionRefusedError | TimeoutError):
            raise ControlError(f"no callrouter is listening at {path}") from error
        what = error.strerror or str(error)
        raise ControlError(f"cannot ask the callrouter at {path}: {what}") from error
    return sock
