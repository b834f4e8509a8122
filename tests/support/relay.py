"""A UDP path that loses datagrams, in both directions, by a seeded die."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Self, cast

Address = tuple[str, int]


class Relay:
    """Stands between phones and callrouter, which sees the phones at the relay's outer port.

    outer, inner: the ports that callrouter and the phones send to. phones: where they are, set by
    their owner. dropped, passed: datagrams.
    """

    def __init__(self, server: Address, loss: float, seed: int) -> None:
        self.phones: Address = server
        self.dropped = 0
        self.passed = 0
        self._server = server
        self._loss = loss
        self._in = Random(seed)
        self._out = Random(seed + 1)

    @classmethod
    async def open(cls, server: Address, loss: float, seed: int, port: int) -> Self:
        """Open both sides. loss: the share to drop. port: the outer one, 0 for any."""
        relay = cls(server, loss, seed)
        relay._outside = await _Side.open(port, relay._inward)
        relay._inside = await _Side.open(0, relay._outward)
        return relay

    @property
    def outer(self) -> int:
        """The port that stands for the phones."""
        return self._outside.port

    @property
    def inner(self) -> int:
        """The port that stands for callrouter."""
        return self._inside.port

    async def close(self) -> None:
        """Close both sides."""
        self._outside.close()
        self._inside.close()

    _outside: "_Side"
    _inside: "_Side"

    def _inward(self, data: bytes) -> None:
        if self._survives(self._in):
            self._inside.send(data, self.phones)

    def _outward(self, data: bytes) -> None:
        if self._survives(self._out):
            self._outside.send(data, self._server)

    def _survives(self, die: Random) -> bool:
        survives = die.random() >= self._loss
        self.passed += survives
        self.dropped += not survives
        return survives


class _Side(asyncio.DatagramProtocol):
    """One socket of the relay."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self.port = 0

    @classmethod
    async def open(cls, port: int, take: Callable[[bytes], None]) -> Self:
        loop = asyncio.get_running_loop()
        _, side = await loop.create_datagram_endpoint(
            lambda: cls(take), local_addr=("127.0.0.1", port)
        )
        return side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, _address: Address) -> None:
        self._take(data)

    def send(self, data: bytes, to: Address) -> None:
        self._transport.sendto(data, to)

    def close(self) -> None:
        self._transport.close()
