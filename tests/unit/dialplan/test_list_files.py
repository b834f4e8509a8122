import os
from pathlib import Path

import pytest

from callrouter.dialplan.areas import list_files as callers
from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.errors import ConfigError
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts

PLAN = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@127.0.0.1"}}
lists: {bad: {file: FILE}}
numbers: {4000: {block: [bad], route: [{hunt: [a]}]}}
"""


def loaded(folder: Path, text: str, name: str = "bad.txt") -> Dialplan:
    (folder / "bad.txt").write_text(text, encoding="utf-8")
    path = folder / "plan.yaml"
    path.write_text(PLAN.replace("FILE", name), encoding="utf-8")
    return load_dialplan(path)


def refused(folder: Path, text: str, name: str = "bad.txt") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text, name)
    return [str(found).replace(f"{folder}/", "") for found in caught.value.diagnostics]


def blocks(plan: Dialplan, caller: str) -> bool:
    return not decide(plan, Facts("lab", "127.0.0.1", caller, "4000")).plan.hunts


def test_file_lists_numbers_and_first_digits_with_comments(tmp_path: Path) -> None:
    plan = loaded(tmp_path, "# a comment\n\n13800138000  # mine\n0898*\n+1900*\n4001\r\n")
    for caller in ("+8613800138000", "08981234567", "+19005551234", "4001"):
        assert blocks(plan, caller)
    for caller in ("+8613800138001", "02012345678", "40010"):
        assert not blocks(plan, caller)


def test_file_is_read_without_separators_of_any_script(tmp_path: Path) -> None:
    text = "+86 139-0013-9100\n(0898) *\n\u202d+1900\uff0a\n\uff11\uff13\uff18 0013.8000\n"
    plan = loaded(tmp_path, f"\ufeff# exported\n{text}")
    for caller in ("+8613900139100", "08981234567", "+19005551234", "+8613800138000"):
        assert blocks(plan, caller)
    assert not blocks(plan, "+8613900139101")


def test_dialplan_lists_numbers_with_separators(tmp_path: Path) -> None:
    entry = '{numbers: ["+86 138-0013-8000"], prefixes: ["(0898)", "+1 900 *"]}'
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace("{file: FILE}", entry), encoding="utf-8")
    plan = load_dialplan(path)
    for caller in ("+8613800138000", "08981234567", "+19005551234"):
        assert blocks(plan, caller)
    assert not blocks(plan, "+8613800138001")


@pytest.mark.parametrize("text", ["13800138000;cpc=x", "+8613800138000,1", "13800138000 x12"])
def test_list_has_no_parameters_and_extensions(tmp_path: Path, text: str) -> None:
    (found,) = refused(tmp_path, text)
    assert found.endswith(f"or first digits such as \"0898*\", found '{text}'")


def test_file_is_part_of_the_version_and_of_the_files(tmp_path: Path) -> None:
    one = loaded(tmp_path, "13800138000\n")
    other = loaded(tmp_path, "13800138001\n")
    assert one.version != other.version
    assert one.files == (str(tmp_path / "plan.yaml"), str(tmp_path / "bad.txt"))


def test_quantity_is_no_number_and_a_dash_may_begin_a_line(tmp_path: Path) -> None:
    found = refused(tmp_path, "- 13800138000\n-4001\n -0898*\n")
    assert [line[: len("bad.txt:2")] for line in found] == ["bad.txt:2", "bad.txt:3"]
    assert blocks(loaded(tmp_path, "- 13800138000\n"), "+8613800138000")


def test_mistakes_in_a_file_name_its_lines(tmp_path: Path) -> None:
    found = refused(tmp_path, "13800138000\n*123\nhello\n1234567890123456789\n**\n")
    wanted = 'expected a number such as "+8613800138000", or first digits such as "0898*"'
    assert found == [
        "bad.txt:2:1: error: '*123' would compare the last digits, which a list never does: "
        + wanted,
        f"bad.txt:3:1: error: {wanted}, found 'hello'",
        f"bad.txt:4:1: error: {wanted}, found '1234567890123456789'",
        "bad.txt:5:1: error: '**' would compare the last digits, which a list never does: "
        + wanted,
    ]


def test_flood_of_mistakes_in_a_file_ends_its_reading(tmp_path: Path) -> None:
    found = refused(tmp_path, "x\n" * 1000)
    assert len(found) == 20
    assert found[-1].endswith("(the rest was not read)")


@pytest.mark.parametrize("name", ["../bad.txt", "/etc/passwd", "link.txt"])
def test_file_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "link.txt").symlink_to("/etc/passwd")
    (found,) = refused(tmp_path / "plans", "", name)
    assert "error: expected a file in the folder of the dialplan, found" in found
    assert found.startswith("plan.yaml:4:21:")


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_file_that_cannot_be_read_is_named_where_it_is_used(tmp_path: Path, name: str) -> None:
    (found,) = refused(tmp_path, "", name)
    assert found.startswith("plan.yaml:4:21: error: ")
    assert "cannot be read: " in found


def test_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (found,) = refused(tmp_path, "", "pipe")
    assert found.startswith("plan.yaml:4:21: error: expected a file, found a device or pipe: ")


def test_file_name_that_is_none_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "", "5") == [
        "plan.yaml:4:21: error: expected the name of a file, found '5'"
    ]


def test_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "MAX_BYTES", 3)
    (found,) = refused(tmp_path, "4001\n")
    assert found == "bad.txt:1:1: error: the file is larger than 0 MB"


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (
            '{numbers: ["*123"]}',
            "'*123' would compare the last digits, which a list never does: "
            'expected a whole number such as "+8613800138000"',
        ),
        ('{prefixes: ["*"]}', "'*' would compare the last digits"),
        ('{numbers: ["-4001"]}', "found '-4001'"),
        ('{prefixes: ["-0898"]}', "found '-0898'"),
        ('{numbers: ["138-00138000;cpc=x"]}', "\"+8613800138000\", found '138-00138000;cpc=x'"),
        ('{prefixes: [" *"]}', "such as \"0898\", found ' *'"),
        ("{prefixes: [0898]}", 'first digits of numbers such as "0898"; write it in quotes'),
        ("{prefixes: [abc]}", "first digits of numbers such as \"0898\", found 'abc'"),
    ],
)
def test_entry_that_is_no_number_says_what_a_list_holds(
    tmp_path: Path, entry: str, found: str
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace("{file: FILE}", entry), encoding="utf-8")
    with pytest.raises(ConfigError, match="error: ") as caught:
        load_dialplan(path)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("written", "begins"),
    [("0898*", "86898"), ("+84*", "84"), ("0084*", "84"), ("138*", "86138"), ("0*", "860")],
)
def test_first_digits_are_read_as_the_country_dials_them(written: str, begins: str) -> None:
    assert callers.international_prefix(written[:-1], "CN") == begins
