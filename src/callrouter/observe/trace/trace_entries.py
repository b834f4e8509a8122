"""Entries of the SIP trace: messages, and which dialogs are of which call, as bytes in a segment.

Theory. A segment is a file that begins with `MAGIC` and goes on with entries: a head of fixed size,
the ends (transport, our address, the peer's), and the message. An entry stands for itself, so a
segment is readable without those before it. Between messages lie entries of calls: the call's id,
whether it is over, and its dialogs with the party of each. One is written when a dialog begins, and
one with all of them when the call ends, which outlives the first ones by as long as the call was.

What was being written when the process was killed, or the disk was full, is a torn last entry, and
is passed over.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from callrouter.observe.trace.credential_masking import hold_credentials, masked_message
from callrouter.printable import printable
from callrouter.sip.flow import Flow
from callrouter.sip.uri import host_port

MAGIC: Final = b"callrouter trace 1\n"

_HEAD: Final = Struct(">2sBQHI")
_MARK: Final = b"\xc5\x1a"
_SENT: Final = 1
_CALL: Final = 2
_ADDRESSES_KEPT: Final = 8192
_HANDLER: Final = "surrogateescape"
"""Texts of peers are what the parser made of them."""

Seen: TypeAlias = tuple[int, bool, Flow, bytes]
"""A message as the tap saw it: Unix nanoseconds, whether it was sent by us, its flow, its bytes."""


class TracedMessage(NamedTuple):
    """A message of the trace. at: Unix nanoseconds. transport: UDP, TCP or TLS.

    sent: by us. local: our address as peers are told it, remote: the peer's; hosts and ports.
    """

    at: int
    sent: bool
    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    data: bytes


class TracedCall(NamedTuple):
    """What the trace knows of a call. over: it has ended. dialogs: the party of each Call-ID."""

    at: int
    call: str
    over: bool
    dialogs: dict[str, str]


Entry: TypeAlias = TracedMessage | TracedCall


def encode_messages(seen: Sequence[Seen]) -> bytes:
    """Messages as entries, without their credentials."""
    texts = [data for _, _, _, data in seen]
    if hold_credentials(texts):
        texts = [masked_message(data) if hold_credentials((data,)) else data for data in texts]
    pack = _HEAD.pack
    known: dict[Flow, bytes] = {}
    parts: list[bytes] = []
    for (at, sent, flow, _), data in zip(seen, texts, strict=True):
        ends = known.get(flow)
        if ends is None:
            ends = known[flow] = _ends(flow)
        parts += (pack(_MARK, sent, at, len(ends), len(data)), ends, data)
    return b"".join(parts)


def encode_call(call: TracedCall) -> bytes:
    """What is known of a call as an entry."""
    rows = [call.call, "over" if call.over else "up"]
    rows += [f"{call_id}\t{printable(party)}" for call_id, party in call.dialogs.items()]
    data = "\n".join(rows).encode(errors=_HANDLER)
    return _HEAD.pack(_MARK, _CALL, call.at, 0, len(data)) + data


def decode(data: bytes, at: int) -> Iterator[tuple[Entry, int]]:
    """The whole entries of a segment from a place on, each with the place behind it."""
    end, head = len(data), _HEAD.size
    while at + head <= end:
        mark, kind, when, ends_size, size = _HEAD.unpack_from(data, at)
        start = at + head + ends_size
        at = start + size
        if mark != _MARK or at > end:
            return
        body = data[start:at]
        if kind == _CALL:
            yield _call(when, body), at
        else:
            transport, local, remote = data[start - ends_size : start].decode().split(" ")
            ends = (_address(local), _address(remote))
            yield TracedMessage(when, kind == _SENT, transport, *ends, body), at


def _ends(flow: Flow) -> bytes:
    local = host_port(flow.local_host, flow.local_port)
    return f"{flow.transport} {local} {host_port(*flow.address)}".encode()


@lru_cache(maxsize=_ADDRESSES_KEPT)
def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _call(at: int, data: bytes) -> TracedCall:
    call, state, *rows = data.decode(errors=_HANDLER).split("\n")
    pairs = (row.rpartition("\t") for row in rows)
    return TracedCall(at, call, state == "over", {call_id: party for call_id, _, party in pairs})
