"""Operations over HTTP on the socket of a running server, as curl asks for them, beside calls."""

import asyncio
import json
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.phones import Phones
from support.ports import free_port
from support.serving import Serving, lay_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

_CALLS = 150
_RATE = 50.0


class Up(NamedTuple):
    """A callrouter, its socket, and phones that call and answer."""

    serving: Serving
    socket: Path
    callers: Phones

    async def ask(self, method: str, target: str, value: object = None) -> tuple[int, Any]:
        """Make one request; its status and the JSON that came."""
        body = b"" if value is None else json.dumps(value).encode()
        reader, writer = await asyncio.open_unix_connection(str(self.socket))
        head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
        writer.write(f"{head}\r\n\r\n".encode() + body)
        async with asyncio.timeout(30):
            told, _, answer = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        return int(told.split()[1]), json.loads(answer)

    async def call(self) -> int:
        """Make a call to its end; the status it got."""
        outcome = self.callers.call("6000", 0.0)
        await outcome.over.wait()
        return outcome.status


@asynccontextmanager
async def up(folder: Path) -> AsyncIterator[Up]:
    port = free_port()
    place = lay_out(
        folder,
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.1]}}\n"
        f"targets: {{a: {{uri: 'sip:a@127.0.0.1:{port}'}}}}\n"
        "numbers: {'6000': {route: [{hunt: [a]}]}}\n",
    )
    serving = await Serving.start(place)
    server = ("127.0.0.1", place.port)
    callers, callees = await Phones.open(server), await Phones.open(server, port)
    try:
        yield Up(serving, folder / "var" / "callrouter.sock", callers)
    finally:
        await callers.close()
        await callees.close()
        await serving.stop()


async def test_what_is_asked_over_http_holds_for_the_next_call(tmp_path: Path) -> None:
    async with up(tmp_path) as it:
        assert stat.S_IMODE(it.socket.stat().st_mode) == 0o600
        assert await it.call() == 200
        caller = (await it.serving.record("6000"))["caller"]
        assert await it.ask("POST", "/v1/blocks", {"caller": caller}) == (
            200,
            {"number": "", "callers": [caller], "until": 0.0, "kept": True},
        )
        assert await it.call() == 403
        assert (await it.ask("DELETE", f"/v1/blocks?caller={caller}"))[0] == 200
        assert await it.call() == 200
        held = it.callers.call("6000", 60.0)
        await held.answered.wait()
        status, answer = await it.ask("GET", "/v1/calls")
        (call,) = answer["calls"]
        assert (status, answer["all"], call["called"], call["state"]) == (
            200,
            1,
            "6000",
            "answered",
        )
        plan = tmp_path / "dialplan.yaml"
        plan.write_text(plan.read_text().replace("hunt: [a]", "hunt: [b]"))
        status, problem = await it.ask("POST", "/v1/reload")
        assert (status, problem["code"]) == (409, "dialplan_mistakes")
        assert "no target is named 'b'" in problem["diagnostics"][0]
        assert not held.over.is_set()


async def closed(reader: asyncio.StreamReader) -> None:
    """Read until the server has closed, be it before it read what was sent."""
    with suppress(OSError):
        await reader.read()


async def test_stalled_and_senseless_clients_cost_neither_calls_nor_operators(
    tmp_path: Path,
) -> None:
    async with up(tmp_path) as it:
        load = asyncio.create_task(it.callers.calls("6000", _CALLS, _RATE, 0.1))
        clients = [await asyncio.open_unix_connection(str(it.socket)) for _ in range(200)]
        for index, (_, writer) in enumerate(clients):
            writer.write((b"", b"GET /v1/calls HT", b"\0" * 20_000, b"moon\r\n\r\n")[index % 4])
        assert (await it.ask("GET", "/v1/status"))[0] == 200
        assert {(made.status, made.closed) for made in await load} == {(200, True)}
        async with asyncio.timeout(30):  # each is answered or closed, without having asked
            await asyncio.gather(*(closed(reader) for reader, _ in clients))
        for _, writer in clients:
            writer.close()
        assert (await it.ask("GET", "/v1/status"))[0] == 200
        assert "Traceback" not in it.serving.log()
        assert "event loop error" not in it.serving.log()


async def test_drain_over_http_ends_the_server_with_its_last_call(tmp_path: Path) -> None:
    async with up(tmp_path) as it:
        held = it.callers.call("6000", 3.0)
        await held.answered.wait()
        assert await it.ask("PUT", "/v1/drain") == (200, {"draining": True, "calls": 1})
        assert await it.call() == 503
        await held.over.wait()
        assert await it.serving.ended() == 0
        assert not it.socket.exists()


async def test_socket_of_a_killed_server_is_taken_over(tmp_path: Path) -> None:
    async with up(tmp_path) as it:
        it.serving.signal(signal.SIGKILL)
        await it.serving.ended()
        assert it.socket.is_socket()
        again = await Serving.start(it.serving.place)
        try:
            assert (await it.ask("GET", "/v1/status"))[0] == 200
        finally:
            await again.stop()
