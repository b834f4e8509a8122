"""Mistakes in a file, collected and worded for the people who edit it."""

import re
from collections.abc import Collection, Iterable
from types import UnionType
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from callrouter.errors import ConfigError, Diagnostic
from callrouter.yamlfile.marked import Document, Mapping
from callrouter.yamlfile.wording import in_file_order, plural, shown, suggestion

M = TypeVar("M", bound=BaseModel)

# A comparison with every known name is slow; a file with more mistakes than this has one cause.
_SUGGESTIONS: Final = 50
_COMPARED: Final = 2000
_LISTED: Final = 8
# More than anybody mends before the next `check`; it bounds the time a hostile file can take.
_REPORTED: Final = 1000

_LONGEST_SHOWN: Final = 40

_SORTS: Final = {
    "targets": "a target",
    "groups": "a group",
    "gateways": "a gateway",
    "gateway_groups": "a group of gateways",
    "trunks": "a trunk",
    "extensions": "an extension",
    "schedules": "a schedule",
    "lists": "a list of callers",
    "menus": "a menu",
    "prompts": "a prompt",
    "hold_music": "hold music",
    "voicemail": "a voicemail box",
    "queues": "a queue",
    "lookups": "a look-up",
    "numbers": "a number that is called",
    "plans": "a rate plan",
}
"""What the names in each section of a dialplan are."""

_STEPS: Final = {"queues": "queue", "menus": "menu", "voicemail": "voicemail"}
"""By which step a name of a section is reached, where a target is expected."""
_NO_TEXT: Final = re.compile(r"[-+]?[0-9][0-9_.]*|true|false|null|yes|no|on|off", re.I)
"""What is no text without quotes."""

_SYNONYMS: Final = {
    **dict.fromkeys(
        ("timeout", "ring_timeout", "ring_time", "ringtime", "dial_timeout", "ring_seconds"),
        ("ring", "total", "wait"),
    ),
    **dict.fromkeys(("max_time", "maximum", "max_duration", "total_timeout"), ("total", "max")),
    **dict.fromkeys(("progress_timeout", "pdd"), ("progress",)),
    **dict.fromkeys(("failover", "fallback", "backup_number"), ("backup", "overflow")),
    **dict.fromkeys(("channels", "max_calls", "call_limit", "limit", "concurrency"), ("lines",)),
    **dict.fromkeys(("ip", "ips", "host", "hosts", "source", "sources"), ("addresses", "address")),
    **dict.fromkeys(("address",), ("addresses",)),
    **dict.fromkeys(("addresses", "server", "proxy"), ("address",)),
    **dict.fromkeys(("cps", "rate"), ("calls_per_second",)),
    **dict.fromkeys(("ring_group", "ringgroup", "dial", "queue", "destination"), ("hunt",)),
    **dict.fromkeys(("destinations", "members", "agents", "steps", "actions"), ("hunt", "route")),
    **dict.fromkeys(("ivr", "auto_attendant"), ("menu",)),
    **dict.fromkeys(("playback", "announcement", "announce", "say"), ("play",)),
    **dict.fromkeys(("mailbox", "vm"), ("voicemail",)),
    **dict.fromkeys(("hours", "times", "time_condition", "schedule"), ("when", "open")),
    **dict.fromkeys(("mode", "policy", "order"), ("strategy",)),
    **dict.fromkeys(("description", "label", "title"), ("name",)),
    **dict.fromkeys(("moh", "music_on_hold", "music"), ("hold_music",)),
    **dict.fromkeys(("recording", "record_calls"), ("record",)),
    **dict.fromkeys(("disabled", "enabled"), ("suspended",)),
    **dict.fromkeys(("permit", "callers", "allowed_callers", "only_from"), ("only", "allow")),
    **dict.fromkeys(("deny", "reject", "banned"), ("block", "refuse")),
    **dict.fromkeys(("gateway", "trunk", "through"), ("via",)),
    **dict.fromkeys(("password", "secret"), ("password_file", "password_env")),
    **dict.fromkeys(("pin",), ("pin_file", "pin_env")),
    **dict.fromkeys(("username", "login"), ("user",)),
    **dict.fromkeys(("tz", "time_zone"), ("timezone",)),
    **dict.fromkeys(("lang",), ("language",)),
    **dict.fromkeys(("did", "dids", "routes"), ("numbers", "route")),
}
"""Keys of other products, and what ours may be meant by them."""

_QUOTED: Final = re.compile("'([^']*)'")

# What pydantic wanted, by the type of its error.
_WANTED: Final = {
    "string_type": "text (put numbers in quotes)",
    "int_type": "a whole number without quotes",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
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


class StrictModel(BaseModel):
    """Base of all mappings in a file: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


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
        hint = (
            self._step(kind, name)
            or self._elsewhere(name, known)
            or self._hint(name, known, plural(kind))
        )
        self.at_value(path, f"no {kind} is named {shown(name)}{hint}")

    def checked(self, path: tuple[str | int, ...], model: type[M], value: object) -> M | None:
        """Make a model of the value at a path; None, and all that is wrong noted, if it is none."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.invalid(path, error, model)
            return None

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

    def _step(self, kind: str, name: str) -> str:
        """Say by which steps a name is reached that is no target, "" for none."""
        data = self._document.data
        if kind != "target" or not isinstance(data, Mapping):
            return ""
        found = [
            (f"{_SORTS[section]}", f"{{{step}: {name}}}")
            for section, step in _STEPS.items()
            if isinstance(data.get(section), Mapping) and name in data[section]
        ]
        sorts, steps = (" and ".join(it[0] for it in found), " or ".join(it[1] for it in found))
        return f"; {shown(name)} is {sorts}: write {steps}" if found else ""

    def _elsewhere(self, name: str, known: Collection[str]) -> str:
        """Say what else of the document has a name, "" for nothing."""
        data = self._document.data
        for section, noun in _SORTS.items() if isinstance(data, Mapping) else ():
            entries = data.get(section)
            if isinstance(entries, Mapping) and name in entries and entries.keys() != known:
                few = f": expected one of {_either(known)}" if 0 < len(known) <= _LISTED else ""
                return f"; {shown(name)} is {noun}{few}"
        return ""

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
            likely = [f"'{key}'" for key in _SYNONYMS.get(name.lower(), ()) if key in keys]
            hint = f"; did you mean {' or '.join(likely)}?" if likely else ""
            return f"unknown key {shown(name)}{hint or self._hint(name, keys, 'keys')}"
        if kind == "missing":
            return f"the key '{name}' is missing"
        context = detail.get("ctx", {})
        if kind == "value_error":
            return str(context["error"])
        if kind not in _WANTED:
            return detail["msg"]
        found = detail["input"]
        hint = ""
        if kind == "list_type" and isinstance(found, str) and found.isprintable():
            word = f'"{found}"' if _NO_TEXT.fullmatch(found) else found
            hint = f": write [{word}]" if len(found) <= _LONGEST_SHOWN else ""
        elif kind == "model_type" and isinstance(found, str):
            inner = _model_at(model, detail["loc"]).model_fields
            needed = [field.alias or key for key, field in inner.items() if field.is_required()]
            hint = f": write {{{needed[0]}: {found[:_LONGEST_SHOWN]}}}" if len(needed) == 1 else ""
        elif kind.startswith("bool_") and isinstance(found, str):
            said = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false"}
            meant = said.get(found.lower(), "false" if found.lower() == "false" else "")
            hint = f" in quotes: write {meant}" if meant else ""
        elif kind == "literal_error":
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
