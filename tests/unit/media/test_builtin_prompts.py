"""The built-in prompts: names, texts and sounds belong together, and all can be heard."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.dialplan.grammar.prompts_music import LANGUAGES
from callrouter.media.sounds import builtin

MOST_BYTES = 3_000_000


def test_languages_are_those_of_the_grammar() -> None:
    assert builtin.LANGUAGES == LANGUAGES


@pytest.mark.parametrize("language", builtin.LANGUAGES)
def test_every_name_has_a_text_and_a_sound(language: str) -> None:
    texts = tomllib.loads((builtin.FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    assert set(texts) == set(BUILTIN)
    assert {file.stem for file in (builtin.FOLDER / language).iterdir()} == set(BUILTIN)


@pytest.mark.parametrize("language", builtin.LANGUAGES)
def test_sound_can_be_heard_and_is_neither_cut_off_nor_silent(language: str) -> None:
    texts = tomllib.loads((builtin.FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    for name in BUILTIN:
        samples, rate = soundfile.read(builtin.sound_file(name, language))
        loud = 20 * np.log10(np.sqrt((samples**2).mean()))
        assert rate == 8000, name
        assert -30 < loud < -14, name
        assert np.abs(samples).max() < 0.95, name
        # From 3 letters a second, for Chinese, to 25.
        assert len(texts[name]) / 25 < len(samples) / rate < 1 + len(texts[name]) / 3, name


def test_all_of_them_are_small() -> None:
    files = [file for file in Path(builtin.FOLDER).rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST_BYTES


def test_licence_stands_beside_them() -> None:
    assert "CC0" in (builtin.FOLDER / "LICENSE.md").read_text(encoding="utf-8")
