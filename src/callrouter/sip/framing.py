"""Framing of SIP messages in a byte stream by Content-Length (RFC 3261 section 18.3)."""

import re
from typing import Final

from callrouter.errors import ParseError

MAX_MESSAGE: Final = 65_536
"""The most bytes one message may have on a stream; the same as a datagram can hold."""

_LENGTH: Final = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE
)
_HALF_A_BREAK: Final = (b"\r", b"\r\n", b"\r\n\r")


class Framer:
    """The framing of one stream: bytes go in as they come, whole messages come out.

    pongs: how many keep-alive pings (double CRLF, RFC 5626 section 3.5.1) came since it was last
    set to 0; each is to be answered with one CRLF. limit: the most bytes one message may have.
    """

    __slots__ = ("_buffer", "_limit", "_searched", "_size", "pongs")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()
        # Of the message at the front: what was searched for its empty line, then its whole size.
        self._searched = 0
        self._size = 0
        self.pongs = 0

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return the messages they complete, in order.

        Raises FramingError when the stream cannot be cut any further: no Content-Length, a bad or
        a double one, or a message over the limit.
        """
        buffer = self._buffer
        if not buffer and self._is_one(data):
            return [data]
        buffer += data
        messages: list[bytes] = []
        try:
            while buffer:
                size = self._size or self._measure()
                if not size or len(buffer) < size:
                    break
                messages.append(bytes(buffer[:size]))
                del buffer[:size]
                self._searched = self._size = 0
        except FramingError as error:
            error.before = messages
            raise
        return messages

    def _is_one(self, data: bytes) -> bool:
        """Say whether a piece is one whole message, as it nearly always is."""
        end = data.find(b"\r\n\r\n")
        if end <= 0 or data[0] in b"\r\n" or len(data) > self._limit:
            return False
        found = _LENGTH.findall(data, 0, end + 2)
        if len(found) != 1:
            return False
        text = found[0].strip()
        return text.isdigit() and len(text) <= 9 and end + 4 + int(text) == len(data)

    def _measure(self) -> int:
        """The size of the message at the front, 0 as long as it is not known."""
        buffer = self._buffer
        while buffer and buffer[0] in b"\r\n":
            if buffer.startswith(b"\r\n\r\n"):
                self.pongs += 1
                del buffer[:4]
            elif bytes(buffer[:4]) in _HALF_A_BREAK:
                return 0
            elif buffer.startswith(b"\r\n") and buffer[2] != 13:
                del buffer[:2]
            else:
                raise FramingError("a bare CR or LF between messages", b"")
        end = buffer.find(b"\r\n\r\n", self._searched)
        if (len(buffer) if end < 0 else end + 4) > self._limit:
            raise FramingError("headers are too long", b"")
        if end < 0:
            self._searched = max(0, len(buffer) - 3)
            return 0
        size = end + 4 + self._body_length(end)
        if size > self._limit:
            raise FramingError("message is too long", bytes(buffer[: end + 4]), 513)
        self._size = size
        return size

    def _body_length(self, end: int) -> int:
        head = bytes(self._buffer[: end + 2])
        found = _LENGTH.findall(head)
        if len(found) != 1:
            what = "no Content-Length" if not found else "more than one Content-Length"
            raise FramingError(f"{what} on a stream", head + b"\r\n")
        text = found[0].strip()
        if not text.isdigit() or len(text) > 9:
            raise FramingError("not a Content-Length", head + b"\r\n")
        return int(text)


class FramingError(ParseError):
    """A framing error: the stream is lost.

    message: the headers of the one at fault, b"" when none are whole. before: the messages that
    were whole before it, and are still to be taken.
    """

    def __init__(self, text: str, message: bytes, status: int = 400) -> None:
        super().__init__(text, status)
        self.message = message
        self.before: list[bytes] = []
