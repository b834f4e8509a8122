"""Data of a YAML file: plain, with the place of every value.

Theory: a big file repeats itself, and equal parts of its entries are one object here. So a place
inside an entry of a section is kept as its distance from the line of the entry's key, and becomes
one of the file when it is asked for through the section.

Whoever finds a node has to know which of the two its lines are. Nodes that `Document.locate`,
`Section.entries` and `moved` give, and those outside of sections, have lines of the file.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from callrouter.errors import Diagnostic

COLUMN_BITS: Final = 25  # as many as the longest line of the largest file needs
_COLUMNS: Final = (1 << COLUMN_BITS) - 1


@dataclass(slots=True)
class Position:
    """A position in a file; line and column count from 1."""

    line: int
    column: int


def pack(mark: Any, base: int) -> int:
    """Fold a mark of libyaml into one number. base: the line its lines count from, from 0."""
    return (mark.line - base) << COLUMN_BITS | (mark.column + 1)  # type: ignore[no-any-return]


def unpack(packed: int, base: int = 0) -> Position:
    """Return a place that was packed. base: the line that counts as 0."""
    return Position(base + (packed >> COLUMN_BITS), packed & _COLUMNS)


class Mapping(dict[str, Any]):
    """A YAML mapping. places: for each key in order, where the key and where its value stands."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places = array("Q")

    def entries(self) -> Iterator[tuple[str, Any, Position]]:
        """Give each key, its value and where the key stands."""
        for index, (key, value) in enumerate(self.items()):
            yield key, value, unpack(self.places[2 * index])

    def find(self, key: str) -> tuple[Position, Position]:
        """Return where a key and its value stand. Slow: for messages. The key must be there."""
        index = 2 * list(self).index(key)
        return unpack(self.places[index]), unpack(self.places[index + 1])


class Section(Mapping):
    """A mapping at the top of a file. Inside its values, lines count from that of the key."""

    __slots__ = ()

    def entries(self) -> Iterator[tuple[str, Any, Position]]:
        """Give each key, its value with lines of the file, and where the key stands."""
        for key, value, place in super().entries():
            yield key, moved(value, place.line), place

    def shared(self) -> Iterator[tuple[str, Any, int]]:
        """Give each key, its value as it is kept, and the line of the key."""
        for index, (key, value) in enumerate(self.items()):
            yield key, value, self.places[2 * index] >> COLUMN_BITS


class Sequence(list[Any]):
    """A YAML list. places: where each item stands."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places = array("Q")

    def find(self, index: int) -> Position:
        """Return where an item stands."""
        return unpack(self.places[index])


def placed(items: Sequence, lines: int) -> Sequence:
    """As `moved`, but only for the places of the items themselves, not for those inside them."""
    sequence = Sequence()
    sequence += items
    by = lines << COLUMN_BITS
    sequence.places = array("Q", [packed + by for packed in items.places])
    return sequence


def moved(node: Any, lines: int) -> Any:
    """Copy what is inside an entry of a section so that its places are those of the file.

    lines: the line of the entry's key. What has no places is given back as it is.
    """
    by = lines << COLUMN_BITS
    if isinstance(node, Mapping):
        mapping = Mapping()
        for key, value in node.items():
            mapping[key] = moved(value, lines)
        mapping.places = array("Q", [packed + by for packed in node.places])
        return mapping
    if isinstance(node, Sequence):
        sequence = Sequence()
        sequence += [moved(value, lines) for value in node]
        sequence.places = array("Q", [packed + by for packed in node.places])
        return sequence
    return node


@dataclass(slots=True, kw_only=True)
class Document:
    """Content of a file. data: Mapping, Sequence, str, int, float, bool or None, and so on inside.

    repeated: a Diagnostic for each duplicate key, of which the first was kept.
    """

    file: str
    data: Any
    repeated: list[Diagnostic]

    def locate(self, path: tuple[str | int, ...]) -> tuple[Position, Position]:
        """Return where the key and the value at a path of keys and indexes stand.

        Steps that lead nowhere are passed over, so a missing key has the place of what lacks it.
        """
        node = self.data
        base = 0
        key = value = Position(1, 1)
        for step in path:
            if isinstance(node, Mapping) and isinstance(step, str) and step in node:
                index = 2 * list(node).index(step)
                places = node.places
                key, value = unpack(places[index], base), unpack(places[index + 1], base)
                base = key.line if isinstance(node, Section) else base
                node = node[step]
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
                key = value = unpack(node.places[step], base)
                node = node[step]
        return key, value
