"""A dialplan as pickles that can be read without a long step.

Theory: an unpickler remembers every object it made and forgets them all at once at its end: 80 ms
for the three million of 100,000 numbers. So the numbers are written in slices, each a pickle of its
own. What hangs on several numbers (targets, groups, schedules, lists) is written once, before them,
and named by its place from then on; whether it does is counted, not known by its type. The dialplan
itself comes last and names its numbers the same way. The rows of its tables are texts, which cost
little.

In order: what is shared, how many slices, the slices, the dialplan.
"""

import gc
import pickle
from collections.abc import Iterable, Sequence
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


def write(dialplan: Dialplan, out: IO[bytes]) -> None:
    """Write all parts."""
    numbers = list(dialplan.numbers.written.values())
    shared = _shared([*numbers, *(table.rules for table in dialplan.numbers.tables)])
    pickle.dump(shared, out, protocol=5)
    slices = range(0, len(numbers), _SLICE)
    pickle.dump(len(slices), out)
    places = {id(value): place for place, value in enumerate(shared)}
    for start in slices:
        _dump(numbers[start : start + _SLICE], places, out)
    places.update((id(number), len(shared) + index) for index, number in enumerate(numbers))
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


def _shared(roots: Iterable[object]) -> list[object]:
    """Give the values that more than one way from the roots leads to."""
    once: set[int] = set()
    more: set[int] = set()
    found: list[object] = []
    for root in roots:
        ahead = [root]
        while ahead:
            for value in gc.get_referents(ahead.pop()):
                if type(value) in _USUAL or isinstance(value, _PLAIN):
                    continue
                name = id(value)
                if name not in once:
                    once.add(name)
                    ahead.append(value)
                elif name not in more:
                    more.add(name)
                    found.append(value)
    return found
