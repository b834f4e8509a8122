"""WAV files as PJSIP writes them and plays them best: 8 kHz, 16 bit, a header of 44 bytes."""

import struct
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import IO, BinaryIO, Final

RATE: Final = 8000
"""Samples per second."""

_HEADER: Final = 44
_RIFF: Final = struct.Struct("<4sI")


def header(samples: int, *, channels: int) -> bytes:
    """Of a file of so many samples in each channel."""
    frame = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(b"RIFF", 36 + samples * frame, b"WAVE", b"fmt ", 16),
        *(1, channels, RATE, RATE * frame, frame, 16, b"data", samples * frame),
    )


def is_closed(file: Path) -> bool:
    """Its header was completed and says as much as there is. Raises OSError."""
    with file.open("rb") as opened:
        start = opened.read(_RIFF.size)
    return len(start) == _RIFF.size and _RIFF.unpack(start)[1] == file.stat().st_size - _RIFF.size


def samples(file: Path) -> int:
    """How many a file of one channel holds, by its size. Raises OSError."""
    return max(0, file.stat().st_size - _HEADER) // 2


def read(file: BinaryIO, at: int, count: int) -> "array[int]":
    """So many samples of a file of one channel; zeros follow its end. Raises OSError."""
    file.seek(_HEADER + 2 * at)
    data = file.read(2 * count)
    return array("h", data + bytes(2 * count - len(data)))


def join(file: IO[bytes], names: Sequence[str]) -> None:
    """Write files one after the other as one. Raises OSError, ValueError for another format."""
    parts = []
    for name in names:
        try:
            with wave.open(name, "rb") as opened:
                form = (opened.getnchannels(), opened.getsampwidth(), opened.getframerate())
                if form != (1, 2, RATE):
                    raise ValueError(f"{name} is not mono, 16 bit, {RATE} Hz")
                parts.append(opened.readframes(opened.getnframes()))
        except (wave.Error, EOFError) as error:
            raise ValueError(f"{name} is no WAV file: {error}") from error
    file.write(header(sum(map(len, parts)) // 2, channels=1))
    for part in parts:
        file.write(part)
    file.flush()
