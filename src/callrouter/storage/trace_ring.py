"""The ring of the SIP trace on disk: the newest messages of all calls, in segments of a folder.

Theory. The event loop appends what the tap shows it to a queue, and that is all that it does. A
thread masks, encodes and writes some dozens of messages at a time, so that it never keeps the loop
from running for long. Segments are numbered files that only grow; when one is full the next begins,
and the oldest go before all together would pass their bound. So nothing has to be rewritten, and
what a killed process leaves is readable as it is.

Rules. A disk that is full or read-only costs the messages of that time, and one line in the log.
What was written in part is cut off again, so that a segment has no bad entry before its end.
"""

import os
import re
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog

from callrouter.call.services.call_events import DialogBegun
from callrouter.call.services.record import CallRecord
from callrouter.metric import Rows, counter
from callrouter.observe.trace.trace_entries import (
    MAGIC,
    Seen,
    TracedCall,
    encode_call,
    encode_messages,
)
from callrouter.private import FILE, own_folder, tighten
from callrouter.sip.flow import Flow
from callrouter.storage.background import Outage, TurnThread

CALLER: Final = "caller"
"""The party of the Call-ID that a call came with."""

_NAME: Final = re.compile(r"trace-([0-9]{12})\.seg")
_SEGMENTS: Final = 16
"""How many share the bound: with the oldest one so much of what is kept goes."""
_LARGEST: Final = 64_000_000
"""Bytes of a segment, which whoever reads takes into memory."""
_GATHER_SECONDS: Final = 0.25
_AT_ONCE: Final = 64
_WAITING_BYTES: Final = 64 * 1024 * 1024
_WAITING_CALLS: Final = 50_000

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class TraceRing:
    """The ring that is written to. Call `start` once and `close` once.

    `seen`, `started`, `begun` and `ended` are for the event loop. written: messages on disk.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        """keep: bytes of all segments together, at most."""
        self.written = 0
        self._folder = folder
        self._keep = keep
        self._segment = min(keep // _SEGMENTS, _LARGEST)
        self._messages: deque[Seen] = deque()
        # Each is counted by one thread alone: what waits is what was put and not taken yet.
        self._put_bytes = 0
        self._taken_bytes = 0
        self._overflowed = 0
        self._overflow_said = 0
        self._refused = 0
        self._calls: deque[tuple[int, str, str, str]] = deque()
        self._dialogs: dict[str, dict[str, str]] = {}  # of the calls that are up
        self._forget = False
        self._fd = -1
        self._size = 0
        self._number = 0
        self._full: deque[tuple[Path, int]] = deque()  # segments before this one, with their sizes
        self._outage = Outage(
            "the SIP trace is not kept: the disk does not take it", "the SIP trace is kept again"
        )
        self._thread = TurnThread("trace", _GATHER_SECONDS, self._turn, self._turn)

    @property
    def lost(self) -> int:
        """Messages that are not in the trace."""
        return self._overflowed + self._refused

    @property
    def failing(self) -> bool:
        """The disk does not take it."""
        return self._outage.on

    def start(self) -> None:
        """Find what earlier processes left, and begin to write. Never raises."""
        try:
            own_folder(self._folder)
            for number, path in segments(self._folder):
                tighten(path, FILE)
                self._full.append((path, path.stat().st_size))
                self._number = number
        except OSError as error:
            self._outage.begin(error)
        self._thread.start()

    def close(self) -> None:
        """Return when all that was seen is on disk, or lost."""
        self._thread.close()
        self._let_go()

    # For the event loop.

    def seen(self, sent: bool, flow: Flow, data: bytes) -> None:
        """A message passes: the driver's tap."""
        put = self._put_bytes + len(data)
        if put - self._taken_bytes < _WAITING_BYTES:
            self._put_bytes = put
            self._messages.append((time.time_ns(), sent, flow, data))
        else:
            self._overflowed += 1

    def started(self, record: CallRecord) -> None:
        """A call was let in."""
        self._put(record.id, record.call_id, CALLER)

    def begun(self, event: DialogBegun) -> None:
        """A dialog of a call has its Call-ID."""
        self._put(event.record.id, event.call_id, event.party)

    def ended(self, record: CallRecord) -> None:
        """A call is over."""
        self._put(record.id, "", "")

    def _put(self, call: str, call_id: str, party: str) -> None:
        if len(self._calls) < _WAITING_CALLS:
            self._calls.append((time.time_ns(), call, call_id, party))
        else:
            self._forget = True

    # For the thread.

    def _turn(self) -> None:
        """Write what has come so far."""
        # Counted before the calls are taken: a dialog is told before its first message is seen.
        waiting = len(self._messages)
        try:
            self._write(self._encoded_calls(), 0)
            for begin in range(0, waiting, _AT_ONCE):
                self._write_some(min(_AT_ONCE, waiting - begin))
        except Exception as error:  # noqa: BLE001  # a bug must not end the thread: others come
            _log.error("internal error in the SIP trace", exc_info=error)

    def _encoded_calls(self) -> bytes:
        if self._forget:  # the end of some is lost, and they would stay here for ever
            self._forget = False
            self._dialogs.clear()
        parts = []
        while self._calls:
            at, call, call_id, party = self._calls.popleft()
            if call_id:
                self._dialogs.setdefault(call, {})[call_id] = party
                known = TracedCall(at, call, False, {call_id: party})
            else:
                known = TracedCall(at, call, True, self._dialogs.pop(call, {}))
            parts.append(encode_call(known))
        return b"".join(parts)

    def _write_some(self, count: int) -> None:
        """Write so many messages, or fewer when they are large."""
        messages = self._messages
        some = [messages.popleft() for _ in range(count)]
        size = sum([len(data) for _, _, _, data in some])
        if size < self._segment:
            self._write(encode_messages(some), count)
        else:
            for one in some:
                self._write(encode_messages([one]), 1)
        self._taken_bytes += size
        if self._overflowed > self._overflow_said:
            self._overflow_said = self._overflowed
            _log.error("SIP trace: too many messages waited", lost_so_far=self.lost)

    def _write(self, entries: bytes, count: int) -> None:
        """Append entries with so many messages, to the next segment when this one is full."""
        if not entries:
            return
        if self._outage.waits:
            self._refused += count
            return
        try:
            if self._fd < 0 or self._size + len(entries) > self._segment or self._gone():
                self._next(len(MAGIC) + len(entries))
            self._append(entries if self._size else MAGIC + entries)
        except OSError as error:
            self._refused += count
            self._outage.begin(error)
        else:
            self.written += count
            self._outage.end()

    def _append(self, data: bytes) -> None:
        """Write all of it or nothing. Raises OSError."""
        try:
            done = os.write(self._fd, data)
            if done < len(data):
                done += os.write(self._fd, data[done:])  # which says why
            if done < len(data):
                raise OSError("a disk that takes less than it is given")
        except OSError:
            try:
                os.ftruncate(self._fd, self._size)
            except OSError:
                self._let_go()
            raise
        self._size += len(data)

    def _gone(self) -> bool:
        """Somebody has deleted the segment."""
        return not os.fstat(self._fd).st_nlink

    def _next(self, size: int) -> None:
        """Begin a segment, and delete the oldest ones first. Raises OSError."""
        self._let_go()
        room = self._keep - max(size, self._segment)
        while self._full and sum(size for _, size in self._full) > room:
            self._full[0][0].unlink(missing_ok=True)
            self._full.popleft()
        own_folder(self._folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(_path(self._folder, self._number + 1), flags, FILE)
        self._number += 1

    def _let_go(self) -> None:
        """Close the segment; it is one of those before the next."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            self._full.append((_path(self._folder, self._number), self._size))
            self._size = 0


def segments(folder: Path) -> Iterable[tuple[int, Path]]:
    """The segments of a folder with their numbers, the oldest first. Raises OSError."""
    return sorted(
        (int(found[1]), path)
        for path in folder.iterdir()
        if (found := _NAME.fullmatch(path.name)) is not None
    )


def _path(folder: Path, number: int) -> Path:
    return folder / f"trace-{number:012}.seg"


METRICS: Final[Rows[TraceRing | None]] = (
    counter(
        "callrouter_traced_messages",
        "Each SIP message that was written to the trace counts one; 0 for ever without `trace`.",
        lambda it: 0 if it is None else it.written,
    ),
    counter(
        "callrouter_traced_messages_lost",
        "Each SIP message that the trace is without counts one, since the disk did not take it or "
        "was too slow; calls go on.",
        lambda it: 0 if it is None else it.lost,
    ),
)
