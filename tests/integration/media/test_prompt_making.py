"""The sounds of a dialplan: made once, kept, found by name and language."""

import shutil
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.errors import ConfigError
from callrouter.media.sounds import prompts, rendering
from callrouter.media.sounds.sound_cache import Cache, SoundError
from callrouter.route.rules.compiled_dialplan import Dialplan

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@127.0.0.1"}}
numbers: {4000: {route: [{hunt: [a]}]}}
"""
TONE = "prompts: {t: {tone: {hertz: 440, for: 2s}}}\n"
needs_speech = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


def plan(folder: Path, text: str) -> Dialplan:
    path = folder / "plan.yaml"
    path.write_text(PLAN + text, encoding="utf-8")
    return load_dialplan(path)


def ready(folder: Path, text: str) -> Dialplan:
    made = plan(folder, text)
    prompts.prepare(made, folder / "kept")
    return made


def sound_file(path: Path, seconds: float, channels: int = 1, rate: int = 16000) -> None:
    noise = np.random.default_rng(1).uniform(-0.1, 0.1, (int(rate * seconds), channels))
    soundfile.write(path, noise, rate)


def ms(made: Dialplan, name: str, language: str = "") -> int:
    found = made.prompts.find(name, language)
    assert found is not None
    return found.ms


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        ready(folder, text)
    return [str(found).replace(f"{folder}/", "") for found in caught.value.diagnostics]


def test_sound_is_wav_of_8_khz_and_16_bit_that_everybody_may_read(tmp_path: Path) -> None:
    sound_file(tmp_path / "w.flac", 1.5, channels=2, rate=44100)
    found = ready(tmp_path, "prompts: {w: w.flac}\n").prompts.find("w")
    assert found is not None
    assert found.ms == 1500
    assert found.path.is_absolute()
    assert found.path.stat().st_mode & 0o777 == 0o644
    with wave.open(str(found.path)) as file:
        assert file.getparams()[:4] == (1, 2, 8000, 12000)


def test_every_builtin_prompt_is_there_in_every_language(tmp_path: Path) -> None:
    made = ready(tmp_path, "")
    for language in ("en", "zh", "vi"):
        paths = {name: made.prompts.find(name, language) for name in BUILTIN}
        assert all(found is not None and found.ms >= 200 for found in paths.values())
    assert made.prompts.find("nobody") is None
    assert made.prompts.find("busy", "en") is not made.prompts.find("busy", "vi")


@pytest.mark.parametrize(("usual", "wanted"), [("en", "en"), ("vi", "vi")])
def test_builtin_prompt_is_heard_in_the_language_of_the_dialplan(
    tmp_path: Path, usual: str, wanted: str
) -> None:
    made = ready(tmp_path, f"language: {usual}\n")
    assert made.prompts.find("busy") is made.prompts.find("busy", wanted)


@pytest.mark.parametrize(
    ("usual", "there", "wanted", "heard"),
    [
        ("en", ("en", "zh"), "zh", "zh"),
        ("en", ("en", "zh"), "vi", "en"),
        ("vi", ("en", "vi"), "zh", "vi"),
        ("vi", ("zh", "en"), "vi", "en"),
        ("vi", ("zh",), "en", "zh"),
    ],
)
def test_missing_language_falls_back_to_the_usual_one_then_english_then_any(
    tmp_path: Path, usual: str, there: tuple[str, ...], wanted: str, heard: str
) -> None:
    lengths = {"en": 1000, "zh": 2000, "vi": 3000}
    said = "".join(f"{one}: {{tone: {{hertz: 440, for: {lengths[one]}ms}}}}, " for one in there)
    made = ready(tmp_path, f"language: {usual}\nprompts: {{p: {{languages: {{{said}}}}}}}\n")
    assert ms(made, "p", wanted) == lengths[heard]


def test_own_prompt_takes_the_place_of_a_builtin_one_in_every_language(tmp_path: Path) -> None:
    made = ready(tmp_path, "prompts: {busy: {tone: {hertz: 440, for: 1234ms}}}\n")
    assert [ms(made, "busy", one) for one in ("", "en", "zh", "vi")] == [1234] * 4


def test_hold_music_and_a_prompt_of_the_same_name_are_two(tmp_path: Path) -> None:
    sound_file(tmp_path / "m.wav", 3)
    made = ready(tmp_path, f"{TONE}hold_music: {{t: m.wav}}\n")
    assert (ms(made, "t"), made.prompts.music["t"].ms) == (2000, 3000)


def test_mistakes_in_files_are_told_together_at_their_lines(tmp_path: Path) -> None:
    sound_file(tmp_path / "m.wav", 1, channels=2)
    (tmp_path / "bad.mp3").write_bytes(b"garbage" * 100)
    text = "hold_music:\n  one: m.wav\nprompts:\n  w: {languages: {zh: {file: bad.mp3}}}\n"
    assert mistakes(tmp_path, text) == [
        "plan.yaml:6:8: error: 'm.wav' is stereo: expected mono, one channel",
        "plan.yaml:8:30: error: 'bad.mp3' is no sound file that can be read: format not recognised",
    ]


def test_file_that_changes_meanwhile_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    sound_file(tmp_path / "w.wav", 1)
    made = plan(tmp_path, "prompts: {w: w.wav}\n")
    sound_file(tmp_path / "w.wav", 2)
    with pytest.raises(ConfigError, match="changed while the dialplan was read"):
        prompts.prepare(made, tmp_path / "kept")
    assert ms(ready(tmp_path, "prompts: {w: w.wav}\n"), "w") == 2000


def test_what_was_made_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound_file(tmp_path / "w.wav", 1)
    text = "prompts: {w: w.wav, t: {tone: {hertz: 440, for: 1s}}}\n"
    first = ready(tmp_path, text).prompts
    before = {file: file.stat().st_ino for file in (tmp_path / "kept").iterdir()}
    monkeypatch.setattr(rendering, "render", None)
    second = ready(tmp_path, text).prompts
    assert {file: file.stat().st_ino for file in (tmp_path / "kept").iterdir()} == before
    for name in ("w", "t", "busy"):
        one, other = first.find(name), second.find(name)
        assert one is not None
        assert other is not None
        assert (one.path, one.ms) == (other.path, other.ms)


def test_new_content_is_another_sound_and_the_old_version_keeps_its_own(tmp_path: Path) -> None:
    sound_file(tmp_path / "w.wav", 1)
    old = ready(tmp_path, "prompts: {w: w.wav}\n")
    sound_file(tmp_path / "w.wav", 2)
    new = ready(tmp_path, "prompts: {w: w.wav}\n")
    assert old.version != new.version
    assert (ms(old, "w"), ms(new, "w")) == (1000, 2000)
    kept = old.prompts.find("w")
    assert kept is not None
    assert kept.path.exists()


def test_half_a_file_in_the_folder_is_made_again(tmp_path: Path) -> None:
    found = ready(tmp_path, TONE).prompts.find("t")
    assert found is not None
    whole = found.path.read_bytes()
    found.path.write_bytes(whole[:1000])
    assert ms(ready(tmp_path, TONE), "t") == 2000
    assert found.path.read_bytes() == whole


def test_failure_leaves_no_file_behind(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise SoundError("failed")

    with pytest.raises(SoundError):
        Cache(tmp_path / "kept").sound("key", fail)
    assert list((tmp_path / "kept").iterdir()) == []


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file")
    assert mistakes(tmp_path, TONE) == ["kept: error: prompts cannot be kept here: File exists"]


RACER = """
import sys
from pathlib import Path
from callrouter.media.sounds.sound_cache import Cache

def make(path):
    print("making", flush=True)
    sys.stdin.readline()
    path.write_bytes(Path(sys.argv[2]).read_bytes())

sound = Cache(Path(sys.argv[1])).sound("key", make)
print(sound.path.name, sound.ms, flush=True)
"""


def test_two_processes_that_make_the_same_sound_both_get_it(tmp_path: Path) -> None:
    (tmp_path / "tone").mkdir()
    tone = ready(tmp_path / "tone", TONE).prompts.find("t")
    assert tone is not None
    argv = [sys.executable, "-c", RACER, str(tmp_path / "kept"), str(tone.path)]
    racers = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for racer in racers:  # neither is through before both have begun
        assert racer.stdout is not None
        assert racer.stdout.readline() == "making\n"
    told = {racer.communicate("\n", timeout=30)[0] for racer in racers}
    (kept,) = (tmp_path / "kept").iterdir()
    assert told == {f"{kept.name} 2000\n"}
    assert kept.read_bytes() == tone.path.read_bytes()


@needs_speech
@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Good morning."), ("zh", "您好。欢迎来电。"), ("vi", "Xin chào quý khách.")],
)
def test_text_is_spoken_in_its_language(tmp_path: Path, language: str, text: str) -> None:
    made = ready(tmp_path, f"prompts: {{w: {{text: {text}, language: {language}}}}}\n")
    assert 500 < ms(made, "w") < 3000


@needs_speech
def test_text_is_no_option_of_the_program(tmp_path: Path) -> None:
    made = ready(tmp_path, 'prompts: {w: {text: "--version -w x.wav"}}\n')
    assert ms(made, "w") > 500
    assert not (tmp_path / "x.wav").exists()


@needs_speech
def test_text_without_a_word_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "prompts: {w: {text: '...'}}\n") == [
        "plan.yaml:5:21: error: there is nothing to say in this text"
    ]


def test_text_that_nobody_can_speak_stops_the_dialplan_but_only_warns_in_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    text = "prompts:\n  w: {text: Hello}\n"
    said = "espeak-ng is not installed: this text cannot be spoken"
    assert mistakes(tmp_path, text) == [f"plan.yaml:6:13: error: {said}"]
    (warning,) = prompts.check(plan(tmp_path, text))
    assert (warning.severity, warning.message) == ("warning", said)


def test_program_that_fails_or_hangs_is_a_mistake_of_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: str(tmp_path / "espeak-ng"))
    program = tmp_path / "espeak-ng"
    for script, said in (
        ("echo no voice >&2; exit 1", "espeak-ng failed: no voice"),
        ("exit 3", "espeak-ng failed: 3"),
        ("echo hello", "is no sound file that can be read"),
        ("exec sleep 60", "espeak-ng failed: "),
    ):
        program.write_text(f"#!/bin/sh\nexec 0<&-\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(rendering, "_SECONDS", 0.2 if "sleep" in script else 30.0)
        with pytest.raises(SoundError, match=said):
            rendering.speak("hello", "en")


def test_check_keeps_nothing_and_finds_what_cannot_be_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sound_file(tmp_path / "w.wav", 1)
    assert prompts.check(plan(tmp_path, "prompts: {w: w.wav}\n")) == []
    assert {file.name for file in tmp_path.iterdir()} == {"w.wav", "plan.yaml"}
    (tmp_path / "w.wav").write_bytes(b"RIFF")
    with pytest.raises(ConfigError, match="is no sound file"):
        prompts.check(plan(tmp_path, "prompts: {w: w.wav}\n"))
