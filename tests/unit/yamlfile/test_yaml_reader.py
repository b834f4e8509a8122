import math
from pathlib import Path

import pytest
from support.tables import each
from yaml import YAMLError

from callrouter.errors import ConfigError
from callrouter.yamlfile import reader as yaml


def refused(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(ConfigError) as caught:
        yaml.parse(text, "f.yaml")
    assert all(found.file == "f.yaml" for found in caught.value.diagnostics)
    return [(found.line, found.column, found.message) for found in caught.value.diagnostics]


@each(
    ("written", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("12:00", "12:00"),
        ("1_000", "1_000"),
        ("2026-12-31", "2026-12-31"),
        ("4000", 4000),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        (".5e3", 500.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('""', ""),
        ("'4000'", "4000"),
        ("-.inf", float("-inf")),
        ("9" * 30, 1e30),
        ("9" * 5000, "9" * 5000),
        ("+", "+"),
        ("15s", "15s"),
    ],
)
def test_scalars_are_read_as_yaml_1_2_reads_them(written: str, value: object) -> None:
    data = yaml.parse(f"a: {written}", "f").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_not_a_number_is_read() -> None:
    assert math.isnan(yaml.parse("a: .nan", "f").data["a"])


def test_keys_are_text_however_written() -> None:
    assert yaml.parse("4000: a\nno: b\nnull: c\n'0756': d", "f").data == {
        "4000": "a",
        "no": "b",
        "null": "c",
        "0756": "d",
    }


def test_places_are_those_of_keys_and_values() -> None:
    document = yaml.parse("é: {a: 1, b: [x, {c: 2}]}\nz:\n  - y", "f")

    def at(*path: str | int) -> list[tuple[int, int]]:
        return [(place.line, place.column) for place in document.locate(path)]

    assert at() == [(1, 1), (1, 1)]
    assert at("é") == [(1, 1), (1, 4)]
    assert at("é", "b") == [(1, 11), (1, 14)]
    assert at("é", "b", 1, "c") == [(1, 19), (1, 22)]
    assert at("z", 0) == [(3, 5), (3, 5)]
    assert at("é", "b", 9, "union tag") == [(1, 11), (1, 14)]
    assert at("nothing") == [(1, 1), (1, 1)]


def test_duplicate_key_is_noted_and_the_first_is_kept() -> None:
    document = yaml.parse("a: 1\nb: 2\na: 3", "f")
    assert document.data == {"a": 1, "b": 2}
    (found,) = document.repeated
    assert (found.line, found.column) == (3, 1)
    assert found.message == "the key 'a' is there twice; it is first on line 1"


def test_flood_of_duplicate_keys_ends_the_reading() -> None:
    found = refused("a: 1\n" * 5000)
    assert len(found) == 101
    assert found[-1] == (102, 1, "too many keys are there twice; the rest was not read")


def test_duplicate_keys_before_a_fault_are_reported_with_it() -> None:
    assert [place[:2] for place in refused("a: 1\na: 2\nb: *x")] == [(2, 1), (3, 4)]


@each(
    ("text", "line", "column", "message"),
    [
        ("a: &x 1", 1, 4, "anchors (&name) are not used here; remove it"),
        ("&x a: 1", 1, 1, "anchors (&name) are not used here; remove it"),
        ("a: *x", 1, 4, "aliases (*name) are not used here; write the value out"),
        ("*x : a", 1, 1, "aliases (*name) are not used here; write the value out"),
        ("a: !foo b", 1, 4, "tags (!name) are not used here; remove it"),
        ("a: !!str 1", 1, 4, "tags (!name) are not used here; remove it"),
        ("? [a]\n: b", 1, 3, "expected a key: one word or number before ':'"),
        ("{? : b}", 1, 4, "expected a key: one word or number before ':'"),
        ("a: 1\n---\nb: 2", 2, 1, "expected one document; remove this and what follows"),
        ("a:\n\tb: 1", 2, 1, "found a tab; indent with spaces"),
        ("a:\n  \tb: 1", 2, 3, "found a tab; indent with spaces"),
        ("a: b\nc: \x07", 2, 4, "found the control character U+0007; remove it"),
        ("[" * 40, 1, 33, "nested deeper than 32 levels"),
        ("a:\n  b: 1\n c: 2", 3, 2, "expected a key here; check the indentation of this line"),
        ("- a\nb: 1", 2, 1, "expected '- ' here; check the indentation of this line"),
        ("a: [1, 2\nb: 3", 2, 2, "expected ',' or ']'; the list is not closed"),
        ("a: {b: 1", 2, 1, "expected ',' or '}'; the mapping is not closed"),
        ("a: 'x\nb: 1", 1, 4, "the quoted text that starts here is not closed"),
        ('a: "\\q"', 1, 5, "unknown escape in a quoted text; write \\\\ for a backslash"),
        (
            "a: @x",
            1,
            4,
            "found a character that no value may start with; put the text in quotes",
        ),
        (
            "a: b: c",
            1,
            5,
            "found ':' where none is expected; check the indentation, or put the text in quotes",
        ),
        ("a: !y!z 1", 1, 4, "not YAML: found undefined tag handle"),
    ],
)
def test_fault_is_named_at_its_place(text: str, line: int, column: int, message: str) -> None:
    assert refused(text) == [(line, column, message)]


def test_alias_bomb_is_refused_at_its_first_anchor() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(100))
    assert refused(bomb)[0][:2] == (1, 4)


def test_error_without_a_place_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd:
        def __init__(self, text: str) -> None:
            pass

        def get_event(self) -> None:
            raise YAMLError("odd")

    monkeypatch.setattr("callrouter.yamlfile.constructor._LOADER", Odd)
    assert refused("a: 1") == [(1, 1, "not YAML: odd")]


def test_empty_text_is_nothing() -> None:
    assert yaml.parse("", "f").data is None
    assert yaml.parse("# only a comment\n", "f").data is None


def test_byte_that_is_not_utf_8_is_named_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: 1\nb: \xff")
    with pytest.raises(ConfigError) as caught:
        yaml.load(path)
    assert str(caught.value) == f"{path}:2:4: error: expected UTF-8 text, found the byte 0xFF"


def test_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1")
    assert yaml.load(path).data == {"a": 1}


def test_too_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    with path.open("wb") as stream:
        stream.truncate(yaml.MAX_BYTES + 1)
    with pytest.raises(ConfigError) as caught:
        yaml.load(path)
    assert str(caught.value) == f"{path}:1:1: error: the file is larger than 16 MB"


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_file_that_cannot_be_read_is_a_config_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read: "):
        yaml.load(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("country: CN\ntimezone: Asia/Shanghai\nnumbers: {", "Asia/Shanghai"),  # and no further
        ("{lists: {timezone: {a: 1}}, timezone: 'UTC'}", "UTC"),
        ("a: {timezone: no}\nb: [timezone, no]\ntimezone: yes", "yes"),
        ("? {a: b}\n: timezone\nc: d", ""),
        ("a: timezone\nb: c", ""),
        ("timezone: {a: b}\nc: d", ""),
        ("timezone: [UTC]", ""),
        ("- timezone\n- UTC", ""),
        ("timezone", ""),
        ("", ""),
    ],
)
def test_text_at_the_top_is_found_without_reading_all(
    tmp_path: Path, text: str, found: str
) -> None:
    path = tmp_path / "dialplan.yaml"
    path.write_text(text)
    assert yaml.top_level_text(path, "timezone") == found


@pytest.mark.parametrize("content", [b"numbers: {", b"\xff\xfe\x00", None])
def test_file_in_which_nothing_at_the_top_is_found_says_why(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "dialplan.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"dialplan\.yaml"):
        yaml.top_level_text(path, "timezone")
