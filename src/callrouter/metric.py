"""Metrics as their owners declare them: a row each, with its help text and what reads it.

A part that counts has a table METRICS of rows beside its code, and `app.metric_table` lists these
tables. Readers are called in a scrape's thread, so each may only read what is there.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

Part = TypeVar("Part")
Whole = TypeVar("Whole")

LAG_MS: Final = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 1000)
"""Buckets for what should take no time at all."""


class Histogram:
    """A histogram: how often a duration fell into each bucket.

    bounds: upper ends in ms, ascending.
    """

    __slots__ = ("bounds", "counts", "total_ms")

    def __init__(self, bounds: tuple[int, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total_ms = 0.0

    def add(self, ms: float) -> None:
        """Count one duration; a bucket holds its own upper end."""
        self.counts[bisect_left(self.bounds, ms)] += 1
        self.total_ms += ms


Value: TypeAlias = float | Mapping[Any, float] | Histogram
"""With labels a mapping, by a tuple of their values, or by the value of the only one."""


@dataclass(slots=True, kw_only=True, frozen=True)
class Metric(Generic[Part]):
    """One metric of a part. help: whole sentences: what counts one, and when it matters."""

    type: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    read: Callable[[Part], Value]
    labels: tuple[str, ...] = ()


Rows: TypeAlias = tuple[Metric[Part], ...]


def counter(name: str, help: str, read: Callable[[Part], Value], *labels: str) -> Metric[Part]:
    """Declare what only grows; its name is exposed with `_total` behind it."""
    return Metric(type="counter", name=name, help=help, read=read, labels=labels)


def gauge(name: str, help: str, read: Callable[[Part], Value], *labels: str) -> Metric[Part]:
    """Declare how much there is now."""
    return Metric(type="gauge", name=name, help=help, read=read, labels=labels)


def histogram(name: str, help: str, read: Callable[[Part], Histogram]) -> Metric[Part]:
    """Declare how long something takes."""
    return Metric(type="histogram", name=name, help=help, read=read)


def of(rows: Rows[Part], find: Callable[[Whole], Part]) -> Rows[Whole]:
    """Return the rows of a part as those of the whole that it belongs to."""
    return tuple(_found(row, find) for row in rows)


def _found(row: Metric[Any], find: Callable[[Whole], Part]) -> Metric[Whole]:
    return replace(row, read=partial(_read, row, find))


def _read(row: Metric[Part], find: Callable[[Whole], Part], whole: Whole) -> Value:
    return row.read(find(whole))
