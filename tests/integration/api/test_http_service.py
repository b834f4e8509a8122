"""Operations over HTTP: what is no request, and clients that stall, cost nobody anything."""

import asyncio
import select
import socket

import pytest
from support.controlled import Room

from callrouter.api.http_service import AT_ONCE, MAX_BYTES
from callrouter.operations.operation import NoValues
from callrouter.operations.presence import list_presence
from callrouter.operations.running_server import show_status


async def served(room: Room) -> None:
    """The next one is served."""
    assert (await room.ask(show_status, NoValues())).numbers == 1


async def test_request_as_curl_makes_it_is_answered_in_json(room: Room) -> None:
    added = await room.http("POST", "/v1/blocks", b'{"caller": "5*", "seconds": 60}')
    assert (added.status, added.body["callers"]) == (200, ["+865*", "5*"])
    listed = await room.http("GET", "/v1/blocks?caller=5*&most=1")
    assert (listed.status, listed.body["all"]) == (200, 2)
    removed = await room.http("DELETE", "/v1/blocks?caller=5*")
    assert removed.body == {"number": "", "callers": ["+865*", "5*"]}
    again = await room.http("DELETE", "/v1/blocks?caller=5*")
    assert (again.status, again.body) == (
        404,
        {"code": "not_found", "error": "5* is not blocked at all numbers"},
    )
    said = "the dialplan has no schedule closed; it has: office"
    override = await room.http("PUT", "/v1/overrides/closed", b'{"open": true}')
    assert override.body == {"code": "not_found", "error": said}


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "error"),
    [
        ("GET", "/v1/moon", b"", 404, "no such operation: GET /v1/moon"),
        ("GET", "/", b"", 404, "no such operation: GET /"),
        ("PATCH", "/v1/blocks", b"", 405, "no such operation: PATCH /v1/blocks"),
        ("POST", "/v1/blocks", b"", 400, "not a request: caller: Field required"),
        ("POST", "/v1/blocks", b"moon", 400, "not JSON: "),
        ("POST", "/v1/blocks", b"\xff\xfe", 400, "not JSON: "),
        ("POST", "/v1/blocks", b"[" * 10_000, 400, "not JSON: "),
        ("POST", "/v1/blocks", b"[]", 400, "expected a JSON object"),
        ("POST", "/v1/blocks", b'{"caller": ""}', 400, "not a request: caller: String should"),
        ("POST", "/v1/blocks", b'{"caller": 5}', 400, "not a request: caller: Input should"),
        ("POST", "/v1/blocks", b'{"caller": "1", "x": 1}', 400, "not a request: x: Extra"),
        ("POST", "/v1/blocks", b"x" * (MAX_BYTES + 1), 413, "the request is longer than"),
        ("GET", "/v1/calls?most=many", b"", 400, "not a request: most: Input should"),
        ("GET", "/v1/calls?most=100000", b"", 400, "not a request: most: Input should"),
        ("GET", "/v1/status?more=1", b"", 400, "not a request: more: Extra inputs"),
        ("PUT", "/v1/overrides/office", b'{"open": 1}', 400, "not a request: open: Input"),
        ("PUT", "/v1/bans/", b"", 404, "no such operation"),
        ("GET", f"/v1/blocks?caller={'1' * 9000}", b"", 400, "not HTTP"),
    ],
)
async def test_what_is_no_request_is_said_to_be_none_and_the_next_one_is_served(
    room: Room, method: str, target: str, body: bytes, status: int, error: str
) -> None:
    answered = await room.http(method, target, body)
    assert (answered.status, answered.body["error"][: len(error)]) == (status, error)
    assert answered.body["code"] == ("malformed" if status in {400, 413} else "no_such_operation")
    assert answered.body.get("expected", "") in answered.body["error"]
    await served(room)


@pytest.mark.parametrize(
    "sent",
    [
        b'{"do": "status"}\n',
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 is what TLS begins with\r\n\r\n",
        b"GET /v1/status HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"POST /v1/reload HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /v1/blocks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nmoon\r\n",
        b"GET /v1/status HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"\r\n" * 3 + b"\0" * 10_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_and_is_no_fault_of_ours(
    room: Room, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    answered = await room.raw(sent)
    assert (answered.status, answered.body["code"]) == (400, "malformed")
    await served(room)
    assert capfd.readouterr().err == ""


async def test_fault_of_ours_is_told_and_answered_and_the_next_one_is_served(room: Room) -> None:
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    room.broken = True
    answered = await room.http("GET", "/v1/media")
    assert (answered.status, answered.body["code"]) == (500, "internal")
    assert [str(context["exception"]) for context in told] == ["a bug"]
    room.broken = False
    await served(room)


async def test_connections_that_say_nothing_keep_nobody_out_and_are_closed(room: Room) -> None:
    silent = [await asyncio.open_unix_connection(str(room.path)) for _ in range(50)]
    for _, writer in silent[:25]:
        writer.write(b"GET /v1/status HT")
    await served(room)
    async with asyncio.timeout(15):
        assert {await reader.read() for reader, _ in silent} == {b""}
    for _, writer in silent:
        writer.close()


async def test_more_requests_at_once_than_are_taken_get_503_until_some_have_ended(
    room: Room,
) -> None:
    room.reloads.clear()
    waiting = [asyncio.create_task(room.http("POST", "/v1/reload")) for _ in range(AT_ONCE - 1)]
    await room.reload_began.wait()
    stalled, writer = await asyncio.open_unix_connection(str(room.path))
    writer.write(b"POST /v1/blocks HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(5):
        refused = await room.http("GET", "/v1/status")
        while refused.status == 200:  # not all of them have come yet
            refused = await room.http("GET", "/v1/status")
    assert (refused.status, refused.body) == (
        503,
        {"code": "unavailable", "error": "too many commands at the same time"},
    )
    async with asyncio.timeout(15):
        answered = await stalled.read()
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert b"no whole request came within 5 s" in answered
    writer.close()
    await served(room)
    room.reloads.set()
    assert {(await task).body["code"] for task in waiting} == {"dialplan_mistakes"}  # no file


async def test_client_that_does_not_read_is_dropped(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callrouter.api.http_service._WRITE_SECONDS", 0.5)
    for number in range(1000):
        room.memory.presence.leave(str(number), "on leave" * 200)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(room.path))
        client.send(b"GET /v1/presence HTTP/1.1\r\nHost: a\r\n\r\n")
        poll = select.poll()
        poll.register(client, select.POLLHUP)
        await served(room)
        assert await asyncio.to_thread(poll.poll, 10_000) == [(client.fileno(), select.POLLHUP)]
    assert len((await room.ask(list_presence, NoValues())).away) == 1000
