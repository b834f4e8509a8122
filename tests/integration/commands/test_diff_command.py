"""`callrouter diff`: calls replayed on two dialplans, from tables and from records."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from callrouter.call.services.record import CallRecord
from callrouter.cli import main
from callrouter.observe.cdr.rows import encode
from callrouter.storage.cdr_table import Store

OLD = """\
country: CN
timezone: Asia/Shanghai
trunks:
  lab: {addresses: [127.0.0.0/8]}
  far: {addresses: [192.0.2.0/24]}
targets:
  a: {uri: "sip:a@192.0.2.2"}
  b: {uri: "sip:b@192.0.2.3"}
schedules:
  day: {open: ["08:00-20:00"]}
extensions:
  "101": {targets: [b]}
numbers:
  "4000":
    route:
      - {when: {schedule: day}, hunt: [a]}
      - {when: {schedule: day, is: closed}, hunt: [b]}
  "4001":
    to_header: extensions
    route: [{hunt: [a]}]
"""
NEW = OLD.replace("20:00", "18:00")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old.yaml").write_text(OLD, encoding="utf-8")
    (tmp_path / "new.yaml").write_text(NEW, encoding="utf-8")
    return tmp_path


def diff(folder: Path, table: str, *options: str) -> Result:
    path = folder / "calls.csv"
    path.write_text(table, encoding="utf-8")
    arguments = ["diff", str(folder / "old.yaml"), str(folder / "new.yaml")]
    return CliRunner().invoke(main, [*arguments, "--calls", str(path), *options])


def test_call_that_is_decided_differently_is_told_with_both_traces(folder: Path) -> None:
    result = diff(folder, "from,to,at\n139,4000,2026-03-07 19:00\n139,4000,2026-03-07 12:00\n")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[:4] == [
        "2026-03-07 11:00:00Z 139 -> 4000 on lab",
        "  - hunts: [[a sip:a@192.0.2.2 55s]]",
        "  + hunts: [[b sip:b@192.0.2.3 55s]]",
        "  old:",
    ]
    assert lines[5].startswith("    ✓ number 4000 [4000]: ")
    assert f"  {folder}/old.yaml:16" in lines[6]
    assert f"  {folder}/new.yaml:16" in result.output
    assert lines[-1] == "2 calls, 1 changed"


def test_versions_that_decide_alike_exit_with_0(folder: Path) -> None:
    result = diff(folder, "to,at\n4000,2026-03-07 12:00\n4999,2026-03-07 12:00\n\n")
    assert (result.exit_code, result.output) == (0, "2 calls, 0 changed\n")


def test_all_that_a_caller_or_a_target_could_notice_is_compared(folder: Path) -> None:
    changed = OLD.replace("hunt: [b]", "hunt: [b], final: 480").replace(
        "hunt: [a]}]", "hunt: [a], ring: 9s, total: 8s, stop_on: [486]}]"
    )
    (folder / "new.yaml").write_text(changed, encoding="utf-8")
    result = diff(folder, "to,at\n4000,2026-03-07 23:00\n4001,2026-03-07 12:00\n")
    told = {line for line in result.output.splitlines() if line.startswith("  + ")}
    assert told == {
        "  + final: 480",
        "  + reason: no_target_left",
        "  + cause: 18",
        "  + hunts: [[a sip:a@192.0.2.2 9s]]",
        "  + total: [8s]",
        "  + stop_on: [[486]]",
    }


def test_number_that_is_gone_is_told_in_few_lines(folder: Path) -> None:
    (folder / "new.yaml").write_text(OLD.replace('"4001":', '"4002":'), encoding="utf-8")
    result = diff(folder, "to\n4001\n")
    told = [line for line in result.output.splitlines() if line.startswith("  + ")]
    assert told == [
        "  + number: nothing",
        "  + hunts: []",
        "  + final: 404",
        "  + reason: unknown_number",
        "  + cause: 1",
        "  + lines: []",
    ]


def test_every_column_reaches_the_decision(folder: Path) -> None:
    (folder / "new.yaml").write_text(OLD.replace("targets: [b]", "targets: [a]"), encoding="utf-8")
    columns = "to,to_header,to_ext,trunk,source,at"
    assert "1 changed" in diff(folder, f"{columns}\n4001,101,,,,\n").output
    assert "(To: 101) on far" in diff(folder, f"{columns}\n4001,,101,far,,\n").output
    assert " on far" in diff(folder, f"{columns}\n4001,101,,,192.0.2.9,\n").output
    stranger = diff(folder, f"{columns}\n4001,101,,,198.51.100.1,\n")
    assert stranger.output == "1 calls, 0 changed\n"
    assert "2026-01-05 02:00:00Z" in diff(folder, f"{columns}\n4001,101,,,,\n").output
    assert "2026-01-05 02:00:00Z" in diff(folder, "to,at,to_ext\n4001,1767578400,101\n").output


def test_json_has_every_change_with_both_traces(folder: Path) -> None:
    rows = "".join(f"{caller},4000,2026-03-07 19:00\n" for caller in range(30))
    result = diff(folder, f"from,to,at\n{rows}", "--json")
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert (told["calls"], told["changed"], len(told["changes"])) == (30, 30, 30)
    change = told["changes"][3]
    assert change["call"]["from"] == "3"
    assert change["changed"] == ["hunts"]
    assert change["new"]["trace"][1]["rule"] == "number 4000"
    none = json.loads(diff(folder, "to\n4000\n", "--json").output)
    assert none == {"changes": [], "calls": 1, "changed": 0}


def test_many_changes_are_cut_short(folder: Path) -> None:
    rows = "4000,2026-03-07 19:00\n" * 5
    result = diff(folder, f"to,at\n{rows}", "--limit", "2")
    assert result.output.count("2026-03-07 11:00:00Z") == 2
    assert result.output.endswith("and 3 more; --limit 0 shows all\n\n5 calls, 5 changed\n")


@pytest.mark.parametrize(
    ("table", "mistake"),
    [
        ("form,to\n", "calls.csv:1:1: error: no column is named 'form'; did you mean 'from'?"),
        ("to,xyz\n", "calls.csv:1:2: error: no column is named 'xyz'; expected from, to, to_hea"),
        ("from\n", "calls.csv:1:1: error: the column 'to' is missing"),
        ("", "calls.csv:1:1: error: the column 'to' is missing"),
        ("from,to\n1\n", "calls.csv:2:1: error: expected 2 values, found 1"),
        ("to,at\n1,noon\n", "calls.csv:2:2: error: expected a time such as 2026-03-07 12:01, or"),
    ],
)
def test_mistake_in_a_table_is_named_with_its_line(folder: Path, table: str, mistake: str) -> None:
    result = diff(folder, table)
    assert result.exit_code == 1
    assert mistake in result.stderr


def test_table_that_cannot_be_read_is_a_mistake(folder: Path) -> None:
    command = ["diff", str(folder / "old.yaml"), str(folder / "new.yaml"), "--calls"]
    result = CliRunner().invoke(main, [*command, str(folder / "none.csv")])
    assert (result.exit_code, "cannot be read: No such file" in result.stderr) == (1, True)
    (folder / "bytes.csv").write_bytes(b"to\n\xff\n")
    assert (
        "expected UTF-8" in CliRunner().invoke(main, [*command, str(folder / "bytes.csv")]).stderr
    )
    (folder / "long.csv").write_text(f'to\n"{"x" * 200000}"\n', encoding="utf-8")
    assert "not CSV" in CliRunner().invoke(main, [*command, str(folder / "long.csv")]).stderr


def test_records_of_a_database_are_replayed(folder: Path) -> None:
    url = f"sqlite:///{folder}/calls.db"
    record = CallRecord("id-1", "call-1", 1772881200.0)
    record.trunk, record.source = "lab", "127.0.0.1"
    record.caller, record.called, record.to_header = "139", "4000", "4000"
    store = Store(url)
    store.insert([encode(record)])
    store.close()
    files = [str(folder / "old.yaml"), str(folder / "new.yaml")]
    result = CliRunner().invoke(main, ["diff", *files, "--records", url])
    assert (result.exit_code, "1 calls, 1 changed" in result.output) == (1, True)
    table = CliRunner().invoke(main, ["cdr", "--csv", "--database", url]).output
    assert diff(folder, table).output == result.output
    since = CliRunner().invoke(main, ["diff", *files, "--records", url, "--since", "2026-03-08"])
    assert since.output == "0 calls, 0 changed\n"


def test_tables_and_records_exclude_each_other(folder: Path) -> None:
    result = diff(folder, "to\n4000\n", "--since", "2d")
    assert result.exit_code == 2
    assert "--calls excludes --records and --since" in result.stderr


def test_draft_from_standard_input_is_compared_with_its_file(folder: Path) -> None:
    calls = folder / "calls.csv"
    calls.write_text("from,to,at\n139,4000,2026-03-07 19:00\n", encoding="utf-8")
    arguments = ["diff", str(folder / "old.yaml"), "-", "--calls", str(calls)]
    result = CliRunner().invoke(main, arguments, input=NEW)
    assert result.exit_code == 1
    assert f"  {folder}/old.yaml:16" in result.output
    assert result.output.endswith("1 calls, 1 changed\n")
