"""Asks a running server, as the commands do."""

import os
import socket
from pathlib import Path
from typing import Any, Final

import orjson

from callrouter.control.requests import AnyRequest
from callrouter.errors import CallrouterError

_CHUNK: Final = 65536
_CONNECT_SECONDS: Final = 5.0


class ControlError(CallrouterError):
    """No server answered."""


class AskedError(CallrouterError):
    """The server could not do what was asked. answer: all that it said."""

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
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.settimeout(_CONNECT_SECONDS)
            sock.connect(socket_name(path))
        except (FileNotFoundError, ConnectionRefusedError, TimeoutError) as error:
            raise ControlError(f"no callrouter is listening at {path}") from error
        except OSError as error:
            what = error.strerror or str(error)
            raise ControlError(f"cannot ask the callrouter at {path}: {what}") from error
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
