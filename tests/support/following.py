"""Who follows the calls of a running callrouter over its socket, as a console will."""

import asyncio
from pathlib import Path
from typing import Any, Final, Self

import orjson

from support.polling import PATIENCE

_REQUEST: Final = b"GET /v1/calls/events HTTP/1.1\r\nHost: localhost\r\n\r\n"

Line = dict[str, Any]


class Following:
    """One connection, from the moment on at which events come. status: of HTTP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.status = 0
        self.reader = reader
        self._writer = writer
        self._lines: list[Line] = []

    @classmethod
    async def begin(cls, path: Path) -> Self:
        """Ask, and wait for the head of the answer."""
        following = cls(*await asyncio.open_unix_connection(str(path)))
        following._writer.write(_REQUEST)
        async with asyncio.timeout(PATIENCE):
            head = await following.reader.readuntil(b"\r\n\r\n")
        following.status = int(head.split()[1])
        return following

    async def next(self) -> Line | None:
        """The next event; None when the server has ended the stream as it should."""
        while not self._lines:
            async with asyncio.timeout(PATIENCE):
                size = int(await self.reader.readuntil(b"\r\n"), 16)
                chunk = await self.reader.readexactly(size)
                assert await self.reader.readexactly(2) == b"\r\n"
            if not size:
                return None
            self._lines += map(orjson.loads, chunk.splitlines())
        return self._lines.pop(0)

    async def until_ended(self) -> list[Line]:
        """The events up to the end of the call that began first."""
        lines: list[Line] = []
        while not lines or lines[-1]["event"] != "ended" or _id(lines[-1]) != _id(lines[0]):
            line = await self.next()
            assert line is not None, f"the stream ended after {lines}"
            lines.append(line)
        return lines

    def close(self) -> None:
        """Go, without a word."""
        self._writer.transport.abort()


def told(lines: list[Line]) -> list[str]:
    """Events in a few words each: the kind, and what it says; not of calls and times."""
    return [_words(line) for line in lines]


def _id(line: Line) -> str:
    return str(line["call"]["id"])


def _words(line: Line) -> str:
    words = [str(line["event"])]
    if "leg" in line:
        words += [line["leg"]["target"], line["leg"]["state"]]
    if "file" in line:
        words += [line["file"]["of"], line["file"]["result"]]
    if "on" in line:
        words.append("on" if line["on"] else "off")
    by = line.get("by", line["call"].get("hung_up_by", ""))
    return " ".join([*words, f"by {by}"] if by else words)
