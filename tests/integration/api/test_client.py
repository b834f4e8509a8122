"""The client against servers of other versions, and against those that do not answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from callrouter.api.client import PRODUCT, AskedError, ControlError, ask
from callrouter.operations.operation import NoValues
from callrouter.operations.running_server import DrainStatus, start_drain


@asynccontextmanager
async def server(path: Path, answer: bytes) -> AsyncIterator[None]:
    """One that gives the same answer to every request with an empty object."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(answer)
        if answer:
            writer.close()

    async with await asyncio.start_unix_server(serve, str(path)):
        yield


def http(status: int, body: bytes, product: str = "callrouter/9.9.9") -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\nServer: {product}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def asked(path: Path, answer: bytes, seconds: float = 10.0) -> DrainStatus:
    async with server(path, answer):
        return await asyncio.to_thread(ask, path, start_drain, NoValues(), seconds)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b'{"ok":false,"error":"not a request: : Invalid JSON"}\n', "one that does not speak HTTP"),
        (b"moon\r\n\r\n", "one that does not speak HTTP"),
        (http(200, b'{"draining": true}'), "callrouter/9.9.9"),
        (http(200, b"[]"), "callrouter/9.9.9"),
        (http(404, b"Not found", "nginx"), "nginx"),
        (
            http(
                404, b'{"code": "no_such_operation", "error": "no such operation: PUT /v1/drain"}'
            ),
            "callrouter/9.9.9 and said: no such operation: PUT /v1/drain",
        ),
        (
            http(400, b'{"code": "malformed", "error": "not a request: by: Field required"}'),
            "callrouter/9.9.9 and said: not a request: by: Field required",
        ),
    ],
)
async def test_server_of_another_version_is_named_with_what_it_said(
    tmp_path: Path, answer: bytes, found: str
) -> None:
    path = tmp_path / "s.sock"
    with pytest.raises(ControlError) as error:
        await asked(path, answer)
    assert str(error.value) == (
        f"the callrouter at {path} is of another version than this command, {PRODUCT}: "
        f"it is {found}"
    )


async def test_newer_server_that_says_more_is_understood(tmp_path: Path) -> None:
    answer = http(200, b'{"draining": true, "calls": 3, "longest": {"seconds": 5}}')
    assert (await asked(tmp_path / "s.sock", answer)).calls == 3
    refusal = http(409, b'{"code": "some_new_one", "error": "not now", "when": 5}')
    with pytest.raises(AskedError, match="not now"):
        await asked(tmp_path / "s.sock", refusal)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"])
async def test_server_that_does_not_answer_is_said_to_be_one(tmp_path: Path, answer: bytes) -> None:
    path = tmp_path / "s.sock"
    with pytest.raises(ControlError, match=f"the callrouter at {path} did not answer"):
        await asked(path, answer, 0.5)
