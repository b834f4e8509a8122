"""Login throttling by address: too many wrong passwords, and it is not heard for a while."""

from collections import OrderedDict
from typing import Final

MOST: Final = 10
"""Failures within `WITHIN` seconds after which a source is shut out for `SHUT` seconds."""
WITHIN: Final = 60.0
SHUT: Final = 300.0
KEPT: Final = 10_000
"""Sources; the one that failed longest ago is forgotten for another."""


class Failures:
    """Counts of wrong passwords, by source. Times are monotonic seconds.

    A right password between wrong ones makes up for none: who has one account must not be able to
    guess at all the others.
    """

    __slots__ = ("_kept", "_sources")

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        # By source: how many, since when, and until when it is shut out.
        self._sources: OrderedDict[str, tuple[int, float, float]] = OrderedDict()

    def failed(self, source: str, now: float) -> None:
        """A source gave a wrong password."""
        count, since, _ = self._sources.pop(source, (0, now, 0.0))
        if now - since > WITHIN:
            count, since = 0, now
        count += 1
        until = now + SHUT if count >= MOST else 0.0
        if len(self._sources) >= self._kept:
            self._sources.popitem(last=False)
        self._sources[source] = (count, since, until)

    def shut(self, source: str, now: float) -> bool:
        """Say whether a source is shut out."""
        known = self._sources.get(source)
        return known is not None and now < known[2]
