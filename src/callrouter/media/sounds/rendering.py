"""Rendering of sounds from their recipes; texts by espeak-ng, which may or may not be installed."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from callrouter.media.sounds import audio_decoder as sound
from callrouter.media.sounds import wav
from callrouter.media.sounds.sound_cache import NoSpeechError, SoundError
from callrouter.route.rules.prompt_recipes import FromFile, FromText, Source

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


def render(source: Source, path: Path) -> None:
    """Make a sound and write it to a file. Raises SoundError; OSError when it cannot be written."""
    sound.write(path, _samples(source))


def _samples(source: Source) -> sound.Samples:
    if isinstance(source, FromText):
        return speak(source.text, source.language)
    if isinstance(source, FromFile):
        return sound.decode(_content(source), mono=source.music)
    return sound.tone(source.hertz, source.seconds)


def speak(text: str, language: str) -> sound.Samples:
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
    samples = sound.decode(done.stdout, mono=True)
    if len(samples) < _SHORTEST:
        raise SoundError("there is nothing to say in this text")
    return samples


def _content(source: FromFile) -> bytes:
    try:
        content = Path(source.path).read_bytes()
    except OSError as error:
        raise SoundError(f"cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != source.digest:
        raise SoundError("changed while the dialplan was read: load it again")
    return content
