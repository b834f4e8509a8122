"""Structured logs: JSON lines, or text to read at a terminal.

Everyone logs by `structlog.get_logger()`; the two lines of each call take the same way without
structlog's own share of it, which is three quarters of a line's cost. What is logged waits in a
queue until a thread of this module renders and writes all of it, five times a second, and at once
when a warning or an error is among it: no call waits for a terminal that is paused or a pipe that
nobody reads. So a value that is logged must not change afterwards.

What a peer wrote may be in any value, so no value can end a line or move a cursor: everything that
is not printable is written as an escape. Passwords and keys are never given to a logger at all.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal

import orjson
import structlog

from callrouter.printable import printable

Render = Callable[[str, str, str, dict[str, Any]], bytes]
"""(time, level, event, fields) to one line."""

_DEBUG: Final = 10
_INFO: Final = 20
_WARNING: Final = 30
LEVELS: Final = {"debug": _DEBUG, "info": _INFO, "warning": _WARNING, "error": 40}
_FLUSH_SECONDS: Final = 0.2
_LINES_AT_ONCE: Final = 200
_LINES_WAITING: Final = 50_000
"""At most, while nobody reads them; what comes after is dropped and counted."""


class Log:
    """The log, where all lines go. fd: the file descriptor to write to. level: a key of LEVELS."""

    def __init__(self, render: Render, level: str, fd: int) -> None:
        self.dropped = 0  # lines since the last that could be written
        self._render = render
        self._least = LEVELS[level]
        self._fd = fd
        self._waiting: deque[tuple[float, str, str, dict[str, Any]]] = deque()
        self._unwritten = b""  # rendered, but not yet taken by who reads
        self._stamp = (0, "")  # the second, and how it is written
        self._flushing = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._flusher = threading.Thread(target=self._run, name="log", daemon=True)
        self._flusher.start()

    @property
    def informs(self) -> bool:
        """Whether lines of the level info are written: who has one for each call asks before."""
        return self._least <= _INFO

    def debug(self, event: str, **fields: Any) -> None:
        """Log what only someone who looks for a fault wants to see."""
        if self._least <= _DEBUG:
            self._line("debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Log what went as it should."""
        if self._least <= _INFO:
            self._line("info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Log what someone should look at; the line goes out at once."""
        if self._least <= _WARNING:
            self._line("warning", event, fields)
            self._wake.set()

    def error(self, event: str, **fields: Any) -> None:
        """Log what someone has to mend; the line goes out at once."""
        self._line("error", event, fields)
        self._wake.set()

    def critical(self, event: str, **fields: Any) -> None:
        """Log as `error` does; structlog has both."""
        self.error(event, **fields)

    def flush(self) -> None:
        """Write what has gathered, as much as the reader takes. From any thread; may block."""
        with self._flushing:
            while self._unwritten or self._waiting:
                count = 0 if self._unwritten else min(_LINES_AT_ONCE, len(self._waiting))
                self._unwritten += b"".join(
                    self._render(self._time(now), level, event, fields)
                    for now, level, event, fields in (self._waiting.popleft() for _ in range(count))
                )
                try:
                    done = os.write(self._fd, self._unwritten)
                except BlockingIOError:
                    return
                except OSError:  # nobody will ever read them: the terminal or the pipe is gone
                    done = len(self._unwritten)
                self._unwritten = self._unwritten[done:]
            dropped, self.dropped = self.dropped, 0
        if dropped:
            self.warning("log lines dropped: nobody read them", count=dropped)

    def close(self) -> None:
        """Write the rest and stop; lines that come later are not written.

        A reader that takes nothing is waited for a second, not for ever.
        """
        self._closing = True
        self._wake.set()
        self._flusher.join(timeout=1.0)

    def _line(self, level: str, event: str, fields: dict[str, Any]) -> None:
        if "exc_info" in fields:
            _explain(fields)
        if len(self._waiting) < _LINES_WAITING:
            self._waiting.append((time.time(), level, event, fields))
        else:
            self.dropped += 1

    def _time(self, now: float) -> str:
        second, stamp = self._stamp
        if second != int(now):
            second = int(now)
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._stamp = (second, stamp)
        # Compiled, a format inside an f-string takes as long as all the rest of a line.
        return f"{stamp}.{format(int((now - second) * 1000), '03d')}Z"

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(_FLUSH_SECONDS)
            self._wake.clear()
            self.flush()
        self.flush()


def open_log(format: Literal["json", "text"], level: str, fd: int = 2) -> Log:
    """Send all lines, structlog's too, to `fd` from now on; `close` what is returned at exit."""
    log = Log(render_json if format == "json" else render_text, level, fd)
    structlog.configure(
        processors=[],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: log,
        cache_logger_on_first_use=False,
    )
    return log


def render_json(time: str, level: str, event: str, fields: dict[str, Any]) -> bytes:
    """One JSON object in one line."""
    entry = {"time": time, "level": level, "event": event, **fields}
    try:
        line = orjson.dumps(entry, default=str, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # text that is not Unicode, or an integer past 64 bits
        return json.dumps(entry, default=str).encode() + b"\n"
    # JSON escapes what ASCII has of control characters; Unicode has more of them.
    return line if line.isascii() else printable(line[:-1].decode()).encode() + b"\n"


def render_text(time: str, level: str, event: str, fields: dict[str, Any]) -> bytes:
    """One line for people, then the traceback, if there is one, indented."""
    trace = fields.pop("exception", None)
    words = [time, f"{level:7}", printable(event)]
    words += [f"{key}={_quoted(str(value))}" for key, value in fields.items()]
    lines = [" ".join(words)]
    if trace is not None:
        lines += [f"    {printable(line)}" for line in str(trace).split("\n")]
    return ("\n".join(lines) + "\n").encode()


def _quoted(value: str) -> str:
    if value.isprintable() and value and not any(char in value for char in ' "='):
        return value
    value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{printable(value)}"'


def _explain(fields: dict[str, Any]) -> None:
    """Replace `exc_info`, in each form that structlog allows, by the traceback's text."""
    given = fields.pop("exc_info")
    if isinstance(given, BaseException):
        error: BaseException | None = given
    elif isinstance(given, tuple):
        error = given[1]
    else:
        error = sys.exception() if given else None
    if error is not None:
        fields["exception"] = "".join(traceback.format_exception(error)).rstrip("\n")
