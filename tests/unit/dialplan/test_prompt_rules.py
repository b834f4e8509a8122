"""Prompts and hold music in a dialplan: their grammar, their names and their files."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from callrouter.dialplan.compile import prompt_files as sounds
from callrouter.dialplan.compile.compiler import compile_dialplan, load_dialplan
from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.dialplan.grammar.prompts_music import Prompt
from callrouter.errors import ConfigError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.prompt_recipes import FromFile, FromText, FromTone
from callrouter.yamlfile.reader import parse

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@127.0.0.1"}}
numbers: {4000: {route: [{hunt: [a]}]}}
"""


def loaded(folder: Path, text: str) -> Dialplan:
    path = folder / "plan.yaml"
    path.write_text(PLAN + text, encoding="utf-8")
    return load_dialplan(path)


def refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return [str(found).replace(f"{folder}/", "") for found in caught.value.diagnostics]


def test_prompt_is_a_file_a_text_or_a_tone_for_all_or_for_each_language(tmp_path: Path) -> None:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "w.wav").write_bytes(b"content")
    plan = loaded(
        tmp_path,
        "language: vi\n"
        "prompts:\n"
        "  short: sounds/w.wav\n"
        "  long: {file: sounds/w.wav}\n"
        "  said: {text: '  We are   closed. '}\n"
        "  told: {text: Closed., language: en}\n"
        "  tone: {tone: {hertz: 440, for: 1500ms}}\n"
        "  each: {languages: {en: sounds/w.wav, zh: {text: 您好}}}\n"
        "hold_music: {piano: sounds/w.wav}\n",
    )
    made = {(recipe.name, recipe.language): recipe.source for recipe in plan.recipes}
    said, told, tone = made["said", ""], made["told", ""], made["tone", ""]
    chinese, music = made["each", "zh"], made["piano", ""]
    assert isinstance(said, FromText)
    assert isinstance(told, FromText)
    assert isinstance(chinese, FromText)
    assert isinstance(tone, FromTone)
    assert isinstance(music, FromFile)
    assert (said.text, said.language) == ("We are closed.", "vi")
    assert (told.language, chinese.language) == ("en", "zh")
    assert (tone.hertz, tone.seconds) == (440, 1.5)
    assert music.music
    for key in (("short", ""), ("long", ""), ("each", "en")):
        file = made[key]
        assert isinstance(file, FromFile)
        assert not file.music
        assert (file.path, file.digest) == (str(tmp_path / "sounds/w.wav"), music.digest)


def test_content_of_files_is_part_of_the_version_and_they_are_watched(tmp_path: Path) -> None:
    file = tmp_path / "w.wav"
    versions = []
    for content in (b"one", b"two", b"one"):
        file.write_bytes(content)
        plan = loaded(tmp_path, "prompts: {w: w.wav}\nhold_music: {m: w.wav}\n")
        assert plan.files == (str(tmp_path / "plan.yaml"), str(file))
        versions.append(plan.version)
    assert versions[0] == versions[2] != versions[1]


def test_folder_of_the_dialplan_is_not_part_of_the_version(tmp_path: Path) -> None:
    versions = set()
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "w.wav").write_bytes(b"content")
        versions.add(loaded(tmp_path / name, "prompts: {w: w.wav}\n").version)
    assert len(versions) == 1


@pytest.mark.parametrize(
    ("entry", "mistake"),
    [
        ("{}", "14: error: expected one of 'file', 'text', 'tone' and 'languages'"),
        ("{file: a, text: b}", "14: error: expected one of 'file', 'text', 'tone' and 'languages'"),
        ("{fiel: a}", "15: error: unknown key 'fiel'; did you mean 'file'?"),
        ("5", "14: error: expected a mapping of keys and values, found '5'"),
        ("{text: ' '}", "21: error: expected a text of 1 to 2000 characters, found ' '"),
        ("{text: 5}", "21: error: expected a text of 1 to 2000 characters, found '5'"),
        ("{tone: {hertz: 4, for: 1s}}", "29: error: expected a frequency from 50 to 3500"),
        ("{tone: {hertz: 440}}", "15: error: the key 'for' is missing"),
        ("{tone: {hertz: 440, for: 2}}", "39: error: expected a time with its unit: write 2s"),
        ("{tone: {hertz: 440, for: 61s}}", "39: error: expected a time from 0.1s to 60s"),
        ("{text: a, language: cn}", "34: error: expected 'en', 'zh' or 'vi', found 'cn'"),
        ("{file: a, language: zh}", "14: error: 'language' says in which language 'text' is"),
        ("{languages: {}}", "26: error: expected at least one of 'en', 'zh' and 'vi'"),
        ("{languages: {cn: a}}", "27: error: unknown key 'cn'; expected one of"),
        ("{languages: {zh: {}}}", "31: error: expected one of 'file', 'text' and 'tone'"),
        ("w.wav", "14: error: 'w.wav' cannot be read: No such file or directory"),
        ("/etc/passwd", "14: error: expected the name of a sound file such as welcome.wav, in the"),
        ("../w.wav", "14: error: expected the name of a sound file such as welcome.wav, in the"),
        ('"a\\0b"', "14: error: expected the name of a sound file such as welcome.wav, found"),
    ],
)
def test_mistake_in_a_prompt_is_named_at_its_place(
    tmp_path: Path, entry: str, mistake: str
) -> None:
    (found,) = refused(tmp_path, f"prompts: {{w: {entry}}}\n")
    assert found.startswith(f"plan.yaml:5:{mistake}")


@pytest.mark.parametrize("kind", ["link", "loop", "folder", "pipe"])
def test_what_is_no_file_of_the_folder_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (plans / "link").symlink_to("../secret.wav")
    (plans / "loop").symlink_to("loop")
    (plans / "folder").mkdir()
    os.mkfifo(plans / "pipe")
    (found,) = refused(plans, f"prompts: {{w: {kind}}}\n")
    assert found.startswith(f"plan.yaml:5:14: error: '{kind}' ")


def test_large_file_is_refused_with_its_name_and_the_limit(tmp_path: Path) -> None:
    (tmp_path / "m.mp3").write_bytes(bytes(2 * 1024 * 1024 + 1))
    assert refused(tmp_path, "prompts: {m: m.mp3}\nhold_music: {m: m.mp3}\n") == [
        "plan.yaml:6:17: error: 'm.mp3' is larger than 2 MB, the limit for hold music"
    ]
    with (tmp_path / "p.wav").open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    assert refused(tmp_path, "prompts: {p: p.wav}\n") == [
        "plan.yaml:5:14: error: 'p.wav' is larger than 50 MB, the limit for a prompt"
    ]


@given(st.text(max_size=40))
@example("a/../../b")
@example("..")
@example(".")
@example("\0")
@example("a" * 5000)
@example("~/x.wav")
@example("C:\\x.wav")
@example("file:///etc/passwd")
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    try:
        prompt = Prompt.model_validate({"file": name})
    except ValidationError:
        return
    assert prompt.file is not None
    inside = os.path.normpath(os.path.join("/plans", prompt.file))
    assert inside == "/plans" or inside.startswith("/plans/")


def test_name_too_long_for_any_file_is_a_mistake(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, f"prompts: {{w: {'a' * 5000}}}\n")
    assert "cannot be read: File name too long" in found


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            "reasons: {suspended: {prompt: suspend}}",
            "6:31: error: no prompt is named 'suspend'; did you mean 'suspended'?",
        ),
        (
            "reasons: {suspended: {prompt: welcom}}",
            "6:31: error: no prompt is named 'welcom'; did you mean 'welcome'?",
        ),
        (
            "backup: [a]\ngroups: {g: {hunt: [a]}}\nreasons: {over_limit: {prompt: 5}}",
            "8:32: error: expected a name of letters",
        ),
    ],
)
def test_unknown_prompt_of_a_reason_is_named_with_what_was_meant(text: str, mistake: str) -> None:
    tone = "prompts: {welcome: {tone: {hertz: 440, for: 1s}}}\n"
    with pytest.raises(ConfigError) as caught:
        compile_dialplan(parse(PLAN + tone + text + "\n", "plan.yaml"))
    (found,) = caught.value.diagnostics
    assert str(found).startswith(f"plan.yaml:{mistake}")


def test_builtin_prompt_needs_no_entry() -> None:
    for name in BUILTIN:
        text = f"{PLAN}reasons: {{suspended: {{prompt: {name}}}}}\n"
        plan = compile_dialplan(parse(text, "p.yaml"))
        assert plan.numbers["4000"].reasons["suspended"].prompt == name


def test_each_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "w.wav").write_bytes(b"content")
    read = []
    digest = sounds._digest
    monkeypatch.setattr(sounds, "_digest", lambda path: read.append(path) or digest(path))
    loaded(tmp_path, "prompts: {a: w.wav, b: w.wav}\nhold_music: {c: w.wav}\n")
    assert read == [tmp_path / "w.wav"]
