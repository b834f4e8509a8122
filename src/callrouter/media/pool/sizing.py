"""Sizing of the pool: how many workers there should be, and which ports each has. Pure."""

from typing import Final, NamedTuple

_SPARE_SHARE: Final = 4
"""One free slot for so many in use: what new calls take while the next worker starts."""


class Need(NamedTuple):
    """The pool at one moment.

    capacity: slots of one worker. used, free: slots of the workers that take calls. starting:
    workers that will soon. whole: workers without a call.
    """

    capacity: int
    used: int
    free: int
    starting: int
    whole: int


def is_short(need: Need) -> bool:
    """One more worker is needed: none is left for a call of many slots, or too few slots are."""
    spare = need.free + need.starting * need.capacity
    return not (need.whole or need.starting) or spare * _SPARE_SHARE < need.used


def is_ample(need: Need) -> bool:
    """One worker less would still not be short."""
    less = need._replace(free=need.free - need.capacity, whole=need.whole - 1)
    return need.whole > 1 and not need.starting and not is_short(less)


class Slice(NamedTuple):
    """UDP ports for the media of one worker, first and last."""

    low: int
    high: int


def slices(low: int, high: int, count: int) -> list[Slice]:
    """Cut a range of ports into equal parts that begin with an even one (RFC 3550 section 11)."""
    first = low + low % 2
    size = (high + 1 - first) // count // 2 * 2
    return [Slice(at, at + size - 1) for at in range(first, first + size * count, size)]
