"""References of a dialplan file: names in it, held against the entries that have them."""

from collections.abc import Collection
from typing import Any

from callrouter.dialplan.grammar.names import Path, uses
from callrouter.yamlfile.marked import Document, Mapping, Section
from callrouter.yamlfile.mistakes import Mistakes, StrictModel


class References:
    """The names of one document. mistakes: what was found so far."""

    def __init__(self, document: Document) -> None:
        self.mistakes = Mistakes(document)
        self._data: Mapping = document.data if isinstance(document.data, Mapping) else Mapping()
        self._known: dict[tuple[str, ...], Collection[str]] = {}

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
            if name in known or name in named.also:
                continue
            if named.kind == "group" and name in self.names("targets"):
                message = f"'{name}' is a target, no group: write hunt: [{name}]"
                self.mistakes.at_value(where, message)
            else:
                either = dict.fromkeys((*known, *named.also)).keys()
                self.mistakes.unknown(where, named.kind, name, either)
