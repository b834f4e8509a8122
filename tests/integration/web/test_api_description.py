"""The API says what it is: every operation, with its errors, and every action of the console."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from openapi_spec_validator import validate

from callrouter.api.routes import ROUTES
from callrouter.operations.operation import OperationError
from callrouter.settings.settings_file import load_settings
from callrouter.web.access.roles import MEANINGS
from callrouter.web.application import application
from callrouter.web.http.guard import RequestGuard
from callrouter.web.http.operations_api import SCOPES
from callrouter.web.http.problems import ForbiddenError
from callrouter.web.http.site import Site
from callrouter.web.pages.page_list import ACTIONS, PAGES

ROOT = Path(__file__).parents[3]
SETTINGS = "listen: ['udp:127.0.0.1:5060']\ndialplan: dialplan.yaml\nweb: {}\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    config: Path = tmp_path_factory.mktemp("api") / "callrouter.yaml"
    config.write_text(SETTINGS, encoding="utf-8")
    settings = load_settings(config)
    assert settings.web is not None
    guard = application(Site(settings, settings.web, config))
    assert isinstance(guard, RequestGuard)
    return guard.app


def operations(app: FastAPI) -> dict[str, dict[str, Any]]:
    """All operations of the description by their names."""
    paths = app.openapi()["paths"].values()
    return {one["operationId"]: one for path in paths for one in path.values()}


def test_description_is_openapi_3_1(app: FastAPI) -> None:
    document = app.openapi()
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_every_operation_of_the_socket_is_one_of_the_api_with_a_scope(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    for route in ROUTES:
        one = paths[f"/api{route.path}"][route.method.lower()]
        assert one["operationId"] == route.operation.__name__
        assert route.operation in SCOPES


def test_docs_name_every_code_and_every_scope() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    kinds = [
        kind
        for kind in OperationError.__subclasses__()
        if kind.__module__.startswith("callrouter.web.")
    ]
    assert ForbiddenError in kinds
    assert [kind.code for kind in kinds if f"| `{kind.code}` | {kind.status} |" not in text] == []
    assert [scope for scope in MEANINGS if f"| `{scope}` | {MEANINGS[scope]} |" not in text] == []


def test_every_operation_describes_its_refusals(app: FastAPI) -> None:
    for name, one in operations(app).items():
        assert {"400", "401", "403", "404", "429", "503"} <= one["responses"].keys(), name
        assert not {"422", "500"} & one["responses"].keys(), name


def test_nobody_says_over_the_api_in_whose_name_something_is_done(app: FastAPI) -> None:
    for name, one in operations(app).items():
        bodies = one.get("requestBody", {}).get("content", {}).values()
        fields = {field for body in bodies for field in body["schema"].get("properties", {})}
        fields |= {parameter["name"] for parameter in one.get("parameters", ())}
        assert "who" not in fields, name


def test_every_action_of_the_console_is_an_operation_of_the_api(app: FastAPI) -> None:
    forms = {
        route.path
        for room in PAGES
        for route in room.router.routes
        if isinstance(route, APIRoute) and route.methods - {"GET", "HEAD"}
    }
    assert forms == ACTIONS.keys()
    assert {name for name in ACTIONS.values() if name} <= operations(app).keys()
