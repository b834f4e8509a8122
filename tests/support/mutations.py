"""Seeded ways to damage a SIP message: bytes, rows, and what has broken others before."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

TOKENS: Final = (
    *(
        b"",
        b" ",
        b"\t",
        b"\r\n",
        b"\r\n\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\r\n ",
        b"\xff",
        b"\xed\xa0\x80",
    ),
    *(
        b'"',
        b'\\"',
        b"\\",
        b"<",
        b">",
        b"<>",
        b",",
        b", ,",
        b";",
        b";;",
        b"=",
        b":",
        b"@",
        b"?",
        b"%",
    ),
    *(
        b"%0d%0a",
        b"%00",
        b"../../etc/passwd",
        b"%s%n",
        b"'; drop table calls;--",
        b"*",
        b"[",
        b"[::1]",
    ),
    *(b"-1", b"0", b"1", b"255", b"256", b"65535", b"65536", b"2147483647", b"2147483648"),
    *(b"4294967296", b"9" * 38, b"9" * 5000, b"1e9", b"0x10", b"\xd9\xa1", b"NaN"),
    *(b"sip:", b"sips:a@b", b"tel:+1", b"http://h/", b"sip:4000@127.0.0.1", b"<sip:a@b?Route=x>"),
    *(
        b"SIP/2.0",
        b"SIP/7.0",
        b"z9hG4bK",
        b";branch=z9hG4bK",
        b";tag=",
        b";tag=x",
        b";rport",
        b";lr",
    ),
    *(b";maddr=203.0.113.9", b";received=203.0.113.9", b"100rel", b"gzip", b"application/sdp"),
    *(
        b"text/plain",
        b"multipart/mixed;boundary=x",
        b"Q.850;cause=",
        b"\xd0\xb4\xd0\xb0",
        b"x" * 3000,
    ),
)
NAMES: Final = (
    *(b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Contact", b"Max-Forwards", b"Content-Length"),
    *(
        b"Content-Type",
        b"Content-Encoding",
        b"Record-Route",
        b"Route",
        b"Require",
        b"Proxy-Require",
    ),
    *(b"Accept", b"Reason", b"Subject", b"Expires", b"Supported", b"Session-Expires", b"X-Other"),
    *(b"v", b"f", b"t", b"i", b"m", b"l", b"c", b"e", b"k", b"s", b"", b"V ia", b"\xe2\x84\xaa"),
)
METHODS: Final = (
    *(b"INVITE", b"ACK", b"CANCEL", b"BYE", b"OPTIONS", b"UPDATE", b"INFO", b"REGISTER", b"PRACK"),
    *(b"NEW", b"", b"SIP/2.0"),
)

Damage = Callable[[bytes, Random], bytes]


def _flip(data: bytes, dice: Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8))):
        damaged[dice.randrange(len(damaged))] = dice.randrange(256)
    return bytes(damaged)


def _span(data: bytes, dice: Random) -> tuple[int, int]:
    start = dice.randrange(len(data) + 1)
    return start, min(len(data), start + dice.choice((1, 2, 5, 20, 200)))


def _delete(data: bytes, dice: Random) -> bytes:
    start, end = _span(data, dice)
    return data[:start] + data[end:]


def _repeat(data: bytes, dice: Random) -> bytes:
    start, end = _span(data, dice)
    return data[:end] + data[start:end] * dice.choice((1, 1, 2, 50)) + data[end:]


def _insert(data: bytes, dice: Random) -> bytes:
    start = dice.randrange(len(data) + 1)
    return data[:start] + dice.choice(TOKENS) + data[start:]


def _replace(data: bytes, dice: Random) -> bytes:
    start, end = _span(data, dice)
    return data[:start] + dice.choice(TOKENS) + data[end:]


def _truncate(data: bytes, dice: Random) -> bytes:
    return data[: dice.randrange(len(data) + 1)]


def _noise(data: bytes, dice: Random) -> bytes:
    return dice.randbytes(dice.choice((1, 20, 500)))


def _method(data: bytes, dice: Random) -> bytes:
    """Another method, in the request line, in CSeq, or in both."""
    old = data.split(b" ", 1)[0]
    new = dice.choice(METHODS)
    return data.replace(old, new, 1) if dice.random() < 0.5 else data.replace(old, new)


def _status(data: bytes, dice: Random) -> bytes:
    start, _, rest = data.partition(b"\r\n")
    words = start.split(b" ")
    if len(words) > 1:
        words[1] = str(dice.randrange(90, 710)).encode()
    return b" ".join(words) + b"\r\n" + rest


def _row(data: bytes, dice: Random) -> bytes:
    """Do something to one header row."""
    head, _, body = data.partition(b"\r\n\r\n")
    rows = head.split(b"\r\n")
    at = dice.randrange(len(rows))
    name, colon, value = rows[at].partition(b":")
    match dice.randrange(8):
        case 0:
            del rows[at]
        case 1:
            rows.insert(dice.randrange(len(rows) + 1), rows[at])
        case 2:
            rows[at] = dice.choice(NAMES) + colon + value
        case 3:
            rows[at] = name + colon + b" " + dice.choice(TOKENS)
        case 4:
            rows[at] = name + colon + value + dice.choice(TOKENS)
        case 5:
            rows.insert(at, dice.choice(NAMES) + b": " + dice.choice(TOKENS))
        case 6:
            rows[at] = rows[at].replace(b" ", b"\r\n ")
        case _:
            rows[at] = name + colon + value + b"," + value
    return b"\r\n".join(rows) + b"\r\n\r\n" + body


DAMAGES: Final[Sequence[Damage]] = (
    *(_flip, _delete, _repeat, _insert, _replace, _truncate, _noise, _method, _status),
    *(_row, _row, _row, _row),
)


def splice(one: bytes, other: bytes, dice: Random) -> bytes:
    """The first rows of one message and the last rows of another."""
    first, second = one.split(b"\r\n"), other.split(b"\r\n")
    rows = first[: dice.randrange(len(first) + 1)] + second[dice.randrange(len(second) + 1) :]
    return b"\r\n".join(rows)


def mutate(data: bytes, dice: Random) -> bytes:
    """The message with one to four damages."""
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if data:
            data = dice.choice(DAMAGES)(data, dice)
    return data
