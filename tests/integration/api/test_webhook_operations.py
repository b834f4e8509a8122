"""Operations of webhooks where nobody is told of events, and values that are none."""

import pytest
from support.controlled import Room


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/v1/webhooks"),
        ("GET", "/v1/events"),
        ("GET", "/v1/events/attempts?call=c1"),
        ("POST", "/v1/webhooks/crm/resend"),
        ("PUT", "/v1/webhooks/crm/disabled"),
        ("DELETE", "/v1/webhooks/crm/disabled"),
    ],
)
async def test_server_that_tells_nobody_says_so(room: Room, method: str, target: str) -> None:
    answer = await room.http(method, target)
    assert (answer.status, answer.body["code"]) == (409, "conflict")
    assert answer.body["error"] == "nobody is told of events: the settings have no webhooks"


async def test_last_event_id_goes_before_the_query_and_has_to_be_a_place(room: Room) -> None:
    head = b"GET /v1/events?after=1 HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: x\r\n\r\n"
    answer = await room.raw(head)
    assert (answer.status, answer.body["field"]) == (400, "after")
    assert "the id of an event of the stream" in answer.body["expected"]
