"""A connection of ours that its peer closes while nobody uses it costs no call."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from support.edge import OURS, Authority, Edge, talk
from support.polling import PATIENCE
from support.stream_phone import StreamPhone

from callrouter.net.transport.connection_limits import StreamLimits
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tls import Certificate, Tls, TlsOptions
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.sip.flow import Flow
from callrouter.sip.message import Response
from callrouter.sip.stack import Stack

HOST = "127.0.0.1"


class Heard:
    """Who sent a request: told what became of it, a status or "failed STATUS"."""

    def __init__(self) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_response(self, _tx: object, response: Response) -> None:
        if response.status >= 200:
            self.over.set_result(str(response.status))

    def on_failure(self, _tx: object, status: int) -> None:
        self.over.set_result(f"failed {status}")


class Line:
    """A stack of ours and a peer that it is connected to, both in this process.

    So the peer can close in the very moment that we send: before the loop comes round.
    """

    def __init__(self, transport: str, authority: Authority) -> None:
        own = Certificate(*authority.issue("own", *OURS))
        tls = Tls(TlsOptions(own, {}, authority.file, "none", "1.2"))
        self.listeners = Listeners(StreamLimits(), tls)
        self.stack = Stack(Tokens(), self.listeners.connect)
        self.driver = Driver(asyncio.get_running_loop(), self.stack, self._bug)
        self._transport = transport
        self._context = authority.server(HOST) if transport == "TLS" else None

    async def open(self) -> None:
        port = await self.listeners.listen(self.driver, self._transport.lower(), HOST, 0)
        self.peer = await StreamPhone.listen(HOST, 0, (HOST, port), self._context)
        self._there = self.peer.listening_at

    async def close(self) -> None:
        self.listeners.close()
        self.driver.close()
        await self.peer.close()

    def ask(self) -> Heard:
        """Send a request."""
        heard = Heard()
        self.stack.now = asyncio.get_running_loop().time()
        flow = self.stack.connect(self._transport, HOST, self._there)
        branch = self.stack.branch()
        self.stack.request(flow, branch, _options(flow, branch), heard)
        self.driver.flush()
        return heard

    async def use(self) -> None:
        """Send a request that is answered."""
        heard = self.ask()
        self.peer.reply(await self.peer.expect("OPTIONS"), 200)
        assert await asyncio.wait_for(heard.over, PATIENCE) == "200"

    def _bug(self, error: Exception) -> None:
        raise AssertionError from error


def _options(flow: Flow, branch: str) -> bytes:
    return (
        f"OPTIONS sip:a@{HOST} SIP/2.0\r\n"
        f"Via: SIP/2.0/{flow.transport} {flow.sent_by};branch={branch}\r\n"
        f"From: <sip:us@{HOST}>;tag=us\r\nTo: <sip:a@{HOST}>\r\nCall-ID: {branch}\r\n"
        "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest_asyncio.fixture(params=["TCP", "TLS"])
async def line(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Line]:
    made = Line(request.param, Authority(tmp_path))
    await made.open()
    yield made
    await made.close()


async def test_request_on_a_connection_that_is_just_closed_goes_over_a_new_one(line: Line) -> None:
    await line.use()
    line.peer.links[0].transport.abort()
    heard = line.ask()
    line.peer.reply(await line.peer.expect("OPTIONS"), 200)
    assert await asyncio.wait_for(heard.over, PATIENCE) == "200"
    assert len(line.peer.links) == 2
    assert line.stack.clients == {}


async def test_request_that_was_read_and_not_answered_comes_twice_and_never_again(
    line: Line,
) -> None:
    await line.use()
    heard = line.ask()
    first = await line.peer.expect("OPTIONS")
    await line.peer.hang_up_the_line()
    await line.peer.copies(first, 2)
    await line.peer.hang_up_the_line()
    assert await asyncio.wait_for(heard.over, PATIENCE) == "failed 503"
    assert (len(line.peer.links), line.peer.count(first)) == (2, 2)


async def test_peer_that_is_gone_for_good_fails_at_once(line: Line) -> None:
    await line.use()
    await line.peer.close()
    assert await asyncio.wait_for(line.ask().over, PATIENCE) == "failed 503"


async def test_closing_everything_opens_nothing(line: Line) -> None:
    await line.use()
    heard = line.ask()
    await line.peer.expect("OPTIONS")
    line.listeners.close()
    assert await asyncio.wait_for(heard.over, PATIENCE) == "failed 503"
    assert len(line.peer.links) == 1


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("transport", "number"), [("tcp", "7005"), ("tls", "7007")])
async def test_call_right_after_its_target_has_closed_reaches_it(
    edge: Edge, transport: str, number: str
) -> None:
    callee = await edge.callee(transport)
    assert isinstance(callee, StreamPhone)
    try:
        for _ in range(5):
            caller = await edge.caller("udp")
            callee.call_id = ""
            await talk(caller, callee, number)
            await caller.close()
            callee.links[-1].transport.abort()
    finally:
        await callee.close()
