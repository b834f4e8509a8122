"""Loader of a dialplan that another process compiles, without the event loop noticing.

Theory: what costs is then only to build the objects again from the pickle, about a second for
100,000 numbers. The unpickler asks its file for 64 KB at a time, and the file is ours: each time,
the thread gives way (see `yielding`). The collector would stop the world to look at a million new
objects; it is off meanwhile and told afterwards that they are here to stay. An old dialplan would
go in one step of C when its last reference does; `let_go` makes many small ones of it.
"""

import gc
import os
import pickle
import subprocess
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from callrouter.errors import CallrouterError, ConfigError
from callrouter.operations.reload import pickled_dialplan as parts
from callrouter.operations.reload.yielding import Pace
from callrouter.route.rules.compiled_dialplan import Dialplan

_PROCESS: Final = "callrouter.operations.reload.compile_process"
_SLICE: Final = 256
"""Values let go at once, well under a millisecond."""


class LoadError(CallrouterError):
    """A compile process that did not come to its end."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Loaded:
    """A dialplan, and the fingerprints of its numbers in their order."""

    dialplan: Dialplan
    prints: "array[int]"


class Loader:
    """Loader of one dialplan at a time, in whatever thread calls.

    prompts: the folder where the sounds of a dialplan are kept, None to make none. closed: it loads
    no more.
    """

    def __init__(self, prompts: Path | None = None) -> None:
        self._prompts = prompts
        self._process: subprocess.Popen[bytes] | None = None
        self.closed = False

    def load(self, path: Path) -> Loaded:
        """Read and compile a dialplan.

        Raises ConfigError with every mistake, LoadError when the process ended before its time.
        """
        # -P: a file of the working directory must not be taken for a module.
        argv = [sys.executable, "-P", "-m", _PROCESS, str(path)]
        if self._prompts is not None:
            argv.append(str(self._prompts))
        try:
            started = subprocess.Popen(  # noqa: S603 - all of it is our own
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,  # CTRL-C at the server's terminal is not for it
            )
        except OSError as error:
            raise LoadError(f"the dialplan was not compiled: {error}") from error
        with started as process:
            self._process = process
            if self.closed:
                process.kill()
            try:
                assert process.stdout is not None  # noqa: S101 - asked for above
                return _take_over(process.stdout.fileno())
            except (EOFError, pickle.UnpicklingError, OSError) as error:
                code = process.wait()
                why = "the server is stopping" if self.closed else f"exit code {code}"
                raise LoadError(f"the dialplan was not compiled: {why}") from error
            finally:
                self._process = None
                process.kill()

    def close(self) -> None:
        """Load no more; a load in progress fails. From any thread."""
        self.closed = True
        process = self._process
        if process is not None:
            process.kill()


def let_go(last: list[Dialplan], pace: Pace) -> None:
    """Let go of the dialplan that the list holds, which should be the last reference to it."""
    many = parts.values(last[0])
    last.clear()
    while many:
        del many[-_SLICE:]
        pace.step()


def _take_over(fd: int) -> Loaded:
    pace = Pace()
    file: Any = _PacedFile(fd, pace)
    diagnostics = pickle.load(file)  # noqa: S301 - written by a process of ours
    if diagnostics:
        raise ConfigError(diagnostics)
    gc.collect(0)  # or the young garbage would be frozen with the rest
    gc.disable()
    try:
        dialplan = parts.read(file)
        prints: array[int] = pickle.load(file)  # noqa: S301 - as above
        gc.freeze()
    finally:
        gc.enable()
    return Loaded(dialplan=dialplan, prints=prints)


class _PacedFile:
    """A pipe as the unpickler reads it, with a step of the pace before each piece."""

    def __init__(self, fd: int, pace: Pace) -> None:
        self._fd = fd
        self._pace = pace

    def read(self, size: int) -> bytes:
        """Give so many bytes; fewer only at the end."""
        self._pace.step()
        pieces = []
        while size > 0 and (piece := os.read(self._fd, size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def readline(self) -> bytes:
        """Give a line; only the oldest of pickle's opcodes ask for one."""
        line = b""
        while not line.endswith(b"\n") and (byte := os.read(self._fd, 1)):
            line += byte
        return line
