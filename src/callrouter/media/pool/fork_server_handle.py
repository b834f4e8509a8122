"""Fork server (the nursery), seen from the pool: all workers are forked from this process.

It needs PJSIP's wheel and nothing else that is not Python's own. That wheel ends at Python 3.12, so
another interpreter than ours may run it, and is given our package alone: what else is installed
beside us was built for us.
"""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, Protocol

import callrouter
from callrouter.media.protocol import LineBuffer, encode

_ENVIRONMENT: Final = ("PATH", "LD_LIBRARY_PATH")
"""All that it gets of ours: there may be secrets in the rest."""
_OUR_ENVIRONMENT: Final = (*_ENVIRONMENT, "PYTHONPATH")
"""The same for our own interpreter; another one's modules are elsewhere."""
_PACKAGE: Final = Path(callrouter.__file__).parent
_SERVER: Final = "callrouter.media.worker.fork_server"
_START: Final = f"""\
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location(
    "callrouter", {str(_PACKAGE / "__init__.py")!r}, submodule_search_locations=[{str(_PACKAGE)!r}]
)
sys.modules["callrouter"] = module_from_spec(spec)
from {_SERVER} import main
main()
"""
_OTHERS: Final = ("python3.12", "python3.11")
"""By what names interpreters are found for which there is a wheel and which can read our code."""
_READ_BYTES: Final = 65536
_SAYING_BYTES: Final = 2000
_END_SECONDS: Final = 3.0


class Parent(Protocol):
    """Listener to the nursery: the pool."""

    def awake(self) -> None:
        """It can fork workers."""

    def missing_library(self, why: str) -> None:
        """There is no pjsua2, so there will be no workers."""

    def started(self, name: str, pid: int) -> None:
        """A worker was forked."""

    def exited(self, name: str, status: int) -> None:
        """A worker ended. status: its exit code, or a signal's negative number."""

    def said(self, text: str) -> None:
        """It or a worker wrote to stderr."""

    def nursery_died(self) -> None:
        """There is no nursery any more; its workers may live on."""


def interpreters() -> list[str]:
    """The interpreters that may run workers, in the order in which they are tried.

    Our own, that of an environment beside ours whose name ends in `-media`, and those on the PATH.
    """
    others = (shutil.which(name) for name in (f"{sys.prefix}-media/bin/python", *_OTHERS))
    return list(dict.fromkeys((sys.executable, *filter(None, others))))


class ForkServerHandle:
    """Handle of a nursery process from its start on. Raises OSError when it cannot be started.

    python: the interpreter that runs it.
    """

    def __init__(self, parent: Parent, python: str) -> None:
        self.python = python
        self._parent = parent
        self._loop = asyncio.get_running_loop()
        self._lines = LineBuffer()
        self.born = self._loop.time()
        self._stderr, stderr = os.pipe()
        try:
            self._channel, theirs = socket.socketpair()
        except OSError:
            os.close(self._stderr)
            os.close(stderr)
            raise
        try:
            # -P: a file of the working directory must not be taken for a module.
            own = python == sys.executable
            self._process = subprocess.Popen(  # noqa: S603  # it is ours, or what the settings name
                [python, "-P", *(("-m", _SERVER) if own else ("-c", _START))],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={
                    name: os.environ[name]
                    for name in (_OUR_ENVIRONMENT if own else _ENVIRONMENT)
                    if name in os.environ
                },
                start_new_session=True,  # CTRL-C at the server's terminal is not for it
            )
        except OSError:
            self._channel.close()
            os.close(self._stderr)
            raise
        finally:
            theirs.close()
            os.close(stderr)
        self._channel.setblocking(False)
        os.set_blocking(self._stderr, False)
        self._loop.add_reader(self._channel, self._on_readable)
        self._loop.add_reader(self._stderr, self._on_stderr)

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def spawn(self, config: dict[str, Any], channel: socket.socket) -> bool:
        """Ask for a worker; False when the nursery does not listen."""
        line = encode(config)
        try:
            return socket.send_fds(self._channel, [line], [channel.fileno()]) == len(line)
        except (BlockingIOError, ConnectionError):
            return False

    def kill(self) -> None:
        """End it now; `nursery_died` follows."""
        self._process.kill()

    async def close(self) -> None:
        """End it with all its workers, and wait for that."""
        self._close_channel()
        try:
            await asyncio.to_thread(self._process.wait, _END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)
        self._close_stderr()

    def reap(self) -> bool:
        """Say whether the process is gone, and take its exit status from the kernel."""
        if self._process.poll() is None:
            return False
        self._close_stderr()
        return True

    def _on_readable(self) -> None:
        try:
            data = self._channel.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._close_channel()
            self._process.kill()
            self._parent.nursery_died()
            return
        for message in self._lines.feed(data):
            self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"awake": True}:
                self._parent.awake()
            case {"missing": str(why)}:
                self._parent.missing_library(why)
            case {"started": str(name), "pid": int(pid)}:
                self._parent.started(name, pid)
            case {"exited": str(name), "status": int(status)}:
                self._parent.exited(name, status)

    def _on_stderr(self) -> None:
        data = os.read(self._stderr, _SAYING_BYTES)
        if data:
            self._parent.said(data.decode(errors="replace").strip())
        else:
            self._close_stderr()

    def _close_channel(self) -> None:
        if self._channel.fileno() >= 0:
            self._loop.remove_reader(self._channel)
            self._channel.close()

    def _close_stderr(self) -> None:
        if self._stderr >= 0:
            self._loop.remove_reader(self._stderr)
            os.close(self._stderr)
            self._stderr = -1
