"""The JSON Schemas of dialplans, their tests and rate plans: editors complete by them.

They are generated from the grammars. Where a grammar checks a value with a function, the kind says
what that wants, and lets through whatever it might accept; what only the compiler can know (names
that are not there, numbers written twice) is left to `callrouter check`.
"""

import json
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaValue

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.call_screening import KNOWN_AS
from callrouter.dialplan.grammar.dialplan_file import DialplanFile
from callrouter.dialplan.grammar.rate_plans import RatePlanFile
from callrouter.testing.case_file import CaseFile
from callrouter.testing.rate_plan_tests import RatePlanCaseFile
from callrouter.yamlfile.wording import span

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TIMES: Final = frozenset({fields.DURATION_TEXT, fields.DAYS_TEXT})


def dialplan_schema() -> JsonSchemaValue:
    """Return the JSON Schema of a dialplan file."""
    made: JsonSchemaValue = _tidy(DialplanFile.model_json_schema())
    return made | {"$schema": _DIALECT, "title": "A callrouter dialplan"}


def tests_schema() -> JsonSchemaValue:
    """Return the JSON Schema of a file of tests: of a dialplan, or of rate plans."""
    both: TypeAdapter[Any] = TypeAdapter(CaseFile | RatePlanCaseFile)
    made: JsonSchemaValue = _tidy(both.json_schema())
    return made | {"$schema": _DIALECT, "title": "Tests of a callrouter dialplan, or of rate plans"}


def plans_schema() -> JsonSchemaValue:
    """Return the JSON Schema of a file of rate plans."""
    made: JsonSchemaValue = _tidy(RatePlanFile.model_json_schema())
    return made | {"$schema": _DIALECT, "title": "Rate plans of callrouter"}


def as_text(made: JsonSchemaValue) -> str:
    """Write a schema as the file that editors read."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


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
        for word, ours in KNOWN_AS.items() if {"allow", "block"} <= tidy.keys() else ():
            tidy[word] = {**tidy[ours], "description": f"Means `{ours}`.", "deprecated": True}
        return tidy
    return _tidy(value)


def _is_noise(key: str, value: object) -> bool:
    if key == "title":
        return isinstance(value, str)
    return key == "default" and (value is None or isinstance(value, dict | list))
