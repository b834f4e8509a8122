"""The waveform of a recording: how loud each part of it is, to be seen beside its player."""

from typing import IO, Final

import numpy as np

HEADER_BYTES: Final = 44
"""Of a WAV file as our workers write it, 16 bits a sample."""
PARTS: Final = 240
_LOUDEST: Final = 32768
_AT_ONCE: Final = 1 << 20
"""Samples that are looked at together."""


def waveform(file: IO[bytes], size: int) -> list[float]:
    """The loudest sample of each of 240 equal parts, from 0 to 1; fewer of a very short file.

    file: of a recording, of one or two channels. size: its bytes. The file is read to its end.
    """
    samples = max(size - HEADER_BYTES, 0) // 2
    parts = min(PARTS, samples)
    file.seek(HEADER_BYTES)
    loudest = [0] * parts
    at = 0
    while parts and (data := file.read(2 * min(_AT_ONCE, samples - at))):
        block = np.abs(np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.int32))
        index = (at + np.arange(len(block))) * parts // samples
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        for part, peak in zip(index[starts], np.maximum.reduceat(block, starts), strict=True):
            loudest[part] = max(loudest[part], int(peak))
        at += len(block)
    return [round(peak / _LOUDEST, 3) for peak in loudest]
