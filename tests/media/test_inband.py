"""Keys in audio (ITU-T Q.24): which frames are one, and which are not."""

import numpy as np
import pytest
from support import hearing

from callrouter.media.worker.inband_dtmf import DtmfDetector

_ROWS = (697, 770, 852, 941)
_COLUMNS = (1209, 1336, 1477, 1633)
_KEYS = "123A456B789C*0#D"


def key(name: str, length: float, *, off: float = 1.0, twist_db: float = 0.0) -> hearing.Sound:
    """The two tones of a key. off: a factor on both frequencies; twist: of the lower tone."""
    row, column = divmod(_KEYS.index(name), 4)
    low = hearing.sine(_ROWS[row] * off, length, 4000 * 10 ** (twist_db / 20))
    return low + hearing.sine(_COLUMNS[column] * off, length, 4000)


def heard(*parts: hearing.Sound) -> str:
    keys = DtmfDetector()
    sound = np.concatenate(parts).clip(-32768, 32767).astype("<i2").tobytes()
    return "".join(keys.feed(sound[at : at + 320]) for at in range(0, len(sound) - 319, 320))


@pytest.mark.parametrize("length", [0.065, 0.1, 1.0])
@pytest.mark.parametrize("twist_db", [-6.0, 0.0, 6.0])
def test_each_key_is_found_once(length: float, twist_db: float) -> None:
    # Q.24: 40 ms are a key, and so are 40 ms of silence a pause; we ask for two whole frames.
    pause = hearing.silence(0.065)
    parts = [part for name in _KEYS for part in (key(name, length, twist_db=twist_db), pause)]
    assert heard(*parts) == _KEYS


@pytest.mark.parametrize("off", [0.985, 1.015])
def test_a_key_that_is_off_by_one_and_a_half_percent_is_found(off: float) -> None:
    assert heard(key("5", 0.1, off=off), hearing.silence(0.1)) == "5"


def test_the_same_key_twice_is_two() -> None:
    assert heard(*[key("7", 0.1), hearing.silence(0.1)] * 2) == "77"


def test_a_drop_out_of_one_frame_does_not_make_it_two() -> None:
    assert heard(key("7", 0.1), hearing.silence(0.02), key("7", 0.1)) == "7"


@pytest.mark.parametrize(
    "sound",
    [
        hearing.silence(1),
        hearing.noise(5),
        hearing.sine(941, 1),
        hearing.sine(440, 1) + hearing.sine(480, 1),
        key("5", 1, twist_db=12),
        key("5", 0.02),
        key("5", 1) * 0.005,
        key("5", 1) + hearing.noise(1, amplitude=8000),
    ],
    ids=["silence", "noise", "tone", "ringing", "twist", "short", "soft", "drowned"],
)
def test_what_is_no_key(sound: hearing.Sound) -> None:
    assert heard(hearing.silence(0.1), sound, hearing.silence(0.1)) == ""
