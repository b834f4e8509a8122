"""Which socket is used to send: the way to a place, connections that are shared, and lost ones."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.stream_phone import StreamPhone

from callrouter.errors import SipError
from callrouter.net.transport.connection_limits import StreamLimits
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.net.transport.udp import ListenError
from callrouter.sip.message import Response
from callrouter.sip.stack import Stack

HOST = "127.0.0.1"
BYE = "BYE sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n"


class Heard:
    """Who sent a request: told how it failed."""

    def __init__(self) -> None:
        self.failures: list[int] = []
        self.failed = asyncio.Event()

    def on_response(self, tx: object, response: Response) -> None:
        raise AssertionError(f"nobody answers here: {tx} {response}")

    def on_failure(self, _tx: object, status: int) -> None:
        self.failures.append(status)
        self.failed.set()


class Ours:
    """A stack with listeners."""

    def __init__(self) -> None:
        self.listeners = Listeners(StreamLimits(unsent=65_536))
        self.stack = Stack(Tokens(), self.listeners.connect)
        self.driver = Driver(asyncio.get_running_loop(), self.stack, self._bug)

    def _bug(self, error: Exception) -> None:
        raise AssertionError from error

    def bye(self, port: int, text: str = BYE) -> Heard:
        """Send a request by TCP."""
        heard = Heard()
        self.stack.now = asyncio.get_running_loop().time()
        flow = self.stack.connect("TCP", HOST, port)
        self.stack.request(flow, self.stack.branch(), text.encode(), heard)
        self.driver.flush()
        return heard


@pytest_asyncio.fixture
async def ours() -> AsyncIterator[Ours]:
    made = Ours()
    yield made
    made.listeners.close()
    made.driver.close()


async def test_listener_with_the_address_that_the_kernel_sends_from_is_used(ours: Ours) -> None:
    for host in ("127.0.0.2", "::1", HOST):
        for transport in ("udp", "tcp"):
            await ours.listeners.listen(ours.driver, transport, host, 0)
    for transport in ("UDP", "TCP"):
        assert ours.listeners.connect(transport, HOST, 5080).local_host == HOST
        assert ours.listeners.connect(transport, "::1", 5080).local_host == "::1"


async def test_place_that_no_listener_reaches_is_503(ours: Ours) -> None:
    await ours.listeners.listen(ours.driver, "udp", HOST, 0)
    for transport, host in (("TCP", HOST), ("TLS", HOST), ("UDP", "::1"), ("UDP", "pbx.test")):
        with pytest.raises(SipError) as caught:
            ours.listeners.connect(transport, host, 5080)
        assert caught.value.status == 503


async def test_port_that_is_taken_and_tls_without_a_certificate_are_named(ours: Ours) -> None:
    port = await ours.listeners.listen(ours.driver, "tcp", HOST, 0)
    with pytest.raises(ListenError, match=f"cannot listen on tcp:{HOST}:{port}"):
        await ours.listeners.listen(ours.driver, "tcp", HOST, port)
    with pytest.raises(ListenError, match="no certificate"):
        await ours.listeners.listen(ours.driver, "tls", HOST, 0)


async def test_requests_to_one_place_share_a_connection_and_fail_with_it(ours: Ours) -> None:
    port = await ours.listeners.listen(ours.driver, "tcp", HOST, 0)
    peer = await StreamPhone.listen(HOST, 0, (HOST, port))
    there = peer.listening_at
    first, second = ours.bye(there), ours.bye(there)
    await asyncio.wait_for(peer.connected.wait(), 25)
    assert len(peer.links) == 1
    await peer.hang_up_the_line()
    for heard in (first, second):
        await asyncio.wait_for(heard.failed.wait(), 25)
        assert heard.failures == [503]
    await peer.close()


async def test_request_to_who_refuses_the_connection_fails_at_once(ours: Ours) -> None:
    await ours.listeners.listen(ours.driver, "tcp", HOST, 0)
    with socket.socket() as nobody:
        nobody.bind((HOST, 0))
        heard = ours.bye(nobody.getsockname()[1])
        await asyncio.wait_for(heard.failed.wait(), 25)
    assert heard.failures == [503]


async def test_more_than_may_wait_for_a_connection_fails(ours: Ours) -> None:
    await ours.listeners.listen(ours.driver, "tcp", HOST, 0)
    with socket.socket() as silent:
        # Its queue is full, so the next one's SYN is never answered.
        silent.bind((HOST, 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        with socket.create_connection((HOST, port)), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex((HOST, port))
            heard = [ours.bye(port, BYE + "x" * 30_000) for _ in range(3)]
            await asyncio.wait_for(heard[2].failed.wait(), 25)
            assert heard[2].failures == [503]
