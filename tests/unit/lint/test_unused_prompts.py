from pathlib import Path

import pytest
from click.testing import CliRunner

from callrouter.commands.check import check
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.lint.all_warnings import lint
from callrouter.yamlfile.reader import parse

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@192.0.2.1"}}
backup: [a]
prompts: {hello: {text: Hello}, sorry: {tone: {hertz: 440, for: 1s}}}
"""


def warnings(text: str) -> list[str]:
    document = parse(PLAN + text, "d.yaml")
    compile_dialplan(document)
    return [str(found) for found in lint(document)]


@pytest.mark.parametrize(
    ("numbers", "unused"),
    [
        ("numbers: {4000: {route: [{hunt: [a]}]}}", ["hello", "sorry"]),
        (
            "numbers: {4000: {route: [{hunt: [a]}], reasons: {suspended: {prompt: sorry}}}}",
            ["hello"],
        ),
        ("reasons: {suspended: {prompt: hello}}\nnumbers: {4000: {route: [{play: sorry}]}}", []),
        ("numbers: {4000: {route: [{play: [hello, sorry]}]}}", []),
    ],
)
def test_prompt_that_no_rule_names_is_a_warning(numbers: str, unused: list[str]) -> None:
    columns = {"hello": 11, "sorry": 33}
    assert warnings(numbers + "\n") == [
        f"d.yaml:5:{columns[name]}: warning: no rule uses prompt '{name}'" for name in unused
    ]


def test_own_words_for_a_builtin_prompt_need_no_rule() -> None:
    text = "numbers: {4000: {route: [{play: [hello, sorry]}]}}\n"
    document = parse(PLAN.replace("{hello", "{busy: {text: Busy}, hello") + text, "d.yaml")
    assert lint(document) == []


def test_check_decodes_the_files_of_prompts(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    (tmp_path / "x.wav").write_bytes(b"RIFF")
    plan = PLAN.replace("hello: {text: Hello}", "hello: x.wav")
    path.write_text(f"{plan}numbers: {{4000: {{route: [{{play: [hello, sorry]}}]}}}}\n")
    result = CliRunner().invoke(check, [str(path)])
    assert result.exception is not None
    assert f"d.yaml:5:18: error: '{tmp_path}/x.wav' is no sound file" in str(result.exception)
