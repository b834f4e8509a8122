"""The source filter: trunks and peers we talk to already are heard, and next to nobody else.

Theory. A listener keeps the places it knows, and looks no further at what they send. Everything
else comes here before it is read as SIP. What carries a branch or a tag of ours belongs to a
request or a dialog of ours: both are 64 random bits, so nobody has one by chance. What is left is
a stranger's, and dropped; only where the dialplan lets somebody come from any address, to prove by
a password who it is, or where strangers are to be refused rather than ignored, it goes on, as
often as its source's bucket allows.

Rules. A stranger gets one answer to one request, and none that is larger than what it sent: else we
would send more to an address that somebody else wrote into the datagram than that somebody did.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from math import inf
from typing import Final, NamedTuple, Protocol

from callrouter.net.overload.rate_limit import Bucket, Buckets, SpareLines, neighbours
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack

REFUSED: Final = 0
STRANGE: Final = 1
"""Heard, and answered no more than it said."""
KNOWN: Final = 2

SCANNERS: Final = (
    *("friendly-scanner", "friendly-request", "sipvicious", "sipcli", "sundayddr", "pplsip"),
    *("vaxsipuseragent", "vaxasip", "sip-scan", "sivus", "smap", "iwar"),
)
"""Parts of the User-Agent of programs that look for open doors, in lower case."""

_RESPONSE: Final = b"SIP/2.0 "
_BEGINNINGS: Final = (b"INVITE ", b"REGISTER ", b"CANCEL ", b"ACK ")
"""What somebody without an address of a trunk can begin with, and what goes with it."""
_READ: Final = 8192
"""Bytes of a stranger's message that are searched for a branch or a tag of ours."""
_BRANCH: Final = re.compile(rb"\r\n(?:[Vv][Ii][Aa]|v)[ \t]*:[^\r\n]*?;branch=([0-9A-Za-z]+)")
_TO_TAG: Final = re.compile(rb"\r\n(?:[Tt][Oo]|t)[ \t]*:[^\r\n]*?;[ \t]*tag=([0-9A-Za-z]+)")
_AGENTS_KEPT: Final = 1024


class SourceFilterRule(NamedTuple):
    """The treatment of strangers. answered: 403 instead of nothing.

    packets_per_second: of one /24, of IPv6 one /56. all_packets_per_second: of all together.
    scanners: parts of User-Agents in lower case that are not answered. message_size: bytes of the
    largest datagram that is read, a trunk's too.
    """

    answered: bool = False
    packets_per_second: int = 20
    all_packets_per_second: int = 500
    scanners: tuple[str, ...] = SCANNERS
    message_size: int = 65_535


class TrunkLimit(Protocol):
    """A trunk, as far as it matters here. packets_per_second: 0 for any number."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def packets_per_second(self) -> int:
        """How many datagrams it may send in any second."""


class BanList(Protocol):
    """Banned addresses, which are not heard for a while. Times are Unix seconds."""

    def holds(self, host: str, now: float) -> bool:
        """Say whether an IP address is banned."""

    def wrong(self, host: str, why: str, now: float) -> None:
        """An address did something wrong; once too often, and it is banned."""


@dataclass(slots=True, kw_only=True)
class FilterCounts:
    """Counts of messages that went no further, by reason."""

    unknown: int = 0
    banned: int = 0
    over_source: int = 0
    over_all: int = 0
    over_trunk: int = 0
    scanners: int = 0
    large: int = 0
    over_size: int = 0


class SourceFilter:
    """The filter of what comes from places that a listener does not know yet."""

    __slots__ = (
        "_all",
        "_clock",
        "_each",
        "_find",
        "_open",
        "_paces",
        "_scans",
        "_spare",
        "_stack",
        "bans",
        "counts",
        "rule",
        "tell",
    )

    def __init__(
        self, rule: SourceFilterRule, stack: Stack, bans: BanList, clock: Callable[[], float]
    ) -> None:
        """clock: that of the bans.

        tell: told the address of who is turned away, and how many others were not told of since.
        """
        self.rule = rule
        self.bans = bans
        self.counts = FilterCounts()
        self._stack = stack
        self._clock = clock
        self._each = Buckets(rule.packets_per_second, rule.packets_per_second)
        self._all = Bucket(rule.all_packets_per_second, rule.all_packets_per_second)
        self._find: Callable[[str, tuple[str, ...]], TrunkLimit | None] = lambda _host, _names: None
        self._open: Callable[[str], bool] = lambda _host: False
        self._paces: dict[str, tuple[int, Bucket]] = {}
        self._scans = lru_cache(_AGENTS_KEPT)(partial(_is_scanner, rule.scanners))
        self._spare = SpareLines()
        self.tell: Callable[[str, int], None] = lambda _host, _others: None

    def welcome(
        self,
        find: Callable[[str, tuple[str, ...]], TrunkLimit | None],
        *,
        anybody: Callable[[str], bool],
    ) -> None:
        """Know these trunks from now on. find: the trunk of an address or of certified names.

        anybody: somebody may come from an address, and prove who it is.
        """
        self._find = find
        self._open = anybody

    def knows(self, host: str, names: tuple[str, ...] = ()) -> bool:
        """An address, or a name of its verified certificate, is a trunk's."""
        return self._find(host, names) is not None

    def pace(self, host: str) -> Bucket | None:
        """The bucket of a trunk that may not send as much as it likes."""
        trunk = self._find(host, ())
        if trunk is None or not trunk.packets_per_second:
            return None
        rate = trunk.packets_per_second
        kept = self._paces.get(trunk.name)
        if kept is None or kept[0] != rate:
            kept = self._paces[trunk.name] = (rate, Bucket(rate, rate))
        return kept[1]

    def is_banned(self, host: str) -> bool:
        """An address of no trunk is not to be heard."""
        return self.bans.holds(host, self._clock())

    def judge(self, data: bytes, host: str, now: float) -> int:
        """Say whether a message from an address of no trunk is heard: REFUSED, STRANGE or KNOWN.

        now: monotonic.
        """
        counts = self.counts
        if self.is_banned(host):
            counts.banned += 1
            return REFUSED
        if self._belongs(data):
            return KNOWN
        answered = self.rule.answered
        if not (answered or (data.startswith(_BEGINNINGS) and self._open(host))):
            counts.unknown += 1
            if not data.startswith(_RESPONSE):
                self.turned_away(host, now)
            return REFUSED
        if not self._each.take(neighbours(host), now):
            counts.over_source += 1
            self.bans.wrong(host, "too many requests", self._clock())
            return REFUSED
        if not self._all.take(now):
            counts.over_all += 1
            return REFUSED
        return STRANGE

    def turned_away(self, host: str, now: float) -> None:
        """Tell of an address that belongs to nobody, unless it was told of just now, or too many.

        now: monotonic. Of what it sent nothing is looked at or kept, and a flood costs no more than
        two buckets and a line every few seconds.
        """
        others = self._spare.others(host, now)
        if others is not None:
            self.tell(host, others)

    def wrong(self, host: str, names: tuple[str, ...], why: str) -> None:
        """Somebody did what only strangers are banned for."""
        if not self.knows(host, names):
            self.bans.wrong(host, why, self._clock())

    def is_scanner(self, agent: str) -> bool:
        """A User-Agent is that of a program that looks for open doors."""
        return self._scans(agent)

    def _belongs(self, data: bytes) -> bool:
        stack = self._stack
        if data.startswith(_RESPONSE):
            found = _BRANCH.search(data, 0, _READ)
            branch = found[1].decode() if found is not None else ""
            return branch in stack.clients or f"{branch}CANCEL" in stack.clients
        found = _TO_TAG.search(data, 0, _READ)
        return found is not None and found[1].decode() in stack.dialogs


class FilteredListener(Protocol):
    """A listener: sends, and remembers who is to be heard from then on."""

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram."""

    def flow(self, host: str, port: int) -> Flow:
        """The flow to a peer, who is known from then on."""


class Narrow:
    """The way back to a stranger: for one answer, as large as what it sent at most.

    Its request may turn out to be a telephone's with the right password; then it is `widen`ed.
    """

    __slots__ = ("_counts", "_left", "_listener")

    def __init__(self, listener: FilteredListener, size: int, counts: FilterCounts) -> None:
        self._listener = listener
        self._left = float(size)
        self._counts = counts

    def send(self, flow: Flow, data: bytes) -> None:
        """Send one datagram, or drop and count it."""
        if len(data) > self._left:
            self._counts.large += 1
            return
        if self._left != inf:
            self._left = 0.0
        self._listener.send(flow, data)

    def widen(self, flow: Flow) -> None:
        """Who sent it is known: answer all, and hear it from now on."""
        self._left = inf
        self._listener.flow(flow.remote_host, flow.remote_port)


def _is_scanner(scanners: tuple[str, ...], agent: str) -> bool:
    lower = agent.lower()
    return any(part in lower for part in scanners)
