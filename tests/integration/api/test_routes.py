"""Routes: every operation has one, a request survives its way over HTTP, the table in the docs."""

import inspect
import runpy
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from support.controlled import Room

import callrouter.operations
from callrouter.api.client import AskedError
from callrouter.api.request_reading import MalformedError
from callrouter.api.routes import ROUTES
from callrouter.operations.bans import RemoveBan, remove_ban
from callrouter.operations.blocks import RemoveBlock, remove_block
from callrouter.operations.operation import OperationError, expected
from callrouter.operations.presence import ClearPresence, clear_presence

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "operations.md"
FOLDER: Final = Path(callrouter.operations.__path__[0])


def test_every_operation_has_one_route_and_each_says_what_it_does() -> None:
    operations = {function for path in FOLDER.glob("*.py") for function in operations_of(path.stem)}
    assert {route.operation for route in ROUTES} == operations
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES) == len(operations)
    for route in ROUTES:
        assert set(route.in_path) <= set(route.request.model_fields)
        assert route.operation.__doc__


def test_every_value_of_a_request_says_what_is_expected_of_it() -> None:
    for route in ROUTES:
        for name, field in route.request.model_fields.items():
            assert expected(field), (route.path, name)


def operations_of(module: str) -> list[Any]:
    """The public coroutine functions that a module of operations defines."""
    found = import_module(f"callrouter.operations.{module}")
    return [
        value
        for name, value in vars(found).items()
        if inspect.iscoroutinefunction(value)
        and value.__module__ == found.__name__
        and not name.startswith("_")
    ]


def test_table_in_the_docs_is_the_one_that_the_routes_give() -> None:
    update = runpy.run_path(str(ROOT / "scripts" / "operations_table.py"))["update"]
    text = PAGE.read_text(encoding="utf-8")
    assert update(text) == text, "run python scripts/operations_table.py"


def test_docs_name_every_code_with_its_status() -> None:
    kinds = [
        kind
        for kind in OperationError.__subclasses__()
        if not kind.__module__.startswith("callrouter.web.")  # of the API: docs/api.md
    ]
    assert MalformedError in kinds
    text = PAGE.read_text(encoding="utf-8")
    assert [kind.code for kind in kinds if f"| `{kind.code}` | {kind.status}" not in text] == []


NAMES: Final = [
    *[
        ".",
        "..",
        "/",
        "a/b",
        "../v1/status",
        "?",
        "#",
        "&=+",
        "%",
        "%2F",
        "%00",
        "{call}",
        "*",
        "+86898*",
        "\\r\\n",
        '"',
    ],
    *("a b", "\0", "\x7f", "\r\nHost: a", "\u202e\u00e9\u4e2d", "\U0001f4de", "x" * 200),
]


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_arrives_as_it_was_sent(room: Room, name: str) -> None:
    with pytest.raises(AskedError) as in_path:
        await room.ask(clear_presence, ClearPresence(extension=name))
    assert str(in_path.value) == f"extension {name} is not away"
    with pytest.raises(AskedError) as also_in_path:
        await room.ask(remove_ban, RemoveBan(address=name))
    assert str(also_in_path.value) == f"{name} is not an IP address"
    with pytest.raises(AskedError) as in_query:
        await room.ask(remove_block, RemoveBlock(caller=name, number=name))
    assert str(in_query.value) == f"{name} is not blocked at number {name}"
