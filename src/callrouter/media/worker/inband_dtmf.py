"""DTMF keys found in audio, for trunks that send them in no other way (ITU-T Q.23 and Q.24).

Plain Python: numpy would cost each worker more memory than all else in it.
"""

import math
from array import array
from typing import Final

_RATE: Final = 8000
_ROWS: Final = (697, 770, 852, 941)
_COLUMNS: Final = (1209, 1336, 1477, 1633)
_KEYS: Final = ("123A", "456B", "789C", "*0#D")
_FACTORS: Final = tuple(2 * math.cos(2 * math.pi * f / _RATE) for f in (*_ROWS, *_COLUMNS))

_QUIET: Final = 100.0
"""Root mean square (-50 dBFS) under which a frame is not looked at."""

_SHARE: Final = 0.7
"""Of a frame's energy that the two tones must have: speech has less."""

_TWIST: Final = 6.3
"""8 dB: how much stronger than the other either tone may be."""

_FRAMES: Final = 2
"""Frames of 20 ms that say the same, one after the other: a key, or its end."""


class DtmfDetector:
    """Detector of the keys in one stream of frames of 20 ms."""

    __slots__ = ("_held", "_seen", "_times")

    def __init__(self) -> None:
        self._held = ""
        self._seen = ""
        self._times = 0

    def feed(self, frame: bytes) -> str:
        """The key that this frame shows to be pressed, once for each press; else ""."""
        key = _key(array("h", frame))
        self._times = self._times + 1 if key == self._seen else 1
        self._seen = key
        if self._times != _FRAMES or key == self._held:
            return ""
        self._held = key
        return key


def _key(samples: "array[int]") -> str:
    count = len(samples)
    total = float(sum(sample * sample for sample in samples))
    if total <= _QUIET * _QUIET * count:
        return ""
    powers = [_goertzel(samples, factor) for factor in _FACTORS]
    row, low = _strongest(powers[:4])
    column, high = _strongest(powers[4:])
    if low > high * _TWIST or high > low * _TWIST:
        return ""
    # A pure tone of amplitude a has the power (a * count / 2)**2 here, and a*a * count / 2 above.
    if (low + high) * 2 / count < _SHARE * total:
        return ""
    return _KEYS[row][column]


def _goertzel(samples: "array[int]", factor: float) -> float:
    """Give the square of the spectrum at one frequency."""
    one = two = 0.0
    for sample in samples:
        one, two = sample + factor * one - two, one
    return one * one + two * two - factor * one * two


def _strongest(powers: list[float]) -> tuple[int, float]:
    most = max(powers)
    return powers.index(most), most
