"""Connection limits: what strangers may take of us, and what came of those who took more."""

import resource
import sys
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

from callrouter.metric import Rows, counter, gauge

_SITE: Final = 64
"""Bits of an IPv6 address that one site has; whoever has one address of it has all."""
_OWN_FILES: Final = 512
"""File descriptors that are not for connections of peers: ours to them, files, workers."""


class StreamLimits(NamedTuple):
    """Limits of TCP and TLS connections.

    connections, per_source: opened by peers, in all and from one address (of IPv6 one /64).
    for_trunks: percent of them all that only addresses of trunks get. The rest but the bytes is in
    seconds. handshake: of TLS. first_message: until the first whole
    message. message: from a message's first byte to its last. idle: without any byte. ping: how
    often we ping on connections of ours, 0 for never. pong: how long its answer may take (RFC 5626
    section 4.4.1). unsent: bytes that wait for a peer that does not read. message_size: bytes of
    one message.
    """

    connections: int = 10_000
    per_source: int = 1_000
    handshake: float = 10.0
    first_message: float = 25.0
    message: float = 25.0
    idle: float = 7200.0
    ping: float = 0.0
    unsent: int = 1_048_576
    message_size: int = 65_536
    pong: float = 10.0
    for_trunks: int = 10


USUAL: Final = StreamLimits()


@dataclass(slots=True, kw_only=True)
class StreamCounts:
    """Connections alive, and those that were refused or dropped, by reason."""

    open: int = 0
    over_limit: int = 0
    over_source: int = 0
    handshake: int = 0
    silent: int = 0
    slow_writer: int = 0
    slow_reader: int = 0
    idle: int = 0
    broken: int = 0


class Turnstile:
    """The admission of peers as long as there is room. One for all listeners of the process.

    The room is as large as the limit says, or as the file descriptors allow. Strangers cannot have
    all of it: a carrier has to get in while somebody opens as many connections as it can.
    """

    __slots__ = ("_for_strangers", "_inside", "_room", "_sources", "counts", "limits")

    def __init__(self, limits: StreamLimits) -> None:
        self.limits = limits
        self._room = min(limits.connections, max(1, _files() - _OWN_FILES))
        self._for_strangers = self._room - self._room * limits.for_trunks // 100
        self.counts = StreamCounts()
        self._inside = 0
        self._sources: dict[str, int] = {}

    def enter(self, host: str, *, known: bool) -> bool:
        """Take one more connection of a peer; False, and counted as refused, when it is too many.

        known: its address is a trunk's. Whoever got in has to `leave`.
        """
        source = _source(host)
        taken = self._sources.get(source, 0)
        if self._inside >= (self._room if known else self._for_strangers):
            self.counts.over_limit += 1
            return False
        if taken >= self.limits.per_source:
            self.counts.over_source += 1
            return False
        self._inside += 1
        self._sources[source] = taken + 1
        return True

    def leave(self, host: str) -> None:
        """A connection that was let in is gone."""
        source = _source(host)
        self._inside -= 1
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]


def _files() -> int:
    """How many file descriptors the process may have."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if most == resource.RLIM_INFINITY else most


def _source(host: str) -> str:
    """Whom an address belongs to."""
    if ":" not in host:
        return host
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped is not None else f"{int(address) >> (128 - _SITE):x}"


METRICS: Final[Rows[StreamCounts]] = (
    gauge(
        "callrouter_connections",
        "This many TCP and TLS connections are open now; past connections.all peers are refused.",
        lambda it: it.open,
    ),
    counter(
        "callrouter_connections_over_limit",
        "Each connection refused because there were too many in all counts one; see "
        "connections.all.",
        lambda it: it.over_limit,
    ),
    counter(
        "callrouter_connections_over_source",
        "Each connection refused because its address had too many counts one; see "
        "connections.per_source.",
        lambda it: it.over_source,
    ),
    counter(
        "callrouter_connections_handshake",
        "Each connection whose TLS handshake failed or took too long counts one; it grows when "
        "a certificate has run out.",
        lambda it: it.handshake,
    ),
    counter(
        "callrouter_connections_silent",
        "Each connection dropped because no whole message came in time counts one; port "
        "scanners open such.",
        lambda it: it.silent,
    ),
    counter(
        "callrouter_connections_slow_writer",
        "Each connection dropped because a message took too long to come counts one: an attack, "
        "or a bad path.",
        lambda it: it.slow_writer,
    ),
    counter(
        "callrouter_connections_slow_reader",
        "Each connection dropped because its peer did not read counts one; that peer hangs or "
        "is overloaded.",
        lambda it: it.slow_reader,
    ),
    counter(
        "callrouter_connections_idle",
        "Each connection dropped because it showed no sign of life for too long counts one; a "
        "few are usual.",
        lambda it: it.idle,
    ),
    counter(
        "callrouter_connections_broken",
        "Each connection closed because its bytes were no messages, or one was too large, "
        "counts one; its peer speaks no SIP, or an attack is on.",
        lambda it: it.broken,
    ),
)
