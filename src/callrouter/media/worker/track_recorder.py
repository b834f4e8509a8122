"""Recorder of tracks: PJSIP writes each, and here it is ended, checked and given its name.

PJSIP's writer says nothing when the disk is full, and it closes the file some time after it was
told to. So the tracks are looked at until their headers are right, and what they hold is compared
with the time that has passed. Until then the file has another name: who sees the name sees all of
it.

Rule. Whatever the disk does not let us do ends in the report, as `fault`, and never goes further:
the worker has other calls. What is on disk by then stays there, for the archive to find.
"""

import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import pjsua2 as pj

from callrouter.media.sounds import wav

_CLOSE_SECONDS: Final = 2.0
"""How long PJSIP may take to close a track; a bridge's turn is 20 ms."""

_SHORT_MS: Final = 300
"""A recording that lacks more than this has lost something."""

_QUIET: Final = 5
"""PJSIP's level up to which a party says nothing: an average amplitude of 120 (-49 dBFS). Speech
has 13 to 25."""

_LEAST_SOUND: Final = 0.1
"""Seconds of sound under which nothing was said: a click of the line is no word."""

_JOIN_SAMPLES: Final = 80_000
"""As many of each track are joined at a time: 10 s of speech, in 2 ms."""


class TrackRecorder:
    """Recording to one file. session: whose it is. other: a second session in it, or "".

    began: it is being written. why: "" until it is told to end.
    """

    def __init__(
        self,
        session: str,
        file: Path,
        *,
        other: str,
        stereo: bool,
        max_seconds: float,
        silence_seconds: float,
    ) -> None:
        self.session = session
        self.other = other
        self.why = ""
        self._file = file
        self._max = max_seconds
        self._silence = silence_seconds
        sides = ("left", "right") if stereo else ("all",)
        self._parts = [file.with_name(f".{file.stem}.{side}.part.wav") for side in sides]
        self._joined = file.with_name(f".{file.stem}.both.part.wav")
        self._recorders: list[Any] = []
        self._start = self._noise = self._end = 0.0
        self._join: Iterator[None] | None = None
        self._complete = False
        self._ms = 0
        self._fault = ""
        self._sound = 0.0
        self._looked = 0.0

    @property
    def began(self) -> bool:
        """Its tracks are or were written."""
        return self._start > 0.0

    @property
    def recorders(self) -> int:
        """PJSIP's recorders that are open."""
        return len(self._recorders)

    def report(self) -> dict[str, Any]:
        """What the pool is told when `step` is through."""
        return {
            "do": "recorded",
            "session": self.session,
            "file": str(self._file),
            "ms": self._ms,
            "complete": self._complete,
            "why": self.why,
            "fault": self._fault,
            "quiet": self._sound < _LEAST_SOUND,
        }

    def begin(self, silence: Any) -> None:
        """Open the tracks. Raises pj.Error, and OSError when nothing can be written there.

        silence: a source that never ends: without one a track stops while its party is on hold.
        """
        for part in self._parts:
            # PJSIP would say no more than that it could not.
            part.open("wb").close()
        self._recorders = [_recorder(part) for part in self._parts]
        self._start = self._noise = time.monotonic()
        for recorder in self._recorders:
            silence.startTransmit(recorder)

    def track(self, *, second: bool) -> Any:
        """Where the session, or the second one, is to be transmitted to."""
        return self._recorders[-1 if second else 0]

    def due(self, level: int, now: float) -> str:
        """Why it is to end now, or "". level: of the loudest party, as PJSIP measures it."""
        before, self._looked = self._looked, now
        if level > _QUIET:
            self._sound += now - (before or now)
            self._noise = now
        if self._max and now - self._start >= self._max:
            return "limit"
        if self._silence and now - self._noise >= self._silence:
            return "silence"
        return ""

    def end(self, why: str, fault: str = "") -> None:
        """Write no more. fault: why it could not be begun."""
        self.why = why
        self._fault = fault
        self._end = time.monotonic()
        # The last references: pjsua2 takes them out of the bridge, which closes the files.
        self._recorders.clear()

    def step(self, now: float) -> bool:
        """Do a little of what is left to do after `end`; True when all is done."""
        try:
            if not self.began:
                # Of two tracks one may have been opened.
                self._remove(*self._parts)
                return True
            if self._join is None:
                closed = all(wav.is_closed(part) for part in self._parts)
                if not closed and now < self._end + _CLOSE_SECONDS:
                    return False
                self._join = self._finish(closed)
            next(self._join)
        except StopIteration:
            return True
        except OSError as error:
            # The disk is full or the folder is gone: the recording is said to be broken.
            self._complete = False
            self._fault = _said(error)
            self._remove(self._joined)
            return True
        return False

    def _finish(self, closed: bool) -> Iterator[None]:
        """Check the tracks, join them, and give the file its name. Raises OSError."""
        lengths = [wav.samples(part) for part in self._parts]
        self._ms = max(lengths) * 1000 // wav.RATE
        short = int((self._end - self._start) * 1000) - min(lengths) * 1000 // wav.RATE
        whole = self._parts[0]
        if len(self._parts) == 2:
            whole = self._joined
            with whole.open("wb") as file:
                yield from _interleave(file, self._parts, max(lengths))
        whole.chmod(0o640)
        whole.replace(self._file)
        self._remove(*self._parts, self._joined)
        self._complete = closed and short <= _SHORT_MS
        if not self._complete:
            self._fault = self._fault or f"{max(short, 0)} ms are missing"

    def _remove(self, *files: Path) -> None:
        """Take away what is left under other names; what cannot be taken away stays."""
        for file in files:
            try:
                file.unlink(missing_ok=True)
            except OSError as error:
                self._fault = self._fault or _said(error)


def _said(error: OSError) -> str:
    return str(error.strerror or error)


def _recorder(part: Path) -> Any:
    recorder = pj.AudioMediaRecorder()
    recorder.createRecorder(str(part))
    return recorder


def _interleave(file: BinaryIO, parts: list[Path], samples: int) -> Iterator[None]:
    """Write two tracks as one of two channels, a part of it at each step."""
    file.write(wav.header(samples, channels=2))
    with parts[0].open("rb") as left, parts[1].open("rb") as right:
        for at in range(0, samples, _JOIN_SAMPLES):
            count = min(_JOIN_SAMPLES, samples - at)
            both = array("h", bytes(4 * count))
            both[0::2] = wav.read(left, at, count)
            both[1::2] = wav.read(right, at, count)
            file.write(both.tobytes())
            yield
    file.flush()
