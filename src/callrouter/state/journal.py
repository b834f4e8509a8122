"""The journal of changes: what each part of the state tells of itself, to be restored from."""

from collections.abc import Callable
from math import isfinite

Key = tuple[str, ...]
Value = tuple[object, ...] | None
"""Plain values in an order that the kind gives; None: there is no such entry any more."""
Journal = Callable[[str, Key, Value], None]
"""Told (kind, key, value) of each change. Must not block or raise."""


def seconds(value: object) -> float:
    """Read a time. Raises TypeError."""
    if isinstance(value, int | float) and isfinite(value):
        return float(value)
    raise TypeError(f"expected seconds, found {value!r}")
