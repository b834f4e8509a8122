"""Decoder of sound files and tones to what callers hear: one channel of 8 kHz, 16 bit.

Theory: a file is not trusted. It is decoded piece by piece, so its header can promise what it
likes: what it costs is bounded by the bytes that were read and by the longest sound there may be.
"""

import io
import math
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from callrouter.media.sounds import wav
from callrouter.media.sounds.sound_cache import SoundError

LONGEST_SECONDS: Final = 600

_FORMATS: Final = {"WAV", "WAVEX", "MP3", "FLAC", "OGG"}
RATES: Final = range(4000, 192001)
MOST_CHANNELS: Final = 8
_PIECE: Final = 65536
_LOUDEST: Final = 32767
_TONE_LEVEL: Final = 0.25  # -12 dB: as loud as speech, and nobody's ear hurts
_TONE_EDGE: Final = 80  # samples; a tone that begins at once clicks

_NO_MP3: Final = (b"RIFF", b"RIFX", b"fLaC", b"OggS")
_STDERR: Final = 2
_REMARK: Final = re.compile(rb"(Note|Warning|error): |\[[^]]*libmpg123[^]]*\]|\s*$", re.IGNORECASE)
_one_at_a_time: Final = threading.Lock()

Samples = npt.NDArray[np.int16]
_Floats = npt.NDArray[np.float32]


def decode(data: bytes, *, mono: bool = False) -> Samples:
    """Read a whole sound file. mono: more than one channel is a mistake, otherwise they are mixed.

    Raises SoundError.
    """
    quiet = nullcontext() if data.startswith(_NO_MP3) else _without_remarks()
    try:
        with quiet, soundfile.SoundFile(io.BytesIO(data)) as file:
            _check(file, mono)
            return _to_integers(_resampled(_mixed(file), file.samplerate))
    except soundfile.LibsndfileError as error:
        raise SoundError(f"is no sound file that can be read: {_reason(error)}") from error


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Drop what libmpg123 says on stderr of an MP3 that it reads all the same.

    libsndfile has no switch for that. What others of this process say meanwhile comes a moment
    later.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        kept = os.dup(_STDERR)
        os.dup2(caught.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STDERR)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if _REMARK.match(line) is None:
                    os.write(_STDERR, line)


def tone(hertz: int, seconds: float) -> Samples:
    """Make a tone."""
    at = np.arange(round(seconds * wav.RATE))
    edge = np.minimum(at, _TONE_EDGE) / _TONE_EDGE
    swing = np.sin(at * (math.tau * hertz / wav.RATE))
    return _to_integers([(_TONE_LEVEL * swing * edge * edge[::-1]).astype(np.float32)])


def write(path: Path, samples: Samples) -> None:
    """Write a WAV file. Raises OSError."""
    path.write_bytes(wav.header(len(samples), channels=1) + samples.astype("<i2").tobytes())


def _check(file: Any, mono: bool) -> None:
    if file.format not in _FORMATS:
        raise SoundError(f"is {file.format}: expected WAV, MP3, FLAC or OGG")
    if mono and file.channels != 1:
        kind = "stereo" if file.channels == 2 else f"of {file.channels} channels"
        raise SoundError(f"is {kind}: expected mono, one channel")
    if file.channels > MOST_CHANNELS:
        raise SoundError(f"has {file.channels} channels: expected at most {MOST_CHANNELS}")
    if file.samplerate not in RATES:
        raise SoundError(
            f"has {file.samplerate} samples a second: expected {RATES[0]} to {RATES[-1]}"
        )


def _mixed(file: Any) -> Iterator[_Floats]:
    """Give the file piece by piece, all channels as one."""
    left = LONGEST_SECONDS * file.samplerate
    while len(piece := file.read(_PIECE, dtype="float32", always_2d=True)):
        left -= len(piece)
        if left < 0:
            raise SoundError(f"is longer than {LONGEST_SECONDS // 60} minutes")
        # A file of floats can hold what is no number.
        yield np.nan_to_num(np.clip(piece, -1, 1)).mean(axis=1)


def _resampled(pieces: Iterator[_Floats], rate: int) -> Iterator[_Floats]:
    if rate == wav.RATE:
        yield from pieces
        return
    stream = soxr.ResampleStream(rate, wav.RATE, 1, dtype="float32")
    for piece in pieces:
        yield stream.resample_chunk(piece)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _to_integers(pieces: Iterator[_Floats] | list[_Floats]) -> Samples:
    scaled = [np.rint(np.clip(piece, -1, 1) * _LOUDEST).astype(np.int16) for piece in pieces]
    samples: Samples = np.concatenate(scaled) if scaled else np.zeros(0, dtype=np.int16)
    if not samples.size:
        raise SoundError("holds no sound")
    return samples


def _reason(error: soundfile.LibsndfileError) -> str:
    return str(error.error_string).strip().rstrip(".").lower()
