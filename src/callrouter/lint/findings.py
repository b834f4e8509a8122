"""Warnings, collected with their places."""

from collections.abc import Iterator
from typing import Any, Final

from callrouter.errors import Diagnostic
from callrouter.yamlfile.marked import Document, Mapping, Sequence

Path = tuple[str | int, ...]

# A file with more has one cause; nobody reads them all.
_MOST: Final = 200


class Findings:
    """Warnings about one document, which must be without mistakes."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._warnings: list[Diagnostic] = []

    def at_key(self, path: Path, message: str) -> None:
        """Warn of a key."""
        self._add(path, 0, message)

    def at_value(self, path: Path, message: str) -> None:
        """Warn of a value."""
        self._add(path, 1, message)

    def elsewhere(self, file: str, line: int, message: str) -> None:
        """Warn of a line of another file."""
        if len(self._warnings) < 10 * _MOST:
            self._warnings.append(Diagnostic(message, file, line, 1, severity="warning"))

    def section(self, name: str) -> Mapping:
        """Return a section as it was read; empty when the file has none."""
        found = self.document.data.get(name)
        return found if isinstance(found, Mapping) else Mapping()

    def steps(self) -> Iterator[tuple[Path, Mapping]]:
        """Give every step of every number (route, overflow), of keys of menus and of queues."""
        for section in ("numbers", "number_tables"):
            for key, number in self.section(section).items():
                for part in ("route", "overflow"):
                    for index, step in enumerate(number.get(part) or ()):
                        yield (section, key, part, index), step
        for section in ("menus", "queues"):
            for name, entry in self.section(section).items():
                for keys, step in (entry.get("keys") or {}).items():
                    if isinstance(step, Mapping):
                        yield (section, name, "keys", keys), step

    def warnings(self) -> list[Diagnostic]:
        """Return all warnings in file order, other files last; of very many, the first."""
        own = self.document.file
        in_order = sorted(
            self._warnings, key=lambda one: (one.file != own, one.file, one.line, one.column)
        )
        return in_order[:_MOST]

    def _add(self, path: Path, which: int, message: str) -> None:
        if len(self._warnings) < 10 * _MOST:  # places are slow to find in a big file
            place = self.document.locate(path)[which]
            file = self.document.file
            self._warnings.append(
                Diagnostic(message, file, place.line, place.column, severity="warning")
            )


def names(hunt: Any) -> list[str]:
    """Return the names in a `hunt:` or `backup:`, whose items may have weights; none for None."""
    if isinstance(hunt, str):
        return [hunt]
    if not isinstance(hunt, Sequence):
        return []
    return [item["name"] if isinstance(item, Mapping) else item for item in hunt]


def listed(items: list[str]) -> str:
    """Write names for a message, a few of them."""
    more = f" and {len(items) - 3} more" if len(items) > 3 else ""
    return ", ".join(f"'{item}'" for item in items[:3]) + more
