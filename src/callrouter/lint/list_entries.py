"""The entries of lists of callers, those in files too, and which of them others contain."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path as File
from typing import Any, Final, NamedTuple

from callrouter.dialplan.areas.list_files import international_prefix
from callrouter.lint.findings import Findings, Path
from callrouter.route.callers import telephone_numbers as numbers

# A list of more is written by a program.
_COMPARED: Final = 20000


class ListEntry(NamedTuple):
    """Entry of a list of callers.

    form: what is compared, digits of E.164, "" for a short number. path: where it stands in the
    dialplan; line: in the list's file, 0 when it is not from there.
    """

    text: str
    form: str
    is_prefix: bool
    path: Path
    line: int


class Forms:
    """Forms in which the entries of lists are compared: E.164, and as written for short numbers."""

    def __init__(self, country: str) -> None:
        self._country = country

    def entry(self, text: str, is_prefix: bool, path: Path, line: int = 0) -> ListEntry:
        """Read an entry that was checked; one with a `*` is a prefix in any case."""
        text = numbers.without_separators(text)
        is_prefix = is_prefix or text.endswith("*")
        if is_prefix:
            text = text.removesuffix("*")
            form = international_prefix(text, self._country)
        else:
            form = numbers.e164(text, self._country).removeprefix("+")
        return ListEntry(text, form, is_prefix, path, line)


class WrittenList:
    """A list as its author wrote it. entries: prefixes first. file: the one it reads, or ""."""

    def __init__(self, found: Findings, forms: Forms, name: str) -> None:
        raw: Any = found.section("lists")[name]
        path: Path = ("lists", name)
        self.name = name
        self.file = str(File(found.document.file).parent / raw["file"]) if raw.get("file") else ""
        self.entries = [
            forms.entry(text, kind == "prefixes", (*path, kind, index))
            for kind in ("prefixes", "numbers")
            for index, text in enumerate(list(raw.get(kind) or ())[:_COMPARED])
        ]
        if self.file:
            self.entries += _of_file(File(self.file), forms, (*path, "file"))
        self.entries.sort(key=lambda entry: not entry.is_prefix)
        self._beginnings: dict[str, ListEntry] = {}
        self._short_beginnings: dict[str, ListEntry] = {}
        self._full: dict[str, ListEntry] = {}
        for entry in self.entries:
            if entry.is_prefix:
                self._beginnings.setdefault(entry.form, entry)
                self._short_beginnings.setdefault(entry.text.removeprefix("+"), entry)
            else:
                self._full.setdefault(entry.form or entry.text, entry)

    def container(self, entry: ListEntry) -> ListEntry | None:
        """Return what contains an entry of any list: not itself, and of equal ones the first."""
        for known, form in self._places(entry):
            for end in range(1, len(form) + 1):
                other = known.get(form[:end])
                if other is not None and other is not entry:
                    return other
        other = None if entry.is_prefix else self._full.get(entry.form or entry.text)
        return None if other is entry else other

    def _places(self, entry: ListEntry) -> Iterator[tuple[dict[str, ListEntry], str]]:
        """Give where to look for what an entry begins with."""
        if entry.form:
            yield self._beginnings, entry.form
        else:
            yield self._short_beginnings, entry.text.removeprefix("+")


def _of_file(file: File, forms: Forms, path: Path) -> Iterator[ListEntry]:
    """Give the entries of a list's file, which was read without mistakes before."""
    with file.open(encoding="utf-8", errors="replace") as stream:
        for line, raw in enumerate(islice(stream, _COMPARED), 1):
            text = raw.partition("#")[0].strip()
            if text:
                yield forms.entry(text, False, path, line)
