"""Wrong values of requests, said as everywhere else: what was expected."""

from collections.abc import Mapping
from typing import Any, Final

_EXPECTED: Final = {
    "missing": "a value",
    "extra_forbidden": "nothing of this name",
    "string_type": "text",
    "string_too_long": "{max_length} characters at most",
    "string_too_short": "{min_length} characters or more",
    "string_pattern_mismatch": "text like {pattern}",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of {max_length} at most",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} at most",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "json_invalid": "JSON",
    "model_attributes_type": "a JSON object",
    "model_type": "a JSON object",
    "dict_type": "a JSON object",
    "date_from_datetime_parsing": "a date such as 2026-03-07",
    "date_parsing": "a date such as 2026-03-07",
}
"""By the kinds of mistakes that pydantic knows; the braces are of its `ctx`."""


def expected_value(wrong: Mapping[str, Any]) -> str:
    """What was expected in the place of a value. wrong: an error of a model of pydantic."""
    known = _EXPECTED.get(wrong["type"])
    return str(wrong["msg"]) if known is None else known.format_map(wrong.get("ctx", {}))


def said_wrong(field: str, wrong: Mapping[str, Any]) -> str:
    """The same as a sentence. field: "" for the whole request."""
    return f"{field or 'the request'}: expected {expected_value(wrong)}"
