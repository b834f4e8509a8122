"""Recipes of prompts and hold music. Their files are read here only to tell them apart."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.grammar.prompts_music import LANGUAGES, Prompt, SoundEntry
from callrouter.route.rules.prompt_recipes import FromFile, FromText, FromTone, Recipe, Source
from callrouter.yamlfile.marked import Document

_MB: Final = 1024 * 1024
MOST_MB: Final = 50
MOST_MUSIC_MB: Final = 2

_Place = tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class PromptFiles:
    """Sounds of a dialplan. recipes: of all. files: those read. digests: of their contents."""

    recipes: list[Recipe] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


def read_sounds(checker: Checker, document: Document) -> PromptFiles:
    """Gather the sounds of a dialplan; what is wrong with a file is noted with the checker."""
    sounds = PromptFiles()
    files = _Files(checker, Path(document.file).parent)
    usual = checker.head.language if checker.head is not None else "en"

    def add(name: str, language: str, source: Source | None, place: _Place) -> None:
        if source is not None:
            at = document.locate(place)[1]
            sounds.recipes.append(
                Recipe(name=name, language=language, source=source, line=at.line, column=at.column)
            )

    for name, prompt in checker.prompts.items():
        for place, language, sound in _spoken(name, prompt):
            if sound.file is not None:
                add(name, language, files.read(sound.file, place, music=False), place)
            elif sound.text is not None:
                add(
                    name,
                    language,
                    FromText(text=sound.text, language=language or prompt.language or usual),
                    place,
                )
            elif sound.tone is not None:
                add(
                    name, language, FromTone(hertz=sound.tone.hertz, seconds=sound.tone.for_), place
                )
    for name, music in checker.hold_music.items():
        place = ("hold_music", name, "file")
        add(name, "", files.read(music.file, place, music=True), place)
    sounds.files = files.paths
    sounds.digests = files.digests
    return sounds


def _spoken(name: str, prompt: Prompt) -> Iterator[tuple[_Place, str, SoundEntry]]:
    """Give each sound of a prompt: where it stands, and in which language ("" for all)."""
    spoken: dict[str, SoundEntry | None] = {"": prompt}
    place: _Place = ("prompts", name)
    if prompt.languages is not None:
        spoken = {language: getattr(prompt.languages, language) for language in LANGUAGES}
        place = (*place, "languages")
    for language, sound in spoken.items():
        if sound is not None:
            kind = next(
                kind for kind in ("file", "text", "tone") if getattr(sound, kind) is not None
            )
            # The short form has neither step; steps that lead nowhere are passed over.
            yield (*place, language, kind), language, sound


class _Files:
    """The files that a dialplan names, each read once. paths: of all. digests: with their names."""

    def __init__(self, checker: Checker, folder: Path) -> None:
        self._mistakes = checker.mistakes
        self._folder = folder
        self._known: dict[str, tuple[str, int]] = {}
        self.paths: list[str] = []
        self.digests: list[str] = []

    def read(self, name: str, place: _Place, *, music: bool) -> FromFile | None:
        """Look at a file; None when it cannot be used."""
        path = self._folder / name
        if not os.path.realpath(path).startswith(os.path.realpath(self._folder) + os.sep):
            self._refuse(place, path, "is not in the folder of the dialplan")
            return None
        try:
            digest, size = self._known.get(name) or _digest(path)
        except OSError as error:
            self._refuse(place, path, f"cannot be read: {error.strerror}")
            return None
        if name not in self._known:
            self._known[name] = (digest, size)
            self.paths.append(str(path))
            self.digests.append(f"{name} {digest}")
        if size > (most := MOST_MUSIC_MB if music else MOST_MB) * _MB:
            what = "hold music" if music else "a prompt"
            self._refuse(place, path, f"is larger than {most} MB, the limit for {what}")
            return None
        return FromFile(path=str(path), digest=digest, music=music)

    def _refuse(self, place: _Place, path: Path, why: str) -> None:
        self._mistakes.at_value(place, f"'{path}' {why}")


def _digest(path: Path) -> tuple[str, int]:
    """Return the digest and the size of a file, of one above the limit the size alone.

    Raises OSError.
    """
    # A pipe without a writer would keep a plain open() waiting.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if found.st_size > MOST_MB * _MB:
            return "", found.st_size
        content = file.read(MOST_MB * _MB + 1)
    return hashlib.sha256(content).hexdigest(), len(content)
