"""The description of the API in OpenAPI 3.1, made from the models that read and write it."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from callrouter import __version__
from callrouter.web.access.roles import MEANINGS
from callrouter.web.http.problems import ProblemDetails

_ABOUT: Final = (
    "What callrouter's commands and console do, over HTTP. Make an API token in the console, under "
    "your name, and send it as `Authorization: Bearer`. Scopes:\n\n"
)
_REF: Final = "#/components/schemas/{model}"
_NOT_OURS: Final = ("HTTPValidationError", "ValidationError")


def openapi_of(app: FastAPI) -> dict[str, Any]:
    """The document, made when it is asked for first."""
    if app.openapi_schema is None:
        scopes = "\n".join(f"- `{scope}`: {meaning}" for scope, meaning in MEANINGS.items())
        document = get_openapi(
            title="callrouter",
            version=__version__,
            description=_ABOUT + scopes,
            routes=app.routes,
        )
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in _NOT_OURS:
            schemas.pop(name, None)
        problem = ProblemDetails.model_json_schema(ref_template=_REF)
        schemas["ProblemDetails"] = problem
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
        app.openapi_schema = document
    return app.openapi_schema
