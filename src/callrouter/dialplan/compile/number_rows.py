"""The rows of a table of numbers, read from its CSV file (RFC 4180), each mistake with its place.

Theory: a row is one line, so each line is given to the CSV reader by itself: quotes that are not
closed are a mistake of their line and swallow no other row. Of a row only texts are kept. What it
rings is parted: the user of its URI, and all else, which is the same for many rows and is read as
often as it differs.
"""

import codecs
import csv
import hashlib
from array import array
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from callrouter.dialplan.check.validation import Checker
from callrouter.dialplan.grammar import field_types as fields
from callrouter.errors import Diagnostic
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.yamlfile.wording import shown, suggestion

MAX_BYTES: Final = 64 * 1024 * 1024
MISTAKES: Final = 20
_LONGEST_LINE: Final = 1000
_COMPARED: Final = 5000
"""Names that a misspelt one is compared with; more would take long."""
_NUMBER: Final = "number"
_NAME: Final = "name"
_URI: Final = "uri"
_DIAL: Final = "dial"
VIA: Final = "via"
TARGET: Final = "target"
EXTENSION: Final = "extension"
_COLUMNS: Final = (_NUMBER, _URI, _DIAL, VIA, TARGET, EXTENSION, _NAME)
_WAYS: Final = ((_URI,), (_DIAL, VIA), (TARGET,), (EXTENSION,))
WAYS: Final = tuple(way[0] for way in _WAYS)
"""The columns by which rows say what they ring."""

_URIS: Final[TypeAdapter[fields.SipPlace]] = TypeAdapter(fields.Uri)
_DIALLED: Final[TypeAdapter[str]] = TypeAdapter(fields.Dial)


T = TypeVar("T")


class _RowError(Exception):
    """A mistake in a row. column: where, from 0 for the first; -1 for the row as a whole."""

    def __init__(self, message: str, column: int = -1) -> None:
        super().__init__(message)
        self.column = column


class RowTarget(NamedTuple):
    """What rows ring, but for the user of a URI. column: that it was given in, `uri` for a URI.

    text: of that column; a URI has nothing before its @. place: where a URI leads.
    """

    column: str
    text: str
    place: fields.SipPlace | None = None


class Rows:
    """The rows of one file.

    keys, normals, lines, users, chosen: of each row, as a `NumberTable` has them. rung: what they
    ring. rings: whether there are columns for that. mistakes: found so far. digest: of the content.
    """

    def __init__(self, path: Path, checker: Checker, country: str) -> None:
        self.keys: list[str] = []
        self.normals: list[str] = []
        self.lines = array("L")
        self.users: list[str] = []
        self.chosen = array("L")
        self.rung: list[RowTarget] = []
        self.rings = False
        self.mistakes: list[Diagnostic] = []
        self.digest = ""
        self._file = str(path)
        self._checker = checker
        self._country = country
        self._places: dict[tuple[str, str], int] = {}
        self._header: Sequence[str] = ()
        self._column: dict[str, int] = {}

    def read(self, path: Path, taken: "dict[str, Rows]") -> None:
        """Read all rows. Raises OSError.

        taken: the rows that have a number, by its E.164 form; it is added to.
        """
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        self.digest = hashlib.sha256(raw).hexdigest()
        if len(raw) > MAX_BYTES:
            self._note(f"the file is larger than {MAX_BYTES // 1024 // 1024} MB", 1, 1)
            return
        for line, text in self._lines(raw.removeprefix(codecs.BOM_UTF8)):
            if len(self.mistakes) >= MISTAKES:
                self.mistakes[-1].message += " (the rest was not read)"
                return
            try:
                cells = _cells(text)
                if self._header:
                    self._row(cells, line, taken)
                else:
                    self._head(cells)
            except _RowError as error:
                self._note(str(error), line, _place(text, error.column))
                if not self._header:
                    return  # nothing is known of the columns
        if not self._header and not self.mistakes:
            self._note(
                f"expected a first line with the names of columns, such as '{_NUMBER}'", 1, 1
            )

    def stands(self, normal: str) -> str:
        """Say where a number stands."""
        row = self.normals.index(normal)
        return f"'{self.keys[row]}' on line {self.lines[row]} of {self._file}"

    def clash(self, normal: str, other: str) -> Diagnostic:
        """Return the mistake that the number of a row stands elsewhere, too."""
        row = self.normals.index(normal)
        message = f"'{self.keys[row]}' is the same number as {other}"
        return Diagnostic(message, self._file, self.lines[row], 1)

    def _lines(self, raw: bytes) -> Iterator[tuple[int, str]]:
        """Give each line that is not empty, and its number."""
        for line, part in enumerate(raw.split(b"\n"), 1):
            part = part.removesuffix(b"\r")
            if not part:
                continue
            if len(part) > _LONGEST_LINE:
                limit = f"expected a line of at most {_LONGEST_LINE} bytes, found {len(part)}"
                self._note(limit, line, 1)
                continue
            try:
                text = part.decode()
            except UnicodeDecodeError as error:
                before = part[: error.start].decode()
                found = f"expected UTF-8 text, found the byte 0x{part[error.start]:02X}"
                self._note(found, line, len(before) + 1)
                continue
            if not text.isprintable():
                at = next(at for at, letter in enumerate(text) if not letter.isprintable())
                found = f"found the character U+{ord(text[at]):04X}; remove it"
                self._note(found, line, at + 1)
                continue
            yield line, text

    def _head(self, cells: list[str]) -> None:
        """Read the names of the columns. Raises _RowError."""
        for at, name in enumerate(cells):
            if name not in _COLUMNS:
                hint = suggestion(name, _COLUMNS) or f"; expected some of {', '.join(_COLUMNS)}"
                if len(cells) == 1 and any(mark in name for mark in ";\t|"):
                    hint = "; columns are separated by ','"
                raise _RowError(f"unknown column {shown(name)}{hint}", at)
            if name in cells[:at]:
                raise _RowError(f"the column '{name}' is there already", at)
        if _NUMBER not in cells:
            raise _RowError(f"the column '{_NUMBER}' is missing")
        if (_DIAL in cells) != (VIA in cells):
            raise _RowError(f"expected the columns '{_DIAL}' and '{VIA}' together")
        self._header = cells
        self._column = {name: at for at, name in enumerate(cells)}
        self.rings = any(way[0] in cells for way in _WAYS)

    def _row(self, cells: list[str], line: int, taken: "dict[str, Rows]") -> None:
        """Read a row. Raises _RowError."""
        wanted = len(self._header)
        if len(cells) != wanted:
            message = f"expected {wanted} columns as in the first line, found {len(cells)}"
            raise _RowError(message, wanted if len(cells) > wanted else -1)
        at = self._column[_NUMBER]
        key = cells[at]
        try:
            fields.number_key(key)
        except ValueError as error:
            raise _RowError(str(error), at) from error
        if not fields.is_written_out(key):
            message = f"expected a number written out, found {shown(key)}: write it in 'numbers'"
            raise _RowError(message, at)
        normal = numbers.normalise(key, self._country) if self._country else key
        if normal in taken:
            raise _RowError(f"'{key}' is the same number as {taken[normal].stands(normal)}", at)
        if _NAME in self._column and cells[self._column[_NAME]]:
            name = cells[self._column[_NAME]]
            if not fields.is_label(name):
                message = f"expected a text of 1 to 100 characters, found {shown(name)}"
                raise _RowError(message, self._column[_NAME])
        if self.rings:
            user, place = self._rung(cells)
            self.users.append(user)
            self.chosen.append(place)
        taken[normal] = self
        self.keys.append(key)
        # One object for both, where they are the same.
        self.normals.append(key if normal == key else normal)
        self.lines.append(line)

    def _rung(self, cells: list[str]) -> tuple[str, int]:
        """Read what a row rings: the user of its URI, and its place in `rung`. Raises _RowError."""
        given = {name: cells[at] for name, at in self._column.items() if cells[at]}
        ways = [way for way in _WAYS if way[0] in given or way[-1] in given]
        if len(ways) != 1:
            columns = [name for name in self._header if name not in {_NUMBER, _NAME}]
            found = " and ".join(f"'{way[0]}'" for way in ways) or "none"
            raise _RowError(f"expected one of {', '.join(columns)}, found {found}")
        if any(name not in given for name in ways[0]):
            raise _RowError(f"expected '{_DIAL}' and '{VIA}' together")
        column = ways[0][-1]
        text = given[column]
        if column == _URI:
            return self._read_uri(text)
        user = ""
        if column == VIA:
            user = self._checked(_DIALLED, given[_DIAL], _DIAL)
        known = self._places.get((column, text))
        if known is None:
            self._check_name(column, text)
            known = self._keep(RowTarget(column, text))
        return user, known

    def _read_uri(self, text: str) -> tuple[str, int]:
        scheme, _, rest = text.partition(":")
        user, at, host = rest.rpartition("@")
        bare = f"{scheme}:{at}{host}"
        known = self._places.get((_URI, bare))
        if known is None or not user.isalnum() or not user.isascii() or len(user) > 64:
            place = self._checked(_URIS, text, _URI)
            if known is None:
                known = self._keep(RowTarget(_URI, bare, place._replace(uri=bare)))
        return user, known

    def _checked(self, kind: TypeAdapter[T], text: str, column: str) -> T:
        try:
            return kind.validate_python(text)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["ctx"]["error"]
            raise _RowError(str(said), self._column[column]) from error

    def _check_name(self, column: str, text: str) -> None:
        """Check that there is what a name is of. Raises _RowError."""
        noun, sections = {
            VIA: ("gateway", ("gateways", "gateway_groups")),
            TARGET: ("target", ("targets",)),
            EXTENSION: ("extension", ("extensions",)),
        }[column]
        known: Collection[str] = self._checker.names(*sections)
        at = self._column[column]
        if text not in known:
            hint = suggestion(text, known) if len(known) <= _COMPARED else ""
            raise _RowError(f"no {noun} is named {shown(text)}{hint}", at)
        extension = self._checker.extensions.get(text) if column == EXTENSION else None
        if extension is not None and extension.phone is None:
            raise _RowError(f"extension '{text}' has no telephones: expected 'phone' there", at)

    def _keep(self, rung: RowTarget) -> int:
        place = self._places[rung.column, rung.text] = len(self.rung)
        self.rung.append(rung)
        return place

    def _note(self, message: str, line: int, column: int) -> None:
        self.mistakes.append(Diagnostic(message, self._file, line, column))


def _cells(text: str) -> list[str]:
    """Split a line. Raises _RowError."""
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader((text,), strict=True))
    except csv.Error as error:
        message = f"not CSV: {error}"
        if "unexpected end" in message:
            message = "the quotes are not closed on this line"
        raise _RowError(message) from error


def _place(text: str, column: int) -> int:
    """Return where a column begins in its line, from 1."""
    quoted = False
    for at, letter in enumerate(text):
        if column <= 0:
            return at + 1
        if letter == '"':
            quoted = not quoted
        elif letter == "," and not quoted:
            column -= 1
    return len(text) + 1 if column >= 0 else 1
