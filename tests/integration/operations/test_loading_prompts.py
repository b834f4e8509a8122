"""A reload makes the sounds of the new dialplan in its own process and says where they are."""

from pathlib import Path

import pytest

from callrouter.errors import ConfigError
from callrouter.operations.reload.background_loader import Loader

PLAN = """\
country: CN
language: vi
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@127.0.0.1"}}
numbers: {4000: {route: [{hunt: [a]}]}}
prompts: {t: {tone: {hertz: 440, for: 2s}}}
"""


def test_loaded_dialplan_has_its_prompts(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    prompts = Loader(tmp_path / "kept").load(path).dialplan.prompts
    tone, builtin = prompts.find("t"), prompts.find("busy", "zh")
    assert tone is not None
    assert builtin is not None
    assert (tone.ms, tone.path.parent) == (2000, tmp_path / "kept")
    assert tone.path.exists()
    assert builtin.path.exists()


def test_nothing_is_made_where_nobody_plays_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    assert Loader().load(path).dialplan.prompts.find("t") is None


def test_mistake_in_a_sound_is_a_mistake_of_the_dialplan(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN + "hold_music: {m: m.mp3}\n")
    (tmp_path / "m.mp3").write_bytes(b"no music")
    with pytest.raises(ConfigError, match=r"plan\.yaml:7:17: error: .* is no sound file"):
        Loader(tmp_path / "kept").load(path)
