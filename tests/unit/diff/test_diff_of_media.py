"""`callrouter diff` notices what callers hear, and what keys do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from callrouter.cli import main

OLD = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@192.0.2.2"}, b: {uri: "sip:b@192.0.2.3"}}
prompts: {one: {tone: {hertz: 440, for: 1s}}, two: {tone: {hertz: 880, for: 1s}}}
menus:
  main: {prompt: one, keys: {"1": a, "2": {menu: more}}}
  more: {prompt: one, keys: {"1": b}}
numbers:
  "4000": {route: [{menu: main}]}
  "4001": {record: true, route: [{greet: one, hunt: [a], confirm: "1"}]}
"""


@pytest.mark.parametrize(
    ("number", "before", "after", "key"),
    [
        ("4000", '{prompt: one, keys: {"1": b}}', '{prompt: one, keys: {"1": a}}', "menus"),
        ("4000", '{"1": a,', '{"3": a,', "menus"),
        ("4000", "route: [{menu: main}]", "route: [{menu: more}]", "speaks"),
        ("4001", "greet: one", "greet: two", "speaks"),
        ("4001", 'confirm: "1"', 'confirm: "2"', "speaks"),
        ("4001", "record: true", "record: {sides: stereo}", "media"),
    ],
)
def test_changed_media_step_changes_the_call(
    number: str, before: str, after: str, key: str, tmp_path: Path
) -> None:
    assert OLD.count(before) == 1
    (tmp_path / "old.yaml").write_text(OLD, encoding="utf-8")
    (tmp_path / "new.yaml").write_text(OLD.replace(before, after), encoding="utf-8")
    (tmp_path / "calls.csv").write_text("from,to\n139,4000\n139,4001\n", encoding="utf-8")
    files = [str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml")]
    options = ["--calls", str(tmp_path / "calls.csv"), "--json"]
    result = CliRunner().invoke(main, ["diff", *files, *options])
    assert result.exit_code == 1, result.output
    (change,) = json.loads(result.stdout)["changes"]
    assert change["call"]["to"] == number
    assert key in change["changed"]
