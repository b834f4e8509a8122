"""The JSON Schemas of dialplans and of their tests: an editor completes and underlines by them.

They are generated from the grammars. Where a grammar checks a value with a function, the schema
says here what the function wants, and lets through whatever it might accept; what only the compiler
can know (names that are not there, numbers written twice) is left to `callrouter check`.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, get_args

import phonenumbers
from pydantic import BeforeValidator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from callrouter.dialplan.grammar import dialplan_file as schema
from callrouter.dialplan.grammar import field_types as fields
from callrouter.testing.grammar import CaseFile
from callrouter.yamlfile.wording import span

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NAME: Final = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

_SPAN: Final = "[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}"
_SPANS: Final = rf"{_SPAN}([,\s]+{_SPAN})*\s*$"
_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Separators and digits may be of any script.
_DIGITS: Final = r"^[^A-Za-z*#;,/]+"

_DURATION: Final[JsonSchemaValue] = {"type": "string", "pattern": "^[0-9]{1,6}(ms|s|m|h)$"}
_DAYS: Final[JsonSchemaValue] = {"type": "string", "pattern": "^[0-9]{1,4}d$"}
_TIMES: Final = (_DURATION["pattern"], _DAYS["pattern"])
_TEXT: Final[JsonSchemaValue] = {"type": "string", "minLength": 1}
_MAIL_ADDRESS: Final[JsonSchemaValue] = {"type": "string", "pattern": "^[^@ ]+@[^@ ]+$"}
_WEIGHTED: Final[JsonSchemaValue] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": _NAME},
        "weight": {"type": "integer", "minimum": 1, "maximum": 1000},
    },
    "required": ["name", "weight"],
    "additionalProperties": False,
}

_NAMED: Final = {"type": "string", "pattern": _NAME}
_YES: Final = {"const": True}

SHORT: Final[Mapping[str, JsonSchemaValue]] = {
    "menus._chosen": _NAMED,
    "call_screening._from": _NAMED,
    "media_options._prompts": _NAMED,
    "media_options._greet": {"anyOf": [_NAMED, {"type": "array", "items": _NAMED}]},
    "media_options._confirm": {"type": "string", "pattern": "^[0-9*#]$"},
    "media_options._record": _YES,
    "media_options._survey": _YES,
}
"""Short forms that stand for a whole entry, by the function that reads them."""

KINDS: Final[Mapping[str, JsonSchemaValue]] = {
    "Name": {"type": "string", "pattern": _NAME},
    "Label": {"type": "string", "minLength": 1, "maxLength": 100},
    "Dial": {"type": "string", "pattern": "^[^A-Za-z#;,/]+$"},
    "NumberKey": {
        "type": "string",
        "pattern": r"^(\+?[0-9]{0,32}[0-9x]{0,32}\*?|[*#][0-9*#]{1,31})$",
    },
    "Country": {"type": "string", "enum": sorted(phonenumbers.SUPPORTED_REGIONS)},
    "Network": {"type": "string", "pattern": "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"},
    "SipAddress": {
        "type": "string",
        "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?$",
    },
    "gateway_failover._count": {"type": "integer", "minimum": 1, "maximum": 100},
    "gateway_failover._priority": {"type": "integer", "minimum": 0, "maximum": 65535},
    "gateway_failover._weight": {"type": "integer", "minimum": 0, "maximum": 65535},
    "HostName": {"type": "string", "pattern": "^[A-Za-z0-9.:-]{1,253}$"},
    "Uri": {"type": "string", "pattern": "^sips?:"},
    "Status": {"type": "integer", "minimum": 400, "maximum": 699},
    "Cause": {"type": "integer", "minimum": 1, "maximum": 127},
    "Lines": {"type": "integer", "minimum": 1, "maximum": 100000},
    "Calls": {"type": "integer", "minimum": 2, "maximum": 1000},
    "grammar._at": {
        "type": "string",
        "pattern": f"^{_DATE}[ T][0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}})?$",
    },
    "grammar._dialled": {"type": "string"},
    "grammar._script": {"type": "string", "pattern": r"^\s*([1-6][0-9]{2}(\s|,|$)|silence\s*$)"},
    "grammar._press": {"type": "string", "pattern": r"^\s*[0-9*#]\s+after\s"},
    "grammar._keys": {"type": "string", "pattern": "^[0-9*#]*$"},
    "schedules._timezone": {"type": "string", "pattern": "^[A-Za-z0-9_+/-]+$"},
    "schedules._times": {"type": "string", "pattern": rf"^[,\s]*([A-Za-z-]+[,\s]+)*{_SPANS}"},
    "schedules._hours_of_a_day": {"type": "string", "pattern": rf"^\s*{_SPANS}"},
    "schedules._date": {"type": "string", "pattern": f"^{_DATE}$"},
    "schedules._days": {"type": "string", "pattern": rf"^{_DATE}(\.\.{_DATE})?$"},
    "schedules._region": {"type": "string", "pattern": "^[A-Z]{2}(-.+)?$"},
    "hunts._rung": {"anyOf": [{"type": "string", "pattern": _NAME}, _WEIGHTED]},
    "lookups._url": {"type": "string", "pattern": r"^https?://.*\{caller\}"},
    "lookups._calls": {"type": "integer", "minimum": 1, "maximum": 10000},
    "menus._keys": {"type": "string", "pattern": "^([0-9*]{1,8}|#)$"},
    "menus._tries": {"type": "integer", "minimum": 1, "maximum": 10},
    "prompts_music._file": _TEXT,
    "prompts_music._text": _TEXT | {"maxLength": 2000},
    "prompts_music._hertz": {"type": "integer", "minimum": 50, "maximum": 3500},
    "media_options._key": {"type": "string", "pattern": "^[0-9*#]$"},
    "call_screening._number": {"type": "string", "pattern": f"{_DIGITS}$"},
    "call_screening._prefix": {"type": "string", "pattern": rf"{_DIGITS}\*?$"},
    "call_screening._area": _TEXT,
    "call_screening._file": _TEXT,
    "media_options._days": _DAYS,
    "voicemail_boxes._size": {"type": "string", "pattern": "^[0-9]{1,6}(kB|MB|GB)$"},
    "voicemail_boxes._mail_address": _MAIL_ADDRESS,
    "voicemail_boxes._mail_addresses": {
        "anyOf": [_MAIL_ADDRESS, {"type": "array", "items": _MAIL_ADDRESS, "minItems": 1}]
    },
    "voicemail_boxes._server": {
        "type": "string",
        "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?$",
    },
    "voicemail_boxes._url": {"type": "string", "pattern": "^https?://"},
    "peers._header": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9-]{0,63}$"},
    "peers._value": {"type": "string", "minLength": 1, "maxLength": 256},
    "login_credentials._file": _TEXT,
    "login_credentials._user": {"type": "string", "minLength": 1, "maxLength": 64},
    "login_credentials._realm": {"type": "string", "minLength": 1, "maxLength": 100},
    "login_credentials._variable": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
    "voicemail_boxes._messages": {"type": "integer", "minimum": 1, "maximum": 10000},
}
"""By the name of a kind in `fields`, or else of the function that checks it."""


def dialplan_schema() -> JsonSchemaValue:
    """Return the JSON Schema of a dialplan file."""
    made: JsonSchemaValue = _tidy(
        schema.DialplanFile.model_json_schema(schema_generator=_Generator)
    )
    return made | {"$schema": _DIALECT, "title": "A callrouter dialplan"}


def tests_schema() -> JsonSchemaValue:
    """Return the JSON Schema of a file of dialplan tests."""
    made: JsonSchemaValue = _tidy(CaseFile.model_json_schema(schema_generator=_Generator))
    return made | {"$schema": _DIALECT, "title": "Tests of a callrouter dialplan"}


ALSO: Final = {"block": ("blocklist", "blacklist"), "allow": ("allowlist", "whitelist")}
"""Words that the compiler takes for ours."""


def as_text(made: JsonSchemaValue) -> str:
    """Write a schema as the file that editors read."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def name_of(function: Any) -> str:
    """Return the name by which `KINDS` has what a function checks."""
    module = function.__module__.rpartition(".")[2]
    return _NAMES.get(id(function), f"{module}.{function.__name__}")


def asks_for_time(function: Any) -> bool:
    """Say whether a function checks a time such as 15s: it asks `fields.seconds` then."""
    return fields.seconds.__name__ in function.__code__.co_names


_NAMES: Final = {
    id(part.func): name
    for name, kind in vars(fields).items()
    for part in get_args(kind)[1:]
    if isinstance(part, BeforeValidator)
}
"""The names of the kinds in `fields`, by the identity of the functions that check them."""


class _Generator(GenerateJsonSchema):
    """Knows the kinds of value that only functions check."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Give what a function wants, not what it makes of it; anything for an unknown one."""
        function: Any = schema["function"]["function"]
        short = SHORT.get(name_of(function))
        if short is not None:
            return {"anyOf": [short, self.generate_inner(schema["schema"])]}
        return dict(_DURATION if asks_for_time(function) else KINDS.get(name_of(function), {}))


def _tidy(node: Any) -> Any:
    """Say the same in fewer words: what pydantic repeats, or writes for programs."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _part(key, value) for key, value in node.items() if not _is_noise(key, value)}
    if tidy.get("pattern") in _TIMES and isinstance(tidy.get("default"), float):
        tidy["default"] = span(tidy["default"])
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    choices = tidy.get("anyOf", [])
    if len(choices) == 2 and choices[1] == {"type": "null"}:
        only = choices[0]
        if "type" in only and not {"enum", "const"} & only.keys():
            del tidy["anyOf"]
            tidy |= {**only, "type": [only["type"], "null"]}
    return tidy


def _part(key: str, value: Any) -> Any:
    """Tidy what stands under a key of JSON Schema."""
    if key in {"examples", "enum", "default"}:
        return value
    if key in {"properties", "patternProperties", "$defs"}:  # their keys are those of the dialplan
        tidy = {name: _tidy(part) for name, part in value.items()}
        for ours, words in ALSO.items() if ALSO.keys() <= tidy.keys() else ():
            for word in words:
                tidy[word] = {**tidy[ours], "description": f"Means `{ours}`.", "deprecated": True}
        return tidy
    return _tidy(value)


def _is_noise(key: str, value: object) -> bool:
    if key == "title":
        return isinstance(value, str)
    return key == "default" and (value is None or isinstance(value, dict | list))
