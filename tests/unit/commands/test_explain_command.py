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
QUEUE = """\
country: CN
trunks: {one: {addresses: [192.0.2.7]}}
targets: {a: {uri: "sip:a@192.0.2.9"}}
voicemail: {sales: {}}
prompts: {hello: {tone: {hertz: 440, for: 1s}}}
menus: {main: {prompt: hello, keys: {"3": a}}}
extensions: {"301": {targets: [a]}}
queues: {support: {agents: ["301"], keys: {"1": {voicemail: sales}, "2": {menu: main}}}}
numbers:
  "4000": {route: [{queue: support}]}
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
    assert "· step 1 of number 4010 [Sat 2026-03-07 12:01 Asia/Shanghai]: office: closed" in text
    assert "uas_5082 at 127.0.0.1:5082 for 55 s" in text
    assert "lab.yaml:" in text


def test_object_has_the_promised_keys() -> None:
    text = explain("--from", "02012345678", "--to", "4012", "--json")
    found = json.loads(text)
    told = ["dialplan", "number", "targets", "final", "reason", "trace"]
    more = ["left", "trunk", "at", "timezone", "state", "draining", "costs", "attributes"]
    assert list(found) == [*told, "steps", "media", "menus", *more]
    assert (found["state"], found["draining"]) == ("none", False)
    assert found["targets"] == [
        {"name": "uas_5080", "address": "127.0.0.1:5080", "ring_seconds": 55.0}
    ]
    assert (found["number"], found["final"], found["reason"]) == ("4012", None, None)
    assert list(found["trace"][0]) == [
        *("rule", "matched", "result", "value", "why", "file", "line")
    ]


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
        (("--trunk", "tow"), "no trunk is named 'tow'; did you mean 'two'?"),
        (("--trunk", "x"), "no trunk is named 'x'; expected one of one, two"),
        (("--trunk", "one", "--down", "carier"), "did you mean 'carrier'?"),
        (
            ("--trunk", "one", "--at", "noon"),
            'expected a time such as 2026-03-07T12:01, 2026-03-07, "Sat',
        ),
        (("--trunk", "one", "--at", "Sat noon"), "found 'Sat noon'"),
    ],
)
def test_wrong_option_says_what_was_expected(two: str, options: tuple[str, ...], said: str) -> None:
    code = 2 if "--at" in options else 1
    text = explain("--from", "1", "--to", "4000", *options, file=two, code=code)
    assert said in " ".join(text.split())


def test_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" in explain("--from", "1", "--to", "4000")


def test_owner_says_what_a_lookup_would_answer(tmp_path: Path) -> None:
    path = tmp_path / "crm.yaml"
    path.write_text(
        TWO.replace("{route: [{hunt: [a]}", "{lookup: crm, route: [{hunt: [a]}")
        + 'extensions: {"101": {targets: [b]}}\n'
        + 'lookups: {crm: {url: "http://127.0.0.1:9/?caller={caller}"}}\n',
        encoding="utf-8",
    )
    asked = ("--from", "13800138000", "--to", "4000", "--trunk", "one")
    text = explain(*asked, file=str(path))
    assert "· lookup crm [+8613800138000]: would be asked who is responsible" in text
    assert "crm.yaml:10" in text
    found = json.loads(explain(*asked, "--owner", "101", "--json", file=str(path)))
    assert [target["name"] for target in found["targets"]] == ["b", "a", "b"]
    text = explain(*asked, "--owner", "101", file=str(path))
    assert "✓ lookup crm [+8613800138000]: names extension 101" in text
    text = explain(*asked, "--owner", "", file=str(path))
    assert "· lookup crm [+8613800138000]: nobody is responsible" in text


def test_pace_of_a_trunk_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "paced.yaml"
    text = TWO.replace(
        "one: {addresses: [192.0.2.7]", "one: {calls_per_second: 5, addresses: [192.0.2.7]"
    )
    path.write_text(text, encoding="utf-8")
    text = explain("--from", "1", "--to", "4000", "--trunk", "one", file=str(path))
    assert "✓ calls_per_second of trunk one [0 of 5]: fewer calls came in the last second" in text


def test_what_is_heard_is_told_step_by_step() -> None:
    found = json.loads(explain("--from", "1", "--to", "4113", "--at", "2026-03-02T10:00", "--json"))
    assert [step["says"] for step in found["steps"]] == [
        ["plays hotline-welcome, menu hotline"],
        ["takes a message for box lab"],
    ]
    assert "1: rings uas_5081 for 55 s" in found["menus"]["hotline"]
    assert (
        "records from the answer on in stereo, after recording_notice, kept 30 d" in found["media"]
    )


def test_keys_of_a_queue_stand_below_it(tmp_path: Path) -> None:
    path = tmp_path / "queue.yaml"
    path.write_text(QUEUE, encoding="utf-8")
    lines = explain("--from", "1", "--to", "4000", file=str(path)).splitlines()
    (place,) = [at for at, line in enumerate(lines) if "── waits in queue" in line]
    assert "1: takes a message for box sales" in lines[place + 1]
    assert "2: menu main" in lines[place + 2]
    assert any("3: rings a" in line for line in lines[place + 3 :])


def test_menu_stands_once_with_what_it_does_below_it() -> None:
    text = explain("--from", "1", "--to", "4113", "--at", "2026-03-02T10:00")
    lines = [line for line in text.splitlines() if "menu hotline" in line]
    assert lines[-1] == "├── plays hotline-welcome, menu hotline"
    assert len([line for line in lines if "step" not in line]) == 1
    after = text.partition(lines[-1])[2].splitlines()
    assert "plays hotline-choice up to 3 times" in after[1]


def test_dialplan_by_itself_says_what_of_a_server_was_not_looked_at() -> None:
    text = explain("--from", "1", "--to", "4000")
    assert text.splitlines()[-1] == (
        "└── state: none (--dialplan asks no server): nobody blocked or away, "
        "no schedule switched, no line in use, no gateway down"
    )


@pytest.mark.parametrize("typed", ["tel:+86-138-0013-8000", "sip:13800138000@example.com"])
def test_uri_is_a_spelling_of_a_number(typed: str) -> None:
    found = json.loads(explain("--from", typed, "--to", "sip:4011@192.0.2.1", "--json"))
    assert (found["number"], found["final"], found["reason"]) == ("4011", 403, "blocked_caller")


def test_what_a_caller_wrote_reaches_no_terminal_as_it_is() -> None:
    text = explain("--from", "a\x1b[31mb[bold]", "--to", "4000\u202e")
    assert "a\\u001b[31mb[bold] calls 4000\\u202e" in text
    assert "\x1b" not in text


def test_confirmation_is_shown_with_who_is_rung() -> None:
    text = explain("--from", "1", "--to", "4107")
    assert "who answers hears accept_call and has to press 1 within 10 s" in text


CHARGED = """\
country: CN
rate_plans: plans.yaml
trunks: {one: {addresses: [192.0.2.7]}}
gateways: {carrier: {address: 192.0.2.1}}
targets: {mobile: {number: "13800138000", via: carrier}, desk: {uri: "sip:a@192.0.2.9"}}
numbers:
  "4008001234": {rate_plan: hotline, route: [{hunt: [desk, mobile]}]}
  "4000": {route: [{hunt: [desk]}]}
"""
PLANS = """\
country: CN
plans:
  hotline: {currency: CNY, blocks: 60/60, price: 0.30/min, forwarded: outbound}
  outbound: {currency: CNY, blocks: 60/60, price: 0.15/min}
"""


@pytest.fixture
def charged(tmp_path: Path) -> str:
    (tmp_path / "plans.yaml").write_text(PLANS, encoding="utf-8")
    path = tmp_path / "charged.yaml"
    path.write_text(CHARGED, encoding="utf-8")
    return str(path)


def test_cost_is_told_for_each_target_that_may_answer(charged: str) -> None:
    options = ("--from", "1", "--to", "4008001234", "--cost", "111", "--forwarded-after", "50")
    found = json.loads(explain(*options, "--json", file=charged))
    assert [
        (one["answered_by"], one["cost"], [charge["cost"] for charge in one["charges"]])
        for one in found["costs"]
    ] == [("desk", "0.6000", ["0.6000"]), ("mobile", "0.9000", ["0.6000", "0.3000"])]
    text = explain(*options, file=charged)
    assert "mobile answers: 0.9000 CNY" in text
    assert "outbound, all numbers: 120 s billed, 0.3000" in text


def test_number_without_a_rate_plan_costs_nothing(charged: str) -> None:
    options = ("--from", "1", "--to", "4000", "--cost", "111")
    assert "nothing: no leg has a rate plan" in explain(*options, file=charged)
    found = json.loads(explain("--from", "1", "--to", "4008001234", "--json", file=charged))
    assert found["costs"] == []


def test_length_that_cannot_be_is_refused(charged: str) -> None:
    options = ("--from", "1", "--to", "4000", "--forwarded-after", "50")
    assert "--forwarded-after needs --cost" in explain(*options, file=charged, code=2)
    text = explain(*options, "--cost", "40", file=charged, code=2)
    assert "the call had ended by then" in text
