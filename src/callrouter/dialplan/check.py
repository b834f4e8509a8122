"""A dialplan file held against its grammar, and its names against each other.

Theory: each entry of each section is checked by itself, so a mistake in one hides none in another,
and a name counts as known even when its entry is wrong. References are read from the raw data, so
they are checked even in an entry that has another mistake. All mistakes go to one collection.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from callrouter.dialplan import fields, schema
from callrouter.dialplan.mistakes import Mistakes
from callrouter.dialplan.yaml import Document, Mapping

_SECTIONS: Final = ("trunks", "gateways", "targets", "extensions", "groups", "numbers")
_OPTIONS: Final = tuple(schema.HuntOptions.model_fields)

T = TypeVar("T", bound=schema.Entry)


class Checker:
    """Checks one document. mistakes: what was found so far."""

    def __init__(self, document: Document) -> None:
        self.mistakes = Mistakes(document)
        self._data: Mapping = document.data if isinstance(document.data, Mapping) else Mapping()
        self.head = self._head(document.data)
        self.trunks = self._section("trunks", schema.Trunk)
        self.gateways = self._section("gateways", schema.Gateway)
        self.targets = self._section("targets", schema.Target)
        self.extensions = self._section("extensions", schema.Extension)
        self.groups = self._section("groups", schema.Group)
        self._written: dict[str, tuple[str, int]] = {}
        self._check_networks()
        for name, raw in self.entries("targets").items():
            self._refer(("targets", name, "via"), "gateway", _get(raw, "via"))
        for name, raw in self.entries("extensions").items():
            self._refer(("extensions", name, "targets"), "target", _get(raw, "targets"))
        for name, raw in self.entries("groups").items():
            self._refer(("groups", name, "hunt"), "target", _get(raw, "hunt"))

    def entries(self, section: str) -> Mapping:
        """Return a section as it was read; empty when the file has none."""
        found = self._data.get(section)
        return found if isinstance(found, Mapping) else Mapping()

    def names(self, section: str) -> Collection[str]:
        """Return the names a section defines, those of wrong entries too."""
        return self.entries(section).keys()

    def number(self, key: str, raw: Any, normal: str, line: int) -> schema.Number | None:
        """Check one entry of `numbers:`; None when it cannot be built from.

        normal: its E.164 form, "" for a prefix or pattern. line: where it stands.
        """
        number = self._entry(("numbers", key), fields.number_key, raw, schema.Number)
        if normal and self._written.setdefault(normal, (key, line))[1] != line:
            first, first_line = self._written[normal]
            same = f"is the same number as '{first}' on line {first_line}"
            self.mistakes.at_key(("numbers", key), f"'{key}' {same}")
        route = _get(raw, "route")
        if isinstance(route, list):
            for index, step in enumerate(route):
                self._check_step(("numbers", key, "route", index), step, index == len(route) - 1)
        return number

    def _head(self, data: Any) -> schema.DialplanFile | None:
        """Check all but the entries of the sections."""
        bare = data
        if isinstance(data, Mapping):
            bare = {
                key: {} if key in _SECTIONS and isinstance(value, Mapping) else value
                for key, value in data.items()
            }
        try:
            return schema.DialplanFile.model_validate(bare)
        except ValidationError as error:
            self.mistakes.invalid((), error, schema.DialplanFile)
            return None

    def _section(self, section: str, model: type[T]) -> dict[str, T]:
        checked = {}
        for key, raw in self.entries(section).items():
            entry = self._entry((section, key), fields.name, raw, model)
            if entry is not None:
                checked[key] = entry
        return checked

    def _entry(
        self, path: tuple[str, str], check_key: Callable[[object], str], raw: Any, model: type[T]
    ) -> T | None:
        try:
            check_key(path[1])
        except ValueError as error:
            self.mistakes.at_key(path, str(error))
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            self.mistakes.invalid(path, error, model)
            return None

    def _check_networks(self) -> None:
        owners: dict[str, str] = {}
        for name, trunk in self.trunks.items():
            for index, network in enumerate(trunk.addresses):
                owner = owners.setdefault(network, name)
                if owner != name or network in trunk.addresses[:index]:
                    message = f"{network} belongs to trunk '{owner}' already"
                    self.mistakes.at_value(("trunks", name, "addresses", index), message)

    def _check_step(self, path: tuple[str | int, ...], step: Any, last: bool) -> None:
        if not isinstance(step, Mapping):
            return
        if not last and "final" in step:
            message = "'final' is for when nobody is left: it belongs to the last step"
            self.mistakes.at_key((*path, "final"), message)
        hunt = step.get("hunt")
        if not isinstance(hunt, str):
            self._refer((*path, "hunt"), "target", hunt)
            return
        self._refer((*path, "hunt"), "group", hunt)
        for option in _OPTIONS:
            if option in step:
                message = f"a group brings its own options: write '{option}' at group '{hunt}'"
                self.mistakes.at_key((*path, option), message)

    def _refer(self, path: tuple[str | int, ...], kind: str, named: Any) -> None:
        """Check a name or a list of names; what is neither is the schema's to report."""
        known = self.names(f"{kind}s")
        if isinstance(named, str):
            if named not in known:
                self.mistakes.unknown(path, kind, named, known)
        elif isinstance(named, list):
            for index, name in enumerate(named):
                if isinstance(name, str) and name not in known:
                    self.mistakes.unknown((*path, index), kind, name, known)


def _get(raw: Any, key: str) -> Any:
    return raw.get(key) if isinstance(raw, Mapping) else None
