"""The JSON Schema of a grammar at work."""

from pathlib import Path
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


def examples_checked(made: dict[str, Any]) -> int:
    """Hold the example of every key against what the schema says of it; returns how many."""
    count = 0
    for owner in (made, *made["$defs"].values()):
        # What has a short form is one of that and a mapping.
        # Where one of several mappings is meant, each stands for itself.
        for key, part in owner.get("anyOf", [owner])[-1].get("properties", {}).items():
            one = jsonschema.Draft202012Validator({**part, "$defs": made["$defs"]})
            for example in part.get("examples", ()):
                count += 1
                assert one.is_valid(example), f"{key}: {example}"
    return count


def names_its_schema(path: Path, published: Path) -> bool:
    """Say whether a file tells editors where its schema is."""
    before, _, place = path.read_text(encoding="utf-8").splitlines()[0].partition("$schema=")
    return (before, (path.parent / place).resolve()) == ("# yaml-language-server: ", published)
