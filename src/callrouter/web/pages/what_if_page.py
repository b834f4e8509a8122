"""The page of "what if": what would become of a call, said by the engine itself."""

import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import Response

from callrouter.api.routes import route_of
from callrouter.dialplan.grammar.typed_times import read_moment
from callrouter.errors import SipError
from callrouter.operations.explain import ExplainCall, explain_call
from callrouter.operations.explanation_tree import explanation_text
from callrouter.operations.operation import BadValueError, OperationError, wrong_value
from callrouter.sip.uri import subscriber_in
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.identity import check, viewing
from callrouter.web.http.operations_api import carry_out
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.page_rendering import Clock, page

router: Final = APIRouter()
ACTIONS: Final[dict[str, str]] = {}

Text = Annotated[str, Query(max_length=1000)]


@router.get("/what-if")
def what_if(
    request: Request,
    who: Annotated[WebIdentity, Depends(viewing)],
    caller: Text = "",
    called: Text = "",
    at: Text = "",
    trunk: Text = "",
) -> Response:
    """The form, and what was found."""
    check(who, Scope.NUMBERS)
    site = site_of(request)
    text, why, status = "", "", 200
    if called:
        try:
            text = _explained(site, who, caller, called, at, trunk)
        except OperationError as error:
            why, status = str(error), error.status
    asked = {"caller": caller, "called": called, "at": at, "trunk": trunk}
    return page(request, "what_if.html", who, status, asked=asked, text=text, why=why)


def _explained(site: Site, who: WebIdentity, caller: str, called: str, at: str, trunk: str) -> str:
    """What the command `explain` says of the same call. Raises OperationError."""
    try:
        caller, called = subscriber_in(caller), subscriber_in(called)
        zone, now = Clock(site).zone, datetime.datetime.now(datetime.UTC)
        moment = read_moment(at, zone, now).timestamp() if at.strip() else None
        asked = ExplainCall(caller=caller, called=called, at=moment, trunk=trunk or None)
    except ValidationError as error:
        wrong = wrong_value(ExplainCall, error)
        raise BadValueError(wrong["error"], wrong["field"], wrong["expected"]) from error
    except (SipError, ValueError, OverflowError) as error:
        raise BadValueError(str(error), "at", "a moment") from error
    found = carry_out(site, who, route_of(explain_call), asked)
    return explanation_text(caller, called, found, None)
