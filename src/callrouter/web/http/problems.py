"""Problems over HTTP: what is wrong with a request, as `application/problem+json` (RFC 9457)."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from callrouter.archive.archive_reader import NotThereError
from callrouter.operations.operation import (
    NotFoundError,
    OperationAnswer,
    OperationError,
    Problem,
    UnavailableError,
)
from callrouter.storage.engine import StoreError, said
from callrouter.web.access.people import AccountError
from callrouter.web.http.wrong_values import expected_value, said_wrong

MEDIA_TYPE: Final = "application/problem+json"


class ProblemDetails(OperationAnswer):
    """A problem. type: always about:blank; `code` is for programs, and stays the same.

    title: of the status. detail: for people. field, expected: of a value that is wrong.
    diagnostics: mistakes of files, and serving: the version that serves on.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    field: str = ""
    expected: str = ""
    diagnostics: list[str] = Field(default_factory=list)
    serving: str = ""


class NotSignedInError(OperationError):
    """Nobody, or nobody any more."""

    code = "not_signed_in"
    status = 401


class ForbiddenError(OperationError):
    """Somebody who may not."""

    code = "forbidden"
    status = 403


class TooManyError(OperationError):
    """Somebody who asks too often."""

    code = "too_many"
    status = 429


class BadAccountError(OperationError):
    """Something about an account that cannot be so."""

    code = "bad_account"
    status = 400


class BadRequestError(OperationError):
    """What FastAPI does not take."""

    code = "malformed"
    status = 400


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
    }
    for status, description in {
        400: "Something of the request is wrong: `field` says what, `expected` what would do.",
        401: "Nobody is signed in: no session, and no API token that is good.",
        403: "Whoever is signed in may not, or the request does not come from our own pages.",
        404: "What is named is not there.",
        405: "The path knows no such method.",
        409: "It cannot be done as things are.",
        411: "A body without Content-Length.",
        412: "What is to be changed is not as it was: `ETag` and `If-Match` differ.",
        413: "The request is too long.",
        416: "A range outside of the file.",
        421: "A Host that is none of ours.",
        428: "A change that does not say, by `If-Match`, what it changes.",
        429: "Too many requests: 20 a second are answered, 200 at once.",
        503: "It could not be done now, and might be later: the server or a database is away.",
    }.items()
}
"""What any path may answer beside what it is for."""


def as_operation_error(error: Exception) -> OperationError:
    """An error of any room, with its code and status."""
    match error:
        case OperationError():
            return error
        case AccountError(field=field):
            return BadAccountError(str(error), field=field)
        case NotThereError():
            return NotFoundError(str(error))
        case RequestValidationError():
            return _of_validation(error)
        case StoreError():
            return UnavailableError(str(error))
        case SQLAlchemyError():
            return UnavailableError(f"the console's database cannot be used: {said(error)}")
    raise error


def problem_response(error: OperationError) -> Response:
    """The answer of the API to an error."""
    headers = {"Retry-After": "3"} if error.status == TooManyError.status else {}
    if error.status == NotSignedInError.status:
        headers["WWW-Authenticate"] = "Bearer"
    return described(error.status, error.problem, headers)


def described(status: int, problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """A problem as its document."""
    more = problem.model_dump(exclude={"error"}, exclude_unset=True)
    details = ProblemDetails(
        title=HTTPStatus(status).phrase, status=status, detail=problem.error, **more
    )
    body = details.model_dump_json(exclude_unset=True)
    return Response(body, status, headers, MEDIA_TYPE)


def of_http(error: HTTPException) -> Response:
    """The answer of the API to a path or a method that it has not."""
    code = "no_such_operation" if error.status_code in {404, 405} else "malformed"
    headers = dict(error.headers or {})
    return described(error.status_code, Problem(code=code, error=str(error.detail)), headers)


def _of_validation(error: RequestValidationError) -> OperationError:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return BadRequestError(said_wrong(field, first), field=field, expected=expected_value(first))


def is_for_programs(request: Request) -> bool:
    """Whether a request is for the API, and not for a page."""
    return request.url.path.startswith("/api/")
