"""Bans of addresses: not heard at all for a while, by hand or because they did too much wrong.

Rules. The address of a trunk is never banned: who asks makes sure of it. A ban of a UDP source can
be brought about by somebody who sends in its name, so a ban ends by itself, and what it keeps out
is only what a stranger may do. Both tables are bounded: the oldest entry goes for a new one, but
what was banned by hand stays.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple

from callrouter.state.journal import Journal

MOST: Final = 65_536
"""Automatic bans, and addresses whose wrongs are counted."""
BY_HAND: Final = 10_000
_SITE: Final = 64
_SEEN_AT_ONCE: Final = 2000


class Ban(NamedTuple):
    """A banned address, which is not heard. until: steady time, 0 for no end."""

    address: str
    until: float
    why: str
    by_hand: bool


class BanRule(NamedTuple):
    """The rule of bans: so many wrongs within so many seconds ban for so many seconds."""

    wrongs: int = 20
    within: float = 60.0
    seconds: float = 3600.0


class Bans:
    """The bans. Times are those of the steady clock. made: automatic ones since the start.

    rule: when an address is banned. changed: called after each ban by hand.
    """

    __slots__ = ("_bans", "_by_hand", "_journal", "_unseen", "_wrongs", "changed", "made", "rule")

    def __init__(self, journal: Journal) -> None:
        self.rule = BanRule()
        self.changed: Callable[[], None] = lambda: None
        self._journal = journal
        self._bans: OrderedDict[str, Ban] = OrderedDict()
        self._by_hand = 0
        # By address: how many, and since when.
        self._wrongs: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._unseen: list[str] = []
        self.made = 0

    def __len__(self) -> int:
        """Bans that are kept."""
        return len(self._bans)

    def holds(self, host: str, now: float) -> bool:
        """Say whether an IP address is banned."""
        if not self._bans:
            return False
        ban = self._bans.get(banned_as(host))
        return ban is not None and (ban.until == 0 or now < ban.until)

    def wrong(self, host: str, why: str, now: float) -> None:
        """An address of no trunk did something wrong; once too often, and it is banned."""
        rule = self.rule
        address = banned_as(host)
        count, since = self._wrongs.pop(address, (0, now))
        if not since <= now <= since + rule.within:
            count, since = 0, now
        if count + 1 >= rule.wrongs:
            if not self.holds(address, now):
                self.made += 1
                self._put(Ban(address, now + rule.seconds, why, by_hand=False))
            return
        if len(self._wrongs) >= MOST:
            self._wrongs.popitem(last=False)
        self._wrongs[address] = (count + 1, since)

    def add(self, address: str, until: float) -> bool:
        """Ban an address (see `banned_as`) by hand; False when there are too many of these."""
        if self._by_hand >= BY_HAND:
            return False
        self._put(Ban(address, until, "by hand", by_hand=True))
        self.changed()
        return True

    def remove(self, address: str) -> bool:
        """Hear an address again, its wrongs forgotten; False when it was not banned."""
        self._wrongs.pop(address, None)
        if address not in self._bans:
            return False
        self._forget(address)
        return True

    def newest(self, now: float) -> Iterator[Ban]:
        """The bans that hold, the newest first."""
        for ban in reversed(self._bans.values()):
            if ban.until == 0 or now < ban.until:
                yield ban

    def expire(self, now: float) -> None:
        """Forget some of the bans that are over, and go on there the next time."""
        if not self._unseen:
            self._unseen = list(self._bans)
        for address in self._unseen[-_SEEN_AT_ONCE:]:
            ban = self._bans.get(address)
            if ban is not None and 0 < ban.until <= now:
                self._forget(address)
        del self._unseen[-_SEEN_AT_ONCE:]

    def restore(self, key: tuple[str, ...], value: tuple[object, ...]) -> None:
        """Take over a ban of an earlier process. Raises ValueError for what is none."""
        match key, value:
            case (address,), (float() | int() as until, str(why), bool(by_hand)):
                self._bans[address] = Ban(address, float(until), why, by_hand)
                self._by_hand += by_hand
            case _:
                raise ValueError(f"no such ban: {key} {value}")

    def _put(self, ban: Ban) -> None:
        if ban.address in self._bans:
            self._forget(ban.address)
        elif len(self._bans) - self._by_hand >= MOST:
            self._forget(next(it.address for it in self._bans.values() if not it.by_hand))
        self._bans[ban.address] = ban
        self._by_hand += ban.by_hand
        self._journal("ban", (ban.address,), (ban.until, ban.why, ban.by_hand))

    def _forget(self, address: str) -> None:
        self._by_hand -= self._bans.pop(address).by_hand
        self._journal("ban", (address,), None)


@lru_cache(maxsize=4096)
def banned_as(host: str) -> str:
    """What an IP address is banned as: itself, of IPv6 the first address of its /64.

    Raises ValueError for what is no IP address.
    """
    address = ip_address(host.partition("%")[0])
    if not isinstance(address, IPv6Address):
        return str(address)
    mapped = address.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    low = 128 - _SITE
    return str(IPv6Address(int(address) >> low << low))
