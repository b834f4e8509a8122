"""The tap of raw messages: what one end shows as sent the other shows as come, however carried."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from support.edge import OURS, Authority
from support.polling import PATIENCE

from callrouter.net.transport.connection_limits import StreamLimits
from callrouter.net.transport.driver import Driver, Tap
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tls import Certificate, Tls, TlsOptions
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response
from callrouter.sip.stack import Stack

HOST = "127.0.0.1"


@dataclass
class Shown:
    """A message, as a tap was shown it."""

    sent: bool
    flow: Flow
    data: bytes

    @property
    def local(self) -> tuple[str, int]:
        return self.flow.local_host, self.flow.local_port


class End:
    """A stack on real sockets, and what its tap has shown. final: responses to its requests."""

    def __init__(self, tls: Tls) -> None:
        self.loop = asyncio.get_running_loop()
        self.listeners = Listeners(StreamLimits(), tls)
        self.stack = Stack(Tokens(), self.listeners.connect)
        self.stack.core = self
        self.bugs: list[Exception] = []
        self.driver = Driver(self.loop, self.stack, self.bugs.append)
        self.shown: list[Shown] = []
        self.driver.taps = (self.show,)
        self.final: asyncio.Queue[int] = asyncio.Queue()

    def on_request(self, request: Request, flow: Flow) -> None:
        self.stack.reply(request, flow, 200)

    def on_response(self, _tx: object, response: Response) -> None:
        self.final.put_nowait(response.status)

    def on_failure(self, _tx: object, status: int) -> None:
        self.final.put_nowait(status)

    def show(self, sent: bool, flow: Flow, data: bytes) -> None:
        self.shown.append(Shown(sent, flow, data))

    async def ask(self, transport: str, port: int) -> int:
        """Send OPTIONS; its final status."""

        def send() -> None:
            flow = self.stack.connect(transport, HOST, port)
            branch = self.stack.branch()
            self.stack.request(flow, branch, options(flow, branch), self)

        self.driver.step(send)
        async with asyncio.timeout(PATIENCE):
            return await self.final.get()

    def close(self) -> None:
        self.listeners.close()
        self.driver.close()


def options(flow: Flow, branch: str) -> bytes:
    return (
        f"OPTIONS sip:{HOST} SIP/2.0\r\n"
        f"Via: SIP/2.0/{flow.transport} {flow.sent_by};branch={branch};rport\r\n"
        f"From: <sip:a@{HOST}>;tag=1\r\nTo: <sip:b@{HOST}>\r\nCall-ID: {branch}@{HOST}\r\n"
        "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


@pytest_asyncio.fixture
async def ends(tmp_path: Path) -> AsyncIterator[tuple[End, End]]:
    authority = Authority(tmp_path)
    own = Certificate(*authority.issue("own", *OURS))
    tls = Tls(TlsOptions(own, {}, authority.file, "none", "1.2"))
    ours, theirs = End(tls), End(tls)
    yield ours, theirs
    for end in (ours, theirs):
        end.close()
        assert end.bugs == []


@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS"])
async def test_each_message_is_shown_once_with_its_way_and_its_bytes(
    ends: tuple[End, End], transport: str
) -> None:
    ours, theirs = ends
    here = await ours.listeners.listen(ours.driver, transport.lower(), HOST, 0)
    there = await theirs.listeners.listen(theirs.driver, transport.lower(), HOST, 0)
    for _ in range(3):
        assert await ours.ask(transport, there) == 200
    assert [message.sent for message in ours.shown] == [True, False] * 3
    assert [message.sent for message in theirs.shown] == [False, True] * 3
    for mine, its in zip(ours.shown, theirs.shown, strict=True):
        assert mine.data == its.data
        assert mine.data.startswith((b"OPTIONS ", b"SIP/2.0 200 "))
        assert mine.flow.transport == its.flow.transport == transport
        assert (mine.local, mine.flow.address) == ((HOST, here), (HOST, there))
        assert its.local == (HOST, there)
        # By streams it is the port of the connection.
        assert its.flow.address[0] == HOST
        assert (its.flow.address[1] == here) == (transport == "UDP")


async def test_what_is_no_sip_is_shown_as_it_came(ends: tuple[End, End]) -> None:
    ours, _ = ends
    port = await ours.listeners.listen(ours.driver, "udp", HOST, 0)
    came = asyncio.Event()
    ours.driver.taps = (*ours.driver.taps, lambda *_: came.set())
    transport, _ = await ours.loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=(HOST, port)
    )
    transport.sendto(b"this is no message\x00\xff")
    async with asyncio.timeout(PATIENCE):
        await came.wait()
    assert [message.data for message in ours.shown] == [b"this is no message\x00\xff"]
    transport.close()


@pytest.mark.parametrize("broken", ["before", "after"])
async def test_tap_that_fails_hurts_no_message_and_no_other_tap(
    ends: tuple[End, End], broken: str
) -> None:
    ours, theirs = ends

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    shows: Tap = ours.show
    ours.driver.taps = (fail, shows) if broken == "before" else (shows, fail)
    await ours.listeners.listen(ours.driver, "udp", HOST, 0)
    there = await theirs.listeners.listen(theirs.driver, "udp", HOST, 0)
    assert await ours.ask("UDP", there) == 200
    assert len(ours.shown) == 2
    assert [str(bug) for bug in ours.bugs] == ["a bug", "a bug"]
    ours.bugs.clear()
