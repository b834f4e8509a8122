"""A dialplan as pickles that can be read without a long step.

Theory: an unpickler remembers every object it made and forgets them all at once at its end: 80 ms
for the three million of 100,000 numbers. So the numbers, and what the rows of tables ring, are
written in slices, each a pickle of its own. What hangs on several slices (groups, schedules, lists)
is written once, before them, and named by its place from then on; whether it does is counted, not
known by its type. What hangs on one number alone stays in its slice, however many ways lead there:
of 100,000 numbers with a target each, all these targets in one pickle would be too many again. The
dialplan itself comes last and names what is in slices the same way.

In order: what is shared, how many slices, the slices, the dialplan.
"""

import gc
import pickle
from collections.abc import Iterable, Iterator, Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import IO, Any, Final

from callrouter.route.rules.compiled_dialplan import Dialplan

_SLICE: Final = 512
_PLAIN: Final = (
    *(str, int, float, bytes, type(None)),
    *(type, FunctionType, BuiltinFunctionType, ModuleType),
)
"""What is copied rather than named."""
_USUAL: Final = frozenset((str, int, float, bool, type, type(None)))
"""Nearly all of that, told sooner."""


def values(dialplan: Dialplan) -> list[object]:
    """Return what a big dialplan has very many of: its numbers, and the targets of its tables."""
    many: list[object] = list(dialplan.numbers.written.values())
    for table in dialplan.numbers.tables:
        many += table.targets
    return many


def write(dialplan: Dialplan, out: IO[bytes]) -> None:
    """Write all parts."""
    many = values(dialplan)
    slices = [many[start : start + _SLICE] for start in range(0, len(many), _SLICE)]
    shared = _shared(slices, dialplan)
    pickle.dump(shared, out, protocol=5)
    pickle.dump(len(slices), out)
    places = {id(value): place for place, value in enumerate(shared)}
    for part in slices:
        _dump(part, places, out)
    places.update((id(value), len(shared) + index) for index, value in enumerate(many))
    _dump(dialplan, places, out)


def read(file: Any) -> Dialplan:
    """Read what `write` wrote. file: read() is called for each 64 KB, and between any two parts."""
    table: list[Any] = pickle.load(file)  # noqa: S301 - written by a process of ours
    for _ in range(pickle.load(file)):  # noqa: S301 - as above
        table += _load(table, file)
    dialplan: Dialplan = _load(table, file)
    return dialplan


class _Pickler(pickle.Pickler):
    """Names what has a place instead of writing it. places: by the identity of a value."""

    def __init__(self, out: IO[bytes], places: dict[int, int]) -> None:
        super().__init__(out, protocol=5)
        self._places = places

    def persistent_id(self, obj: object) -> int | None:
        """The place of a value, None for what is written out."""
        return self._places.get(id(obj))


class _Unpickler(pickle.Unpickler):
    """Finds in the table what was named by its place."""

    def __init__(self, file: Any, table: Sequence[Any]) -> None:
        super().__init__(file)
        self._table = table

    def persistent_load(self, pid: int) -> Any:
        """The value at a place."""
        return self._table[pid]


def _dump(part: object, places: dict[int, int], out: IO[bytes]) -> None:
    _Pickler(out, places).dump(part)


def _load(table: Sequence[Any], file: Any) -> Any:
    return _Unpickler(file, table).load()


def _shared(slices: Iterable[Sequence[object]], whole: object) -> list[object]:
    """Give the values that hang on several parts: slices, and the whole without them.

    What hangs on such a value is written with it, so if anything else leads there, it is one too.
    """
    before = {id(root) for part in slices for root in part}
    roots = frozenset(before)
    twice: set[int] = set()
    shared: dict[int, object] = {}
    for part in (*slices, [whole]):
        here: set[int] = set()
        ahead = list(part)
        while ahead:
            for value in _referents(ahead.pop()):
                name = id(value)
                if name in roots:
                    continue
                if name in before:
                    shared[name] = value
                elif name in here:
                    twice.add(name)
                else:
                    here.add(name)
                    ahead.append(value)
        before |= here
    ahead = list(shared.values())
    seen = set(shared)
    while ahead:
        for value in _referents(ahead.pop()):
            name = id(value)
            if name not in seen:
                seen.add(name)
                ahead.append(value)
                if name in twice:
                    shared[name] = value
    return list(shared.values())


def _referents(value: object) -> Iterator[object]:
    """Give what a value refers to, but for what is plain."""
    for found in gc.get_referents(value):
        if type(found) not in _USUAL and not isinstance(found, _PLAIN):
            yield found
