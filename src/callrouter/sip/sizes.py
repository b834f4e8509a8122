"""Size limits of one message: header rows, bytes of a row, bytes of a body.

Whoever sends more is told so (RFC 3261 sections 21.4.11 and 21.5.7), if it can be: what an answer
repeats is taken from the rows within the limits.
"""

from typing import Final

from callrouter.errors import ParseError
from callrouter.sip.grammar import KNOWN_NAMES, header_key

HEADERS: Final = "headers"
HEADER_SIZE: Final = "header_size"
BODY_SIZE: Final = "body_size"

_REPEATED: Final = frozenset(("via", "from", "to", "call-id", "cseq"))
"""What an answer repeats (RFC 3261 section 8.2.6.2)."""


class Sizes:
    """Limits of one message. headers: rows. header_size: bytes of one row. body_size: of its body.

    harmless: bytes of a whole message in which nothing can be too long.
    """

    __slots__ = ("body_size", "harmless", "header_size", "headers")

    def __init__(
        self, headers: int = 256, header_size: int = 65_535, body_size: int = 16_384
    ) -> None:
        self.headers = headers
        self.header_size = header_size
        self.body_size = body_size
        self.harmless = min(header_size, body_size)


USUAL: Final = Sizes()


class TooLargeError(ParseError):
    """A message over a limit. limit: HEADERS, HEADER_SIZE or BODY_SIZE.

    rest: the message with nothing but what an answer repeats, as far as that is within the limits.
    """

    def __init__(self, limit: str, status: int, rest: str) -> None:
        super().__init__(f"over {limit}", status)
        self.limit = limit
        self.rest = rest.encode("utf-8", "surrogateescape")


def check_rows(start: str, rows: list[str], sizes: Sizes) -> None:
    """See to the number of header rows, unfolded. Raises TooLargeError."""
    if len(rows) > sizes.headers:
        raise TooLargeError(HEADERS, 513, _rest(start, rows, sizes))


def check_lengths(start: str, rows: list[str], body: bytes, sizes: Sizes) -> None:
    """See to the length of each header row, unfolded, and of the body. Raises TooLargeError."""
    for row in rows:
        if _is_long(row, sizes):
            raise TooLargeError(HEADER_SIZE, 513, _rest(start, rows, sizes))
    if len(body) > sizes.body_size:
        raise TooLargeError(BODY_SIZE, 413, _rest(start, rows, sizes))


def _is_long(row: str, sizes: Sizes) -> bool:
    # A character is one byte at least, and four at most.
    most = sizes.header_size
    return 4 * len(row) > most and len(row.encode("utf-8", "surrogateescape")) > most


def _rest(start: str, rows: list[str], sizes: Sizes) -> str:
    kept = [start]
    for row in rows[: sizes.headers]:
        name = row.partition(":")[0]
        key = KNOWN_NAMES.get(name) or header_key(name)
        if key in _REPEATED and not _is_long(row, sizes):
            kept.append(row)
    return "\r\n".join(kept) + "\r\n\r\n"
