"""Bulk reading of a big file: those of its numbers that are written alike are read once.

Theory: the part under `numbers:` is cut into entries, and an entry into its keys, by looking at
indentation alone. Pieces with the same text at the same distance from their entry are the same. The
different ones are put one below the other and read by libyaml like any other mapping.

Rule: a cut is right when libyaml finds a key exactly where a piece begins, since all that was begun
before has ended there. When it does not, when a key is there twice, or when anything is refused,
nothing is read here: the whole file is read in the usual way, which finds the words for it.
"""

import re
from array import array
from dataclasses import dataclass
from typing import Any, Final

import yaml

from callrouter.yamlfile.constructor import SECTION, Reader, YamlRefusedError
from callrouter.yamlfile.marked import COLUMN_BITS, Document, Mapping, Section, pack

_NUMBERS: Final = re.compile(r"^numbers:(?: +#[^\n]*| *)\n", re.MULTILINE)
_END: Final = re.compile(r"^[^ #\n]", re.MULTILINE)
_FIRST: Final = re.compile(r"(?: *(?:#[^\n]*)?\n)*( +)[^ #\n]")
# What libyaml takes for an end of line, too, would be no cut here.
_OTHER_BREAKS: Final = re.compile("[\r\x85\u2028\u2029]")
_KEY: Final = r"(\"[!#-\[\]-~]{1,64}\"|'[!-&(-~]{1,64}'|[0-9A-Za-z+][0-9A-Za-z*.+]{0,63})"
# Where more of the pieces differ, cutting costs more than it saves.
_DIFFERENT: Final = 0.8
_ALONE: Final = re.compile(r"(?: +#[^\n]*| *)\n")


class _MisfitError(Exception):
    """A cut was wrong, a key is there twice, or too little is alike."""


@dataclass(slots=True, kw_only=True)
class _Piece:
    """What a piece was read as. places: of the key and of the value, as in a Mapping."""

    key: str
    places: tuple[int, int]
    value: Any


def read(text: str, file: str) -> Document | None:
    """Read a text with a section `numbers`; None when it has to be read in the usual way."""
    if _OTHER_BREAKS.search(text) is not None:
        return None
    try:
        return Document(file=file, data=_data(text, file), repeated=[])
    except (_MisfitError, YamlRefusedError, yaml.YAMLError):
        return None  # the usual way finds it again, and says what it is


def _data(text: str, file: str) -> Mapping:
    """Read all. Raises _MisfitError, YamlRefusedError, YAMLError."""
    start = _NUMBERS.search(text)
    first = None if start is None else _FIRST.match(text, start.end())
    if start is None or first is None:
        raise _MisfitError
    end = _END.search(text, first.start(1))
    part = text[first.start(1) : len(text) if end is None else end.start()]
    if not part.endswith("\n"):
        raise _MisfitError
    texts: dict[str, str] = {}
    head = text[: first.start(1)]
    after = "" if end is None else text[end.start() :]
    rest = Reader("".join((head, "\n" * part.count("\n"), after)), file, texts)
    data = rest.document()
    if not isinstance(data, Mapping) or data.get("numbers", "") is not None or rest.repeated:
        raise _MisfitError
    place = 2 * list(data).index("numbers")
    if data.places[place] != (text.count("\n", 0, start.start()) + 1) << COLUMN_BITS | 1:
        raise _MisfitError
    cutter = _Cutter(part, head.count("\n") + 1, len(first[1]), texts)
    data["numbers"] = section = cutter.section(file)
    data.places[place + 1] = section.places[0]
    return data


class _Cutter:
    """Cuts the entries of a section. line: of its first line. indent: of its keys."""

    def __init__(self, part: str, line: int, indent: int, texts: dict[str, str]) -> None:
        self._part = part
        self._line = line
        self._indent = indent
        self._texts = texts
        self._splits: dict[int, re.Pattern[str]] = {}
        # By indentation, distance from the line of its entry's key, and text: its place in _found.
        self._known: dict[tuple[int, int, str], int] = {}
        self._found: list[_Piece] = []
        # Of each entry: its key, the line of it, and of how many pieces it is; 0: not cut.
        self._keys: list[str] = []
        self._lines = array("Q")
        self._counts = array("L")
        self._uses = array("L")

    def section(self, file: str) -> Section:
        """Read all. Raises _MisfitError, YamlRefusedError, YAMLError."""
        part = self._part
        begins = re.compile(rf"^ {{{self._indent}}}{_KEY}(?=:[ \n])", re.MULTILINE)
        last = begins.match(part)
        if last is None:
            raise _MisfitError
        for begin in begins.finditer(part, last.end()):
            self._cut(last, begin.start())
            last = begin
        self._cut(last, len(part))
        if len(self._known) > _DIFFERENT * len(self._uses):
            raise _MisfitError
        self._read(file)
        return self._assemble()

    def _cut(self, begin: re.Match[str], stop: int) -> None:
        """Cut one entry. begin: its key. stop: where the next one begins."""
        key = begin[1]
        self._keys.append(key[1:-1] if key[0] in "\"'" else key)
        self._lines.append(self._line)
        part = self._part
        alone = _ALONE.match(part, begin.end() + 1, stop)
        if alone is not None:
            body = part[alone.end() : stop]
            indent = len(body) - len(body.lstrip(" "))
            found = self._split(indent).findall(body) if indent > self._indent else []
            if found and sum(map(len, found)) == len(body):
                distance = 1
                for text in found:
                    self._use(indent, distance, text)
                    distance += text.count("\n")
                self._counts.append(len(found))
                self._line += distance
                return
        # Of the same entry under another key only the width of the key counts.
        text = "".join((" " * self._indent, "0" * len(key), part[begin.end() : stop]))
        self._use(self._indent, 0, text)
        self._counts.append(0)
        self._line += text.count("\n")

    def _split(self, indent: int) -> re.Pattern[str]:
        """Return what finds the keys of an entry, each with the lines that follow it."""
        known = self._splits.get(indent)
        if known is None:
            begin = rf" {{{indent}}}[^ #\n-]"
            known = re.compile(rf"{begin}[^\n]*\n(?:(?!{begin})[^\n]*\n)*")
            self._splits[indent] = known
        return known

    def _use(self, indent: int, distance: int, text: str) -> None:
        self._uses.append(self._known.setdefault((indent, distance, text), len(self._known)))

    def _read(self, file: str) -> None:
        """Read the pieces, all of one indentation at once."""
        groups: dict[int, list[tuple[int, int, str]]] = {}
        for place, (indent, distance, text) in enumerate(self._known):
            groups.setdefault(indent, []).append((place, distance, text))
        found: dict[int, _Piece] = {}
        for indent, wanted in groups.items():
            reader = Reader("".join(text for _, _, text in wanted), file, self._texts)
            depth = SECTION + 1 if indent == self._indent else SECTION + 2
            pairs = reader.pairs(depth, (distance for _, distance, _ in wanted))
            line = 0
            for place, distance, text in wanted:
                mark, key, value_mark, value = next(pairs, (None, "", None, None))
                if mark is None or mark.line != line or mark.column != indent:
                    raise _MisfitError
                base = line - distance
                found[place] = _Piece(
                    key=key, places=(pack(mark, base), pack(value_mark, base)), value=value
                )
                line += text.count("\n")
            if next(pairs, None) is not None or reader.repeated:
                raise _MisfitError
        self._known.clear()
        self._found = [found[place] for place in range(len(found))]

    def _assemble(self) -> Section:
        section = Section()
        places = section.places
        entries = _Entries(self._found)
        at = 0
        for key, line, count in zip(self._keys, self._lines, self._counts, strict=True):
            if key in section:
                raise _MisfitError
            first = self._found[self._uses[at]]
            above = line << COLUMN_BITS
            places.append(above | (self._indent + 1))
            if count:
                section[key] = entries.entry(self._uses[at : at + count])
                places.append(above + first.places[0])
            else:
                section[key] = first.value
                places.append(above + first.places[1])
            at += count or 1
        return section


class _Entries:
    """Puts entries together; those of the same pieces are one object."""

    def __init__(self, found: list[_Piece]) -> None:
        self._found = found
        self._newest = -1
        self._known: dict[bytes, Mapping] = {}
        self._places: dict[tuple[int, ...], array[int]] = {}

    def entry(self, uses: "array[int]") -> Mapping:
        """Give the entry of these pieces. Raises _MisfitError."""
        newest = max(uses)
        if newest > self._newest:  # the first to use a piece has no like
            self._newest = newest
            return self._build(uses)
        name = uses.tobytes()
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._build(uses)
        return known

    def _build(self, uses: "array[int]") -> Mapping:
        entry = Mapping()
        places: tuple[int, ...] = ()
        for use in uses:
            piece = self._found[use]
            entry[piece.key] = piece.value
            places += piece.places
        if len(entry) != len(uses):
            raise _MisfitError
        shared = self._places.get(places)
        if shared is None:
            shared = self._places[places] = array("Q", places)
        entry.places = shared
        return entry
