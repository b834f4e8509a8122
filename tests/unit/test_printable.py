"""Texts of others: printable, brief, and the same to whoever reads the JSON."""

import json

import pytest

from callrouter.printable import BRIEF, brief, inert, json_text, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+8613800138000", "+8613800138000"),
        ("广东省 李", "广东省 李"),
        ("\x1b[2J", "\\u001b[2J"),
        ("\x9b31m", "\\u009b31m"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("\x7f\r\n", "\\u007f\\u000d\\u000a"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_is_not_printable_is_an_escape(text: str, shown: str) -> None:
    assert printable(text) == brief(text) == shown


def test_a_cell_of_a_csv_file_is_neither_a_formula_nor_an_escape_sequence() -> None:
    assert inert("=cmd|' /C calc'!A0\x1b[2J") == "'=cmd|' /C calc'!A0\\u001b[2J"
    assert inert("+8613800138000") == "+8613800138000"


def test_json_has_no_control_character_and_says_the_same() -> None:
    value = {"caller": "\x1b\x7f\x9b\u202e\U000e0041", "lines": ["a\nb", 1, None]}
    for indent in (False, True):
        text = json_text(value, indent=indent)
        assert all(char == "\n" or char.isprintable() for char in text)
        assert json.loads(text) == value


def test_a_cell_has_a_bounded_width_whatever_has_to_be_escaped() -> None:
    for text in ("1" * 3000, "\x1b" * 3000, "\u202e" * BRIEF):
        assert len(brief(text)) == BRIEF
        assert brief(text).endswith("…")
    assert brief("1" * BRIEF) == "1" * BRIEF
