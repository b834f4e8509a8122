"""Operations over HTTP: what is no request, and clients that stall, cost nobody anything."""

import asyncio
import select
import socket
import time
from typing import Final

import orjson
import pytest
from support.controlled import Room
from support.polling import PATIENCE

from callrouter.api.http_service import _READ_SECONDS
from callrouter.api.request_reading import MAX_BYTES
from callrouter.api.routes import AT_ONCE
from callrouter.operations.operation import NoValues
from callrouter.operations.presence import list_presence
from callrouter.operations.running_server import show_status

TEXT: Final = "text of 1 to 200 characters"
COUNT: Final = "a whole number from 1 to 1000"


async def served(room: Room) -> None:
    """The next one is served."""
    assert (await room.ask(show_status, NoValues())).numbers == 1


async def test_request_as_curl_makes_it_is_answered_in_json(room: Room) -> None:
    added = await room.http("POST", "/v1/blocks", b'{"caller": "5*", "seconds": 60}')
    assert (added.status, added.body["callers"]) == (200, ["+865*", "5*"])
    listed = await room.http("GET", "/v1/blocks?caller=5*&most=1")
    assert (listed.status, listed.body["all"]) == (200, 2)
    removed = await room.http("DELETE", "/v1/blocks?caller=5*")
    assert removed.body == {"number": "", "callers": ["+865*", "5*"], "kept": True}
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
        ("POST", "/v1/blocks", b"", 400, f"caller: expected {TEXT}, found nothing"),
        ("POST", "/v1/blocks", b"moon", 400, "the body: expected JSON: "),
        ("POST", "/v1/blocks", b"\xff\xfe", 400, "the body: expected JSON: "),
        ("POST", "/v1/blocks", b"[" * 10_000, 400, "the body: expected JSON: "),
        ("POST", "/v1/blocks", b"[]", 400, "the body: expected a JSON object, found an empty list"),
        ("POST", "/v1/blocks", b'{"caller": ""}', 400, f"caller: expected {TEXT}, found ''"),
        ("POST", "/v1/blocks", b'{"caller": 5}', 400, f"caller: expected {TEXT}, found 5"),
        ("POST", "/v1/blocks", b'{"caller": null}', 400, f"caller: expected {TEXT}, found nothing"),
        (
            "POST",
            "/v1/blocks",
            b'{"caller": "1", "seconds": "5"}',
            400,
            "seconds: expected seconds, more than 0 and at most 316224000, found '5'",
        ),
        (
            "POST",
            "/v1/blocks",
            b'{"caller": "1", "x": 1}',
            400,
            "no value is named 'x'; expected one of 'caller', 'number', 'seconds'",
        ),
        (
            "POST",
            "/v1/blocks?number=4000",
            b'{"caller": "1"}',
            400,
            "the query: expected nothing there, in a POST",
        ),
        ("POST", "/v1/blocks", b"x" * (MAX_BYTES + 1), 413, "the body: expected 16384 bytes at"),
        ("GET", "/v1/calls?most=many", b"", 400, f"most: expected {COUNT}, found 'many'"),
        ("GET", "/v1/calls?most=100000", b"", 400, f"most: expected {COUNT}, found '100000'"),
        ("GET", "/v1/calls?most=1&most=2", b"", 400, "most: expected one value, found more"),
        ("GET", "/v1/status?more=1", b"", 400, "no value is named 'more'; expected no values"),
        (
            "DELETE",
            "/v1/blocks?caller=1",
            b'{"number": "4000"}',
            400,
            "the body: expected nothing there, in a DELETE",
        ),
        ("PUT", "/v1/overrides/office", b'{"open": 1}', 400, "open: expected true or false, found"),
        (
            "PUT",
            "/v1/overrides/office",
            b'{"open": true, "schedule": "moon"}',
            400,
            "schedule: expected one value, found more",
        ),
        (
            "PUT",
            "/v1/overrides/office",
            b'{"open": true, "until": -5}',
            400,
            "until: expected Unix seconds up to 1099511627776, 0 for no end, found -5",
        ),
        ("PUT", f"/v1/presence/{'8' * 201}", b"", 400, f"extension: expected {TEXT}, found '88"),
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


@pytest.mark.parametrize("rows", ["", "Expect: 100-continue\r\n"])
@pytest.mark.parametrize("asked", ["POST /v1/blocks", "GET /v1/status", "DELETE /v1/drain"])
async def test_body_that_is_announced_as_too_long_is_not_waited_for(
    room: Room, asked: str, rows: str
) -> None:
    head = f"{asked} HTTP/1.1\r\nHost: a\r\n{rows}Content-Length: 99000000000\r\n\r\n"
    reader, writer = await asyncio.open_unix_connection(str(room.path))
    writer.write(head.encode())
    async with asyncio.timeout(_READ_SECONDS / 2):
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await served(room)


async def test_body_that_is_announced_is_asked_for(room: Room) -> None:
    reader, writer = await asyncio.open_unix_connection(str(room.path))
    body = b'{"caller": "4001"}'
    head = "POST /v1/blocks HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_compressed_body_is_refused_and_not_taken_for_what_comes_of_it(room: Room) -> None:
    head = "POST /v1/blocks HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 4"
    answered = await room.raw(head.encode() + b"\r\n\r\n\x1f\x8b\x08\0")
    assert (answered.status, answered.body["code"]) == (415, "malformed")
    assert answered.body["error"] == "the body: expected no Content-Encoding, found 'gzip'"


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"GET /v1/status HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""),
        (
            b'POST /v1/blocks HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\n{"caller": "4001"}',
            200,
            "",
        ),
        (
            b'POST /v1/blocks HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"caller": "4001"}',
            400,
            "the body: expected all of it, found its end before",
        ),
        (
            b"POST /v1/blocks HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
            400,
            "the body: expected all of it, found its end before",
        ),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
async def test_client_that_has_closed_its_half_is_answered(
    room: Room,
    sent: bytes,
    status: int,
    said: str,
    at_once: bool,
    capfd: pytest.CaptureFixture[str],
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(room.path))
    writer.write(sent)
    if not at_once:
        await served(room)
    writer.write_eof()
    async with asyncio.timeout(_READ_SECONDS / 2):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert orjson.loads(body).get("error", "") == said
    writer.close()
    await served(room)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("sent", [b"", b"GET /v1/st"])
async def test_client_that_leaves_without_a_request_is_let_go_at_once(
    room: Room, sent: bytes
) -> None:
    reader, writer = await asyncio.open_unix_connection(str(room.path))
    writer.write(sent)
    writer.write_eof()
    async with asyncio.timeout(_READ_SECONDS / 2):
        assert await reader.read() == b""
    writer.close()


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


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests have a second to come."""
    monkeypatch.setattr("callrouter.api.http_service._READ_SECONDS", 1.0)


@pytest.mark.parametrize("already", [0, 60])
async def test_time_in_which_the_loop_stood_still_is_not_the_clients(
    hasty: None, room: Room, already: int
) -> None:
    body = b'{"caller": "4001"}'
    head = f"POST /v1/blocks HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    whole = head.encode() + body
    reader, writer = await asyncio.open_unix_connection(str(room.path))
    writer.write(whole[:already])
    await served(room)  # it was accepted, and what was sent is read
    time.sleep(1.2)  # noqa: ASYNC251  # nothing runs, the clock goes on
    await served(room)  # all that is late by the clock has been looked at
    writer.write(whole[already:])
    async with asyncio.timeout(PATIENCE):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_body_that_does_not_come_is_waited_for_as_long_as_a_request(
    hasty: None, room: Room
) -> None:
    answered = await room.raw(b"POST /v1/blocks HTTP/1.1\r\nHost: a\r\nContent-Length: 18\r\n\r\n{")
    assert (answered.status, answered.body["error"]) == (
        400,
        "no whole request came within 1 s",
    )
    await served(room)


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
