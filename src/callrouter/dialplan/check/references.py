"""References of a file in sections: names in it, held against the entries that have them.

Theory: what is not in a section is checked as one, and each entry of a section by itself.
"""

from collections.abc import Callable, Collection
from collections.abc import Mapping as MappingOf
from typing import Any, Final, TypeVar, get_origin

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import RUNG, Path, uses
from callrouter.route.rules.number_table import ROW
from callrouter.yamlfile.marked import Document, Mapping, Section
from callrouter.yamlfile.mistakes import Mistakes, StrictModel

TABLES: Final = "number_tables"

T = TypeVar("T", bound=StrictModel)


class References:
    """The names of one document. mistakes: what was found so far.

    elsewhere: names that another file has, by the key that names it, in place of a section; None
    when it cannot be read, so that none of its names is a mistake as well.
    """

    def __init__(
        self, document: Document, elsewhere: MappingOf[str, Collection[str] | None] | None = None
    ) -> None:
        self.mistakes = Mistakes(document)
        self._document = document
        self._data: Mapping = document.data if isinstance(document.data, Mapping) else Mapping()
        self._known: dict[tuple[str, ...], Collection[str]] = {}
        self._unread: set[str] = set()
        for section, known in (elsewhere or {}).items():
            if known is None:
                self._unread.add(section)
            else:
                self._known[(section,)] = known

    def entries(self, section: str) -> Section:
        """Return a section as it was read; empty when the file has none."""
        found = self._data.get(section)
        return found if isinstance(found, Section) else Section()

    def names(self, *sections: str) -> Collection[str]:
        """Return the names that sections define, those of wrong entries too."""
        known = self._known.get(sections)
        if known is None:
            found = [self.entries(section) for section in sections]
            known = dict.fromkeys(name for entries in found for name in entries).keys()
            self._known[sections] = known
        return known

    def refer(self, path: Path, model: type[StrictModel], raw: Any) -> None:
        """Check all names in what was read for a model; what is none is the model's to report."""
        for where, named, name in uses(model, raw, path):
            known = self.names(*named.sections)
            if name in known or name in named.also or named.sections[0] in self._unread:
                continue
            rows = path[:1] == (TABLES,) and name == ROW
            if rows and named == RUNG:
                continue
            if named.kind == "group" and (rows or name in self.names("targets")):
                message = f"'{name}' is a target, no group: write hunt: [{name}]"
                self.mistakes.at_value(where, message)
            else:
                either = dict.fromkeys((*known, *named.also)).keys()
                self.mistakes.unknown(where, named.kind, name, either)

    def checked_head(self, model: type[T]) -> T | None:
        """Check all of a file but the entries of its sections; None when there are mistakes."""
        sections = {
            key for key, field in model.model_fields.items() if get_origin(field.annotation) is dict
        }
        bare: Any = self._document.data
        if isinstance(bare, Mapping):
            bare = {
                key: {} if key in sections and isinstance(value, Mapping) else value
                for key, value in bare.items()
            }
        self.refer((), model, bare)
        return self.mistakes.checked((), model, bare)

    def checked_section(self, section: str, model: type[T]) -> dict[str, T]:
        """Check the entries of a section; those without mistakes are returned."""
        checked = {}
        for key, raw in self.entries(section).items():
            entry = self.checked_entry((section, key), fields.name, raw, model)
            if entry is not None:
                checked[key] = entry
        return checked

    def checked_entry(
        self, path: tuple[str, str], check_key: Callable[[object], str], raw: Any, model: type[T]
    ) -> T | None:
        """Check one entry with its key and the names in it; None when there are mistakes."""
        self.check_key(path, check_key)
        self.refer(path, model, raw)
        return self.mistakes.checked(path, model, raw)

    def check_key(self, path: tuple[str, str], check_key: Callable[[object], str]) -> None:
        """Check the key of an entry."""
        try:
            check_key(path[1])
        except ValueError as error:
            self.mistakes.at_key(path, str(error))
