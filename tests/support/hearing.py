"""What a recording has in it: tones by time, gaps, and how well it matches another."""

import wave
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

RATE = 8000
FRAME = 80
"""Samples that are looked at together: 10 ms."""

_HEAD_BYTES = 44
_QUIET = 300.0
"""Root mean square under which a frame is silent."""

_WHILE = 0.3

Sound = NDArray[np.float64]


class Tone(NamedTuple):
    """A stretch of one frequency. start, end: seconds from the beginning."""

    hertz: int
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def load(file: Path, channel: int = 0) -> Sound:
    """One channel of a WAV file of 8 kHz, 16 bit."""
    with wave.open(str(file), "rb") as opened:
        assert opened.getframerate() == RATE
        assert opened.getsampwidth() == 2
        channels = opened.getnchannels()
        data = np.frombuffer(opened.readframes(opened.getnframes()), dtype="<i2")
    return data.reshape(-1, channels)[:, channel].astype(np.float64)


def so_far(file: Path) -> Sound:
    """What a recording of one channel has in it while it is written; its head is filled in last."""
    data = file.read_bytes()[_HEAD_BYTES:]
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float64)


def channels(file: Path) -> int:
    """How many channels a WAV file has."""
    with wave.open(str(file), "rb") as opened:
        count: int = opened.getnchannels()
    return count


def seconds(file: Path) -> float:
    """Its length."""
    return len(load(file)) / RATE


def save(file: Path, *sounds: Sound) -> Path:
    """Write a WAV file, one channel for each sound, all of one length."""
    both = np.stack(sounds, axis=1)
    with wave.open(str(file), "wb") as opened:
        opened.setnchannels(len(sounds))
        opened.setsampwidth(2)
        opened.setframerate(RATE)
        opened.writeframes(both.clip(-32768, 32767).astype("<i2").tobytes())
    return file


def sine(hertz: float, length: float, amplitude: float = 8000.0) -> Sound:
    """A tone of so many seconds."""
    return np.asarray(np.sin(2 * np.pi * hertz * np.arange(int(length * RATE)) / RATE) * amplitude)


def silence(length: float) -> Sound:
    """Nothing, for so many seconds."""
    return np.zeros(int(length * RATE))


def noise(length: float, seed: int = 1, amplitude: float = 3000.0) -> Sound:
    """What is like nothing else but itself: to be found again by `match`."""
    white = np.random.default_rng(seed).normal(0, amplitude, int(length * RATE))
    return np.convolve(white, np.ones(4) / 4, mode="same")


def write(file: Path, *parts: Sound) -> Path:
    """Write parts one after the other into a WAV file of one channel."""
    return save(file, np.concatenate(parts))


def _levels(sound: Sound) -> Sound:
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return np.asarray(np.sqrt((frames**2).mean(axis=1)))


def tones(sound: Sound, expected: Any, least: float = 0.05) -> list[Tone]:
    """The stretches of the expected frequencies (hertz), in order, `least` seconds or longer.

    A stretch may miss two frames (20 ms); the longest gap says whether it does.
    """
    frames = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    names = list(expected)
    at = np.arange(FRAME) / RATE
    waves = np.exp(-2j * np.pi * np.outer(at, names))
    power = np.abs(frames @ waves) ** 2 * 2 / FRAME
    total = (frames**2).sum(axis=1)
    loudest = power.argmax(axis=1)
    found: list[Tone] = []
    for frame, which in enumerate(loudest):
        if total[frame] < _QUIET**2 * FRAME or power[frame, which] < 0.5 * total[frame]:
            continue
        start = frame * FRAME / RATE
        end = start + FRAME / RATE
        if found and found[-1].hertz == names[which] and start - found[-1].end < 0.025:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Tone(names[which], start, end))
    return [tone for tone in found if tone.seconds >= least]


def longest_gap(sound: Sound) -> float:
    """The longest silence in seconds between the first and the last sound."""
    loud = np.flatnonzero(_levels(sound) > _QUIET)
    assert len(loud), "there is nothing to hear"
    return float((np.diff(loud, prepend=loud[0]).max() - 1).clip(0) * FRAME / RATE)


def first_sound(sound: Sound) -> float:
    """When it begins, in seconds."""
    loud = np.flatnonzero(_levels(sound) > _QUIET)
    assert len(loud), "there is nothing to hear"
    return float(loud[0] * FRAME / RATE)


def last_sound(sound: Sound) -> float:
    """When it ends, in seconds."""
    loud = np.flatnonzero(_levels(sound) > _QUIET)
    assert len(loud), "there is nothing to hear"
    return float((loud[-1] + 1) * FRAME / RATE)


def has_ended(sound: Sound) -> bool:
    """Something was to be heard, and then nothing for a while."""
    loud = np.flatnonzero(_levels(sound) > _QUIET)
    return len(loud) > 0 and len(sound) - loud[-1] * FRAME > _WHILE * RATE


def found(heard: Sound, reference: Sound) -> float:
    """Say how much of a reference was heard, in pieces of 0.1 s, where the most of it was found.

    1.0 is all of it. A phone drops or repeats a frame at times, which moves what follows: so a
    piece may come up to 100 ms earlier or later than the whole.
    """
    at = int(match(heard, reference).offset * RATE)
    size = RATE // 10
    whole = range(0, len(reference) - size + 1, size)
    # Silence is like everything and like nothing.
    pieces = [piece for piece in whole if np.abs(reference[piece : piece + size]).max() > 500]
    good = 0
    for piece in pieces:
        around = heard[max(0, at + piece - size) : at + piece + 2 * size]
        if len(around) >= size:
            good += match(around, reference[piece : piece + size]).likeness > 0.85
    return good / len(pieces)


def is_in(heard: Sound, reference: Sound) -> bool:
    """Most of a reference was heard, its end too."""
    return len(heard) >= len(reference) and found(heard, reference) > 0.6


class Match(NamedTuple):
    """Where a sound was found in another. offset: seconds. likeness: 1.0 is the same."""

    offset: float
    likeness: float


def match(heard: Sound, reference: Sound) -> Match:
    """Find a reference in what was heard, by correlation."""
    assert len(heard) >= len(reference), "too short to hold it"
    size = 1 << (len(heard) + len(reference)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(reference, size))
    correlation = np.fft.irfft(spectrum, size)[: len(heard) - len(reference) + 1]
    at = int(correlation.argmax())
    part = heard[at : at + len(reference)]
    scale = float(np.linalg.norm(part) * np.linalg.norm(reference))
    return Match(at / RATE, float(part @ reference) / scale if scale else 0.0)
