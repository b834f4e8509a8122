"""Login throttling by address: too many wrong passwords, and it is not heard for a while.

Rules. Telephones behind one address do not answer for each other: who has proven itself there
lately goes on being heard, by its flow or, when that is a new one, by its user. A wrong password
ends what its flow and its user have proven, so nobody guesses at more by having an account.
"""

from collections import OrderedDict
from typing import Final

MOST: Final = 10
"""Failures within `WITHIN` seconds after which a source is shut out for `SHUT` seconds."""
WITHIN: Final = 60.0
SHUT: Final = 300.0
KEPT: Final = 10_000
"""Sources; the one that failed longest ago is forgotten for another."""
PROVEN_FOR: Final = 3600.0
"""Seconds, as long as the longest registration."""
PROVEN_KEPT: Final = 60_000
"""What is proven; each telephone has two or three."""


class LoginThrottle:
    """Counts of wrong passwords, by source. Times are monotonic seconds.

    A right password between wrong ones makes up for none: who has one account must not be able to
    guess at all the others.
    """

    __slots__ = ("_kept", "_proven", "_sources")

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        # By source: how many, since when, and until when it is shut out.
        self._sources: OrderedDict[str, tuple[int, float, float]] = OrderedDict()
        # By source with a port, or with a user: until when that counts.
        self._proven: OrderedDict[tuple[str, int | str], float] = OrderedDict()

    def failed(self, source: str, port: int, user: str, now: float) -> bool:
        """A source gave a wrong password; says whether that shuts it out, and it was not before."""
        self._proven.pop((source, port), None)
        self._proven.pop((source, user), None)
        count, since, before = self._sources.pop(source, (0, now, 0.0))
        if now - since > WITHIN:
            count, since = 0, now
        count += 1
        until = now + SHUT if count >= MOST else before
        if len(self._sources) >= self._kept:
            self._sources.popitem(last=False)
        self._sources[source] = (count, since, until)
        return before <= now < until

    def proven(self, source: str, who: tuple[int | str, ...], now: float) -> None:
        """A right password came from a source. who: the port it came from, and its users."""
        for one in who:
            self._proven.pop((source, one), None)
            if len(self._proven) >= PROVEN_KEPT:
                self._proven.popitem(last=False)
            self._proven[source, one] = now + PROVEN_FOR

    def shut(self, source: str, now: float) -> bool:
        """Say whether a source is shut out, but for who is excepted."""
        known = self._sources.get(source)
        return known is not None and now < known[2]

    def excepts(self, source: str, who: int | str, now: float) -> bool:
        """Say whether a port of a source, or a user there, has proven itself lately."""
        return now < self._proven.get((source, who), 0.0)

    def throttled(self, now: float) -> list[tuple[str, float]]:
        """The sources that are shut out, the newest first, and until when."""
        return [(it, known[2]) for it, known in reversed(self._sources.items()) if now < known[2]]

    def lift(self, source: str) -> None:
        """Forget what a source did wrong."""
        self._sources.pop(source, None)
