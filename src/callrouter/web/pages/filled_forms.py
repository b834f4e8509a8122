"""Filled-in forms: each does one operation of the API, and says at its field what is wrong."""

from collections.abc import Callable
from http import HTTPStatus
from inspect import get_annotations
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from callrouter.api.routes import route_of
from callrouter.operations.operation import (
    BadValueError,
    Operation,
    OperationError,
    OperationRequest,
    wrong_value,
)
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.live_dialplan import PutLive
from callrouter.web.http.identity import Form, check, filling_in, read_form, viewing
from callrouter.web.http.operations_api import carry_out
from callrouter.web.http.problems import ForbiddenError
from callrouter.web.http.site import site_of
from callrouter.web.http.wrong_values import said_wrong

Viewer = Annotated[WebIdentity, Depends(viewing)]
Filler = Annotated[WebIdentity, Depends(filling_in)]
Fields = Annotated[Form, Depends(read_form)]
SearchText = Annotated[str, Query(max_length=200)]

SAID: Final = {
    "add_block": "The caller is blocked.",
    "remove_block": "The caller is released.",
    "add_ban": "The address is banned.",
    "remove_ban": "The address is heard again.",
    "lift_barring": "The extension may call abroad again.",
    "drain_gateway": "The gateway gets no new calls; its calls go on.",
    "enable_gateway": "The gateway gets calls again.",
    "set_presence": "The extension is away.",
    "clear_presence": "The extension is rung again.",
    "set_forward": "The calls are forwarded.",
    "clear_forward": "The calls go as the dialplan says.",
    "set_override": "The schedule is switched.",
    "clear_override": "The schedule follows its hours.",
    "close_schedule_on": "The schedule is closed on these days.",
    "reopen_schedule_on": "The schedule follows its hours on these days.",
    "set_schedule_holidays": "The schedule has these holidays.",
    "set_listed_caller": "The list has these callers.",
    "set_queue_agent": "The queue has these agents.",
    "set_number_lines": "The number has these lines.",
    "resend_events": "The endpoint is told of it again.",
    "disable_webhook": "The endpoint is told of nothing; its events wait.",
    "enable_webhook": "The endpoint is told of events again.",
    "top_up": "The payment is booked.",
    "adjust_account": "The balance is corrected.",
    "suspend_account": "The account is suspended.",
    "resume_account": "The account pays for calls again.",
    "change_number": "The life of the number is changed.",
    "add_call_back": "The customer is called back as soon as an agent is free.",
    "cancel_call_back": "The customer is called back no more.",
}
"""What a page says of an operation that was just done."""


class Fault(NamedTuple):
    """What is wrong with a form. form: its action. field: where. given: what was filled in."""

    form: str = ""
    field: str = ""
    why: str = ""
    status: int = 200
    given: Form = {}  # noqa: RUF012 - of a tuple, and never changed


_KEPT: Final = ("part", "schedule", "account")
"""What a page is asked for once more after a form of it."""
NO_FAULT: Final = Fault()
Show = Callable[[Request, WebIdentity, Fault], Response]


def acted(
    request: Request,
    who: WebIdentity,
    form: Form,
    operation: Operation[Any, Any],
    show: Show,
    /,
    **values: Any,
) -> Response:
    """Do what a form says, and go back to its page; or show that, with what is wrong.

    values: of the operation's request. Raises ForbiddenError.
    """
    try:
        asked = request_of(operation, values)
        carry_out(site_of(request), who, route_of(operation), asked)
    except ForbiddenError:
        raise
    except OperationError as error:
        return show(request, who, fault_of(request, form, error))
    return _went(request, form, getattr(operation, "__name__", ""))


def edited(
    request: Request,
    who: WebIdentity,
    form: Form,
    edit: Callable[..., PutLive],
    show: Show,
    /,
    **values: Any,
) -> Response:
    """As `acted`, for an edit of the dialplan's file. Raises ForbiddenError."""
    check(who, Scope.DIALPLAN)
    model = get_annotations(edit)["asked"]
    try:
        edit(request, who, model.model_validate(values))
    except ValidationError as error:
        wrong = error.errors()[0]
        field = str(wrong["loc"][0])
        fault = Fault(request.url.path, field, said_wrong(field, wrong), 400, form)
        return show(request, who, fault)
    except OperationError as error:
        return show(request, who, fault_of(request, form, error))
    return _went(request, form, edit.__name__)


def _went(request: Request, form: Form, done: str) -> Response:
    """Back to the page of a form, which says what was done."""
    page, _, _ = request.url.path.rpartition("/")
    query = {"done": done}
    query |= {name: form[name] for name in _KEPT if form.get(name)}
    return RedirectResponse(f"{page}?{urlencode(query)}", HTTPStatus.SEE_OTHER)


def fault_of(request: Request, form: Form, error: OperationError) -> Fault:
    """What is wrong with a form, said by an operation."""
    why = ": ".join([str(error), *error.problem.diagnostics[:1]])
    return Fault(request.url.path, error.problem.field, why, error.status, form)


def request_of(operation: Operation[Any, Any], values: dict[str, Any]) -> OperationRequest:
    """The request of an operation. Raises BadValueError."""
    model: type[OperationRequest] = route_of(operation).request
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = wrong_value(model, error)
        raise BadValueError(wrong["error"], wrong["field"], wrong["expected"]) from error


def asked_of(
    request: Request, who: WebIdentity, operation: Operation[Any, Any], /, **values: Any
) -> Any:
    """What the server answers to a question of a page. Raises OperationError."""
    asked = request_of(operation, values)
    return carry_out(site_of(request), who, route_of(operation), asked)


def done_of(request: Request) -> str:
    """What the form before has done, in words; "" for nothing."""
    return SAID.get(request.query_params.get("done", ""), "")
