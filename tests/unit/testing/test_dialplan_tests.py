"""`callrouter test`: what passes, how a failure is told, and mistakes in test files."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from callrouter.cli import main
from callrouter.testing import case_file
from callrouter.yamlfile.mistakes import StrictModel

ROOT = Path(__file__).parents[3]

DIALPLAN = """\
country: CN
timezone: Asia/Shanghai
trunks:
  lab: {addresses: [127.0.0.0/8]}
  far: {addresses: [192.0.2.0/24]}
gateways:
  out: {address: "192.0.2.1:5060"}
targets:
  a: {uri: "sip:a@192.0.2.2"}
  b: {number: "13800138000", via: out}
groups:
  both: {hunt: [a, b], ring: 10s}
schedules:
  day: {open: ["08:00-20:00"]}
lists:
  bad: {prefixes: ["0898"]}
extensions:
  "101": {targets: [a], lines: 1}
numbers:
  "4000":
    route:
      - {when: {schedule: day}, hunt: both}
      - {when: {schedule: day, is: closed}, hunt: [b]}
  "4001":
    block: [bad]
    lines: 2
    to_header: extensions
    overflow: [{hunt: [b]}]
    route: [{hunt: [a]}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "d.yaml").write_text(DIALPLAN, encoding="utf-8")
    return tmp_path


def run(folder: Path, tests: str, *options: str) -> Result:
    """Run tests written as the items of `tests:`, one a line, in flow style."""
    lines = ["dialplan: d.yaml", "tests:", *(f"  - {line}" for line in tests.splitlines())]
    path = folder / "d.test.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return CliRunner().invoke(main, ["test", str(path), *options])


def test_tests_of_the_repository_pass_and_reach_every_rule() -> None:
    result = CliRunner().invoke(main, ["test", str(ROOT / "dialplans")])
    assert result.exit_code == 0, result.output
    assert "not reached" not in result.output


def test_passing_test_says_so_and_exits_with_0(folder: Path) -> None:
    result = run(folder, "{name: one, call: {to: '4000'}, expect: {targets: [a, b]}}")
    assert result.exit_code == 0
    assert result.output.splitlines()[-1] == "1 tests, 1 passed, 0 failed"


def test_failure_is_told_as_expected_and_got_with_its_verdicts(folder: Path) -> None:
    tests = (
        "{name: night, call: {to: '4000', at: '2026-03-07 23:00'}, expect: {targets: [a], ring: "
        "{b: 10s}, final: 480}}"
    )
    result = run(folder, tests)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[:7] == [
        f"FAIL {folder}/d.test.yaml:3: night",
        "  - targets: [a]",
        "  + targets: [b]",
        "  - ring: {b: 10s}",
        "  + ring: {b: 55s}",
        "  - final: 480",
        "  + final: nothing",
    ]
    assert lines[7].startswith("  ✓ trunk lab [127.0.0.1]: ")
    assert "step 1 of number 4000" in lines[9]
    assert lines[9].startswith("  · ")
    assert lines[9].endswith(f"  {folder}/d.yaml:22")
    assert lines[-1] == "1 tests, 0 passed, 1 failed"


@pytest.mark.parametrize(
    "test",
    [
        "call: {to: '4000'}, expect: {number: '4000', final: , reason: '', prompt: ''}",
        "call: {to: '4999'}, expect: {number: '', final: 404, reason: unknown_number, cause: 1}",
        "call: {to: '4000', at: '2026-03-07 23:00'}, expect: {targets: [b]}",
        "call: {to: '4000', at: '2026-03-07 20:00:00'}, expect: {targets: [b]}",
        "call: {to: '4000', at: '2026-03-07 19:59:59'}, expect: {targets: [a, b]}",
        "call: {to: '4000'}, state: {override: {day: closed}}, expect: {targets: [b]}",
        "call: {to: '4000'}, state: {down: [out]}, expect: {targets: [a], missed: [target b]}",
        "call: {to: '4001', from: '089812345678'}, expect: {matched: [block bad], final: 403}",
        "call: {to: '4001'}, state: {lines: {number 4001: 2}}, expect: {targets: [b]}",
        "call: {to: '4001', to_header: '101'}, expect: {targets: [a, a]}",
        "call: {to: '4001', to_ext: '101'}, state: {away: {'101': ill}}, expect: {targets: [a]}",
        "call: {to: '4000', trunk: far}, expect: {matched: [trunk far]}",
        "call: {to: '4000', source: 192.0.2.7}, expect: {matched: [trunk far]}",
        "call: {to: '4000', source: 198.51.100.1}, expect: {reason: unknown_trunk}",
        "call: {to: '4001', from: '139'}, state: {blocked_for: 5s}, expect: {reason: auto_blocked}",
    ],
)
def test_call_and_state_of_a_test_reach_the_decision(folder: Path, test: str) -> None:
    result = run(folder, f"{{name: one, {test}}}")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "test",
    [
        "legs: {a: 486 after 2s, b: 200 after 3s}, "
        "expect: {answered_by: b, disposition: ANSWERED, status: 200, legs: [busy, answered]}",
        "legs: {a: silence, b: 180 after 1s}, "
        "expect: {answered_by: '', disposition: NO_ANSWER, legs: [unreachable, no_answer]}",
        "legs: {a: 180 after 1s}, cancel: 4s, expect: {disposition: CANCELLED, status: 487}",
        "legs: {}, expect: {answered_by: a}",
    ],
)
def test_hunt_with_scripted_legs_is_played_to_its_end(folder: Path, test: str) -> None:
    result = run(folder, f"{{name: one, call: {{to: '4000'}}, {test}}}")
    assert result.exit_code == 0, result.output


def test_stranger_with_scripted_legs_is_no_call(folder: Path) -> None:
    test = "call: {to: '4000', source: 198.51.100.1}, legs: {}, expect: {legs: [], status: }"
    assert run(folder, f"{{name: one, {test}}}").exit_code == 0


def test_hunt_that_ends_otherwise_is_told(folder: Path) -> None:
    test = "call: {to: '4000'}, legs: {a: 200 after 1s}, expect: {legs: [busy], answered_by: b}"
    lines = run(folder, f"{{name: one, {test}}}").output.splitlines()
    assert lines[1:5] == [
        "  - answered_by: b",
        "  + answered_by: a",
        "  - legs: [busy]",
        "  + legs: [answered]",
    ]


def test_rules_that_no_test_reaches_are_listed_with_their_line(folder: Path) -> None:
    result = run(folder, "{name: one, call: {to: '4000'}, expect: {number: '4000'}}")
    file = f"{folder}/d.yaml"
    assert result.output.splitlines()[:-1] == [
        f"{file}: 7 of 17 rules reached",
        f"  {file}:5: not reached: trunk far",
        f"  {file}:16: not reached: list bad",
        f"  {file}:18: not reached: extension 101",
        f"  {file}:18: not reached: lines of extension 101",
        f"  {file}:23: not reached: step 2 of number 4000",
        f"  {file}:24: not reached: number 4001",
        f"  {file}:25: not reached: block bad",
        f"  {file}:26: not reached: lines of number 4001",
        f"  {file}:28: not reached: step 1 of overflow of number 4001",
        f"  {file}:29: not reached: step 1 of number 4001",
    ]


def test_junit_has_each_test_and_the_failure_in_full(folder: Path) -> None:
    xml = folder / "out.xml"
    good = "{name: good, call: {to: '4000'}, expect: {number: '4000'}}"
    bad = "{name: 'bad <&>', call: {to: '4000'}, expect: {number: '4001'}}"
    assert run(folder, f"{good}\n{bad}", "--junit", str(xml)).exit_code == 1
    suite = ElementTree.parse(xml).getroot()[0]
    assert suite.attrib == {
        "name": f"{folder}/d.test.yaml",
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }
    assert [case.get("name") for case in suite] == ["good", "bad <&>"]
    assert [len(case) for case in suite] == [0, 1]
    assert "  + number: 4000" in (suite[1][0].text or "")


@pytest.mark.parametrize(
    ("test", "mistake"),
    [
        ("{name: a, call: {}, expect: {}}", "3:15: error: the key 'to' is missing"),
        (
            "{name: a, call: {to: x, form: y}, expect: {}}",
            "3:29: error: unknown key 'form'; did you mean 'from'?",
        ),
        ("{name: a, call: {to: 1}, expect: {}}", "3:26: error: expected a number or a name; write"),
        ("{name: a, call: {to: [x]}, expect: {}}", "3:26: error: expected a number or a name, fou"),
        ("{name: a, call: {to: x, at: 1 pm}, expect: {}}", "3:33: error: expected a date and a ti"),
        (
            "{name: a, call: {to: x, at: 2026-02-30 10:00}, expect: {}}",
            "3:33: error: expected a date and a time",
        ),
        (
            "{name: a, call: {to: x, trunk: lob}, expect: {}}",
            "3:36: error: no trunk is named 'lob'; did you mean 'lab'?",
        ),
        (
            "{name: a, call: {to: x}, state: {down: [aut]}, expect: {}}",
            "3:45: error: no gateway is named 'aut'; did you mean 'out'?",
        ),
        (
            "{name: a, call: {to: x}, state: {override: {dey: open}}, expect: {}}",
            "no schedule is named 'dey'; did you mean 'day'?",
        ),
        (
            "{name: a, call: {to: x}, expect: {targets: [x]}}",
            "3:49: error: no target is named 'x'",
        ),
        (
            "{name: a, call: {to: x}, expect: {number: '400'}}",
            "3:47: error: no number is named '400'; did you mean '4001'?",
        ),
        (
            "{name: a, call: {to: x}, expect: {legs: [busy]}}",
            "3:39: error: 'legs' needs a call that is played: write 'legs'",
        ),
        (
            "{name: a, call: {to: x}, cancel: 2s, expect: {}}",
            "3:30: error: 'cancel' needs a call that is played: write 'legs'",
        ),
        (
            "{name: a, call: {to: x}, legs: {a: 486 in 2s}, expect: {}}",
            '3:40: error: expected "486 after 2s"',
        ),
        ("{name: a, call: {to: x}, legs: {a: 486}, expect: {}}", "3:40: error: expected a script"),
        ("{name: a, call: {to: x}, exspect: {}}", "3:30: error: unknown key 'exspect'; did you m"),
    ],
)
def test_mistake_in_a_test_is_named_with_its_place(folder: Path, test: str, mistake: str) -> None:
    result = run(folder, test)
    assert result.exit_code == 1
    assert mistake in result.stderr
    assert result.stderr.startswith(f"{folder}/d.test.yaml:3:")


def test_file_without_tests_or_dialplan_is_a_mistake(folder: Path) -> None:
    path = folder / "x.test.yaml"
    path.write_text("dialplan: nowhere.yaml\ntests: []\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["test", str(path)])
    assert (result.exit_code, "2:8: error: expected at least one item" in result.stderr) == (
        1,
        True,
    )
    test = "tests: [{name: a, call: {to: x}, expect: {}}]\n"
    path.write_text(f"dialplan: nowhere.yaml\n{test}", encoding="utf-8")
    result = CliRunner().invoke(main, ["test", str(path)])
    assert f"1:11: error: there is no file {folder}/nowhere.yaml" in result.stderr


def test_mistakes_of_all_files_are_told_and_those_of_a_dialplan_once(folder: Path) -> None:
    (folder / "d.yaml").write_text(DIALPLAN.replace("via: out", "via: aut"), encoding="utf-8")
    test = "dialplan: d.yaml\ntests: [{name: a, call: {to: x}, expect: {}}]\n"
    for name in ("a", "b"):
        (folder / f"{name}.test.yaml").write_text(test, encoding="utf-8")
    (folder / "c.test.yaml").write_text("tests", encoding="utf-8")
    result = CliRunner().invoke(main, ["test", str(folder)])
    assert result.exit_code == 1
    assert result.stderr.count("no gateway is named 'aut'") == 1
    assert "c.test.yaml:1:1" in result.stderr


def test_folder_without_test_files_is_a_mistake(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["test", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (
        1,
        f"{tmp_path}: error: there is no *.test.yaml below\n",
    )


def test_every_key_of_the_grammar_has_a_description_and_an_example() -> None:
    models = [
        model
        for model in vars(case_file).values()
        if isinstance(model, type) and issubclass(model, StrictModel) and model is not StrictModel
    ]
    fields = [field for model in models for field in model.model_fields.values()]
    assert len(fields) > 20
    assert all(field.description and field.examples for field in fields)


def test_a_dialplan_stands_for_the_tests_beside_it(folder: Path) -> None:
    test = "dialplan: d.yaml\ntests: [{name: a, call: {to: x}, expect: {final: 404}}]\n"
    (folder / "d.test.yaml").write_text(test, encoding="utf-8")
    result = CliRunner().invoke(main, ["test", str(folder / "d.yaml")])
    assert "1 tests, 1 passed, 0 failed" in result.output
    settings = folder / "s.yaml"
    settings.write_text("listen: ['udp:192.0.2.1']\ndialplan: d.yaml\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["test", "--config", str(settings)])
    assert "1 tests, 1 passed, 0 failed" in result.output


OUTSIDE = """\
country: CN
rate_plans: plans.yaml
trunks: {phones: {phones: true}}
gateways: {out: {address: 192.0.2.1}}
extensions: {"101": {phone: {user: "101", password_env: P}}}
outbound: {default: main, emergency: [main], permission: sales, carrier_lookup: ask}
outbound_lines: {main: {via: out, rate_plan: out}}
permissions:
  sales: {international: [VN], spend_per_hour: "20", caller_ids: {"+862012345678": China Telecom}}
lookups: {ask: {url: "http://192.0.2.9/{called}"}}
targets: {desk: {extension: "101"}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""


def test_calls_to_outside_have_guards_spending_and_carriers(folder: Path) -> None:
    (folder / "d.yaml").write_text(OUTSIDE, encoding="utf-8")
    plans = "country: CN\nplans: {out: {currency: CNY, blocks: 60/60, price: 1/min}}\n"
    (folder / "plans.yaml").write_text(plans, encoding="utf-8")
    abroad, home = ({"from": "101", "to": to} for to in ("0084901234567", "13800138000"))
    cases: list[dict[str, Any]] = [
        {"call": abroad, "state": {"barred": ["101"]}, "expect": {"reason": "barred"}},
        {"call": home, "state": {"barred": ["101"]}, "expect": {"line": "main"}},
        {"call": home, "state": {"spent": {"101": "20"}}, "expect": {"reason": "outgoing_limit"}},
        {"call": home, "state": {"spent": {"101": "19.99"}}, "expect": {"line": "main"}},
        {"call": home, "state": {"carrier": "X"}, "expect": {"matched": ["lookup ask"]}},
        {"call": home, "expect": {"missed": ["lookup ask"]}},
        {
            "call": home,
            "state": {"carrier": "X"},
            "legs": {},
            "expect": {"matched": ["lookup ask"]},
        },
    ]
    tests = [json.dumps({"name": f"{at}", **case}) for at, case in enumerate(cases)]
    result = run(folder, "\n".join(tests))
    assert result.exit_code == 0, result.output
    wrong = run(folder, tests[0].replace('["101"]', '["109"]'))
    assert "no extension is named '109'" in wrong.output
