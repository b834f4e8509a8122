"""Numbers written alike: what is true of one is true of all of them.

Theory: in a big file most numbers differ in nothing but their key and their name, and the reader
gives equal parts of entries as the same objects. So an entry is known by the identities of its
values, and one without mistakes stands for all others that have the same.
"""

from typing import Any, Final

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.dialplan_file import NumberEntry
from callrouter.yamlfile.marked import Mapping

_NAME: Final = "name"
# Each is a few kilobytes, and a file with more kinds gains little.
_KEPT: Final = 1024


class Alike:
    """Store of numbers without mistakes. Their entries must stay alive meanwhile."""

    def __init__(self) -> None:
        self._known: dict[tuple[str | int, ...], NumberEntry] = {}

    def find(self, raw: Any) -> NumberEntry | None:
        """Return a number for an entry, None when it has to be checked."""
        if not isinstance(raw, Mapping):
            return None
        known = self._known.get(_kind(raw))
        if known is None:
            return None
        name = raw.get(_NAME)
        if name == known.name:
            return known
        if name is not None and not fields.is_label(name):
            return None
        return known.model_copy(update={_NAME: name})

    def keep(self, raw: Any, number: NumberEntry) -> None:
        """Remember a number in whose entry there is no mistake."""
        if isinstance(raw, Mapping) and len(self._known) < _KEPT:
            self._known[_kind(raw)] = number


def _kind(raw: Mapping) -> tuple[str | int, ...]:
    kind: list[str | int] = []
    for key, value in raw.items():
        kind.append(key)
        if key != _NAME:
            kind.append(id(value))
    return tuple(kind)
