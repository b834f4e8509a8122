"""Routes of the operations: by which method and path HTTP asks for each.

Rules:

- A GET or DELETE says what it wants in its path and its query, a PUT or POST in its path and a body
  of JSON.
- The answer is JSON: 200 with what the operation answers, or another status with a `Problem`. A
  stream answers with lines of JSON as they come, or with server-sent events.
- The first part of the path is the version. What is added to a request or an answer does not change
  it.
"""

import re
from importlib import import_module
from inspect import get_annotations
from typing import Any, Final, Generic, NamedTuple, get_args, get_origin, overload

from callrouter.operations.operation import (
    AnswerStream,
    AnswerT,
    Operation,
    RequestT,
    SentEvent,
    StreamedT,
    StreamOperation,
)

AT_ONCE: Final = 16
"""Requests that are read or carried out at the same time."""
PART: Final = re.compile(r"{(\w+)}")
"""A field in a path."""
_PACKAGE: Final = "callrouter.operations"


class Route(NamedTuple, Generic[RequestT, AnswerT]):
    """One operation over HTTP. path: with the names of fields in braces.

    name: its module in `callrouter.operations`, and its own name there.
    """

    method: str
    path: str
    name: str

    @property
    def operation(self) -> Operation[RequestT, Any]:
        """What is carried out; its module is imported when it is asked for first."""
        module, _, function = self.name.partition(".")
        found: Operation[RequestT, Any] = getattr(import_module(f"{_PACKAGE}.{module}"), function)
        return found

    @property
    def request(self) -> type[RequestT]:
        """Model of what is asked."""
        model: type[RequestT] = list(get_annotations(self.operation).values())[1]
        return model

    @property
    def answer(self) -> type[AnswerT]:
        """Model of what is answered; of each answer of a stream."""
        answer = get_annotations(self.operation)["return"]
        model: type[AnswerT] = get_args(answer)[0] if self.is_stream else answer
        return model

    @property
    def is_stream(self) -> bool:
        """It answers again and again, a line each, until one side ends it."""
        kind: object = get_origin(get_annotations(self.operation)["return"])
        return kind is AnswerStream

    @property
    def is_event_stream(self) -> bool:
        """It is a stream of server-sent events, which may be taken up after the last one read."""
        return self.is_stream and self.answer is SentEvent

    @property
    def in_path(self) -> list[str]:
        """Fields of the request that the path says."""
        return PART.findall(self.path)

    @property
    def has_body(self) -> bool:
        """The other fields are in the body, not in the query."""
        return self.method in {"PUT", "POST"}


ROUTES: Final[tuple[Route[Any, Any], ...]] = (
    Route("GET", "/v1/status", "running_server.show_status"),
    Route("POST", "/v1/reload", "running_server.reload_dialplan"),
    Route("PUT", "/v1/drain", "running_server.start_drain"),
    Route("DELETE", "/v1/drain", "running_server.cancel_drain"),
    Route("POST", "/v1/explain", "explain.explain_call"),
    Route("GET", "/v1/media", "running_server.show_media"),
    Route("GET", "/v1/calls", "calls.list_calls"),
    Route("GET", "/v1/calls/events", "calls.follow_calls"),
    Route("DELETE", "/v1/calls/{call}", "calls.end_call"),
    Route("POST", "/v1/calls/{call}/supervisor", "calls.hear_call"),
    Route("PUT", "/v1/calls/{call}/recording", "calls.start_recording"),
    Route("DELETE", "/v1/calls/{call}/recording", "calls.stop_recording"),
    Route("GET", "/v1/blocks", "blocks.list_blocks"),
    Route("POST", "/v1/blocks", "blocks.add_block"),
    Route("DELETE", "/v1/blocks", "blocks.remove_block"),
    Route("GET", "/v1/bans", "bans.list_bans"),
    Route("PUT", "/v1/bans/{address}", "bans.add_ban"),
    Route("DELETE", "/v1/bans/{address}", "bans.remove_ban"),
    Route("GET", "/v1/barrings", "barrings.list_barrings"),
    Route("DELETE", "/v1/barrings/{extension}", "barrings.lift_barring"),
    Route("GET", "/v1/overrides", "overrides.list_overrides"),
    Route("PUT", "/v1/overrides/{schedule}", "overrides.set_override"),
    Route("DELETE", "/v1/overrides/{schedule}", "overrides.clear_override"),
    Route("GET", "/v1/schedules", "schedule_states.list_schedules"),
    Route("GET", "/v1/schedules/{schedule}/calendar", "schedule_states.show_calendar"),
    Route("GET", "/v1/extensions", "extension_states.list_extensions"),
    Route("GET", "/v1/presence", "presence.list_presence"),
    Route("PUT", "/v1/presence/{extension}", "presence.set_presence"),
    Route("DELETE", "/v1/presence/{extension}", "presence.clear_presence"),
    Route("GET", "/v1/forwards", "forwards.list_forwards"),
    Route("PUT", "/v1/forwards/{extension}/{when}", "forwards.set_forward"),
    Route("DELETE", "/v1/forwards/{extension}/{when}", "forwards.clear_forward"),
    Route("GET", "/v1/gateways", "gateways.list_gateways"),
    Route("PUT", "/v1/gateways/{gateway}/drain", "gateways.drain_gateway"),
    Route("DELETE", "/v1/gateways/{gateway}/drain", "gateways.enable_gateway"),
    Route("GET", "/v1/queues", "queues.list_queues"),
    Route("PUT", "/v1/queues/callers/{call}", "queues.move_caller"),
    Route("GET", "/v1/agents", "queues.list_agents"),
    Route("GET", "/v1/agents/{agent}/history", "queues.list_history"),
    Route("GET", "/v1/accounts", "accounts.list_accounts"),
    Route("GET", "/v1/accounts/{account}", "accounts.show_account"),
    Route("POST", "/v1/accounts/{account}/top-ups", "accounts.top_up"),
    Route("POST", "/v1/accounts/{account}/adjustments", "accounts.adjust_account"),
    Route("POST", "/v1/accounts/{account}/packages", "accounts.buy_package"),
    Route("PUT", "/v1/accounts/{account}/suspension", "accounts.suspend_account"),
    Route("DELETE", "/v1/accounts/{account}/suspension", "accounts.resume_account"),
    Route("GET", "/v1/callbacks", "call_backs.list_call_backs"),
    Route("POST", "/v1/callbacks", "call_backs.add_call_back"),
    Route("DELETE", "/v1/callbacks/{id}", "call_backs.cancel_call_back"),
    Route("GET", "/v1/numbers", "numbers.list_numbers"),
    Route("GET", "/v1/numbers/{number}", "numbers.show_number"),
    Route("POST", "/v1/numbers/{number}/{change}", "numbers.change_number"),
    Route("PUT", "/v1/numbers/{number}/attributes", "numbers.set_number"),
    Route("GET", "/v1/registrations", "registrations.list_registrations"),
    Route("GET", "/v1/events", "webhooks.follow_events"),
    Route("GET", "/v1/events/attempts", "webhooks.list_attempts"),
    Route("GET", "/v1/webhooks", "webhooks.list_webhooks"),
    Route("POST", "/v1/webhooks/{endpoint}/resend", "webhooks.resend_events"),
    Route("PUT", "/v1/webhooks/{endpoint}/disabled", "webhooks.disable_webhook"),
    Route("DELETE", "/v1/webhooks/{endpoint}/disabled", "webhooks.enable_webhook"),
)


@overload
def route_of(operation: Operation[RequestT, AnswerT]) -> Route[RequestT, AnswerT]: ...
@overload
def route_of(operation: StreamOperation[RequestT, StreamedT]) -> Route[RequestT, StreamedT]: ...
def route_of(operation: Operation[RequestT, Any]) -> Route[RequestT, Any]:
    """The route of an operation. Commands import no other, which would take longer than to ask."""
    return next(
        route
        for route in ROUTES
        if f"{_PACKAGE}.{route.name}" == f"{operation.__module__}.{operation.__name__}"
    )
