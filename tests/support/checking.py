"""The functions by which a grammar checks values, and its JSON Schema at work."""

from collections.abc import Iterator
from typing import Any

import jsonschema


def functions(node: Any, seen: set[int]) -> Iterator[Any]:
    """Every function that checks a value before pydantic does, in a core schema."""
    if isinstance(node, dict):
        if id(node) in seen:
            return
        seen.add(id(node))
        if node.get("type") == "function-before":
            yield node["function"]["function"]
        node = list(node.values())
    if isinstance(node, list | tuple):
        for part in node:
            yield from functions(part, seen)


def validator_of(made: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """What holds files against a schema; fails when it is none."""
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)
