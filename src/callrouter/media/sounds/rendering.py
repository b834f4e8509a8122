"""Rendering of sounds from their recipes."""

import hashlib
from pathlib import Path

from callrouter.media.sounds import audio_decoder as sound
from callrouter.media.sounds import text_to_speech as speech
from callrouter.media.sounds.sound_cache import SoundError
from callrouter.route.rules.prompt_recipes import FromFile, FromText, Source


def render(source: Source, path: Path) -> None:
    """Make a sound and write it to a file. Raises SoundError; OSError when it cannot be written."""
    sound.write(path, _samples(source))


def _samples(source: Source) -> sound.Samples:
    if isinstance(source, FromText):
        return speech.speak(source.text, source.language)
    if isinstance(source, FromFile):
        return sound.decode(_content(source), mono=source.music)
    return sound.tone(source.hertz, source.seconds)


def _content(source: FromFile) -> bytes:
    try:
        content = Path(source.path).read_bytes()
    except OSError as error:
        raise SoundError(f"cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != source.digest:
        raise SoundError("changed while the dialplan was read: load it again")
    return content
