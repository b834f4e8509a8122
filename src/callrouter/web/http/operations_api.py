"""The operations of a running server over the API: the same rows and models as at its socket."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from callrouter.api.request_reading import MalformedError, read_request
from callrouter.api.routes import PART, ROUTES, Route
from callrouter.operations import (
    accounts,
    bans,
    barrings,
    blocks,
    call_backs,
    calls,
    explain,
    extension_states,
    forwards,
    gateways,
    numbers,
    overrides,
    presence,
    queues,
    registrations,
    running_server,
    schedule_states,
    webhooks,
)
from callrouter.operations.operation import AnswerT, Operation, RequestT
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.masking import masked_values
from callrouter.web.http.identity import SAFE, check, identify
from callrouter.web.http.problems import RESPONSES, ForbiddenError
from callrouter.web.http.site import Site, site_of

PREFIX: Final = "/api"
_WHO: Final = "who"
"""The field that says at the socket who does something; here that is whoever is signed in."""
_BY_EXTENSION: Final = ("away", "forwards")
"""Fields of answers that have a row for each extension."""

SCOPES: Final[dict[Operation[Any, Any], Scope]] = {
    running_server.show_status: Scope.CALLS,
    running_server.reload_dialplan: Scope.DIALPLAN,
    running_server.start_drain: Scope.DIALPLAN,
    running_server.cancel_drain: Scope.DIALPLAN,
    explain.explain_call: Scope.NUMBERS,
    running_server.show_media: Scope.CALLS,
    calls.list_calls: Scope.CALLS,
    calls.follow_calls: Scope.CALLS,
    calls.start_recording: Scope.RECORDINGS,
    calls.stop_recording: Scope.RECORDINGS,
    calls.end_call: Scope.SUPERVISION,
    calls.hear_call: Scope.SUPERVISION,
    blocks.list_blocks: Scope.NUMBERS,
    blocks.add_block: Scope.BLOCKS,
    blocks.remove_block: Scope.BLOCKS,
    bans.list_bans: Scope.NUMBERS,
    bans.add_ban: Scope.BLOCKS,
    bans.remove_ban: Scope.BLOCKS,
    barrings.list_barrings: Scope.NUMBERS,
    barrings.lift_barring: Scope.BLOCKS,
    overrides.list_overrides: Scope.CALLS,
    overrides.set_override: Scope.OVERRIDES,
    overrides.clear_override: Scope.OVERRIDES,
    schedule_states.list_schedules: Scope.CALLS,
    schedule_states.show_calendar: Scope.CALLS,
    extension_states.list_extensions: Scope.PRESENCE,
    presence.list_presence: Scope.PRESENCE,
    presence.set_presence: Scope.PRESENCE,
    presence.clear_presence: Scope.PRESENCE,
    forwards.list_forwards: Scope.NUMBERS,
    forwards.set_forward: Scope.PRESENCE,
    forwards.clear_forward: Scope.PRESENCE,
    gateways.list_gateways: Scope.CALLS,
    gateways.drain_gateway: Scope.DIALPLAN,
    gateways.enable_gateway: Scope.DIALPLAN,
    queues.list_queues: Scope.CALLS,
    queues.list_agents: Scope.CALLS,
    queues.list_history: Scope.CALLS,
    queues.move_caller: Scope.SUPERVISION,
    numbers.list_numbers: Scope.CALLS,
    numbers.show_number: Scope.CALLS,
    numbers.change_number: Scope.LIVES,
    numbers.set_number: Scope.LIVES,
    registrations.list_registrations: Scope.NUMBERS,
    accounts.list_accounts: Scope.ACCOUNTS,
    accounts.show_account: Scope.ACCOUNTS,
    accounts.top_up: Scope.ACCOUNTS,
    accounts.adjust_account: Scope.ACCOUNTS,
    accounts.buy_package: Scope.ACCOUNTS,
    accounts.suspend_account: Scope.ACCOUNTS,
    accounts.resume_account: Scope.ACCOUNTS,
    call_backs.list_call_backs: Scope.NUMBERS,
    call_backs.add_call_back: Scope.CALL_BACKS,
    call_backs.cancel_call_back: Scope.CALL_BACKS,
    webhooks.follow_events: Scope.NUMBERS,
    webhooks.list_attempts: Scope.NUMBERS,
    webhooks.list_webhooks: Scope.DIALPLAN,
    webhooks.resend_events: Scope.DIALPLAN,
    webhooks.disable_webhook: Scope.DIALPLAN,
    webhooks.enable_webhook: Scope.DIALPLAN,
}
"""What each operation needs; a test finds one that is missing."""


async def raw_body(request: Request) -> bytes:
    """The body of a request, which the guard has bounded."""
    return await request.body()


def operations_router() -> APIRouter:
    """All operations but the streams of events, which are in `live_api`."""
    router = APIRouter(prefix=PREFIX, tags=["operations"], responses=RESPONSES)
    for route in ROUTES:
        if not route.is_stream:
            name = getattr(route.operation, "__name__", "")
            router.add_api_route(
                route.path,
                _endpoint(route),
                methods=[route.method],
                operation_id=name,
                name=name,
                summary=" ".join((route.operation.__doc__ or "").split()).rstrip("."),
                description=f"Needs the scope `{SCOPES[route.operation]}`.",
                response_model=route.answer,
                openapi_extra=_description(route),
            )
    return router


def carry_out(
    site: Site, who: WebIdentity, route: Route[RequestT, AnswerT], asked: RequestT
) -> AnswerT:
    """Have the server do what somebody asks, if they may and in their name; a change is audited.

    Raises OperationError.
    """
    check(who, SCOPES[route.operation])
    if who.only_own is not None and getattr(asked, "extension", who.extension) != who.extension:
        raise ForbiddenError("an agent changes nothing but their own extension")
    if route.method in SAFE or route.operation is explain.explain_call:
        shown: AnswerT = site.server.ask(route.operation, asked)
        return _own_part(who, shown)
    action = getattr(route.operation, "__name__", route.path)
    what = orjson.dumps(asked.model_dump(mode="json", exclude_unset=True)).decode()
    if _WHO in route.request.model_fields:
        asked = asked.model_copy(update={_WHO: who.name})
    with site.audit.change(who.name, who.address, action, what):
        answer: AnswerT = site.server.ask(route.operation, asked)
    return _own_part(who, answer)


def _own_part(who: WebIdentity, answer: AnswerT) -> AnswerT:
    """What somebody is told of an answer: an agent of their own extension alone."""
    name = next((name for name in _BY_EXTENSION if hasattr(answer, name)), "")
    if who.only_own is None or not name:
        return answer
    rows = [one for one in getattr(answer, name) if one.extension == who.only_own]
    return answer.model_copy(update={name: rows})


def _endpoint(route: Route[Any, Any]) -> Any:
    def endpoint(
        request: Request,
        who: Annotated[WebIdentity, Depends(identify)],
        body: Annotated[bytes, Depends(raw_body)],
    ) -> Response:
        check(who, SCOPES[route.operation])
        query = request.query_params.multi_items()
        asked = read_request(route, request.path_params, query, body)
        if _WHO in asked.model_fields_set:
            wanted = "nothing: it is done in the name of who is signed in"
            raise MalformedError(f"{_WHO}: expected {wanted}", field=_WHO, expected=wanted)
        answer = carry_out(site_of(request), who, route, asked)
        plain = answer.model_dump(mode="json", exclude_unset=True)
        shown = plain if who.sees_numbers else masked_values(plain)
        return Response(orjson.dumps(shown), media_type="application/json")

    return endpoint


def _description(route: Route[Any, Any]) -> dict[str, Any]:
    """What OpenAPI says of the request: parameters of path and query, or a body."""
    schema = route.request.model_json_schema(ref_template="#/components/schemas/{model}")
    properties: dict[str, Any] = schema.get("properties", {})
    fields = {name: field for name, field in properties.items() if name != _WHO}
    required = set(schema.get("required", ()))
    inside = set(PART.findall(route.path))
    parameters = [
        {
            "name": name,
            "in": "path" if name in inside else "query",
            "required": name in inside or name in required,
            "schema": field,
        }
        for name, field in fields.items()
        if name in inside or not route.has_body
    ]
    described: dict[str, Any] = {"parameters": parameters} if parameters else {}
    if route.has_body:
        body = {name: field for name, field in fields.items() if name not in inside}
        content = {
            "type": "object",
            "properties": body,
            "required": sorted(required - inside),
            "additionalProperties": False,
        }
        described["requestBody"] = {
            "required": bool(required - inside),
            "content": {"application/json": {"schema": content}},
        }
    return described
