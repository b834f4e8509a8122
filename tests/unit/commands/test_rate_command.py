"""`callrouter rate`: the cost of a call, its blocks, and what it says of what cannot be."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callrouter.cli import main

PLANS = """\
country: CN
timezone: Europe/Berlin
schedules: {night: {open: ["02:00-03:00"]}}
plans:
  plain: {currency: EUR, decimals: 2, blocks: 60/60, price: 0.10/min, fee: "0.05"}
  night:
    currency: EUR
    decimals: 8
    blocks: 1/1
    price: 0.00000001/s
    periods: [{when: {schedule: night}, price: 1/s}]
  forwarding:
    currency: EUR
    decimals: 2
    blocks: 60/60
    price: 0.30/min
    unanswered: {price: 0.60/min, blocks: 30/30}
    forwarded: plain
    rates: [{prefixes: ["0755"], price: 1/min}]
"""


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    path = tmp_path / "plans.yaml"
    path.write_text(PLANS, encoding="utf-8")
    return path


def run(plans: Path, *options: str) -> Result:
    words = ["rate", "--plans", str(plans), "--answered", "2026-03-04T12:00", *options]
    return CliRunner().invoke(main, words)


def test_cost_is_printed_with_its_blocks_and_fee(plans: Path) -> None:
    result = run(plans, "--plan", "plain", "--seconds", "60.5")
    assert (result.exit_code, result.stdout) == (
        0,
        "cost 0.25 EUR\n"
        "plain, all numbers: 120 s billed, 0.25\n"
        "  fee 0.05\n"
        "  2 blocks of 60 s at 0.10/min from 2026-03-04 12:00:00+01:00\n",
    )


def test_both_legs_of_a_forwarded_call_are_printed_and_summed(plans: Path) -> None:
    forwarded = ("--forwarded-to", "13800138000", "--forwarded-after", "50.5")
    result = run(plans, "--plan", "forwarding", "--seconds", "111", "--json", *forwarded)
    found = json.loads(result.stdout)
    assert (found["cost"], found["currency"]) == ("0.85", "EUR")
    assert [(leg["plan"], leg["cost"], leg["seconds"]) for leg in found["legs"]] == [
        ("forwarding", "0.60", 120),
        ("plain", "0.25", 120),
    ]
    assert found["legs"][1]["blocks"] == [
        {
            "from": "2026-03-04 12:00:50+01:00",
            "count": 2,
            "seconds": 60,
            "price": "0.10/min",
            "period": "",
        }
    ]


def test_number_is_read_in_the_country_of_the_plans(plans: Path) -> None:
    result = run(plans, "--plan", "forwarding", "--seconds", "1", "--called", "0755 1234 5678")
    assert "forwarding, 0755: 60 s billed, 1.00" in result.stdout


def test_call_that_nobody_answered_is_charged_for_its_ringing(plans: Path) -> None:
    result = run(plans, "--plan", "forwarding", "--seconds", "0", "--ringing", "31")
    assert "forwarding, unanswered: 60 s billed, 0.60" in result.stdout
    result = run(plans, "--plan", "plain", "--seconds", "0", "--ringing", "31")
    assert result.stdout == "cost 0.00 EUR\nplain: 0 s billed, 0.00\n"


def test_hour_that_comes_twice_is_told_apart_and_small_amounts_are_written_out(plans: Path) -> None:
    result = run(plans, "--plan", "night", "--answered", "2026-10-25T01:59:59", "--seconds", "7202")
    assert result.stdout == (
        "cost 7200.00000002 EUR\n"
        "night, all numbers: 7202 s billed, 7200.00000002\n"
        "  1 block of 1 s at 0.00000001/s from 2026-10-25 01:59:59+02:00\n"
        "  7200 blocks of 1 s at 1/s (night) from 2026-10-25 02:00:00+02:00\n"
        "  1 block of 1 s at 0.00000001/s from 2026-10-25 03:00:00+01:00\n"
    )


def test_plans_are_those_beside_the_dialplan_of_the_settings(plans: Path) -> None:
    settings = plans.with_name("callrouter.yaml")
    settings.write_text('listen: ["udp:127.0.0.1:5060"]\ndialplan: d.yaml\n', encoding="utf-8")
    words = ["rate", "--config", str(settings), "--plan", "plain", "--seconds", "1"]
    result = CliRunner().invoke(main, [*words, "--answered", "2026-03-04T12:00+08:00"])
    assert "from 2026-03-04 05:00:00+01:00" in result.stdout


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("plian --seconds 1", 1, "no plan is named 'plian'; did you mean 'plain'?"),
        ("x --seconds 1", 1, "expected one of plain, night, forwarding"),
        ("plain --seconds -1", 2, "expected seconds from 0 to 604800, such as 61 or 61.5"),
        ("plain --seconds 604801", 2, "found '604801'"),
        ("plain --seconds 1 --called bob", 2, "expected a number, found 'bob'"),
        ("plain --seconds 1 --answered soon", 2, "expected a time such as"),
        ("plain --seconds 1 --answered 1999-12-31", 2, "expected a year from 2000 to 2059"),
        ("plain --seconds 1 --forwarded-to 4000", 1, "says nothing of forwarded legs"),
        (
            "forwarding --seconds 1 --forwarded-to 4000 --forwarded-after 2",
            2,
            "the call had ended by then",
        ),
    ],
)
def test_what_cannot_be_is_said(plans: Path, options: str, code: int, said: str) -> None:
    result = run(plans, "--plan", *options.split())
    assert said in result.output
    assert result.exit_code == code


def test_packages_pay_both_legs_before_money_does(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "country: CN\nplans:\n"
        "  a: {currency: CNY, blocks: 60/60, price: 1/min, forwarded: b}\n"
        "  b: {currency: CNY, blocks: 60/60, price: 2/min}\n",
        encoding="utf-8",
    )
    words = ["rate", "--plans", str(file), "--plan", "a", "--answered", "2026-03-04T12:00Z"]
    words += ["--seconds", "60", "--forwarded-to", "13800138000"]

    def run(*packages: str) -> Result:
        more = [word for package in packages for word in ("--package", package)]
        return CliRunner().invoke(main, [*words, *more, "--json"])

    found = json.loads(run("90@2026-04-01").output)
    assert (found["cost"], [leg["cost"] for leg in found["legs"]]) == (
        "1.0000",
        ["0.0000", "1.0000"],
    )
    taken = [leg["packages"] for leg in found["legs"]]
    assert taken == [{"90@2026-04-01": 60}, {"90@2026-04-01": 30}]
    assert "such as 6000@2026-04-01, found '90'" in run("90").output
    assert "one of them is there twice" in run(*["9@2026-04-01"] * 2).output
