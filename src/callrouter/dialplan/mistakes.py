"""Mistakes in a file, collected and worded for the people who edit it."""

import re
from collections.abc import Collection, Iterable
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from callrouter.dialplan.nodes import Document
from callrouter.dialplan.wording import in_file_order, shown, suggestion
from callrouter.errors import ConfigError, Diagnostic

# A comparison with every known name is slow; a file with more mistakes than this has one cause.
_SUGGESTIONS: Final = 50
_COMPARED: Final = 2000
_LISTED: Final = 8
# More than anybody mends before the next `check`; it bounds the time a hostile file can take.
_REPORTED: Final = 1000

_QUOTED: Final = re.compile("'([^']*)'")

# What pydantic wanted, by the type of its error.
_WANTED: Final = {
    "string_type": "text (put numbers in quotes)",
    "int_type": "a whole number without quotes",
    "list_type": "a list such as [a, b]",
    "dict_type": "a mapping of keys and values",
    "model_type": "a mapping of keys and values",
    "literal_error": "{expected}",
    "too_short": "at least one item",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
}

# Complaints about a key, or about what is missing, point at the key; all others at the value.
_AT_KEY: Final = frozenset({"extra_forbidden", "missing"})


class Mistakes:
    """All mistakes found in one document so far. One too many raises them as a ConfigError."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._found = list(document.repeated)
        self._suggested = 0

    def at_key(self, path: tuple[str | int, ...], message: str) -> None:
        """Note a mistake in a key."""
        self._add(path, True, message)

    def at_value(self, path: tuple[str | int, ...], message: str) -> None:
        """Note a mistake in a value."""
        self._add(path, False, message)

    def unknown(
        self, path: tuple[str | int, ...], kind: str, name: str, known: Collection[str]
    ) -> None:
        """Note a name that nothing has. kind: target, gateway and so on."""
        self.at_value(
            path, f"no {kind} is named {shown(name)}{self._hint(name, known, f'{kind}s')}"
        )

    def invalid(
        self, path: tuple[str | int, ...], error: ValidationError, model: type[BaseModel]
    ) -> None:
        """Note all that a model found wrong with the value at a path."""
        if error.error_count() > _REPORTED:
            self.at_key(path, f"more than {_REPORTED} mistakes in one place")
            return
        for detail in error.errors(include_url=False):
            message = self._word(detail, model)
            where = (*path, *detail["loc"])
            if detail["type"] in _AT_KEY:
                self.at_key(where, message)
            else:
                self.at_value(where, message)

    def elsewhere(self, mistake: Diagnostic) -> None:
        """Note a mistake in another file."""
        self._found.append(mistake)

    def any(self) -> bool:
        """Say whether there is a mistake so far."""
        return bool(self._found)

    def count(self) -> int:
        """Return how many there are so far."""
        return len(self._found)

    def error(self) -> ConfigError:
        """Make the error that reports all mistakes in file order. There must be one."""
        return in_file_order(self._found)

    def _add(self, path: tuple[str | int, ...], at_key: bool, message: str) -> None:
        if len(self._found) == _REPORTED:
            message += " (the rest was not checked)"
        place = self._document.locate(path)[0 if at_key else 1]
        self._found.append(Diagnostic(message, self._document.file, place.line, place.column))
        if len(self._found) > _REPORTED:
            raise self.error()

    def _hint(self, name: str, known: Collection[str], kind: str) -> str:
        """Suggest what may have been meant: one close name, or all names when they are few."""
        if not known:
            return f"; there are no {kind}"
        self._suggested += 1
        if self._suggested <= _SUGGESTIONS and len(known) <= _COMPARED:
            meant = suggestion(name, known)
            if meant:
                return meant
        if len(known) <= _LISTED:
            return f"; expected one of {_either(known)}"
        return ""

    def _word(self, detail: ErrorDetails, model: type[BaseModel]) -> str:
        kind = detail["type"]
        name = str(detail["loc"][-1]) if detail["loc"] else ""
        if kind == "extra_forbidden":
            fields = _model_at(model, detail["loc"][:-1]).model_fields
            keys = [field.alias or key for key, field in fields.items()]
            return f"unknown key {shown(name)}{self._hint(name, keys, 'keys')}"
        if kind == "missing":
            return f"the key '{name}' is missing"
        context = detail.get("ctx", {})
        if kind == "value_error":
            return str(context["error"])
        if kind not in _WANTED:
            return detail["msg"]
        found = detail["input"]
        hint = ""
        if kind == "literal_error":
            hint = suggestion(found, _QUOTED.findall(context["expected"]))
        return f"expected {_WANTED[kind].format(**context)}, found {shown(found)}{hint}"


def _either(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _model_at(model: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel]:
    """Find the model that a path inside another leads to, through lists and mappings."""
    kind: Any = model
    for step in path:
        if get_origin(kind) in {dict, list}:
            kind = get_args(kind)[-1]
        else:
            kind = kind.model_fields[step].annotation
        while get_origin(kind) in {Annotated, Union, UnionType}:
            kind = get_args(kind)[0]
    return kind  # type: ignore[no-any-return]
