"""Tables of numbers in tests of a dialplan, in its coverage and in its warnings."""

from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.lint.all_warnings import lint
from callrouter.testing.rule_coverage import Coverage
from callrouter.testing.runner import run
from callrouter.testing.suite import read
from callrouter.yamlfile.reader import load

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
gateways: {out: {address: 192.0.2.1}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}, spare: {uri: "sip:spare@192.0.2.9"}}
extensions: {"101": {phone: {user: "101", password_env: PHONE_101}}}
number_tables:
  customers: {file: customers.csv, lines: 3, route: [{hunt: [row]}, {hunt: [spare], on: [busy]}]}
  others: {file: others.csv, route: [{hunt: [row]}]}
numbers: {}
"""
CUSTOMERS = "number,target,dial,via\n4001,desk,,\n4002,,1,out\n"
OTHERS = "number,extension\n5001,101\n"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "customers.csv").write_text(CUSTOMERS, encoding="utf-8")
    (tmp_path / "others.csv").write_text(OTHERS, encoding="utf-8")
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    return path


def written(plan: Path, text: str) -> Path:
    path = plan.with_name("plan.test.yaml")
    path.write_text(f"dialplan: plan.yaml\ntests: [{{name: it, {text}}}]\n", encoding="utf-8")
    return path


def test_a_rows_target_has_a_script(plan: Path) -> None:
    text = 'call: {to: "4002"}, legs: {row 4002: 486 after 1s}, expect: {legs: [busy, answered]}'
    suite = read(written(plan, text), {})
    coverage = Coverage(suite.tested.document)
    result = run(suite.tested, suite.tests[0], suite.lines[0])
    assert not result.differences
    coverage.add(result.trace, result.rung)
    names = [rule.name for rule in coverage.unreached()]
    assert "table customers" not in names
    assert "step 1 of table customers" not in names
    assert "table others" in names


def test_target_of_no_row_is_a_mistake(plan: Path) -> None:
    text = 'call: {to: "4002"}, legs: {row 4009: 486 after 1s}, expect: {}'
    with pytest.raises(ConfigError, match="no target is named 'row 4009'"):
        read(written(plan, text), {})


def test_what_rows_name_counts_as_used(plan: Path) -> None:
    document = load(plan)
    compile_dialplan(document)
    assert lint(document) == []


def test_step_of_a_table_is_warned_of_as_one_of_a_number(plan: Path) -> None:
    text = PLAN.replace("{hunt: [row]}]}\nnum", "{hunt: [row, row]}]}\nnum")
    plan.write_text(text, encoding="utf-8")
    document = load(plan)
    compile_dialplan(document)
    assert all(found.line == 8 for found in lint(document))
