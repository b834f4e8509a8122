"""The functions by which a grammar checks values."""

from collections.abc import Iterator
from typing import Any


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
