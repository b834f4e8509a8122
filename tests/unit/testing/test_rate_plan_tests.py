"""Tests of rate plans: they compare what a call costs, and their mistakes have a place."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callrouter.cli import main

PLANS = """\
country: CN
timezone: Asia/Shanghai
plans:
  hotline: {currency: CNY, blocks: 60/60, price: 0.30/min, forwarded: outbound}
  outbound: {currency: CNY, blocks: 60/60, price: 0.15/min}
"""
HEAD = "plans: plans.yaml\ntests:\n"


def told(folder: Path, test: str, command: str) -> Result:
    (folder / "plans.yaml").write_text(PLANS, encoding="utf-8")
    (folder / "plans.test.yaml").write_text(HEAD + test, encoding="utf-8")
    return CliRunner().invoke(main, [command, str(folder / "plans.test.yaml")])


def case(call: str, expect: str = "cost: 1") -> str:
    call = f"plan: hotline, answered: '2026-03-04 12:00', {call}"
    return f"  - {{name: a, call: {{{call}}}, expect: {{{expect}}}}}\n"


FORWARDED = "lasts: 111s, forwarded: [{to: '13800138000', after: 50s}]"


@pytest.mark.parametrize(
    ("call", "expect"),
    [
        (FORWARDED, "cost: '0.9', currency: CNY, legs: ['0.6', '0.3'], billed: [120, 120]"),
        (FORWARDED, "rates: [all numbers, all numbers]"),
        ("lasts: 60500ms", "cost: '0.60'"),
        ("rings: 20s", "cost: 0, billed: [0]"),
        ("lasts: 61s, forwarded: [{to: '13800138000'}]", "cost: '0.90'"),
    ],
)
def test_call_that_costs_what_was_expected_passes(tmp_path: Path, call: str, expect: str) -> None:
    result = told(tmp_path, case(call, expect), "test")
    assert (result.exit_code, result.output) == (0, "1 tests, 1 passed, 0 failed\n")


def test_difference_is_shown_with_the_place_of_its_test(tmp_path: Path) -> None:
    result = told(tmp_path, case("lasts: 61s", "cost: '0.30', billed: [60]"), "test")
    assert result.exit_code == 1
    assert result.output.replace(f"{tmp_path}/", "").splitlines() == [
        "FAIL plans.test.yaml:3: a",
        "  - cost: 0.30",
        "  + cost: 0.6000",
        "  - billed: [60]",
        "  + billed: [120]",
        "",
        "1 tests, 0 passed, 1 failed",
    ]


@pytest.mark.parametrize(
    ("test", "found"),
    [
        (case("lasts: 61s").replace("hotline", "hotlin"), "no plan is named 'hotlin'; did you"),
        (case("rings: 9s, forwarded: [{to: '1'}]"), "nobody answered: expected 'lasts'"),
        (case("lasts: 9s, forwarded: [{to: '1', after: 10s}]"), "the call had ended by then"),
        (
            case("lasts: 9s, forwarded: [{to: '1'}]").replace("hotline", "outbound"),
            "plan 'outbound' says nothing of forwarded legs: it has no 'forwarded'",
        ),
        (case("lasts: 9"), "expected a time with its unit: write 9s"),
        (case("lasts: 9s", "cost: 0.5"), 'expected an amount such as "0.50"; write it in quotes'),
    ],
)
@pytest.mark.parametrize("command", ["test", "check"])
def test_mistake_in_a_test_has_its_place(
    tmp_path: Path, test: str, found: str, command: str
) -> None:
    result = told(tmp_path, test, command)
    assert result.exit_code == 1
    assert found in result.output
    assert "plans.test.yaml:3:" in result.output


def test_file_of_plans_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "a.test.yaml"
    path.write_text("plans: none.yaml\ntests:\n" + case("lasts: 9s"), encoding="utf-8")
    result = CliRunner().invoke(main, ["test", str(path)])
    assert f"a.test.yaml:1:8: error: there is no file {tmp_path}/none.yaml" in result.output


def test_cost_of_a_call_that_is_only_decided_cannot_be_expected(tmp_path: Path) -> None:
    (tmp_path / "plans.yaml").write_text(PLANS, encoding="utf-8")
    (tmp_path / "d.yaml").write_text(
        "country: CN\nrate_plans: plans.yaml\ntrunks: {lab: {addresses: [192.0.2.0/24]}}\n"
        "targets: {desk: {uri: 'sip:a@192.0.2.7'}}\n"
        "numbers: {'4000': {rate_plan: hotline, route: [{hunt: [desk]}]}}\n",
        encoding="utf-8",
    )
    path = tmp_path / "d.test.yaml"
    path.write_text(
        "dialplan: d.yaml\ntests:\n"
        "  - {name: a, call: {to: '4000'}, legs: {desk: '200, bye after 9s'}, "
        "expect: {cost: '0.3'}}\n"
        "  - {name: b, call: {to: '4000'}, legs: {desk: '486'}, expect: {cost: 0}}\n",
        encoding="utf-8",
    )
    assert CliRunner().invoke(main, ["test", str(path)]).exit_code == 0
    path.write_text(
        "dialplan: d.yaml\ntests:\n  - {name: a, call: {to: '4000'}, expect: {cost: '0.3'}}\n",
        encoding="utf-8",
    )
    said = CliRunner().invoke(main, ["test", str(path)]).output
    assert "'cost' needs a call that is played: write 'legs'" in said
