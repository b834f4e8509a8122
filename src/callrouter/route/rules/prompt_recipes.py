"""Prompts of one version of the dialplan, all that callers hear: how made, and what was made.

A version has its own sounds. Their files are never changed afterwards, so calls that an old version
decided go on by it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final


class FromFile:
    """A sound file. digest: of its content. music: only one channel will do."""

    __slots__ = ("digest", "music", "path")

    def __init__(self, path: str, digest: str, music: bool) -> None:
        self.path = path
        self.digest = digest
        self.music = music


class FromText:
    """A text to speak. language: en, zh or vi."""

    __slots__ = ("language", "text")

    def __init__(self, text: str, language: str) -> None:
        self.text = text
        self.language = language


class FromTone:
    """A tone."""

    __slots__ = ("hertz", "seconds")

    def __init__(self, hertz: int, seconds: float) -> None:
        self.hertz = hertz
        self.seconds = seconds


Source = FromFile | FromText | FromTone


class Recipe:
    """A recipe of a sound. language: who hears it, "" for everybody. line, column: its place."""

    __slots__ = ("column", "language", "line", "name", "source")

    def __init__(
        self,
        name: str,
        language: str,
        source: Source,
        line: int,
        column: int,
    ) -> None:
        self.name = name
        self.language = language
        self.source = source
        self.line = line
        self.column = column


class Sound:
    """A file that the media workers play: WAV, mono, 8 kHz, 16 bit. ms: its length."""

    __slots__ = ("ms", "path")

    def __init__(self, path: Path, ms: int) -> None:
        self.path = path
        self.ms = ms


class Prompts:
    """All sounds of a version. sounds: by name and language, every name in every language.

    music: hold music by name. language: of those who have chosen none.
    """

    __slots__ = ("_sounds", "language", "music")

    def __init__(
        self,
        sounds: Mapping[tuple[str, str], Sound],
        music: Mapping[str, Sound],
        language: str,
    ) -> None:
        self._sounds: Final = sounds
        self.music: Final = music
        self.language: Final = language

    def find(self, name: str, language: str = "") -> Sound | None:
        """Return a prompt in a language, "" for the usual one; None when there is no such name."""
        return self._sounds.get((name, language or self.language))
