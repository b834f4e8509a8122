"""The listener for our own workers: who is reached from there, and who is refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from support.polling import PATIENCE

from callrouter.errors import SipError
from callrouter.net.transport.core_filter import CoreFilter
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack

INVITE = (
    "INVITE sip:4000@127.0.0.1 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK1\r\n"
    "From: <sip:worker@127.0.0.1>;tag=1\r\n"
    "To: <sip:4000@127.0.0.1>\r\n"
    "Call-ID: 1\r\n"
    "CSeq: 1 INVITE\r\n"
    "Max-Forwards: 70\r\n"
    "Content-Length: 0\r\n\r\n"
)


class Behind:
    """A core that answers 480 to all."""

    def on_request(self, request: Request, flow: Flow) -> None:
        raise SipError("nobody is here", 480)


class Peer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.answers.put_nowait(data)


class Net:
    """Listeners, and a peer on loopback."""

    def __init__(self) -> None:
        self.listeners = Listeners()
        self.stack = Stack(Tokens(), self.listeners.connect)
        self.bugs: list[Exception] = []
        self.driver = Driver(asyncio.get_running_loop(), self.stack, self.bugs.append)
        self.stack.core = CoreFilter(Behind(), self.listeners, self.stack)

    async def answer(self, port: int) -> bytes:
        """The first line of what an INVITE to a port of 127.0.0.1 is answered with."""
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_datagram_endpoint(
            Peer, local_addr=("127.0.0.1", 0), remote_addr=("127.0.0.1", port)
        )
        own = transport.get_extra_info("sockname")[1]
        transport.sendto(INVITE.format(port=own).encode())
        data = await asyncio.wait_for(peer.answers.get(), PATIENCE)
        transport.close()
        return data.partition(b"\r\n")[0]


@pytest.fixture
async def net() -> AsyncIterator[Net]:
    opened = Net()
    yield opened
    opened.driver.close()
    opened.listeners.close()
    assert opened.bugs == []


async def test_worker_is_reached_from_the_inner_listener_when_no_other_is_on_loopback(
    net: Net,
) -> None:
    await net.listeners.listen(net.driver, "udp", "::1", 0)
    with pytest.raises(SipError):
        net.listeners.connect("UDP", "127.0.0.1", 5090)
    await net.listeners.listen_inside(net.driver)
    flow = net.listeners.connect("UDP", "127.0.0.1", 5090)
    assert flow.local_host == "127.0.0.1"
    assert net.listeners.is_inside(flow)
    assert not net.listeners.is_inside(net.listeners.connect("UDP", "::1", 5090))
    with pytest.raises(SipError):
        net.listeners.connect("UDP", "192.0.2.1", 5090)


async def test_listener_that_is_on_loopback_already_is_used(net: Net) -> None:
    await net.listeners.listen_inside(net.driver)
    port = await net.listeners.listen(net.driver, "udp", "127.0.0.1", 0)
    assert net.listeners.connect("UDP", "127.0.0.1", 5090).local_port == port


async def test_call_that_begins_inside_is_refused_and_others_pass(net: Net) -> None:
    await net.listeners.listen_inside(net.driver)
    inner = net.listeners.connect("UDP", "127.0.0.1", 5090).local_port
    outer = await net.listeners.listen(net.driver, "udp", "127.0.0.1", 0)
    assert await net.answer(inner) == b"SIP/2.0 403 Forbidden"
    assert await net.answer(outer) == b"SIP/2.0 480 Temporarily Unavailable"


async def test_workers_are_told_of_each_listener_that_they_may_be_dialled_from(net: Net) -> None:
    await net.listeners.listen_inside(net.driver)
    inner = net.listeners.connect("UDP", "127.0.0.1", 5090).local_port
    port = await net.listeners.listen(net.driver, "udp", "127.0.0.1", 0)
    others = [("udp", "192.0.2.1", 5060), ("udp", "::1", 5060), ("tcp", "127.0.0.1", 5062)]
    told = net.listeners.towards_workers([*others, ("udp", "127.0.0.1", port)])
    assert told == [("127.0.0.1", inner), ("127.0.0.1", port)]
    assert ("127.0.0.1", net.listeners.connect("UDP", "127.0.0.1", 5090).local_port) in told
