"""Starts `python -m callrouter` by a fork of a process that has imported what a server imports.

Theory. To start, a server takes a second of the processor, most of it for imports; and the tests
start hundreds. The fork is a process of its own that shares only the imports: it runs the program
from `__main__` on, in its own folder and with its own standard files, and is a child of whoever
started it. What differs is that it may use what another part has imported. So programs are started
where times and memory are measured, where the compiled wheel is tested, and in surroundings of
their own: other variables, limits or rights, a session, a terminal.

`install` puts this behind `subprocess`, so that no test knows of it.
"""

import ctypes
import json
import os
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

_PROGRAM: Final = [sys.executable, "-m", "callrouter"]
_SCRIPT: Final = Path(__file__).with_name("forked_programs_process.py")
_PR_SET_CHILD_SUBREAPER: Final = 36
_LIMITS: Final = [number for name, number in vars(resource).items() if name.startswith("RLIMIT_")]
_TEST: Final = "PYTEST_CURRENT_TEST"

# What `Popen` has for `_execute_child` when nobody asked for anything special.
_PLAIN: Final = {
    **dict.fromkeys(("executable", "preexec_fn", "gid", "gids", "uid")),
    **dict.fromkeys(("shell", "start_new_session"), False),
    **dict.fromkeys(("umask", "process_group"), -1),
    **dict.fromkeys(("close_fds", "restore_signals"), True),
    "pass_fds": (),
}
_ARGUMENTS: Final = subprocess.Popen._execute_child.__code__.co_varnames[1:]  # type: ignore[attr-defined]


class Started(subprocess.Popen[bytes]):
    """A program that is started, as Python does it."""


class _Forks:
    """The process that is forked, which is started for the first program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._surroundings = _surroundings()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._process: Started | None = None
        self._channel, self._theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)

    def fit(self) -> bool:
        """Whether who starts a program now is as they were when the tests began."""
        return self._surroundings == _surroundings()

    def fork(self, words: list[str], cwd: str, files: list[int]) -> int:
        """Start a program; its number. files: its standard ones."""
        with self._lock:
            if self._process is None:
                with self._theirs as theirs:
                    argv = [sys.executable, _SCRIPT]
                    self._process = Started(argv, stdin=theirs, stdout=subprocess.DEVNULL)
            # The child of a child that has ended becomes ours, for we take orphans now.
            self._take_orphans(1)
            try:
                socket.send_fds(self._channel, [json.dumps([words, cwd]).encode()], files)
                pid = int(self._channel.recv(64))
            finally:
                self._take_orphans(0)
        return pid

    def _take_orphans(self, on: int) -> None:
        if self._libc.prctl(_PR_SET_CHILD_SUBREAPER, on, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


def _usual(env: Any) -> bool:
    return env is None or env == os.environ


def _surroundings() -> object:
    """What a process has of whoever started it."""
    return (
        {name: value for name, value in os.environ.items() if name != _TEST},
        [resource.getrlimit(number) for number in _LIMITS],
        os.getresuid(),
        os.getresgid(),
        os.getpriority(os.PRIO_PROCESS, 0),
        os.sched_getaffinity(0),
        Path("/proc/self/status").read_text(encoding="ascii").partition("Umask:")[2][:6],
    )


_forks: Final = _Forks()


class Forked(subprocess.Popen[Any]):
    """A program that is forked, or started where that is not the same."""

    def _execute_child(self, *values: Any) -> None:
        asked = dict(zip(_ARGUMENTS, values, strict=False))
        words = asked["args"]
        if isinstance(words, str | bytes | os.PathLike) or list(words[:3]) != _PROGRAM:
            return self._execute(values)
        files = [
            own if given == -1 else given
            for own, given in enumerate((asked["p2cread"], asked["c2pwrite"], asked["errwrite"]))
        ]
        plain = all(asked[name] == value for name, value in _PLAIN.items())
        if not plain or not _usual(asked["env"]) or any(map(os.isatty, files)) or not _forks.fit():
            return self._execute(values)
        self.pid = _forks.fork(
            [os.fsdecode(word) for word in words], os.path.abspath(asked["cwd"] or ""), files
        )
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(asked[name] for name in pipes))  # type: ignore[attr-defined]
        return None

    def _execute(self, values: tuple[Any, ...]) -> None:
        super()._execute_child(*values)  # type: ignore[misc]


def install() -> None:
    """From now on programs of ours are forked."""
    subprocess.Popen = Forked  # type: ignore[misc]
