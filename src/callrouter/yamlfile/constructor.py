"""Constructor of data from libyaml's events.

Theory: events are turned into data here, not by PyYAML's constructor, because they know where they
stand and come before anything is expanded: a duplicate key, an alias or a nesting bomb is refused
at its place, in time and memory that the size of the file bounds.

Scalars are read as YAML 1.2 reads them: `no`, `12:00` and `1_000` are text. Keys are always text,
so `4000:` and `"4000":` are the same key.
"""

import re
from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from callrouter.errors import Diagnostic
from callrouter.yamlfile.marked import Mapping, Position, Section, Sequence, pack, unpack
from callrouter.yamlfile.wording import shown

MAX_DEPTH: Final = 32
SECTION: Final = 1
"""The depth of what the keys at the top of a file hold."""
_REPEATED: Final = 100
_FILE: Final = -1
"""The base of lines that count from 1."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
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


class YamlRefusedError(Exception):
    """Good YAML that is not accepted here; ends the reading."""

    def __init__(self, message: str, event: Event) -> None:
        super().__init__(message)
        self.message = message
        self.place = _place(event)


class Reader:
    """Builder of data from events. Recursion is as deep as the data, which is limited.

    texts: each text once; the same few words make up most of a big file. repeated: a Diagnostic for
    each duplicate key.
    """

    def __init__(self, text: str, file: str, texts: dict[str, str]) -> None:
        self._events: Iterator[Any] = iter(_LOADER(text).get_event, None)
        self._file = file
        self._texts = texts
        self._base = _FILE
        self.repeated: list[Diagnostic] = []

    def document(self) -> Any:
        """Read all. Raises YamlRefusedError, and YAMLError for what is no YAML."""
        data = None
        seen = False
        for event in self._events:
            if isinstance(event, DocumentStartEvent):
                if seen:
                    raise YamlRefusedError(
                        "expected one document; remove this and what follows", event
                    )
                seen = True
                data = self._node(next(self._events), 0)
        return data

    def pairs(self, depth: int, distances: Iterator[int]) -> Iterator[tuple[Any, str, Any, Any]]:
        """Read one mapping in which a key may come again.

        Give for each pair the mark of its key, the key, the mark of its value, and the value. In
        the value, lines count from one that is as far above the key as distances say. depth: that
        of the values. Raises as `document` does.
        """
        while type(next(self._events, None)) not in {MappingStartEvent, NoneType}:
            pass
        while type(event := next(self._events)) is not MappingEndEvent:
            key = self._key(event)
            follows = next(self._events)
            self._base = event.start_mark.line - next(distances, 0)
            yield event.start_mark, key, follows.start_mark, self._node(follows, depth)
        for event in self._events:  # what follows may be no YAML
            if isinstance(event, DocumentStartEvent):
                raise YamlRefusedError("expected one document", event)

    def _node(self, event: Any, depth: int) -> Any:
        if type(event) is ScalarEvent and event.anchor is None and event.tag is None:
            text = self._texts.setdefault(event.value, event.value)
            return _scalar(text) if event.implicit[0] else text
        _refuse_references(event)
        if depth >= MAX_DEPTH:
            raise YamlRefusedError(f"nested deeper than {MAX_DEPTH} levels", event)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(depth + 1)
        if depth == SECTION:
            return self._section()
        return self._mapping(Mapping(), depth + 1)

    def _sequence(self, depth: int) -> Sequence:
        items = Sequence()
        base = self._base
        while type(event := next(self._events)) is not SequenceEndEvent:
            items.places.append(pack(event.start_mark, base))
            items.append(self._node(event, depth))
        return items

    def _section(self) -> Section:
        section = Section()
        self._mapping(section, SECTION + 1)
        return section

    def _mapping(self, entries: Mapping, depth: int) -> Mapping:
        base = self._base
        inside = isinstance(entries, Section)
        while type(event := next(self._events)) is not MappingEndEvent:
            key = self._key(event)
            follows = next(self._events)
            if inside:
                self._base = event.start_mark.line
            value = self._node(follows, depth)
            self._base = base
            if key in entries:
                self._repeat(event, entries, base)
                continue
            entries[key] = value
            entries.places.append(pack(event.start_mark, base))
            entries.places.append(pack(follows.start_mark, base))
        return entries

    def _key(self, event: Any) -> str:
        _refuse_references(event)
        if type(event) is not ScalarEvent or not event.value:
            raise YamlRefusedError("expected a key: one word or number before ':'", event)
        return self._texts.setdefault(event.value, event.value)

    def _repeat(self, event: ScalarEvent, entries: Mapping, base: int) -> None:
        if len(self.repeated) == _REPEATED:
            raise YamlRefusedError("too many keys are there twice; the rest was not read", event)
        first = unpack(entries.places[2 * list(entries).index(event.value)], base + 1)
        place = _place(event)
        message = f"the key {shown(event.value)} is there twice; it is first on line {first.line}"
        self.repeated.append(Diagnostic(message, self._file, place.line, place.column))


def _place(event: Any) -> Position:
    return unpack(pack(event.start_mark, _FILE))


def _refuse_references(event: Any) -> None:
    """Refuse what makes one value mean another: aliases, anchors and tags."""
    if type(event) is AliasEvent:
        raise YamlRefusedError("aliases (*name) are not used here; write the value out", event)
    if event.anchor is not None:
        raise YamlRefusedError("anchors (&name) are not used here; remove it", event)
    if event.tag is not None:
        raise YamlRefusedError("tags (!name) are not used here; remove it", event)


def _scalar(text: str) -> str | int | float | bool | None:
    """Read a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "-+.0123456789":
        for pattern, read in _NUMERALS:
            if pattern.fullmatch(text):
                return read(text)
    return text
