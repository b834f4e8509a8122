"""References of a dialplan file: names in it, held against the entries that have them."""

from collections.abc import Collection
from typing import Any

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.yamlfile.marked import Document, Mapping, Section
from callrouter.yamlfile.mistakes import Mistakes

Path = tuple[str | int, ...]


class References:
    """The names of one document. mistakes: what was found so far."""

    def __init__(self, document: Document) -> None:
        self.mistakes = Mistakes(document)
        self._data: Mapping = document.data if isinstance(document.data, Mapping) else Mapping()
        self._heard = {**BUILTIN, **self.entries("prompts")}.keys()
        self._ringing = {**self.entries("targets"), **self.entries("groups")}.keys()

    def entries(self, section: str) -> Section:
        """Return a section as it was read; empty when the file has none."""
        found = self._data.get(section)
        return found if isinstance(found, Section) else Section()

    def names(self, section: str) -> Collection[str]:
        """Return the names a section defines, those of wrong entries too."""
        return self.entries(section).keys()

    def refer(self, path: Path, kind: str, named: Any) -> None:
        """Check a name or a list of names; what is neither is the schema's to report."""
        known = self.names(f"{kind}s")
        if isinstance(named, str):
            if named not in known:
                self.mistakes.unknown(path, kind, named, known)
        elif isinstance(named, list):
            for index, name in enumerate(named):
                if isinstance(name, str) and name not in known:
                    self.mistakes.unknown((*path, index), kind, name, known)

    def rung(self, path: Path, name: str) -> None:
        """Check the name of a target or a group."""
        if name not in self._ringing:
            self.mistakes.unknown(path, "target", name, self._ringing)

    def prompt(self, name: Any, path: Path) -> None:
        """Check the name of a prompt; what is no text is the schema's to report."""
        if isinstance(name, str) and name not in self._heard:
            self.mistakes.unknown(path, "prompt", name, self._heard)

    def music(self, name: Any, path: Path) -> None:
        """Check the name of hold music, in the same way."""
        known = self.names("hold_music")
        if isinstance(name, str) and name not in known:
            self.mistakes.unknown(path, "music file", name, known)
