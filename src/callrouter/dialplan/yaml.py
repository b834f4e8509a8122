"""A file that ops wrote, as plain data with the place of every value.

Theory: libyaml's events are turned into data here, not by PyYAML's constructor, because the events
know where they stand and come before anything is expanded: a duplicate key, an alias or a nesting
bomb is refused at its place, in time and memory that the size of the file bounds.

Scalars are read as YAML 1.2 reads them: `no`, `12:00` and `1_000` are text. Keys are always text,
so `4000:` and `"4000":` are the same key.

A mistake in the YAML itself ends the reading; duplicate keys are collected on the way.
"""

import codecs
import re
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from callrouter.dialplan.wording import in_file_order, shown
from callrouter.errors import ConfigError, Diagnostic

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 32
_REPEATED: Final = 100

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
_TAB_INDENT: Final = re.compile(r"^ *\t", re.MULTILINE)
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

# Lengths are bounded: longer ones are no quantity anybody writes, and stay text.
_NUMERALS: Final[tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...]] = (
    (re.compile(r"[-+]?[0-9]{1,18}"), int),
    (re.compile(r"0o[0-7]{1,18}|0x[0-9a-fA-F]{1,14}"), lambda text: int(text, 0)),
    (
        re.compile(r"[-+]?(\.[0-9]{1,40}|[0-9]{1,40}(\.[0-9]{0,40})?)([eE][-+]?[0-9]{1,3})?"),
        float,
    ),
    (
        re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        lambda text: float(text.replace(".", "")),
    ),
)

# What libyaml says, and what an ops person can do about it.
_PROBLEMS: Final = {
    "mapping values are not allowed": "found ':' where none is expected; "
    "check the indentation, or put the text in quotes",
    "did not find expected key": "expected a key here; check the indentation of this line",
    "did not find expected '-' indicator": "expected '- ' here; check the indentation of this line",
    "could not find expected ':'": "expected ':' after the key",
    "did not find expected ',' or ']'": "expected ',' or ']'; the list is not closed",
    "did not find expected ',' or '}'": "expected ',' or '}'; the mapping is not closed",
    "found unexpected end of stream": "the quoted text that starts here is not closed",
    "found unknown escape character": "unknown escape in a quoted text; write \\\\ for a backslash",
    "cannot start any token": "found a character that no value may start with; "
    "put the text in quotes",
}

_COLUMN_BITS: Final = 25  # as many as the longest line of the largest file needs


class Place:
    """A position in a file; line and column count from 1."""

    __slots__ = ("column", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


def _pack(event: Any) -> int:
    """Fold a position into one number: a big dialplan has a million of them."""
    mark = event.start_mark
    return (mark.line + 1) << _COLUMN_BITS | (mark.column + 1)  # type: ignore[no-any-return]


def _unpack(packed: int) -> Place:
    return Place(packed >> _COLUMN_BITS, packed & ((1 << _COLUMN_BITS) - 1))


class Mapping(dict[str, Any]):
    """A YAML mapping. places: for each key in order, where the key and where its value stands."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places = array("Q")

    def entries(self) -> Iterator[tuple[str, Any, Place]]:
        """Give each key, its value and where the key stands."""
        for index, (key, value) in enumerate(self.items()):
            yield key, value, _unpack(self.places[2 * index])

    def find(self, key: str) -> tuple[Place, Place]:
        """Return where a key and its value stand. Slow: for messages. The key must be there."""
        index = 2 * list(self).index(key)
        return _unpack(self.places[index]), _unpack(self.places[index + 1])


class Sequence(list[Any]):
    """A YAML list. places: where each item stands."""

    __slots__ = ("places",)

    def __init__(self) -> None:
        super().__init__()
        self.places = array("Q")

    def find(self, index: int) -> Place:
        """Return where an item stands."""
        return _unpack(self.places[index])


class Document:
    """What a file says. data: Mapping, Sequence, str, int, float, bool or None, and so on inside.

    repeated: a Diagnostic for each duplicate key, of which the first was kept.
    """

    def __init__(self, file: str, data: Any, repeated: list[Diagnostic]) -> None:
        self.file = file
        self.data = data
        self.repeated = repeated

    def locate(self, path: tuple[str | int, ...]) -> tuple[Place, Place]:
        """Return where the key and the value at a path of keys and indexes stand.

        Steps that lead nowhere are passed over, so a missing key has the place of what lacks it.
        """
        node = self.data
        key = value = Place(1, 1)
        for step in path:
            if isinstance(node, Mapping) and isinstance(step, str) and step in node:
                key, value = node.find(step)
                node = node[step]
            elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node):
                key = value = node.find(step)
                node = node[step]
        return key, value


def load(path: Path) -> Document:
    """Read a YAML file. Raises ConfigError when it cannot be read or is not YAML as used here."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problem = Diagnostic(f"cannot be read: {error.strerror}", file)
        raise ConfigError([problem]) from error
    if len(raw) > MAX_BYTES:
        limit = f"the file is larger than {MAX_BYTES // 1024 // 1024} MB"
        raise ConfigError([Diagnostic(limit, file, 1, 1)])
    return parse(_decode(raw.removeprefix(codecs.BOM_UTF8), file), file)


def parse(text: str, file: str) -> Document:
    """Read YAML from a text; file is the name for messages. Raises ConfigError as load() does."""
    _check_characters(text, file)
    reader = _Reader(text, file)
    try:
        return Document(file, reader.document(), reader.repeated)
    except _RefusedError as refused:
        found = Diagnostic(refused.message, file, refused.place.line, refused.place.column)
    except yaml.YAMLError as error:
        found = _translate(error, file)
    raise in_file_order([*reader.repeated, found])


class _RefusedError(Exception):
    """Good YAML that is not accepted here; ends the reading."""

    def __init__(self, message: str, event: Event) -> None:
        super().__init__(message)
        self.message = message
        self.place = _unpack(_pack(event))


class _Reader:
    """Builds data from events. Recursion is as deep as the data, which is limited."""

    def __init__(self, text: str, file: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        self._file = file
        self._texts: dict[str, str] = {}  # the same few words make up most of a big file
        self.repeated: list[Diagnostic] = []

    def document(self) -> Any:
        data = None
        seen = False
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if seen:
                    raise _RefusedError(
                        "expected one document; remove this and what follows", event
                    )
                seen = True
                data = self._node(next(self._events), 0)
        return data

    def _node(self, event: Any, depth: int) -> Any:
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None:
            text = self._texts.setdefault(event.value, event.value)
            return _scalar(text) if event.implicit[0] else text
        _refuse_references(event)
        if depth >= MAX_DEPTH:
            raise _RefusedError(f"nested deeper than {MAX_DEPTH} levels", event)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(depth + 1)
        return self._mapping(depth + 1)

    def _sequence(self, depth: int) -> Sequence:
        items = Sequence()
        while type(event := next(self._events)) is not SequenceEndEvent:
            items.places.append(_pack(event))
            items.append(self._node(event, depth))
        return items

    def _mapping(self, depth: int) -> Mapping:
        entries = Mapping()
        while type(event := next(self._events)) is not MappingEndEvent:
            key = self._key(event)
            follows = next(self._events)
            value = self._node(follows, depth)
            if key in entries:
                self._repeat(event, entries)
                continue
            entries[key] = value
            entries.places.append(_pack(event))
            entries.places.append(_pack(follows))
        return entries

    def _key(self, event: Any) -> str:
        _refuse_references(event)
        if type(event) is not ScalarEvent or not event.value:
            raise _RefusedError("expected a key: one word or number before ':'", event)
        return self._texts.setdefault(event.value, event.value)

    def _repeat(self, event: ScalarEvent, entries: Mapping) -> None:
        if len(self.repeated) == _REPEATED:
            raise _RefusedError("too many keys are there twice; the rest was not read", event)
        first, _ = entries.find(event.value)
        place = _unpack(_pack(event))
        message = f"the key {shown(event.value)} is there twice; it is first on line {first.line}"
        self.repeated.append(Diagnostic(message, self._file, place.line, place.column))


def _refuse_references(event: Any) -> None:
    """Refuse what makes one value mean another: aliases, anchors and tags."""
    if type(event) is AliasEvent:
        raise _RefusedError("aliases (*name) are not used here; write the value out", event)
    if event.anchor is not None:
        raise _RefusedError("anchors (&name) are not used here; remove it", event)
    if event.tag is not None:
        raise _RefusedError("tags (!name) are not used here; remove it", event)


def _scalar(text: str) -> str | int | float | bool | None:
    """Read a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "-+.0123456789":
        for pattern, read in _NUMERALS:
            if pattern.fullmatch(text):
                return read(text)
    return text


def _decode(raw: bytes, file: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        message = f"expected UTF-8 text, found the byte 0x{raw[error.start]:02X}"
        raise _at(message, before, file) from error


def _check_characters(text: str, file: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found is not None:
        message = f"found the control character U+{ord(found[0]):04X}; remove it"
        raise _at(message, text[: found.start()], file)
    found = _TAB_INDENT.search(text)
    if found is not None:
        raise _at("found a tab; indent with spaces", text[: found.end() - 1], file)


def _at(message: str, before: str, file: str) -> ConfigError:
    """Make the error for the character that follows `before`."""
    line = before.count("\n") + 1
    column = len(before) - before.rfind("\n")
    return ConfigError([Diagnostic(message, file, line, column)])


def _translate(error: yaml.YAMLError, file: str) -> Diagnostic:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Diagnostic(f"not YAML: {error}", file, 1, 1)
    problem = error.problem or "cannot be read"
    message = f"not YAML: {problem}"
    for said, meant in _PROBLEMS.items():
        if said in problem:
            message = meant
    mark = error.problem_mark
    if "end of stream" in problem and error.context_mark is not None:
        mark = error.context_mark  # where the quotes open, not where the file ends
    return Diagnostic(message, file, mark.line + 1, mark.column + 1)
