"""The JSON Schemas of the three grammars are JSON Schemas."""

from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from callrouter import json_schema


@pytest.mark.parametrize(
    "made", [json_schema.dialplan_schema, json_schema.tests_schema, json_schema.plans_schema]
)
def test_schema_is_one(made: Callable[[], dict[str, Any]]) -> None:
    jsonschema.Draft202012Validator.check_schema(made())
