"""Sounds without audio: every prompt that a dialplan can play, with a length and no file."""

from pathlib import Path
from typing import Final

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.dialplan.grammar.prompts_music import LANGUAGES
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.prompt_recipes import FromFile, FromTone, Prompts, Recipe, Sound

USUAL_SECONDS: Final = 3.0
"""How long a sound is whose length is only known when it is made."""


class SilentSounds:
    """Sounds for a dialplan's callers. lengths: milliseconds by path, which is only a name."""

    def __init__(self, dialplan: Dialplan) -> None:
        self.lengths: dict[Path, int] = {}
        said: dict[tuple[str, str], Sound] = {}
        music: dict[str, Sound] = {}
        for name in BUILTIN:
            sound = self._sound(name, USUAL_SECONDS)
            said |= {(name, language): sound for language in LANGUAGES}
        for recipe in dialplan.recipes:
            sound = self._sound(recipe.name, _seconds(recipe))
            if isinstance(recipe.source, FromFile) and recipe.source.music:
                music[recipe.name] = sound
            else:
                said |= {(recipe.name, language): sound for language in LANGUAGES}
        self.prompts = Prompts(said, music, dialplan.language)

    def _sound(self, name: str, seconds: float) -> Sound:
        sound = Sound(path=Path(f"{name}.wav"), ms=round(seconds * 1000))
        self.lengths[sound.path] = sound.ms
        return sound


def _seconds(recipe: Recipe) -> float:
    source = recipe.source
    return source.seconds if isinstance(source, FromTone) else USUAL_SECONDS
