"""docs/prompts.md, held against the code."""

import tomllib
from pathlib import Path
from typing import Final

from callrouter.dialplan.compile import prompt_files as sounds
from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.media.sounds import audio_decoder as sound
from callrouter.media.sounds import builtin

TEXT: Final = (Path(__file__).parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")


def table() -> str:
    """The table of the built-in prompts."""
    english = tomllib.loads((builtin.FOLDER / "en.toml").read_text(encoding="utf-8"))
    rows = [f"| `{name}` | {when} | {english[name]} |" for name, when in BUILTIN.items()]
    return "\n".join(["| name | heard when | in English |", "|---|---|---|", *rows])


def test_all_builtin_prompts_are_listed() -> None:
    assert table() in TEXT, f"docs/prompts.md is behind: put this in it\n{table()}"


def test_limits_are_those_of_the_code() -> None:
    assert f"| up to {sounds.MOST_MB} MB | up to {sounds.MOST_MUSIC_MB} MB |" in TEXT
    assert f"| up to {sound.LONGEST_SECONDS // 60} minutes |" in TEXT
    assert f"| up to {sound.MOST_CHANNELS}, which are mixed | mono |" in TEXT
    assert f"| {sound.RATES[0]} to {sound.RATES[-1]} |" in TEXT
