"""Reading the SIP trace: the messages of one call from the segments of a folder.

There is no index. A call's ids are looked for in the bytes of each segment first, at the speed of
memory; only a segment that has one of them is read entry by entry. The segments may be written to
and deleted meanwhile, by a server that knows nothing of whoever reads.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from callrouter.errors import CallrouterError
from callrouter.observe.trace.call_trace import CallTrace
from callrouter.observe.trace.trace_entries import MAGIC, TracedCall, TracedMessage, decode
from callrouter.storage.trace_ring import segments

_END: Final = 1 << 62


class TraceError(CallrouterError):
    """A trace that cannot be read, or has nothing of a call."""


class TraceReader:
    """The reader of one call's messages: those so far, then those that came since."""

    def __init__(self, folder: Path, trace: CallTrace) -> None:
        self._folder = folder
        self._trace = trace
        self._read_to: dict[Path, int] = {}

    def history(self) -> list[TracedMessage]:
        """The messages of the call so far. Raises TraceError, also when there are none."""
        trace = self._trace
        paths = self._segments()
        # A leg's Call-ID leads to the call, and the call to its other legs.
        for _ in range(2):
            ids = [one.encode(errors="surrogateescape") for one in sorted(trace.calls)]
            for path in paths:
                for entry in self._entries(path, [*ids, *trace.names()]):
                    if isinstance(entry, TracedCall):
                        trace.learn(entry)
        found = self._messages(paths, trace.names())
        for path in paths[:-1]:  # nothing comes to these any more
            self._read_to[path] = _END
        if not found:
            why = "its messages are older than all that is kept" if trace.known else "no such id"
            raise TraceError(f"there is no trace of {trace.wanted}: {why}")
        return found

    def news(self) -> list[TracedMessage]:
        """The messages that came since. Raises TraceError."""
        return self._messages(self._segments(), [])

    def _messages(self, paths: list[Path], names: list[bytes]) -> list[TracedMessage]:
        """The call's own of what was not read yet."""
        found = []
        for path in paths:
            for entry in self._entries(path, names, mark=True):
                if isinstance(entry, TracedCall):
                    self._trace.learn(entry)
                elif self._trace.party(entry):
                    found.append(entry)
        return found

    def _segments(self) -> list[Path]:
        try:
            return [path for _, path in segments(self._folder)]
        except OSError as error:
            why = error.strerror
            raise TraceError(f"the trace folder {self._folder} cannot be read: {why}") from error

    def _entries(
        self, path: Path, names: list[bytes], *, mark: bool = False
    ) -> Iterator[TracedCall | TracedMessage]:
        """The entries of a segment from where it was read to, if it has one of the names.

        mark: it is read to the last of them afterwards.
        """
        start = self._read_to.get(path, 0)
        try:
            with path.open("rb") as file:
                if not start and file.read(len(MAGIC)) != MAGIC:
                    return  # nothing is in it yet, or what a later version wrote
                start = start or len(MAGIC)
                file.seek(start)
                data = file.read()
        except FileNotFoundError:  # the ring has come round
            return
        except OSError as error:
            raise TraceError(f"{path} cannot be read: {error.strerror}") from error
        if names and not any(name in data for name in names):
            return
        end = 0
        for entry, behind in decode(data, 0):
            end = behind
            yield entry
        if mark:
            self._read_to[path] = start + end
