"""Reports over the API: sums of calls, and the settings as they are."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request

from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.reports import CallReport, call_report
from callrouter.web.http.identity import needing
from callrouter.web.http.operations_api import PREFIX
from callrouter.web.http.problems import RESPONSES
from callrouter.web.http.site import site_of

router: Final = APIRouter(prefix=f"{PREFIX}/v1/reports", tags=["reports"], responses=RESPONSES)

_LATEST: Final = 2**40
Since = Annotated[float, Query(ge=0, le=_LATEST, description="Unix seconds.")]
Step = Annotated[int, Query(ge=900, le=86400, description="Seconds of one span.")]
Spans = Annotated[int, Query(ge=1, le=31)]


@router.get("/calls", operation_id="report_calls")
def report_calls(
    request: Request,
    _who: Annotated[WebIdentity, Depends(needing(Scope.CALLS))],
    since: Since,
    step: Step = 3600,
    spans: Spans = 24,
) -> CallReport:
    """How many calls there were, and were answered; waits, service level and costs."""
    edges = [since + step * index for index in range(spans + 1)]
    return call_report(site_of(request).settings.records.database, edges)
