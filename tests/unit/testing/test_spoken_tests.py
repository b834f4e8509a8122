"""Dialplan tests of calls that are spoken to."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callrouter.cli import main

DIALPLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@192.0.2.2"}, b: {uri: "sip:b@192.0.2.3"}}
prompts: {one: {tone: {hertz: 440, for: 1s}}}
menus:
  main:
    prompt: one
    keys:
      "1": a
      "2": {voicemail: box}
voicemail: {box: {max: 4s, min: 1s, greeting: one}}
extensions: {"301": {targets: [a]}}
queues: {support: {agents: ["301"], max_wait: 2m, ring: 100s}}
numbers:
  "4002": {route: [{queue: support}, {voicemail: box}]}
  "4000": {route: [{menu: main}]}
  "4001": {route: [{hunt: [b], confirm: "1"}]}
"""


def run(folder: Path, tests: str) -> Result:
    (folder / "d.yaml").write_text(DIALPLAN, encoding="utf-8")
    lines = ["dialplan: d.yaml", "tests:", *(f"  - {line}" for line in tests.splitlines())]
    path = folder / "d.test.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return CliRunner().invoke(main, ["test", str(path)])


def test_key_of_a_menu_is_reached_by_who_presses_it(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        "{name: n, call: {to: '4000'}, press: [1 after 500ms], expect: {answered_by: a, "
        "heard: [one, ringback], keys: '1', matched: [key 1 of menu main], voicemail: ''}}",
    )
    assert result.exit_code == 0, result.output
    assert "d.yaml:10: not reached: key 2 of menu main" in result.output
    assert "key 1 of menu main" not in result.output


def test_message_is_left_in_the_box(tmp_path: Path) -> None:
    press = "press: [2 after 500ms, '# after 4s']"
    result = run(
        tmp_path, f"{{name: n, call: {{to: '4000'}}, {press}, expect: {{voicemail: box}}}}"
    )
    assert result.exit_code == 0, result.output


def test_wait_of_two_minutes_is_played_to_its_end_or_to_when_the_caller_gives_up(
    tmp_path: Path,
) -> None:
    head = "call: {to: '4002'}, legs: {a: silence}"
    result = run(
        tmp_path,
        f"{{name: n, {head}, cancel: 3m, expect: {{queue: timeout, voicemail: box}}}}\n"
        f"{{name: m, {head}, cancel: 90s, expect: {{queue: abandoned, voicemail: ''}}}}\n"
        "{name: o, call: {to: '4002'}, legs: {}, expect: {queue: answered, answered_by: a}}\n"
        "{name: p, call: {to: '4001'}, legs: {}, expect: {queue: ''}}",
    )
    assert result.exit_code == 0, result.output


def test_target_that_confirms_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    head = "call: {to: '4001'}, legs: {b: '200 after 1s, key"
    result = run(
        tmp_path,
        f"{{name: n, {head} 1 after 2s'}}, expect: {{answered_by: b, legs: [answered]}}}}\n"
        f"{{name: m, {head} 2 after 2s'}}, expect: {{answered_by: '', legs: [no_answer]}}}}",
    )
    assert result.exit_code == 0, result.output


def test_what_was_heard_instead_is_told(tmp_path: Path) -> None:
    result = run(tmp_path, "{name: n, call: {to: '4000'}, legs: {}, expect: {heard: [goodbye]}}")
    assert result.exit_code == 1
    assert "  - heard: [goodbye]\n  + heard: [one, no_input, one" in result.output


@pytest.mark.parametrize(
    ("test", "told"),
    [
        ("press: [x after 2s], expect: {}", "expected a key and when, such as"),
        ("press: [2], expect: {}", "expected a key and when, such as"),
        ("expect: {heard: [one]}", "'heard' needs a call that is played: write 'legs'"),
        ("legs: {}, expect: {heard: [onne]}", "no prompt is named 'onne'"),
        ("legs: {}, expect: {voicemail: bux}", "no voicemail box is named 'bux'"),
        ("legs: {a: key 1 after 2s}, expect: {}", "needs an answer before it"),
        ("legs: {a: '200, bye after 1s, key 1 after 2s'}, expect: {}", "nothing comes after"),
    ],
)
def test_mistake_is_named_with_its_place(test: str, told: str, tmp_path: Path) -> None:
    result = run(tmp_path, f"{{name: n, call: {{to: '4000'}}, {test}}}")
    assert result.exit_code == 1, result.output
    assert told in result.output + result.stderr
