"""What is read in pieces is what libyaml reads as a whole, with the same places."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.yamlfile import bulk as pieces
from callrouter.yamlfile.constructor import Reader
from callrouter.yamlfile.marked import Document, Mapping, Sequence
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
targets: {a: {uri: "sip:a@127.0.0.1"}, b: {uri: "sip:b@127.0.0.1"}}
lists: {bad: {prefixes: ["0898"]}}
numbers:   # all of them
"""
RULES = """\
    lines: 3
    blacklist: [bad]   # as people know it
    route:
    - {hunt: [a]}

    # for the night
    - hunt:
      - b
      total: 20s
"""
ROUTE = "    route:\n      - hunt: [a, b]\n        ring: 3s\n"
STRANGE = [
    "\n", "\r\n", "# x\n", "    # x\n", "  ", "    ", "'", '"', "[", "]", "{", "}", "|\n", ": ",
    "- ", "? ", "---\n", "...\n", "&a ", "*a", "!x ", "null", "numbers:\n", "\u2028", "  4:\n",
    "    route: 1\n", "%YAML 1.2\n", "|+\n\n", ">\n", "#", "x:\n", "  \"4000\":\n", "0", ",",
]  # fmt: skip


def big(head: str = HEAD) -> str:
    """Numbers in all the ways to write them."""
    text = head
    for index in range(30):
        rules = (ROUTE, f"    name: Number {index}\n{ROUTE}", RULES)[index % 3]
        text += f'  "{4000 + index}":\n{rules}'
        text += f"  {5000 + index}: {{route: [{{hunt: [a]}}]}}\n"
    return text


def tree(node: Any) -> Any:
    """A node with its places, to compare."""
    if isinstance(node, Mapping):
        return [type(node), list(node.places), [(key, tree(value)) for key, value in node.items()]]
    if isinstance(node, Sequence):
        return [list(node.places), [tree(value) for value in node]]
    return repr(node)


def as_a_whole(text: str) -> Any:
    return Reader(text, "f", {}).document()


@pytest.mark.parametrize("more", ["", "reasons: {suspended: {status: 503}}\n"])
def test_numbers_written_alike_are_read_as_by_libyaml(more: str) -> None:
    text = big() + more
    document = pieces.read(text, "f")
    assert document is not None
    assert tree(document.data) == tree(as_a_whole(text))


def test_equal_parts_of_numbers_are_one_object() -> None:
    document = pieces.read(big(), "f")
    assert document is not None
    numbers = document.data["numbers"]
    assert numbers["4001"] is not numbers["4004"]  # the names differ
    assert numbers["4001"]["route"] is numbers["4004"]["route"]
    assert numbers["4003"] is numbers["4006"]
    assert numbers["5001"] is numbers["5007"]


def test_wounded_text_is_read_as_by_libyaml_or_left_to_it() -> None:
    random = Random(4001)
    whole = big()
    taken = 0
    for _ in range(1500):
        at = random.randrange(len(HEAD) - 20, len(whole))
        text = whole[:at] + random.choice(STRANGE) + whole[at + random.randrange(3) :]
        document = pieces.read(text, "f")
        if document is not None:
            taken += 1
            assert tree(document.data) == tree(as_a_whole(text)), text
    assert taken > 300


def test_mistakes_are_the_same_however_the_file_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(4002)
    whole = big()
    lines = whole.splitlines(keepends=True)
    words = ["hunt", "a", "b", "3s", "bad", "route", "lines", "3", "name", "Number", "ring", "4"]

    def left(text: str, file: str) -> Document | None:
        return None

    for _ in range(150):
        wounded = list(lines)
        at = random.randrange(HEAD.count("\n"), len(lines))
        wounded[at] = wounded[at].replace(random.choice(words), random.choice(["x", "-1", "[[]]"]))
        text = "".join(wounded)
        if text == whole:
            continue

        in_pieces = outcome(text)
        with monkeypatch.context() as patch:
            patch.setattr(pieces, "read", left)
            assert outcome(text) == in_pieces


def outcome(text: str) -> list[str]:
    """The mistakes of a text, or the version and the lines of what it compiles to."""
    try:
        plan = compile_dialplan(parse(text, "f"))
    except ConfigError as error:
        return [str(mistake) for mistake in error.diagnostics]
    lines = [str(step.line) for number in plan.numbers.values() for step in number.route]
    uses = [str(use.line) for number in plan.numbers.values() for use in number.screen.block]
    return [plan.version, *lines, *uses]


def test_mistake_in_one_of_many_numbers_written_alike_is_named_at_each() -> None:
    text = big().replace("hunt: [a, b]", "hunt: [a, c]")
    found = outcome(text)
    assert len(found) == 20
    assert found[0].startswith("f:8:19: error: no target is named 'c'")


def test_file_that_ends_in_the_middle_of_a_line_is_read() -> None:
    text = big().rstrip("\n")
    assert pieces.read(text, "f") is None
    assert tree(parse(text, "f").data) == tree(as_a_whole(text))


def test_lab_is_the_same_either_way() -> None:
    lab = Path(__file__).parents[3] / "dialplans" / "lab.yaml"
    text = lab.read_text(encoding="utf-8")
    assert tree(parse(text, "f").data) == tree(as_a_whole(text))
