"""The examples of docs/billing.md: each is computed again, by the plans that the page shows."""

import re
import shlex
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import holidays
import pytest
from click.testing import CliRunner

from callrouter.billing import number_lives as lives
from callrouter.billing.account_rules import ACTIVE, AccountFigures, reviewed
from callrouter.call.services.record import CallRecord
from callrouter.cli import main
from callrouter.dialplan.compile.rate_plan_builder import compile_rate_plans, load_rate_plans
from callrouter.observe.cdr.call_charges import cover
from callrouter.rating.charges import LegUsage, charge
from callrouter.rating.packages import Package, pay_legs
from callrouter.yamlfile.reader import parse

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "billing.md").read_text(encoding="utf-8")
PLANS: Final = ROOT / "dialplans" / "plans.yaml"
EXAMPLES: Final = re.findall(r"```sh\nscripts/run (rate .*)\n```\n\n((?: {4}.*\n)+)", PAGE)
EXPLAINED: Final = re.findall(
    r"```sh\nscripts/run (explain .*) \| grep -A 3 costs\n```\n\n((?: {4}.*\n)+)", PAGE
)
ROWS: Final = re.findall(r"^\| `([a-z_]+)` \| ([0-9.]+) \| ([0-9]+) \| ([0-9.]+) \|$", PAGE, re.M)
NUMBERS: Final = re.findall(
    r"^\| `([a-z_]+)` \| (\+?[0-9]+) \| ([0-9]+) \| ([^|]+) \| ([0-9.]+) \|$", PAGE, re.M
)
NOON: Final = ("--answered", "2026-03-04T12:00")


def rated(*words: str) -> str:
    result = CliRunner().invoke(main, [*words, "--plans", str(PLANS)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_page_has_its_examples() -> None:
    invoices = PAGE.count("<!-- invoice -->")  # which tests/integration/billing computes
    examples = len(EXAMPLES) + len(EXPLAINED) + invoices
    assert (examples, len(ROWS), len(NUMBERS)) == (PAGE.count("```sh"), 16, 7)


def table(mark: str) -> list[list[str]]:
    """The rows of the table under a mark."""
    lines = PAGE.partition(f"<!-- {mark} -->\n")[2].partition("\n\n")[0].splitlines()
    return [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("thresholds", "kind: prepaid"),
        ("credit", "kind: postpaid, credit_limit: 1000, notice: 35, suspend: 15"),
    ],
)
def test_thresholds_of_an_account_are_what_the_page_says(name: str, terms: str) -> None:
    plans = compile_rate_plans(
        parse(
            f"country: CN\nplans: {{}}\naccounts: {{acme: {{{terms}, currency: CNY}}}}\n",
            "plans.yaml",
        )
    )
    acme = plans.accounts["acme"]
    figures = AccountFigures(
        balance=Decimal(1000),
        credit=acme.credit,
        notice=acme.notice,
        suspend=acme.suspend,
        reclaim_seconds=acme.reclaim_seconds,
        state=ACTIVE,
        since=0.0,
        noticed=False,
    )
    for balance, then, told in table(name):
        amount, _, after = balance.partition(",")
        at = 3 * 86400.0 if after else 0.0
        figures, events = reviewed(replace(figures, balance=Decimal(amount)), at)
        assert list(events) == told.split()
        assert (figures.state == ACTIVE) is (then == "calls go on")


def test_slices_of_a_call_are_what_the_page_says() -> None:
    plans = load_rate_plans(PLANS)
    for plan, *slices in table("slices"):
        record = CallRecord("one", "", 1_772_596_800.0)
        record.rate_plans, record.rate_plan = plans, plan
        until = 0
        for shown in slices:
            found = cover(record, until)
            assert f"{(found.until_ms or 0) // 1000} s, {found.cost:f}" == shown
            record.answered_ms = 0
            until = (found.until_ms or 0) + 30_000


def test_packages_of_an_account_pay_for_calls_as_the_page_says() -> None:
    plan = load_rate_plans(PLANS).plans["toll_free"]
    packages: tuple[Package, ...] = (
        Package(name="march", seconds=90, expires=1_800_000_000),
        Package(name="april", seconds=60, expires=1_800_086_400),
    )
    for length, billed, march, april, money in table("packages of an account"):
        usage = LegUsage(number="", at=1_772_596_800, seconds=Decimal(length.removesuffix(" s")))
        paid = pay_legs([charge(plan, usage)], packages)
        packages = paid.left
        (leg,) = paid.legs
        taken = [str(leg.taken.get(name, 0)) for name in ("march", "april")]
        assert [str(leg.charge.seconds), *taken, str(paid.money)] == [billed, march, april, money]


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_command_of_the_page_prints_what_the_page_shows(command: str, shown: str) -> None:
    printed = rated(*shlex.split(command))
    assert printed.splitlines() == [line[4:] for line in shown.splitlines()]


@pytest.mark.parametrize(("command", "shown"), EXPLAINED)
def test_cost_of_a_call_to_come_is_what_the_page_shows(
    command: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(main, shlex.split(command))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    first = next(index for index, line in enumerate(lines) if "costs" in line)
    assert lines[first : first + 4] == [line[4:] for line in shown.splitlines()]


@pytest.mark.parametrize(("plan", "seconds", "billed", "cost"), ROWS)
def test_row_of_the_page_is_what_the_call_costs(
    plan: str, seconds: str, billed: str, cost: str
) -> None:
    printed = rated("rate", "--plan", plan, *NOON, "--seconds", seconds)
    assert f": {billed} s billed, {cost}\n" in printed
    assert printed.startswith(f"cost {cost} ")


@pytest.mark.parametrize(("plan", "called", "seconds", "rate", "cost"), NUMBERS)
def test_number_of_the_page_has_that_rate(
    plan: str, called: str, seconds: str, rate: str, cost: str
) -> None:
    printed = rated("rate", "--plan", plan, *NOON, "--seconds", seconds, "--called", called)
    assert f"{plan}, {rate}: " in printed
    assert printed.startswith(f"cost {cost} ")


def test_every_plan_of_the_lab_is_on_the_page_as_it_is() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    plans = PLANS.read_text(encoding="utf-8").partition("plans:\n")[2]
    assert sorted("".join(blocks).splitlines()) == sorted(plans.splitlines())


def test_changes_of_a_life_are_those_of_the_page() -> None:
    rows = {}
    for change, known, to, ends in table("lives"):
        rows[change] = (known.replace("none", "").split(", "), to, bool(ends))
    assert rows == {
        change: (list(known), to, to in {"reserved", "disconnecting"})
        for change, (known, to) in lives.ALLOWED.items()
    }


def test_hour_that_comes_twice_is_paid_for_twice_as_the_page_says() -> None:
    zone = ZoneInfo("Europe/Berlin")
    plans = compile_rate_plans(
        parse(
            "country: DE\ntimezone: Europe/Berlin\nschedules: {night: {open: ['02:00-03:00']}}\n"
            "plans:\n  by_the_second:\n    currency: CNY\n    blocks: 1/1\n    price: 0.1/min\n"
            "    periods: [{when: {schedule: night}, price: 0.05/min}]\n",
            "plans.yaml",
        )
    )
    for first, last, talked, half, cost in table("clocks"):
        begin, end = (datetime.fromisoformat(it).replace(tzinfo=zone) for it in (first, last))
        seconds = int(end.timestamp() - begin.timestamp())
        usage = LegUsage(number="", at=int(begin.timestamp()), seconds=Decimal(seconds))
        found = charge(plans.plans["by_the_second"], usage)
        cheap = sum(run.count for run in found.blocks if run.period == "night")
        assert [str(seconds), str(cheap), str(found.cost)] == [talked, half, cost]


def test_lives_end_when_the_page_says() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    free = frozenset(holidays.country_holidays("CN", years=2026))
    for change, first, last in table("ends of lives"):
        at, ends = (
            datetime.strptime(it, "%A %Y-%m-%d %H:%M").replace(tzinfo=zone).timestamp()
            for it in (first, last)
        )
        if change == "reserve":
            assert lives.working_days_after(at, 2, zone, free) == ends
        else:
            assert lives.months_after(at, 3, zone) == ends
