"""Client of a running server's socket, as the commands use it."""

import os
import socket
import struct
from pathlib import Path
from typing import Any, Final

import orjson

from callrouter.errors import CallrouterError
from callrouter.operations.requests import AnyRequest

_CHUNK: Final = 65536
_CONNECT_SECONDS: Final = 5.0
_CREDENTIALS: Final = struct.Struct("3i")
"""Linux's `struct ucred`: process, user, group."""


class ControlError(CallrouterError):
    """A server that did not answer."""


class AskedError(CallrouterError):
    """A request that the server could not carry out. answer: all that it said."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer.get("error", "refused")))
        self.answer = answer


def socket_name(path: Path) -> str:
    """The name that the kernel is given for a socket: it takes no more than 107 bytes."""
    return min(str(path), os.path.relpath(path), key=len)


def ask(path: Path, request: AnyRequest, seconds: float = 10.0) -> dict[str, Any]:
    """Ask the server that listens at a path and return its answer.

    seconds: how long the answer may take. Raises ControlError when there is no server or no answer,
    AskedError when it could not do it.
    """
    with _connected(path) as sock:
        try:
            sock.settimeout(seconds)
            sock.sendall(orjson.dumps(request.model_dump()) + b"\n")
            line = b"".join(iter(lambda: sock.recv(_CHUNK), b""))
            answer: dict[str, Any] = orjson.loads(line)
        except (OSError, orjson.JSONDecodeError) as error:
            raise ControlError(f"the callrouter at {path} did not answer") from error
    if not answer.get("ok"):
        raise AskedError(answer)
    return answer


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
