"""Text to speech by espeak-ng, a program that may or may not be installed."""

import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from callrouter.media.sounds import wav
from callrouter.media.sounds.audio_decoder import Samples, decode
from callrouter.media.sounds.sound_cache import NoSpeechError, SoundError

_PROGRAM: Final = "espeak-ng"
_SECONDS: Final = 30.0
"""How long it may take; a minute of speech takes it a tenth of a second."""

_VOLUME: Final = 70
"""Of 200; louder, some vowels are cut off."""

# Plain `cmn` reads Chinese as if its pinyin were English.
_VOICES: Final[Mapping[str, tuple[str, int]]] = {
    "en": ("en-gb", 150),
    "zh": ("cmn-latn-pinyin", 160),
    "vi": ("vi", 150),
}
"""By language: the voice, and its words per minute."""

_OPTIONS: Final = ("-a", str(_VOLUME), "-b", "1", "-z", "--stdin", "--stdout")
"""As UTF-8, without the pause at the end."""
_SHORTEST: Final = wav.RATE // 20
"""Samples; what a text without any word gives is shorter."""


def speak(text: str, language: str) -> Samples:
    """Render a text. language: en, zh or vi. Raises SoundError; NoSpeechError without espeak-ng."""
    program = shutil.which(_PROGRAM)
    if program is None:
        raise NoSpeechError(f"{_PROGRAM} is not installed: this text cannot be spoken")
    voice, pace = _VOICES[language]
    argv = [program, "-v", voice, "-s", str(pace), *_OPTIONS]
    try:
        done = subprocess.run(  # noqa: S603 - the text goes by stdin
            argv, input=text.encode(), capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SoundError(f"{_PROGRAM} failed: {error}") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise SoundError(f"{_PROGRAM} failed: {said[0] if said else done.returncode}")
    samples = decode(done.stdout, mono=True)
    if len(samples) < _SHORTEST:
        raise SoundError("there is nothing to say in this text")
    return samples
