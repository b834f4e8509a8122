"""Tables of numbers: what spreadsheets write is read, and each mistake has its place."""

from pathlib import Path

import pytest
from support.number_tables import ALONE, HEAD, TABLE, loaded

from callrouter.dialplan.compile import number_rows
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.errors import ConfigError
from callrouter.route.decide.routing import decide
from callrouter.route.values.facts import Facts


def mistakes(folder: Path, rows: str | bytes, route: str = ALONE, head: str = HEAD) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, rows, route, head)
    return [
        str(found).replace(f"{folder}/", "").replace("error: ", "")
        for found in caught.value.diagnostics
    ]


def test_version_is_another_when_a_row_is(tmp_path: Path) -> None:
    versions = {loaded(tmp_path, f"number,target\n4001,{of}\n").version for of in ("desk", "slow")}
    assert len(versions) == 2


@pytest.mark.parametrize(
    "rows",
    [
        "\ufeffnumber,uri\r\n4001,sip:a@192.0.2.7\r\n",
        'number,uri\n"4001","sip:a@192.0.2.7"',
        'name,number,uri\n"Li, Ms ""A""",4001,sip:a@192.0.2.7\n\n\n',
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, rows: str) -> None:
    plan = loaded(tmp_path, rows)
    decision = decide(plan, Facts("lab", "127.0.0.1", "+8613800138000", "4001"))
    assert [one.uri for one in decision.plan.hunts[0].targets] == ["sip:a@192.0.2.7"]


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("", "1:1: expected a first line with the names of columns, such as 'number'"),
        ("numbr,uri\n", "1:1: unknown column 'numbr'; did you mean 'number'?"),
        ("number;uri\n", "1:1: unknown column 'number;uri'; columns are separated by ','"),
        (
            "number,q\n",
            "1:8: unknown column 'q'; expected some of number, uri, dial, via, target, "
            "extension, name",
        ),
        ("number,uri,uri\n", "1:12: the column 'uri' is there already"),
        ("uri\n", "1:1: the column 'number' is missing"),
        ("number,dial\n", "1:1: expected the columns 'dial' and 'via' together"),
        ("number,uri\n4001\n", "2:1: expected 2 columns as in the first line, found 1"),
        (
            "number,uri\n4001,sip:a@192.0.2.7,\n",
            "2:22: expected 2 columns as in the first line, found 3",
        ),
        ('number,uri\n"4001,sip:a@192.0.2.7\n', "2:1: the quotes are not closed on this line"),
        ('number,uri\n"4001"x,sip:a@192.0.2.7\n', """2:1: not CSV: ',' expected after '"'"""),
        (
            "number,uri\n40x1,sip:a@192.0.2.7\n",
            "2:1: expected a number written out, found '40x1': write it in 'numbers'",
        ),
        (
            "number,uri\nfour,sip:a@192.0.2.7\n",
            '2:1: expected a number such as "4000", a prefix such as "0756*", a pattern such as '
            '"4xxx" or a code such as "*21", found \'four\'',
        ),
        (
            "number,uri\n4001,sip:a@192.0.2.7\n\n4001,sip:b@192.0.2.7\n",
            "4:1: '4001' is the same number as '4001' on line 2 of rows.csv",
        ),
        (
            "number,target\n+862012345678,desk\n02012345678,desk\n",
            "3:1: '02012345678' is the same number as '+862012345678' on line 2 of rows.csv",
        ),
        (
            "number,uri\n4001,a@192.0.2.7\n",
            '2:6: expected a SIP URI such as "sip:desk@192.0.2.1:5060;transport=tcp", '
            "found 'a@192.0.2.7'",
        ),
        (
            "number,uri\n4001,sip:a@192.0.2.7\n4002,sip:a b@192.0.2.7\n",
            '3:6: expected a SIP URI such as "sip:desk@192.0.2.1:5060;transport=tcp", '
            "found 'sip:a b@192.0.2.7'",
        ),
        ("number,target\n4001,dsek\n", "2:6: no target is named 'dsek'; did you mean 'desk'?"),
        ("number,dial,via\n4001,1,uot\n", "2:8: no gateway is named 'uot'; did you mean 'out'?"),
        ("number,dial,via\n4001,1,\n", "2:1: expected 'dial' and 'via' together"),
        (
            "number,dial,via\n4001,one,out\n",
            "2:6: expected a number to dial such as \"07561234567\", found 'one'",
        ),
        ("number,extension\n4001,1011\n", "2:6: no extension is named '1011'; did you mean '101'?"),
        (
            "number,extension\n4001,102\n",
            "2:6: extension '102' has no telephones: expected 'phone' there",
        ),
        ("number,uri,target\n4001,,\n", "2:1: expected one of uri, target, found none"),
        (
            "number,uri,target\n4001,sip:a@192.0.2.7,desk\n",
            "2:1: expected one of uri, target, found 'uri' and 'target'",
        ),
        (
            f"number,target,name\n4001,desk,{'n' * 101}\n",
            f"2:11: expected a text of 1 to 100 characters, found '{'n' * 57}...'",
        ),
        (
            f"number,target,name\n4001,desk,{'n' * 1000}\n",
            "2:1: expected a line of at most 1000 bytes, found 1010",
        ),
        (b"number,target\n4001,d\xffsk\n", "2:7: expected UTF-8 text, found the byte 0xFF"),
        ("number,target\n4001,desk\r4002,desk\n", "2:10: found the character U+000D; remove it"),
        ("number,target\n4001,desk\0\n", "2:10: found the character U+0000; remove it"),
    ],
)
def test_mistake_in_a_row_is_named_at_its_place(
    tmp_path: Path, rows: str | bytes, found: str
) -> None:
    assert mistakes(tmp_path, rows) == [f"rows.csv:{found}"]


def test_flood_of_mistakes_ends_the_reading(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "number,target\n" + "x,desk\n" * 1000)
    assert len(found) == 20
    assert found[-1].endswith("(the rest was not read)")


def test_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(number_rows, "MAX_BYTES", 20)
    found = mistakes(tmp_path, "number,target\n4001,desk\n")
    assert found == ["rows.csv:1:1: the file is larger than 0 MB"]


def test_number_of_a_row_that_is_in_the_dialplan_too_is_a_mistake(tmp_path: Path) -> None:
    rows = "number,target\n4001,desk\n4002,desk\n02012345678,desk\n"
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    table = TABLE.replace("ROUTE", ALONE).replace(
        "numbers: {}\n",
        "numbers:\n  '4002': {route: [{hunt: [desk]}]}\n"
        "  '+862012345678': {route: [{hunt: [desk]}]}\n",
    )
    path = tmp_path / "plan.yaml"
    path.write_text(HEAD + table, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_dialplan(path)
    assert [str(one).replace(f"{tmp_path}/", "") for one in caught.value.diagnostics] == [
        "rows.csv:3:1: error: '4002' is the same number as '4002' on line 15 of plan.yaml",
        "rows.csv:4:1: error: '02012345678' is the same number as '+862012345678' on line 16 of "
        "plan.yaml",
    ]


@pytest.mark.parametrize(
    ("route", "rows", "found"),
    [
        (
            "route: [{hunt: [desk]}]",
            "number,uri\n4001,sip:a@192.0.2.7\n",
            "15:35: the file says what each row rings, and no hunt rings 'row'",
        ),
        (
            ALONE,
            "number\n4001\n",
            "15:61: no column of the file says what 'row' is: expected one of 'uri', 'dial', "
            "'target', 'extension'",
        ),
        (
            "route: [{hunt: row}]",
            "number\n4001\n",
            "15:60: 'row' is a target, no group: write hunt: [row]",
        ),
        (
            "route: [{hunt: [row, dsek]}]",
            "number,target\n4001,desk\n",
            "15:66: no target is named 'dsek'; did you mean 'desk'?",
        ),
        (
            "route: [{hunt: [row]}], overflow: [{hunt: [desk]}]",
            "number,target\n4001,desk\n",
            "15:69: 'overflow' is for calls beyond 'lines', which is missing",
        ),
    ],
)
def test_mistake_in_the_rules_of_a_table_is_named(
    tmp_path: Path, route: str, rows: str, found: str
) -> None:
    assert mistakes(tmp_path, rows, route) == [f"plan.yaml:{found}"]


def test_row_is_no_target_outside_of_tables(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(f"{HEAD}numbers: {{4000: {{route: [{{hunt: [row]}}]}}}}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no target is named 'row'"):
        load_dialplan(path)


def test_target_named_as_what_a_row_rings_is_a_mistake(tmp_path: Path) -> None:
    head = HEAD.replace("desk:", "row:").replace("[desk]", "[row]")
    (found,) = mistakes(tmp_path, "number,target\n4001,slow\n", head=head)
    assert found == (
        "plan.yaml:6:3: a target cannot be named 'row': in 'number_tables' the word means what "
        "the row of a number rings"
    )


@pytest.mark.parametrize("name", ["../rows.csv", "missing.csv", "."])
def test_file_that_is_not_read_is_named_where_it_is_used(tmp_path: Path, name: str) -> None:
    path = tmp_path / "plan.yaml"
    table = TABLE.replace("ROUTE", ALONE).replace("rows.csv", f'"{name}"')
    path.write_text(HEAD + table, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_dialplan(path)
    (found,) = caught.value.diagnostics
    assert (found.line, found.column) == (15, 35)
