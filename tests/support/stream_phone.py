"""A scripted SIP peer on TCP or TLS: `Phone`, with connections instead of datagrams."""

import asyncio
import re
import ssl
from typing import Final, Self, cast

from support.phone import Phone

_LENGTH: Final = re.compile(rb"\r\nContent-Length: *([0-9]+)\r\n", re.IGNORECASE)


class StreamPhone(Phone):
    """One party. It calls over a connection of its own, or waits at its port to be called.

    links: its connections, oldest first; what is sent goes over the last one. secure: the SSL
    object of the last one, None on TCP.
    """

    def __init__(self, host: str, port: int, server: tuple[str, int]) -> None:
        super().__init__(host, port, server)
        self.via_transport = "TCP"
        self.links: list[Link] = []
        self.connected = asyncio.Event()
        self._listening: asyncio.Server | None = None

    @classmethod
    async def connect(
        cls,
        server: tuple[str, int],
        context: ssl.SSLContext | None = None,
        *,
        host: str = "",
        name: str | None = None,
        at: int = 0,
    ) -> Self:
        """Connect to callrouter. host: from where. name: to ask for by SNI. at: its own Via port.

        Raises OSError when there is no connection.
        """
        phone = cls(host or server[0], at, server)
        loop = asyncio.get_running_loop()
        if context is not None:
            phone.via_transport = "TLS"
        _, link = await loop.create_connection(
            lambda: Link(phone),
            *server,
            ssl=context,
            server_hostname=(name or server[0]) if context is not None else None,
            local_addr=(host, 0) if host else None,
        )
        phone.port = at or link.transport.get_extra_info("sockname")[1]
        phone._contact = phone.port
        return phone

    @classmethod
    async def listen(
        cls, host: str, port: int, server: tuple[str, int], context: ssl.SSLContext | None = None
    ) -> Self:
        """Wait to be called."""
        phone = cls(host, port, server)
        if context is not None:
            phone.via_transport = "TLS"
        loop = asyncio.get_running_loop()
        phone._listening = await loop.create_server(lambda: Link(phone), host, port, ssl=context)
        return phone

    @property
    def listening_at(self) -> int:
        """The port where it waits to be called."""
        assert self._listening is not None
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    def send(self, message: object) -> None:
        self.raw(message.render())  # type: ignore[attr-defined]  # a Message

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.links[-1].transport.write(data)

    async def hang_up_the_line(self) -> None:
        """Break the last connection."""
        link = self.links[-1]
        link.transport.abort()
        await link.lost.wait()

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.close()
        for link in self.links:
            link.transport.abort()


class Link(asyncio.Protocol):
    """One connection. lost: it is gone. pongs: single line breaks that came between messages."""

    def __init__(self, phone: StreamPhone) -> None:
        self._phone = phone
        self._buffer = b""
        self.lost = asyncio.Event()
        self.pongs = 0
        self.pinged = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._phone.links.append(self)
        self._phone.connected.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            if self._buffer.startswith(b"\r\n"):
                self._buffer = self._buffer[2:]
                self.pongs += 1
                self.pinged.set()
                continue
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            length = _LENGTH.search(head + b"\r\n")
            if not found or length is None or len(rest) < int(length[1]):
                return
            size = int(length[1])
            self._buffer = rest[size:]
            self._phone.datagram_received(head + found + rest[:size], ("", 0))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()
