"""Sound files of all kinds and ills, made into what callers hear."""

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from support.tables import each

from callrouter.media.sounds import audio_decoder as sound
from callrouter.media.sounds.sound_cache import SoundError

KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("WAV", "ULAW"),
    ("WAVEX", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


def swing(hertz: int, rate: int, seconds: float = 1.0, channels: int = 1) -> npt.NDArray[Any]:
    at = np.arange(int(rate * seconds)) / rate
    return np.tile(0.5 * np.sin(2 * np.pi * hertz * at)[:, None], (1, channels))


def file(samples: npt.NDArray[Any], rate: int, kind: str = "WAV", coding: str = "PCM_16") -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, samples, rate, format=kind, subtype=coding)
    return stream.getvalue()


def loudest_hertz(samples: npt.NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples.astype(float) * np.hanning(len(samples))))
    return float(spectrum.argmax() * 8000 / len(samples))


@pytest.mark.parametrize(("kind", "coding"), KINDS)
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@each("channels", [1, 2])
def test_every_kind_of_file_becomes_the_same_tone_of_8_khz(
    kind: str, coding: str, rate: int, channels: int
) -> None:
    tone = swing(440, rate, 0.5, channels)
    made = sound.decode(file(tone, rate, kind, coding))
    assert made.dtype == np.int16
    assert abs(len(made) - 4000) <= 1200  # MP3 and Opus pad
    assert loudest_hertz(made) == pytest.approx(440, abs=2)
    assert np.abs(made[1000:3000]).max() == pytest.approx(16384, rel=0.1)


def test_file_of_8_khz_and_16_bit_is_left_as_it_is() -> None:
    samples = (swing(440, 8000)[:, 0] * 32000).astype(np.int16)
    assert np.abs(sound.decode(file(samples, 8000)) - samples).max() <= 1


def test_channels_are_mixed_and_none_is_lost() -> None:
    both = np.concatenate([swing(440, 8000), swing(880, 8000)], axis=1)
    spectrum = np.abs(np.fft.rfft(sound.decode(file(both, 8000)).astype(float)))
    assert set(np.argsort(spectrum)[-2:]) == {440, 880}


def test_loud_and_broken_values_are_cut_off() -> None:
    wild = np.array([0.0, 4.0, -4.0, np.nan, np.inf, -np.inf] * 100, dtype=np.float32)
    made = sound.decode(file(wild, 8000, coding="FLOAT"))
    assert list(made[:6]) == [0, 32767, -32767, 0, 32767, -32767]


@pytest.mark.parametrize(
    ("channels", "why"),
    [(2, "is stereo: expected mono, one channel"), (6, "is of 6 channels: expected mono")],
)
def test_music_that_is_not_mono_is_refused(channels: int, why: str) -> None:
    with pytest.raises(SoundError, match=why):
        sound.decode(file(swing(440, 8000, channels=channels), 8000), mono=True)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no sound file that can be read"),
        (b"hello" * 1000, "is no sound file that can be read"),
        (bytes(100_000), "is no sound file that can be read"),
        (file(swing(440, 8000), 8000, "AIFF"), "is AIFF: expected WAV, MP3, FLAC or OGG"),
        (file(np.zeros((0, 1)), 8000), "holds no sound"),
        (file(swing(440, 8000, 0.1, channels=9), 8000), "has 9 channels: expected at most 8"),
        (file(swing(440, 1000), 1000), "has 1000 samples a second: expected 4000 to 192000"),
        (file(swing(440, 400000), 400000), "has 400000 samples a second"),
    ],
)
def test_file_that_cannot_be_used_says_why(content: bytes, why: str) -> None:
    with pytest.raises(SoundError) as caught:
        sound.decode(content)
    assert str(caught.value).startswith(why)


def test_file_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sound.LONGEST_SECONDS == 600
    monkeypatch.setattr(sound, "LONGEST_SECONDS", 60)
    silence = np.zeros(60 * 4000 + 1, dtype=np.int16)
    with pytest.raises(SoundError, match="is longer than 1 minutes"):
        sound.decode(file(silence, 4000, "FLAC"))
    assert len(sound.decode(file(silence[:-1], 4000, "FLAC"))) == 60 * 8000


def test_header_that_promises_hours_costs_only_what_is_there() -> None:
    content = bytearray(file(swing(440, 8000), 8000))
    content[4:8] = struct.pack("<I", 0xFFFFFFF0)
    content[40:44] = struct.pack("<I", 0xFFFFFFF0)
    assert len(sound.decode(bytes(content))) == 8000


@pytest.mark.parametrize(("kind", "coding"), KINDS)
def test_half_a_file_is_read_or_refused(kind: str, coding: str) -> None:
    content = file(swing(440, 16000, 0.5), 16000, kind, coding)
    for length in range(0, len(content), max(1, len(content) // 50)):
        _read_or_refused(content[:length])


SMALL = [file(swing(440, 16000, 0.1), 16000, kind, coding) for kind, coding in KINDS]


@given(
    content=st.sampled_from(SMALL),
    wounds=st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), max_size=8),
)
def test_wounded_file_is_read_or_refused(content: bytes, wounds: list[tuple[int, bytes]]) -> None:
    for place, wound in wounds:
        at = place % len(content)
        content = content[:at] + wound + content[at + len(wound) :]
    _read_or_refused(content)


def _read_or_refused(content: bytes) -> None:
    try:
        length = len(sound.decode(content))
    except SoundError:
        return  # anything else that is raised fails the test
    assert 0 < length <= sound.LONGEST_SECONDS * 8000


@pytest.mark.parametrize(("hertz", "seconds"), [(440, 2.0), (880, 1.0), (3500, 0.1)])
def test_tone_has_its_pitch_length_and_level(hertz: int, seconds: float) -> None:
    made = sound.tone(hertz, seconds)
    assert len(made) == seconds * 8000
    assert loudest_hertz(made) == pytest.approx(hertz, abs=8)
    assert np.abs(made).max() == pytest.approx(8192, rel=0.05)
    assert (made[0], made[-1]) == (0, 0)
