"""The socket that operators ask a running server by: one request a connection, one answer.

It is a file that only the server's user may open. What comes over it cannot hold calls up: requests
and connections are bounded, one request is carried out at a time, and who does not read or write is
dropped.
"""

import asyncio
import os
import socket
from pathlib import Path
from typing import Final

import orjson
from pydantic import ValidationError

from callrouter.api.client import socket_name
from callrouter.errors import CallrouterError
from callrouter.operations.dispatch import Answer, Dispatcher
from callrouter.operations.requests import MAX_BYTES, READER

_CONNECTIONS: Final = 16
_READ_SECONDS: Final = 5.0
_WRITE_SECONDS: Final = 10.0
_LINGER_SECONDS: Final = 1.0
_MODE: Final = 0o600


class SocketError(CallrouterError):
    """A socket that cannot be listened on."""


class ControlListener:
    """Listener at a path, which is made with its folder and removed at the end."""

    def __init__(self, path: Path, dispatcher: Dispatcher) -> None:
        self._path = path
        self._dispatcher = dispatcher
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self) -> None:
        """Listen. Raises SocketError, also when another server listens there."""
        self._server = await asyncio.start_unix_server(
            self._serve, sock=_bind(self._path), limit=MAX_BYTES
        )

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > _CONNECTIONS:
                answer: Answer = {"ok": False, "error": "too many commands at the same time"}
            else:
                answer = await self._answer(reader)
            writer.write(orjson.dumps(answer) + b"\n")
            async with asyncio.timeout(_WRITE_SECONDS):
                await writer.drain()
            # What is not read when a socket is closed takes the answer with it.
            writer.write_eof()
            async with asyncio.timeout(_LINGER_SECONDS):
                while await reader.read(MAX_BYTES):
                    pass
        except (OSError, TimeoutError):
            writer.transport.abort()  # gone, or it does not read
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                line = await reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, TimeoutError):
            return {"ok": False, "error": "expected a line with a request"}
        except asyncio.LimitOverrunError:
            return {"ok": False, "error": f"the request is longer than {MAX_BYTES} bytes"}
        try:
            request = READER.validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            return {"ok": False, "error": f"not a request: {place}: {first['msg']}"}
        return await self._dispatcher.answer(request)


def _bind(path: Path) -> socket.socket:
    """Bind a socket at a path that only its owner may open; nobody can connect before `listen`."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _answers(path):
            raise SocketError(f"another callrouter is listening at {path}")
        if path.is_socket():
            path.unlink()  # of one that was killed
        sock.bind(socket_name(path))
        os.chmod(path, _MODE)
    except OSError as error:
        sock.close()
        what = error.strerror or str(error)
        raise SocketError(f"cannot listen at {path}: {what}") from error
    except SocketError:
        sock.close()
        raise
    return sock


def _answers(path: Path) -> bool:
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(socket_name(path))
        except OSError:
            return False
        return True
