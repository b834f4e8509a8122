"""The waveform of a recording: the loudest of each of its parts."""

import io

import numpy as np
import pytest
from support.archives import audio

from callrouter.web.core.waveform import HEADER_BYTES, PARTS, waveform


def of(samples: "np.ndarray[tuple[int], np.dtype[np.int16]]") -> list[float]:
    data = bytes(HEADER_BYTES) + samples.astype("<i2").tobytes()
    return waveform(io.BytesIO(data), len(data))


def test_each_part_is_as_loud_as_its_loudest_sample() -> None:
    samples = np.zeros(PARTS * 10_000, np.int16)  # more than are looked at together
    samples[0], samples[PARTS // 2 * 10_000 + 7], samples[-1] = -32768, 16384, 8192
    found = of(samples)
    assert (found[0], found[PARTS // 2], found[-1]) == (1.0, 0.5, 0.25)
    assert sum(found) == 1.75


@pytest.mark.parametrize("count", [0, 1, 7, PARTS - 1])
def test_short_recordings_have_fewer_parts(count: int) -> None:
    assert of(np.full(count, 32767, np.int16)) == [1.0] * count


def test_recording_of_a_worker_has_no_header_in_its_waveform() -> None:
    file = audio(1000, channels=2)
    assert set(waveform(io.BytesIO(file), len(file))) == {round(0x0201 / 32768, 3)}
