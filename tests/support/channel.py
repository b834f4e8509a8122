"""LineBuffer of JSON to and from a process, over a socket."""

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from callrouter.media.protocol import LineBuffer
from support.polling import PATIENCE


class Channel:
    """LineBuffer that come in, kept until somebody waits for them. process: one `beside` us."""

    process: asyncio.subprocess.Process

    def __init__(self, mine: socket.socket) -> None:
        self.heard: list[dict[str, Any]] = []
        self.closed = False
        self._socket = mine
        self._lines = LineBuffer()
        self._news = asyncio.Event()
        mine.setblocking(False)
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def beside(cls, *argv: str) -> Self:
        """Start a Python with these arguments, whose standard input is the other end."""
        mine, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *argv),
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
            )
        channel = cls(mine)
        channel.process = process
        return channel

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        data = b"-"
        while data:
            try:
                data = await loop.sock_recv(self._socket, 65536)
            except ConnectionError:
                data = b""
            if data:
                for message in self._lines.feed(data):
                    self.take(message)
            self._news.set()
        self.closed = True
        self._news.set()

    def take(self, message: dict[str, Any]) -> None:
        """Keep a line."""
        self.heard.append(message)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def until(
        self, wanted: Callable[[dict[str, Any]], bool], within: float = PATIENCE
    ) -> dict[str, Any]:
        """The first line that is wanted; it is taken out."""
        try:
            async with asyncio.timeout(within):
                while True:
                    for message in self.heard:
                        if wanted(message):
                            self.heard.remove(message)
                            return message
                    assert not self.closed, f"closed; it had said {self.heard}"
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"not said within {within:g} s; but {self.heard}") from None

    async def close(self) -> None:
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        self._socket.close()
