"""What the MP3 library says of an odd file stays unsaid; what we say does not."""

import io
import os

import numpy as np
import pytest
import soundfile

from callrouter.media.sounds import audio_decoder as sound
from callrouter.media.sounds.sound_cache import SoundError


@pytest.fixture
def odd() -> bytes:
    """An MP3 that was cut off, which libmpg123 remarks on and reads."""
    file = io.BytesIO()
    soundfile.write(file, np.sin(np.arange(16000) / 5) / 2, 8000, format="MP3")
    data = file.getvalue()
    return data[: len(data) // 2]


def test_library_remarks_on_such_a_file(odd: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with soundfile.SoundFile(io.BytesIO(odd)) as file:
        file.read()
    assert "Warning: " in capfd.readouterr().err


def test_remarks_are_dropped_and_the_sound_is_read(
    odd: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(sound.decode(odd)) > 4000
    assert capfd.readouterr().err == ""


def test_what_others_say_meanwhile_is_said(
    odd: bytes, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    check = sound._check

    def says(file: object, mono: bool) -> None:
        os.write(2, b"2026-11-29 warning of ours\n")
        check(file, mono)

    monkeypatch.setattr(sound, "_check", says)
    sound.decode(odd)
    assert capfd.readouterr().err == "2026-11-29 warning of ours\n"


def test_file_that_cannot_be_read_is_still_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SoundError, match="is no sound file that can be read"):
        sound.decode(b"ID3" + bytes(400))
    assert capfd.readouterr().err == ""
