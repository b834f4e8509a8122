import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from callrouter.cli import main

LAB = str(Path(__file__).parents[3] / "dialplans" / "lab.yaml")
TWO = """\
country: CN
trunks:
  one: {addresses: [192.0.2.7]}
  two: {addresses: ["2001:db8::/64"]}
gateways: {carrier: {address: 192.0.2.1}, other: {address: "[2001:db8::1]"}}
targets: {a: {number: "1", via: carrier}, b: {number: "2", via: other}}
numbers:
  4000: {route: [{hunt: [a]}, {hunt: [b], on: [busy], final: 480}]}
"""


def explain(*options: str, file: str = LAB, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["explain", "--dialplan", file, *options])
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture
def two(tmp_path: Path) -> str:
    path = tmp_path / "two.yaml"
    path.write_text(TWO, encoding="utf-8")
    return str(path)


def test_tree_shows_every_rule_and_what_rings() -> None:
    text = explain("--from", "13800138000", "--to", "4010", "--at", "2026-03-07T12:01")
    assert "13800138000 calls 4010 on trunk lab, Sat 2026-03-07 12:01 CST" in text
    assert "✗ step 1 of number 4010 [Sat 2026-03-07 12:01 Asia/Shanghai]: office: closed" in text
    assert "uas_5082 at 127.0.0.1:5082 for 55 s" in text
    assert "lab.yaml:" in text


def test_object_has_the_promised_keys() -> None:
    text = explain("--from", "02012345678", "--to", "4012", "--json")
    found = json.loads(text)
    assert list(found) == ["dialplan", "number", "targets", "final", "reason", "trace"]
    assert found["targets"] == [
        {"name": "uas_5080", "address": "127.0.0.1:5080", "ring_seconds": 55.0}
    ]
    assert (found["number"], found["final"], found["reason"]) == ("4012", None, None)
    assert list(found["trace"][0]) == ["rule", "matched", "value", "why", "file", "line"]


def test_refusal_is_told_with_its_reason() -> None:
    found = json.loads(explain("--from", "13800138000", "--to", "4011", "--json"))
    assert (found["targets"], found["final"], found["reason"]) == ([], 403, "blocked_caller")
    text = explain("--from", "13800138000", "--to", "4011")
    assert "refused: 403, cause 21, blocked_caller" in text


@pytest.mark.parametrize("header", ["101", "sip:x@y;ext=101", '"A" <sip:101@192.0.2.1>;tag=5'])
def test_to_header_names_the_extension(header: str) -> None:
    found = json.loads(explain("--from", "1", "--to", "4004", "--to-header", header, "--json"))
    assert [target["name"] for target in found["targets"]] == ["uas_5081", "uas_5080"]


def test_day_of_the_week_is_the_next_one() -> None:
    assert ", Sat 2" in explain("--from", "1", "--to", "4010", "--at", "Sat 12:01")


def test_gateway_that_is_down_is_left_out(two: str) -> None:
    options = ("--from", "1", "--to", "4000", "--trunk", "two", "--down", "carrier")
    found = explain(*options, file=two)
    assert "gateway carrier is down" in found
    assert "refused: 503, cause 34, no_target_left" in found


def test_targets_of_ipv6_and_conditions_are_shown(two: str) -> None:
    found = explain("--from", "1", "--to", "4000", "--trunk", "one", file=two)
    assert "[192.0.2.7]: the source address is in 192.0.2.7/32" in found
    assert "b at [2001:db8::1]:5060 for 15 s (after busy)" in found
    assert "nobody left: 480, cause 18, no_target_left" in found


def test_staggered_targets_say_when_they_ring() -> None:
    found = explain("--from", "1", "--to", "4019")
    assert "uas_5082 at 127.0.0.1:5082 for 15 s (2 s later)" in found
    assert "(at the same time)" in explain("--from", "1", "--to", "4015")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say which trunk the call comes from: --trunk, one of one, two"),
        (("--trunk", "tow"), "no trunk is named 'tow'; did you mean 'two'?"),
        (("--trunk", "x"), "no trunk is named 'x'; expected one of one, two"),
        (("--trunk", "one", "--down", "carier"), "did you mean 'carrier'?"),
        (("--trunk", "one", "--at", "noon"), 'expected a time such as 2026-03-07T12:01 or "Sat'),
        (("--trunk", "one", "--at", "Sat noon"), "found 'Sat noon'"),
    ],
)
def test_wrong_option_says_what_was_expected(two: str, options: tuple[str, ...], said: str) -> None:
    text = explain("--from", "1", "--to", "4000", *options, file=two, code=2)
    assert said in " ".join(text.split())


def test_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in explain("--from", "1", "--to", "4000")


def test_settings_name_the_dialplan() -> None:
    config = str(Path(LAB).parents[1] / "config" / "lab.yaml")
    result = CliRunner().invoke(
        main, ["explain", "--config", config, "--from", "1", "--to", "4000"]
    )
    assert "uas_5080 at 127.0.0.1:5080 for 55 s" in result.output
