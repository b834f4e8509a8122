"""Prompts that nobody hears."""

from collections.abc import Iterator
from typing import Any

from callrouter.dialplan.grammar.builtin_prompts import BUILTIN
from callrouter.lint.findings import Findings


def unused_prompts(found: Findings) -> None:
    """Warn of prompts whose name stands nowhere; one in a built-in prompt's place needs no use."""
    prompts = found.section("prompts")
    if not prompts:
        return
    rest = [part for key, part in found.document.data.items() if key != "prompts"]
    used = set(_texts(rest, set()))
    for name in prompts:
        if name not in used and name not in BUILTIN:
            found.at_key(("prompts", name), f"no rule uses prompt '{name}'")


def _texts(node: Any, seen: set[int]) -> Iterator[str]:
    """Give all texts that are values. seen: equal parts of a big file are one object."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list) and id(node) not in seen:
        seen.add(id(node))
        for part in node.values() if isinstance(node, dict) else node:
            yield from _texts(part, seen)
