"""The Unix socket that operators ask a running server by: a file that only its user may open."""

import os
import socket
from pathlib import Path
from typing import Final

from callrouter.api.client import socket_name
from callrouter.api.http_service import HttpService
from callrouter.errors import CallrouterError
from callrouter.operations.operation import RunningServer

_MODE: Final = 0o600


class SocketError(CallrouterError):
    """A socket that cannot be listened on."""


class ControlListener:
    """Listener at a path, which is made with its folder and removed at the end."""

    def __init__(self, path: Path, running: RunningServer) -> None:
        self._path = path
        self._service = HttpService(running)
        self._listens = False

    async def start(self) -> None:
        """Listen. Raises SocketError, also when another server listens there."""
        sock = _bind(self._path)
        self._listens = True
        await self._service.start(sock)

    async def close(self) -> None:
        """Listen no more."""
        if self._listens:
            self._path.unlink(missing_ok=True)
            await self._service.close()


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
