"""The sounds of a dialplan: converted or rendered once, kept, and found by name and language."""

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from callrouter.errors import ConfigError, Diagnostic
from callrouter.media.sounds import builtin
from callrouter.media.sounds.sound_cache import Cache, NoSpeechError, SoundError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.prompt_recipes import FromFile, FromText, Prompts, Recipe, Sound, Source

_Said = dict[str, dict[str, Sound]]
"""Sounds by name, then by language; "" is for everybody."""


def prepare(dialplan: Dialplan, folder: Path, *, sweep: bool = False) -> None:
    """Make what the dialplan's callers hear, and give it to the dialplan.

    folder: where sounds are kept. sweep: remove what is of no use there; see `Cache.sweep`. Raises
    ConfigError with every sound that cannot be made. It takes as long as the audio needs, so it is
    not for the event loop.
    """
    try:
        cache = Cache(folder)
        making = _Making(cache, dialplan.file)
        own = making.all(recipe for recipe in dialplan.recipes if not _is_music(recipe))
        music = making.all(recipe for recipe in dialplan.recipes if _is_music(recipe))
        usual = making.all(_builtin())
        if sweep and not making.mistakes:
            cache.sweep()
    except OSError as error:
        found = Diagnostic(f"prompts cannot be kept here: {error.strerror}", str(folder))
        raise ConfigError([found]) from error
    if making.mistakes:
        raise making.error()
    dialplan.prompts = Prompts(
        _in_each_language(usual | own, dialplan.language),
        {name: sounds[""] for name, sounds in music.items()},
        dialplan.language,
    )


def check(dialplan: Dialplan) -> list[Diagnostic]:
    """Make what the dialplan's callers hear, without keeping it.

    Returns a warning for each text that cannot be spoken on this machine. Raises ConfigError with
    every other sound that cannot be made.
    """
    if not dialplan.recipes:
        return []
    with tempfile.TemporaryDirectory(prefix="callrouter-") as folder:
        making = _Making(Cache(Path(folder)), dialplan.file, unspoken="warning")
        making.all(dialplan.recipes)
    if any(mistake.severity == "error" for mistake in making.mistakes):
        raise making.error()
    return making.mistakes


def _builtin() -> list[Recipe]:
    return [
        Recipe(
            name=file.stem,
            language=language,
            source=FromFile(path=str(file), digest=_digest(file), music=False),
            line=0,
            column=0,
        )
        for language in builtin.LANGUAGES
        for file in sorted((builtin.FOLDER / language).glob("*.wav"))
    ]


class _Making:
    """Makes sounds, and notes what cannot be made. unspoken: the severity when nobody can speak."""

    def __init__(self, cache: Cache, file: str, unspoken: str = "error") -> None:
        self._cache = cache
        self._file = file
        self._unspoken = unspoken
        self.mistakes: list[Diagnostic] = []

    def all(self, recipes: Iterable[Recipe]) -> _Said:
        """Make sounds. Raises OSError when they cannot be kept."""
        said: _Said = {}
        for recipe in recipes:
            source = recipe.source
            try:
                sound = self._cache.sound(_key(source), partial(_render, source))
            except SoundError as error:
                severity = self._unspoken if isinstance(error, NoSpeechError) else "error"
                self.mistakes.append(self._diagnostic(recipe, error, severity))
            else:
                said.setdefault(recipe.name, {})[recipe.language] = sound
        return said

    def error(self) -> ConfigError:
        """Make the error that reports all mistakes in file order. There must be one."""
        return ConfigError(sorted(self.mistakes, key=lambda one: (one.line, one.column)))

    def _diagnostic(self, recipe: Recipe, error: SoundError, severity: str) -> Diagnostic:
        source = recipe.source
        named = f"'{source.path}' " if isinstance(source, FromFile) else ""
        return Diagnostic(f"{named}{error}", self._file, recipe.line, recipe.column, severity)


def _render(source: Source, path: Path) -> None:
    # Its libraries take 20 MB for good, and nearly always all sounds are there already.
    from callrouter.media.sounds.rendering import render  # noqa: PLC0415 - loaded when needed, see above

    render(source, path)


def _key(source: Source) -> str:
    """Return what a sound depends on: equal keys sound the same."""
    if isinstance(source, FromFile):
        return f"file {source.digest}"
    if isinstance(source, FromText):
        return f"text {source.language} {source.text}"
    return f"tone {source.hertz} {source.seconds:g}"


def _is_music(recipe: Recipe) -> bool:
    return isinstance(recipe.source, FromFile) and recipe.source.music


def _in_each_language(
    said: Mapping[str, dict[str, Sound]], usual: str
) -> dict[tuple[str, str], Sound]:
    """Say what is heard in each language: the sound in it, the usual one, English, or any."""
    return {
        (name, language): next(
            sounds[one] for one in (language, "", usual, "en", *sounds) if one in sounds
        )
        for name, sounds in said.items()
        for language in builtin.LANGUAGES
    }


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
