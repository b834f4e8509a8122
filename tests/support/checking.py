"""The JSON Schema of a grammar at work."""

from typing import Any

import jsonschema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema


class Described(GenerateJsonSchema):
    """The JSON Schema of a grammar; fails where a function checks a value and nothing is said."""

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        assert "json_schema_input_schema" in schema, schema["function"]["function"]
        return super().function_before_schema(schema)


def validator_of(made: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """What holds files against a schema; fails when it is none."""
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)
