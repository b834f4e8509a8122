"""Cutting a byte stream into SIP messages by Content-Length (RFC 3261 section 18.3)."""

import re
from typing import Final

from callrouter.errors import ParseError

MAX_MESSAGE: Final = 65_536
"""The most bytes one message may have on a stream; the same as a datagram can hold."""

_LENGTH: Final = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class Framer:
    """Feed it bytes as they come, get whole messages.

    pongs: how many keep-alive pings (double CRLF, RFC 5626 section 3.5.1) came since it was last
    set to 0; each is to be answered with one CRLF.
    """

    __slots__ = ("_buffer", "pongs")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.pongs = 0

    @property
    def pending(self) -> int:
        """Bytes of an unfinished message."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, return the messages they complete, in order.

        Raises ParseError when the stream cannot be cut any further: no Content-Length, a bad or a
        double one, or a message over the limit. Its `message` attribute is what can be answered.
        """
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        while buffer:
            if buffer[0] in b"\r\n":
                if buffer.startswith(b"\r\n\r\n"):
                    self.pongs += 1
                    del buffer[:4]
                elif buffer.startswith(b"\r\n") and len(buffer) > 2 and buffer[2] != 13:
                    del buffer[:2]
                elif buffer.startswith((b"\r\n\r", b"\r\n")) or buffer == b"\r":
                    break
                else:
                    raise FramingError("a bare CR or LF between messages", b"")
                continue
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > MAX_MESSAGE:
                    raise FramingError("headers are too long", b"")
                break
            size = end + 4 + self._body_length(end)
            if size > MAX_MESSAGE:
                raise FramingError("message is too long", bytes(buffer[: end + 4]), 513)
            if len(buffer) < size:
                break
            messages.append(bytes(buffer[:size]))
            del buffer[:size]
        return messages

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
    """The stream is lost. message: the headers of the one at fault, b"" when none are whole."""

    def __init__(self, text: str, message: bytes, status: int = 400) -> None:
        super().__init__(text, status)
        self.message = message
