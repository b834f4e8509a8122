"""The prompts that are always there, in three languages."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = ("en", "zh", "vi")


def sound_file(name: str, language: str) -> Path:
    """Return the WAV file of a prompt."""
    return FOLDER / language / f"{name}.wav"
