"""What mypyc compiles keeps to what it can do (docs/decisions/0033-compiled-wheel.md)."""

import ast
from collections.abc import Iterator
from typing import Final

from support.serving import ROOT

SOURCE: Final = ROOT / "src" / "callrouter"
SETUP: Final = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
WAITS: Final = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)


def listed(name: str) -> tuple[str, ...]:
    """A tuple of names in setup.py."""
    values = [
        ast.literal_eval(line.value)
        for line in SETUP.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == name
    ]
    found: tuple[str, ...] = values[0]
    return found


def compiled() -> Iterator[tuple[str, ast.Module]]:
    files = [SOURCE / f"{name}.py" for name in listed("MODULES")]
    for package in listed("PACKAGES"):
        files += (SOURCE / package).rglob("*.py")
    for file in files:
        yield str(file.relative_to(SOURCE)), ast.parse(file.read_text(encoding="utf-8"))


def waits_while_handling(tree: ast.AST) -> list[int]:
    """Lines that wait while an exception is handled, or may be on its way."""
    handling: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            handling += [line for handler in node.handlers for line in handler.body]
            handling += node.finalbody
    return sorted(
        {
            inner.lineno
            for line in handling
            for inner in ast.walk(line)
            if isinstance(inner, ast.expr | ast.stmt) and isinstance(inner, WAITS)
        }
    )


def test_nothing_is_awaited_while_an_exception_is_handled() -> None:
    found = {name: waits_while_handling(tree) for name, tree in compiled()}
    assert len(found) > 100
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_no_pattern_names_the_rest_of_a_sequence() -> None:
    found = [
        (name, node.lineno)
        for name, tree in compiled()
        for node in ast.walk(tree)
        if isinstance(node, ast.MatchStar) and node.name is not None
    ]
    assert found == []


def test_handlers_and_finally_that_wait_are_found() -> None:
    source = (
        "async def f():\n try:\n  await a\n except X:\n  pass\n  await b\n  raise\n"
        " finally:\n  if c:\n   await d\n"
    )
    assert waits_while_handling(ast.parse(source)) == [6, 10]
