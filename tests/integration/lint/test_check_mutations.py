"""`callrouter check` names each mistake of the kinds that people make, at its place, in no time.

A thousand dialplans of this repository, each with one wound of a known kind: the command ends with
1, every line it prints is `file:line:column: error: message`, and one of them is at the wound.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import pytest
from click.testing import CliRunner

from callrouter.cli import main
from callrouter.yamlfile.reader import parse

DIALPLANS: Final = Path(__file__).parents[3] / "dialplans"
SOURCES: Final = [DIALPLANS / "lab.yaml", *sorted((DIALPLANS / "samples").glob("*.yaml"))]
TEXTS: Final = [
    path.read_text(encoding="utf-8") for path in SOURCES if not path.name.endswith(".test.yaml")
]
MISTAKE: Final = re.compile(
    r"(?P<file>.+\.(?:yaml|csv)):(?P<line>\d+):(?P<column>\d+): error: (?P<why>.+)"
)
SCALAR: Final = re.compile(r'"[^"]*"|[^\s,\[\]{}#"][^,\[\]{}#\n"]*')
ONES: Final = ("trunks", "gateways", "targets", "extensions", "groups", "schedules", "lists")
TIME: Final = re.compile(r"[0-9]+(ms|s|m|h)|.*[0-9]:[0-9]{2}-.*|[0-9]{4}-[0-9]{2}-[0-9]{2}.*")
BAD_TIMES: Final = ("15 s", "1d", "-3s", "25:00-26:00", "8-17", "2026-02-30", "Mun 08:00-09:00")
WRONG: Final = ("{a: {b: 1}}", "[[]]", "[{}]", "1.5", ".inf", "{}")
NAMES: Final = frozenset(("hunt", "schedule", "block", "allow", "via", "backup", "except"))

COUNT: Final = 1000

Path_ = tuple[str | int, ...]


class Value(NamedTuple):
    """A value of a dialplan. path: of keys and indexes. key, start: offsets of both."""

    path: Path_
    key: int
    start: int
    value: Any


class Wound(NamedTuple):
    """A text with a mistake. offset: a message has to name the line there."""

    text: str
    offset: int


def values(text: str) -> list[Value]:
    """All values of a dialplan with their places."""
    document = parse(text, "f")
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def walk(node: Any, path: Path_) -> Iterator[Value]:
        if path:
            key, value = (starts[at.line - 1] + at.column - 1 for at in document.locate(path))
            yield Value(path, key, value, node)
        if isinstance(node, dict | list):
            for name, inner in node.items() if isinstance(node, dict) else enumerate(node):
                yield from walk(inner, (*path, name))

    return list(walk(document.data, ()))


def is_key(found: Value) -> bool:
    """The grammar has this key: it is no name that the file gives."""
    path = found.path
    if len(path) == 1:
        return True
    if path[0] in {*ONES, "numbers"} and len(path) == 3:
        return True
    return path[0] == "numbers" and len(path) == 5 and isinstance(path[4], str)


def replaced(text: str, found: Value, by: str) -> Wound:
    """The text with another scalar."""
    plain = str(found.value)
    if text.startswith(plain, found.start):  # whole, with the commas of a sentence
        end = found.start + len(plain)
    else:
        scalar = SCALAR.match(text, found.start)
        assert scalar is not None
        end = scalar.end()
    return Wound(text[: found.start] + by + text[end:], found.start)


def scalars(text: str) -> list[Value]:
    return [found for found in values(text) if isinstance(found.value, str | int)]


def key_misspelled(text: str, dice: Random) -> Wound:
    found = dice.choice([found for found in values(text) if is_key(found)])
    word = str(found.path[-1])
    at = dice.randrange(len(word))
    wrong = dice.choice((word[:at] + "q" + word[at:], word[:at] + "q" + word[at + 1 :]))
    return Wound(text[: found.key] + wrong + text[found.key + len(word) :], found.key)


def wrong_type(text: str, dice: Random) -> Wound:
    return replaced(text, dice.choice(scalars(text)), dice.choice(WRONG))


def bad_time(text: str, dice: Random) -> Wound | None:
    times = [found for found in scalars(text) if TIME.fullmatch(str(found.value))]
    times = [found for found in times if found.path[-1] != "name" and found.path[0] != "lists"]
    if not times:
        return None
    return replaced(text, dice.choice(times), f'"{dice.choice(BAD_TIMES)}"')


def unknown_name(text: str, dice: Random) -> Wound:
    named = [
        found
        for found in scalars(text)
        if NAMES & set(found.path) and not {"areas", "countries"} & set(found.path)
    ]
    return replaced(text, dice.choice(named), f"{dice.choice(named).value}q")


def bad_indentation(text: str, dice: Random) -> Wound | None:
    """A line that has one of its own level before it is moved by one."""
    lines = text.splitlines(keepends=True)
    inner = [
        index
        for index in range(1, len(lines))
        if _indent(lines[index]) >= 2 and _indent(lines[index - 1]) == _indent(lines[index])
    ]
    if not inner:
        return None
    index = dice.choice(inner)
    lines[index] = f" {lines[index]}" if dice.random() < 0.5 else lines[index][1:]
    return Wound("".join(lines), sum(map(len, lines[:index])))


def _indent(line: str) -> int:
    bare = line.lstrip(" ")
    return len(line) - len(bare) if bare.strip() and not bare.startswith("#") else -1


def tab(text: str, dice: Random) -> Wound:
    lines = text.splitlines(keepends=True)
    index = dice.choice([index for index, line in enumerate(lines) if _indent(line) >= 2])
    lines[index] = "\t" + lines[index].lstrip(" ")
    return Wound("".join(lines), sum(map(len, lines[:index])))


def duplicate_key(text: str, dice: Random) -> Wound:
    """A line is there twice; or a key of a flow mapping is."""
    lines = text.splitlines(keepends=True)
    whole = re.compile(r' *[\w"+*]+: *[^\s#].*\n')
    index = dice.choice([index for index, line in enumerate(lines) if whole.fullmatch(line)])
    again = lines[index]
    lines.insert(index + 1, again)
    before = sum(map(len, lines[: index + 1]))
    return Wound("".join(lines), before + _indent(again))


def anchor_bomb(text: str, dice: Random) -> Wound:
    """Ten anchors, each of which is the one before nine times."""
    first = 'a0: &a0 ["x", "x"]\n'
    bomb = first + "".join(
        f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 10)
    )
    tops = [found.key for found in values(text) if len(found.path) == 1]
    at = dice.choice(tops)
    return Wound(text[:at] + bomb + text[at:], at + first.index("&"))


Kind = Callable[[str, Random], Wound | None]
"""Gives a text with a wound; None when the text has no place for such a one."""

KINDS: Final[tuple[Kind, ...]] = (
    key_misspelled,
    wrong_type,
    bad_time,
    unknown_name,
    bad_indentation,
    tab,
    duplicate_key,
    anchor_bomb,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the dialplans read."""
    for name in ("lab-blocked.txt", "lab-music.wav", "samples/customers.csv"):
        shutil.copy(DIALPLANS / name, tmp_path)
    shutil.copytree(DIALPLANS / "samples" / "plans", tmp_path / "plans")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_mistake_is_named_at_its_place(kind: Kind, folder: Path) -> None:
    dice = Random(kind.__name__)
    file = folder / "d.yaml"
    for _ in range(COUNT // len(KINDS)):
        while (wound := kind(dice.choice(TEXTS), dice)) is None:
            pass
        file.write_text(wound.text, encoding="utf-8")
        result = CliRunner().invoke(main, ["check", str(file)], catch_exceptions=False)
        story = f"{wound.text[wound.offset - 200 : wound.offset + 200]}\n--\n{result.stderr}"
        assert (result.exit_code, result.stdout) == (1, ""), story
        lines = result.stderr.splitlines()
        told = [MISTAKE.fullmatch(line) for line in lines]
        assert all(told), story
        line = wound.text.count("\n", 0, wound.offset) + 1
        assert line in {int(one["line"]) for one in told if one is not None}, (line, story)
