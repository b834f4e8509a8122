"""`callrouter rerate`: what would differ, and what is written when it is to be."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.charged import PLANS, toll_free_call
from support.observed import answered

from callrouter.call.services.record import CallRecord
from callrouter.cli import main
from callrouter.observe.cdr.rows import encode
from callrouter.storage.cdr_query import CdrQuery, Filter
from callrouter.storage.cdr_table import Store


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    path = tmp_path / "plans.yaml"
    path.write_text(PLANS, encoding="utf-8")
    return path


def fill(url: str, *records: CallRecord) -> None:
    store = Store(url)
    store.insert([encode(record) for record in records])
    store.close()


def run(url: str, plans: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["rerate", "--database", url, "--plans", str(plans), *options])


def table(url: str, plans: Path, *options: str) -> list[dict[str, Any]]:
    result = run(url, plans, "--json", *options)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.output)
    return found


def costs(url: str) -> dict[str, str | None]:
    with CdrQuery(url) as calls:
        return {call["id"]: call["cost"] for call in calls.last(0, Filter())}


def dearer(plans: Path) -> None:
    plans.write_text(PLANS.replace("0.30/min", "0.35/min"), encoding="utf-8")


def test_same_prices_change_nothing(url: str, plans: Path) -> None:
    fill(url, toll_free_call("a"), answered("b"))
    (row,) = table(url, plans)
    assert (row["calls"], row["changed"], row["before"], row["after"]) == (1, 0, "0.9000", "0.9000")
    said = run(url, plans).output
    assert said.endswith(
        "1 calls with a rate plan, of which 0 would be written anew; --apply does it\n"
    )


def test_call_to_outside_is_of_its_extension_and_of_the_plan_of_its_legs(
    url: str, plans: Path
) -> None:
    record = toll_free_call("a")
    record.number, record.rate_plan, record.extension = "", "", "801"
    record.legs[0].rate_plan = "outbound"
    fill(url, record)
    (row,) = table(url, plans)
    assert (row["number"], row["plan"]) == ("801", "outbound")


def test_dearer_plan_is_shown_and_written_when_asked_for(url: str, plans: Path) -> None:
    fill(url, *(toll_free_call(f"{n:04}", 1_700_000_000.0 + n) for n in range(1203)))
    dearer(plans)
    (row,) = table(url, plans)
    assert row == {
        "number": "4000",
        "plan": "toll_free",
        "currency": "CNY",
        "calls": 1203,
        "changed": 1203,
        "gone": 0,
        "before": f"{1203 * Decimal('0.9000')}",
        "after": f"{1203 * Decimal('1.0000')}",
        "difference": f"{1203 * Decimal('0.1000')}",
    }
    assert set(costs(url).values()) == {"0.9000"}
    assert "+120.3000" in run(url, plans, "--apply").output
    assert set(costs(url).values()) == {"1.0000"}
    (row,) = table(url, plans)
    assert (row["changed"], row["difference"]) == (0, "0.0000")


def test_each_call_that_changes_is_a_line_of_the_csv(url: str, plans: Path) -> None:
    short = toll_free_call("b", 1_700_000_100.0)
    short.legs = []
    fill(url, toll_free_call("a"), short)
    plans.write_text(PLANS.replace("0.15/min", "0.20/min"), encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(run(url, plans, "--csv").output)))
    assert [(row["id"], row["cost_before"], row["cost"], row["difference"]) for row in rows] == [
        ("a", "0.9000", "1.0000", "0.1000")
    ]


def test_plan_that_is_gone_leaves_the_charges(url: str, plans: Path) -> None:
    fill(url, toll_free_call("a"))
    plans.write_text(PLANS.replace("  toll_free:", "  other:"), encoding="utf-8")
    (row,) = table(url, plans, "--apply")
    assert (row["gone"], row["changed"]) == (1, 0)
    assert costs(url) == {"a": "0.9000"}
    assert "1 calls stay as they are" in run(url, plans).output


def test_number_that_had_no_plan_gets_one(url: str, plans: Path) -> None:
    fill(url, answered("a"), toll_free_call("b"))
    assert "--plan needs --number" in run(url, plans, "--plan", "toll_free").output
    wrong = run(url, plans, "--number", "4000", "--plan", "tol_free")
    assert "no plan is named 'tol_free'; did you mean 'toll_free'?" in wrong.output
    rows = table(url, plans, "--number", "4000", "--plan", "toll_free", "--apply")
    assert [(row["calls"], row["changed"]) for row in rows] == [(2, 1)]
    assert costs(url) == {"a": "0.3000", "b": "0.9000"}
    assert table(url, plans, "--number", "4001") == []


def test_only_calls_of_a_time_are_looked_at(url: str, plans: Path) -> None:
    fill(url, *(toll_free_call(name, 1_700_000_000.0 + n) for n, name in enumerate("abc")))
    dearer(plans)
    when = ("--since", "2023-11-14T22:13:21Z", "--until", "2023-11-14T22:13:22Z")
    (row,) = table(url, plans, *when, "--apply")
    assert row["changed"] == 1
    assert costs(url) == {"a": "0.9000", "b": "1.0000", "c": "0.9000"}


def test_other_currency_has_no_difference(url: str, plans: Path) -> None:
    fill(url, toll_free_call("a"))
    plans.write_text(PLANS.replace("CNY", "USD"), encoding="utf-8")
    (row,) = table(url, plans)
    assert (row["currency"], row["difference"]) == ("CNY to USD", None)


def test_plans_are_those_that_the_dialplan_names(url: str, tmp_path: Path) -> None:
    fill(url, toll_free_call("a"))
    (tmp_path / "prices.yaml").write_text(PLANS.replace("0.30/min", "0.35/min"), encoding="utf-8")
    (tmp_path / "dialplan.yaml").write_text(
        "country: CN\nrate_plans: prices.yaml\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        "numbers: {}\n",
        encoding="utf-8",
    )
    config = tmp_path / "callrouter.yaml"
    config.write_text(
        "listen: ['udp:127.0.0.1:5060']\ndialplan: dialplan.yaml\n"
        f"records: {{database: '{url}'}}\n",
        encoding="utf-8",
    )
    result = CliRunner().invoke(main, ["rerate", "--config", str(config), "--json"])
    assert json.loads(result.output)[0]["difference"] == "0.1000"
