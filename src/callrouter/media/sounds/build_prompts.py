"""Build of the built-in prompts, part of the program: `python -m` with this module's name.

It needs espeak-ng. Each text in builtin/LANGUAGE.toml becomes builtin/LANGUAGE/NAME.wav, which
is half as long as what callers hear: 8 kHz, mu-law. Files without a text are removed.
"""

import sys
import tomllib

import numpy as np
import soundfile

from callrouter.media.sounds import wav
from callrouter.media.sounds.audio_decoder import Samples, tone
from callrouter.media.sounds.builtin import FOLDER, LANGUAGES, sound_file
from callrouter.media.sounds.rendering import speak

RINGBACK = "ringback"


def texts(language: str) -> dict[str, str]:
    """Read what the prompts say in a language, by name."""
    return tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def made(name: str, text: str, language: str) -> Samples:
    """Speak a text; what rings is a tone: 450 Hz, 1 second of every 5 (GB/T 3380)."""
    if name != RINGBACK:
        return speak(text, language)
    return np.concatenate([tone(450, 1.0), np.zeros(4 * wav.RATE, np.int16)])


def main() -> None:
    """Render all."""
    for language in LANGUAGES:
        wanted = texts(language)
        folder = FOLDER / language
        folder.mkdir(exist_ok=True)
        for name, text in wanted.items():
            file = sound_file(name, language)
            samples = made(name, text, language)
            soundfile.write(file, samples, wav.RATE, subtype="ULAW", format="WAV")
        for file in set(folder.glob("*.wav")) - {sound_file(name, language) for name in wanted}:
            file.unlink()
        sys.stdout.write(f"{language}: {len(wanted)} prompts\n")


if __name__ == "__main__":
    main()
