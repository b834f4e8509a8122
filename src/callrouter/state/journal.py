"""The journal of changes: what each part of the state tells of itself, to be restored from."""

from collections.abc import Callable, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Final, Generic, TypeVar

Key = tuple[str, ...]
Value = tuple[object, ...] | None
"""Plain values in an order that the kind gives; None: there is no such entry any more."""
Journal = Callable[[str, Key, Value], None]
"""Told (kind, key, value) of each change. Must not block or raise."""
T = TypeVar("T")


class Journalled(Generic[T]):
    """A mapping by name whose changes go to a journal. kind: of its entries there.

    plain: a value as the journal is told it. view: the mapping, to be read.
    """

    __slots__ = ("_entries", "_journal", "_kind", "_plain", "view")

    def __init__(
        self, journal: Journal, kind: str, plain: Callable[[T], tuple[object, ...]]
    ) -> None:
        self._journal = journal
        self._kind = kind
        self._plain = plain
        self._entries: dict[str, T] = {}
        self.view: Final[Mapping[str, T]] = MappingProxyType(self._entries)

    def put(self, name: str, value: T) -> None:
        """Have a value by a name."""
        self._entries[name] = value
        self._journal(self._kind, (name,), self._plain(value))

    def drop(self, name: str) -> bool:
        """Have none any more; False when there was none."""
        if self._entries.pop(name, None) is None:
            return False
        self._journal(self._kind, (name,), None)
        return True

    def restore(self, name: str, value: T) -> None:
        """Have a value that the journal was told by an earlier process."""
        self._entries[name] = value


def seconds(value: object) -> float:
    """Read a time. Raises TypeError."""
    if isinstance(value, int | float) and isfinite(value):
        return float(value)
    raise TypeError(f"expected seconds, found {value!r}")
