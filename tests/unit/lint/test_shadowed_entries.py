"""Entries of lists that can change nothing: contained in the same list, in another, or allowed."""

from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.lint.all_warnings import lint
from callrouter.yamlfile.reader import load

HEAD = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
targets: {a: {uri: "sip:a@192.0.2.2"}}
"""
NUMBER = 'numbers: {"4000": {route: [{hunt: [a]}]}}\n'


class Folder:
    """A dialplan and the files of its lists."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def warnings(self, text: str, number: str = NUMBER, **files: str) -> list[str]:
        """All warnings as `file:line:column: message`, lines of the dialplan behind its head."""
        for name, lines in files.items():
            (self.path / f"{name}.txt").write_text(lines, encoding="utf-8")
        (self.path / "d.yaml").write_text(HEAD + number + text, encoding="utf-8")
        document = load(self.path / "d.yaml")
        compile_dialplan(document)
        head = (HEAD + number).count("\n")
        found = lint(document)
        for one in found:
            if one.file == document.file:
                one.line -= head
        return [str(one).replace(f"{self.path}/", "").replace("warning: ", "") for one in found]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_line_of_a_file_that_another_contains_is_named_with_its_line(folder: Folder) -> None:
    lines = """\
0898*           # an area
+8689812345678   # in it

13800138000
+8613800138000  # the same
08981*
4001
40*
"""
    text = "block: [l]\nlists:\n  l: {file: bad.txt}\n"
    assert folder.warnings(text, bad=lines) == [
        "bad.txt:2:1: '+8689812345678' is in the list by '0898' already",
        "bad.txt:5:1: '+8613800138000' is in the list by '13800138000' already",
        "bad.txt:6:1: '08981' is in the list by '0898' already",
        "bad.txt:7:1: '4001' is in the list by '40' already",
    ]


def test_entries_of_the_dialplan_and_of_its_file_contain_each_other(folder: Folder) -> None:
    text = (
        'block: [l]\nlists:\n  l: {file: bad.txt, prefixes: ["0898"], numbers: ["02012345678"]}\n'
    )
    assert folder.warnings(text, bad="089812345678\n020*\n") == [
        "d.yaml:3:52: '02012345678' is in the list by '020' already",
        "bad.txt:1:1: '089812345678' is in the list by '0898' already",
    ]


def test_entry_of_a_list_that_is_blocked_with_a_wider_one_is_warned_of(folder: Folder) -> None:
    text = "block: [l, m]\nlists:\n  l: {file: one.txt}\n  m: {file: two.txt}\n"
    assert folder.warnings(text, one="0898*\n13800138000\n", two="020*\n08981*\n13800138000\n") == [
        "two.txt:2:1: '08981' is in list 'l' by '0898' already",
        "two.txt:3:1: '13800138000' is in list 'l' by '13800138000' already",
    ]


def test_wider_list_that_comes_later_counts_too(folder: Folder) -> None:
    text = 'block: [l, m]\nlists:\n  l: {prefixes: ["08981"]}\n  m: {prefixes: ["0898"]}\n'
    number = 'numbers: {"4000": {block: [l], route: [{hunt: [a]}]}}\n'
    assert [one for one in folder.warnings(text, number) if " by " in one] == [
        "d.yaml:3:18: '08981' is in list 'm' by '0898' already",
    ]


@pytest.mark.parametrize(
    "rules",
    [
        # Each is needed somewhere without the other.
        '"4000": {block: [l], route: [{hunt: [a]}]}, "4001": {block: [m], route: [{hunt: [a]}]}',
        '"4000": {block: [l, m], route: [{hunt: [a]}]}, "4001": {block: [m], route: [{hunt: [a]}]}',
        '"4000": {block: [m], allow: [l], route: [{hunt: [a]}]}, '
        '"4001": {block: [m], route: [{hunt: [a]}]}',
    ],
)
def test_entry_that_some_number_needs_is_not_warned_of(rules: str, folder: Folder) -> None:
    text = 'lists:\n  l: {prefixes: ["0898"]}\n  m: {prefixes: ["08981"]}\n'
    assert folder.warnings(text, f"numbers: {{{rules}}}\n") == []


def test_blocked_entry_that_a_wider_list_allows_is_never_blocked(folder: Folder) -> None:
    text = 'allow: [l]\nlists:\n  l: {prefixes: ["0898"]}\n  m: {file: bad.txt}\n'
    number = 'numbers: {"4000": {block: [m], route: [{hunt: [a]}]}}\n'
    assert folder.warnings(text, number, bad="020*\n08981*\n") == [
        "bad.txt:2:1: '08981' is never blocked: list 'l' allows '0898'",
    ]


def test_partner_inside_a_blocked_area_is_what_lists_are_for(folder: Folder) -> None:
    text = 'allow: [l]\nblock: [m]\nlists:\n  l: {prefixes: ["08981"]}\n  m: {prefixes: ["0898"]}\n'
    assert folder.warnings(text) == []
