"""A cache of what was used lately, which costs its hits no more than a dict does.

Theory. Two dicts: what is newer, and what is older. What is put in, or used while it is older, is
among the newer. When these are half of what may be kept they become the older, and what was older
until then is forgotten: it was not used since. So a flood of keys that are asked for once drives
out no key that is asked for again and again, and no hit has to write down when it was. A list of
the last uses, as `cachetools` has one, would cost each hit a microsecond.
"""

from typing import Generic, TypeVar

from mypy_extensions import mypyc_attr

from callrouter.serializable import Serializable

Key = TypeVar("Key")
Value = TypeVar("Value")


@mypyc_attr(allow_interpreted_subclasses=True)
class RecentCache(Serializable, Generic[Key, Value]):
    """Values by key: the last `most // 2` that were used at least, never more than `most`.

    No value is None. newer: for who cannot afford the call of `get`; what it has not, `get` may.
    """

    __slots__ = ("_half", "_older", "newer")

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self.newer: dict[Key, Value] = {}
        self._older: dict[Key, Value] = {}

    def __len__(self) -> int:
        return len(self.newer) + len(self._older)

    def get(self, key: Key) -> Value | None:
        """Return the value of a key, None when it is not kept."""
        value = self.newer.get(key)
        if value is None:
            value = self._older.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep the value of a key."""
        if len(self.newer) >= self._half:
            self._older = self.newer
            self.newer = {}
        self.newer[key] = value

    def clear(self) -> None:
        """Forget all."""
        self.newer = {}
        self._older = {}
