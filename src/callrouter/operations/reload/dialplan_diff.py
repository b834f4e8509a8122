"""Difference of two dialplans: what the new one changes for the numbers of the old one.

Theory: a number is altered when something it compiles to has changed: its own entry, or a target,
a group, a list it uses. So the compiled values are compared, by a fingerprint over all that hangs
on a number but the places in files, which move when a line is inserted above. Values that numbers
share are visited once.
"""

import hashlib
import pickle
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from callrouter.operations.reload.yielding import Pace
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.number_table import Numbers
from callrouter.route.values.plan import Verdict

_BYTES: Final = 8
_PLACES: Final = frozenset({"file", "line"})
_PLAIN: Final = (str, int, float, bytes)
_OURS: Final = "callrouter."


@dataclass(slots=True, kw_only=True, frozen=True)
class Changes:
    """Keys of numbers, each in the order of its dialplan."""

    added: list[str]
    removed: list[str]
    altered: list[str]


@dataclass(slots=True, kw_only=True, frozen=True)
class Reloaded:
    """A reload that succeeded. old, new: the versions. why: who asked. at: Unix seconds.

    last: the one that brought the version that serves, None when this one did or none has.
    """

    old: str
    new: str
    changes: Changes
    why: str
    at: float
    last: "Reloaded | None" = None


def fingerprints(dialplan: Dialplan, pace: Pace) -> "array[int]":
    """Take the fingerprint of each number, in order; the same in every process."""
    printer = _Printer(pace)
    numbers = pace.each(dialplan.numbers.written.values())
    prints = array("Q", (int.from_bytes(printer.of(number), "big") for number in numbers))
    for table in dialplan.numbers.tables:
        rules = printer.of(table.rules)
        for row, key in enumerate(pace.each(table.keys)):
            # What its number is made of, which costs a tenth of making it.
            parts = [rules, _written(key)]
            if table.chosen:
                parts += [printer.of(table.targets[table.chosen[row]]), _written(table.users[row])]
            prints.append(int.from_bytes(_digest(b"".join(parts)), "big"))
    return prints


def compare(
    old: Iterable[str],
    old_prints: Iterable[int],
    new: Mapping[str, Any] | Numbers,
    new_prints: Iterable[int],
    pace: Pace,
) -> Changes:
    """Compare two dialplans' numbers, each given by keys and fingerprints in the same order."""
    before = dict(pace.each(zip(old, old_prints, strict=True)))
    added = []
    altered = []
    for key, print_ in pace.each(zip(new, new_prints, strict=True)):
        known = before.get(key)
        if known is None:
            added.append(key)
        elif known != print_:
            altered.append(key)
    removed = [key for key in pace.each(before) if key not in new]
    return Changes(added=added, removed=removed, altered=altered)


class _Printer:
    """Digests compiled values. All it has seen must stay alive while it is used."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._known: dict[int, bytes] = {}
        self._names: dict[type, tuple[str, ...]] = {}

    def of(self, value: Any) -> bytes:
        """Give the digest of a value and of all that hangs on it; what is plain, as it is."""
        if value is None or isinstance(value, _PLAIN):
            return _written(value)
        known = self._known.get(id(value))
        if known is None:
            self._known[id(value)] = b""  # what leads back to itself says nothing new
            known = self._known[id(value)] = self._visit(value)
        return known

    def _visit(self, value: Any) -> bytes:
        self._pace.step()
        if isinstance(value, list | tuple):
            return _digest(b"[" + b"".join(map(self.of, self._pace.each(value))))
        if isinstance(value, set | frozenset):
            return self._unordered(b"{", map(self.of, self._pace.each(value)))
        if isinstance(value, dict):
            pairs = self._pace.each(value.items())
            return self._unordered(b":", (_digest(self.of(k) + self.of(v)) for k, v in pairs))
        if isinstance(value, Verdict):
            return b""  # words about what is compared anyway
        if type(value).__module__.startswith(_OURS):
            return self._attributes(value)
        return _digest(pickle.dumps(value))

    def _attributes(self, value: Any) -> bytes:
        kind = type(value)
        names = self._names.get(kind)
        if names is None:
            names = self._names[kind] = tuple(
                name for name in _names_of(kind) if name not in _PLACES
            )
        parts = [kind.__qualname__.encode()]
        parts += [self.of(getattr(value, name)) for name in names]
        own = getattr(value, "__dict__", ())
        parts += [self.of(getattr(value, name)) for name in own if name not in _PLACES]
        return _digest(b"".join(parts))

    @staticmethod
    def _unordered(kind: bytes, digests: Iterable[bytes]) -> bytes:
        total = sum(int.from_bytes(_digest(digest), "big") for digest in digests)
        return _digest(kind + str(total).encode())


def _names_of(kind: type) -> Iterable[str]:
    """The attributes of a class that has slots; where it is compiled, mypyc tells them instead."""
    compiled: tuple[str, ...] | None = getattr(kind, "__mypyc_attrs__", None)
    if compiled is not None:
        return compiled
    return (name for base in kind.__mro__ for name in getattr(base, "__slots__", ()))


def _written(value: object) -> bytes:
    """Write a plain value; its length stands first, so that two in a row are no other two."""
    text = f"{type(value).__name__}:{value!r}".encode("utf-8", "backslashreplace")
    return b"%d:%b" % (len(text), text)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_BYTES).digest()
