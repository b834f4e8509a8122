"""Groups inside groups: no loops, no depths, no crowds."""

from collections.abc import Callable
from typing import Any, Final

from callrouter.yamlfile.marked import Mapping

DEEPEST: Final = 8
MOST: Final = 500

Report = Callable[[tuple[str | int, ...], str], None]


def rung(entry: Any) -> str | None:
    """Return the name in an entry of `hunt:` as it was read, None when it has none."""
    name = entry.get("name") if isinstance(entry, Mapping) else entry
    return name if isinstance(name, str) else None


class Nesting:
    """Check of all groups, once. report: is told the path of an entry and what is wrong."""

    def __init__(self, groups: Mapping, report: Report) -> None:
        self._groups = groups
        self._report = report
        # By group: how deep it is and how many targets it has; None while it is looked at.
        self._known: dict[str, tuple[int, int] | None] = {}
        for name in groups:
            self._look(name, ())

    def count(self, hunt: Any) -> int:
        """Count the targets of the list of a hunt."""
        return sum(self._of(entry)[1] for entry in _entries(hunt))

    def _of(self, entry: Any) -> tuple[int, int]:
        name = rung(entry)
        return self._known.get(name or "", None) or (0, 1)

    def _look(self, name: str, above: tuple[str, ...]) -> None:
        if name in self._known:
            return
        self._known[name] = None
        raw = self._groups[name]
        hunt = raw.get("hunt") if isinstance(raw, Mapping) else None
        path = (*above, name)
        for index, entry in enumerate(_entries(hunt)):
            inner = rung(entry)
            if inner is None or inner not in self._groups:
                continue
            where = ("groups", name, "hunt", index)
            if inner in path:
                loop = " → ".join((*path[path.index(inner) :], inner))
                self._report(where, f"group '{inner}' holds itself: {loop}")
            elif len(path) >= DEEPEST * 2:
                self._report(where, f"groups are nested deeper than {DEEPEST}")
                return
            else:
                self._look(inner, path)
        held = [self._of(entry) for entry in _entries(hunt)]
        depth = 1 + max((depth for depth, _ in held), default=0)
        count = sum(count for _, count in held)
        if depth > DEEPEST:
            self._report(("groups", name, "hunt"), f"groups are nested deeper than {DEEPEST}")
            depth = 0
        if count > MOST:
            self._report(("groups", name, "hunt"), f"more than {MOST} targets in one hunt")
            count = 1
        self._known[name] = (depth, count)


def _entries(hunt: Any) -> list[Any]:
    return hunt if isinstance(hunt, list) else []
