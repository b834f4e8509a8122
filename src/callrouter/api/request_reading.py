"""Requests of operations as HTTP says them: path, query and body read by the operation's model."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson
from pydantic import ValidationError

from callrouter.api.routes import Route
from callrouter.operations.operation import AnswerT, OperationError, RequestT, wrong_value
from callrouter.yamlfile.wording import shown

MAX_BYTES: Final = 16 * 1024
"""The longest body of a request."""


class MalformedError(OperationError):
    """What is no request that we know."""

    code = "malformed"
    status = 400


class TooLongError(MalformedError):
    """A request that is longer than any that we know."""

    status = 413

    def __init__(self) -> None:
        super().__init__(f"the body: expected {MAX_BYTES} bytes at most, found more")


def read_request(
    route: Route[RequestT, AnswerT],
    in_path: Mapping[str, str],
    query: Iterable[tuple[str, str]],
    body: bytes,
) -> RequestT:
    """Read a whole request. Raises MalformedError."""
    model, asked = route.request, list(query)
    read: Callable[[Any], RequestT]
    said: Mapping[str, Any]
    if route.has_body:
        said, stray = _object(body), "the query" if asked else ""
        read = model.model_validate
    else:
        said, stray = dict(asked), "the body" if body not in {b"", b"{}"} else ""
        read = model.model_validate_strings
    if stray:
        raise MalformedError(f"{stray}: expected nothing there, in a {route.method}")
    names = [*(name for name, _ in asked), *(said if route.has_body else ()), *in_path]
    for name in names:
        if names.count(name) > 1:
            what = {"field": name, "expected": "one value"}
            raise MalformedError(f"{name}: expected one value, found more", **what)
    try:
        return read({**said, **in_path})
    except ValidationError as error:
        raise MalformedError(**wrong_value(model, error)) from error


def _object(body: bytes) -> Mapping[str, Any]:
    """Read a body. Raises MalformedError."""
    try:
        given = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise MalformedError(f"the body: expected JSON: {error}") from error
    if not isinstance(given, dict):
        raise MalformedError(f"the body: expected a JSON object, found {shown(given)}")
    return given
