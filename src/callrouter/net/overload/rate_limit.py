"""Rate limits on how often something may happen: token buckets in memory that does not grow.

Theory. A bucket is one number, when it will be full again (the generic cell rate algorithm). The
buckets of all sources lie in a table of fixed size, at the place that their name's hash says. The
hash is salted anew in each process, so nobody can choose whose bucket to empty; two sources that
share a bucket by chance share what it allows.
"""

from array import array
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

SLOTS: Final = 65_536
"""Buckets in a table: 512 KB."""
_LINE_EACH: Final = 60.0
"""Seconds until a line about the same name is worth another one."""
_LINE_ALL: Final = 5.0
"""The same of all names together, past the first _LINES_AT_ONCE of them."""
_LINES_AT_ONCE: Final = 10
_NEIGHBOURS: Final = 56
"""Bits of an IPv6 address that one customer has."""


class Bucket:
    """One token bucket. rate: tokens a second; burst: how many it holds when it is full."""

    __slots__ = ("_full", "_slack", "_spacing")

    def __init__(self, rate: float, burst: float) -> None:
        self._spacing = 1 / rate
        self._slack = (burst - 0.5) / rate  # half a token for the rounding
        self._full = 0.0

    def take(self, now: float) -> bool:
        """Take a token at a monotonic time; False when there is none."""
        ahead = max(self._full - now, 0.0)
        if ahead > self._slack:
            return False
        self._full = now + ahead + self._spacing
        return True


class Buckets:
    """Token buckets, one for each name, however many there are. rate, burst: of each."""

    __slots__ = ("_full", "_slack", "_spacing")

    def __init__(self, rate: float, burst: float) -> None:
        self._spacing = 1 / rate
        self._slack = (burst - 0.5) / rate  # half a token for the rounding
        self._full = array("d", bytes(8 * SLOTS))

    def take(self, name: str, now: float) -> bool:
        """Take a token of a name at a monotonic time; False when there is none."""
        slot = hash(name) & (SLOTS - 1)
        ahead = max(self._full[slot] - now, 0.0)
        if ahead > self._slack:
            return False
        self._full[slot] = now + ahead + self._spacing
        return True


class SpareLines:
    """Which lines are written to the log where it is peers who decide how many there would be."""

    __slots__ = ("_all", "_each", "_others")

    def __init__(self) -> None:
        self._each = Buckets(1 / _LINE_EACH, 1)
        self._all = Bucket(1 / _LINE_ALL, _LINES_AT_ONCE)
        self._others = 0

    def others(self, name: str, now: float) -> int | None:
        """How many lines about other names were left out since the last; None: so is this one."""
        if not self._each.take(name, now):
            return None
        if not self._all.take(now):
            self._others += 1
            return None
        others, self._others = self._others, 0
        return others


def neighbours(host: str) -> str:
    """Whom an IP address shares a bucket with: its /24, of IPv6 its /56."""
    if ":" not in host:
        return host[: host.rfind(".")]
    return _sixth(host, _NEIGHBOURS)


@lru_cache(maxsize=4096)
def _sixth(host: str, bits: int) -> str:
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return host
    mapped = address.ipv4_mapped
    return neighbours(str(mapped)) if mapped is not None else f"{int(address) >> (128 - bits):x}"
