"""Prompts of one version of the dialplan, all that callers hear: how made, and what was made.

A version has its own sounds. Their files are never changed afterwards, so calls that an old version
decided go on by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mypy_extensions import mypyc_attr

from callrouter.serializable import Serializable


@dataclass(slots=True, kw_only=True)
class FromFile(Serializable):
    """A sound file. digest: of its content. music: only one channel will do."""

    path: str
    digest: str
    music: bool


@dataclass(slots=True, kw_only=True)
class FromText(Serializable):
    """A text to speak. language: en, zh or vi."""

    text: str
    language: str


@dataclass(slots=True, kw_only=True)
class FromTone(Serializable):
    """A tone."""

    hertz: int
    seconds: float


Source = FromFile | FromText | FromTone


@dataclass(slots=True, kw_only=True)
class Recipe(Serializable):
    """A recipe of a sound. language: who hears it, "" for everybody. line, column: its place."""

    name: str
    language: str
    source: Source
    line: int
    column: int


@dataclass(slots=True, kw_only=True)
class Sound(Serializable):
    """A file that the media workers play: WAV, mono, 8 kHz, 16 bit. ms: its length."""

    path: Path
    ms: int


@mypyc_attr(allow_interpreted_subclasses=True)
class Prompts(Serializable):
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
        self._sounds = sounds
        self.music = music
        self.language = language

    def find(self, name: str, language: str = "") -> Sound | None:
        """Return a prompt in a language, "" for the usual one; None when there is no such name."""
        return self._sounds.get((name, language or self.language))
