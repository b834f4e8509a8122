"""Keep-alives of our own connections, and the end of idle ones: short limits on real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from support.polling import PATIENCE
from support.stream_phone import StreamPhone

from callrouter.net.transport.connection_limits import StreamLimits
from callrouter.net.transport.driver import Driver
from callrouter.net.transport.listeners import Listeners
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.sip.stack import Stack

HOST = "127.0.0.1"


class Ours:
    """A stack with a TCP listener."""

    def __init__(self, limits: StreamLimits) -> None:
        self.listeners = Listeners(limits)
        self.stack = Stack(Tokens(), self.listeners.connect)
        self.bugs: list[Exception] = []
        self.driver = Driver(asyncio.get_running_loop(), self.stack, self.bugs.append)
        self.port = 0

    async def connect(self) -> StreamPhone:
        """A connection of ours to a peer, who is returned."""
        self.port = self.port or await self.listeners.listen(self.driver, "tcp", HOST, 0)
        phone = await StreamPhone.listen(HOST, 0, (HOST, self.port))
        self.listeners.connect("TCP", HOST, phone.listening_at)
        await asyncio.wait_for(phone.connected.wait(), PATIENCE)
        return phone


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[list[Ours]]:
    made: list[Ours] = []
    yield made
    for ours in made:
        ours.listeners.close()
        ours.driver.close()
        assert ours.bugs == []


async def test_idle_connection_is_dropped(opened: list[Ours]) -> None:
    ours = Ours(StreamLimits(idle=0.2))
    opened.append(ours)
    peer = await ours.connect()
    await asyncio.wait_for(peer.links[0].lost.wait(), PATIENCE)
    assert ours.listeners.turnstile.counts.idle == 1
    assert ours.listeners.turnstile.counts.open == 0
    await peer.close()


async def test_quiet_peer_is_pinged_and_need_not_answer_unless_it_did_before(
    opened: list[Ours],
) -> None:
    ours = Ours(StreamLimits(ping=0.1, pong=0.2))
    opened.append(ours)
    peer = await ours.connect()
    link = peer.links[0]
    # It never answers, so a ping is worth nothing; another one follows.
    while link.pongs < 4:
        link.pinged.clear()
        await asyncio.wait_for(link.pinged.wait(), PATIENCE)
    peer.raw(b"\r\n")
    await asyncio.wait_for(link.lost.wait(), PATIENCE)
    assert ours.listeners.turnstile.counts.idle == 1
    await peer.close()
