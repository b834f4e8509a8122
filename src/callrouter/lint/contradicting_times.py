"""Times that contradict each other, and lines that can never be used up."""

from typing import Any, Final

from callrouter.dialplan.grammar import field_types as fields
from callrouter.lint.findings import Findings, Path, names
from callrouter.yamlfile.marked import Mapping

RING: Final = 15.0
"""How long a target rings that has no time of its own and is not the only one, seconds."""
_LONGEST: Final = 3600.0
_TOGETHER: Final = frozenset({"parallel", "staggered"})


def timers(found: Findings) -> None:
    """Warn of hunts whose times do not go together, and of more lines than trunks have."""
    rings = Rings(found)
    for name, group in found.section("groups").items():
        rings.check(("groups", name), group)
    for path, step in found.steps():
        if not isinstance(step.get("hunt"), str | None):
            rings.check(path, step)
    trunks = [trunk.get("lines") for trunk in found.section("trunks").values()]
    if trunks and all(trunks):
        most = sum(trunks)
        for key, number in found.section("numbers").items():
            if (number.get("lines") or 0) > most:
                message = f"more lines than all trunks together have, which is {most}"
                found.at_value(("numbers", key, "lines"), message)


class Rings:
    """Ring times of hunts."""

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._targets = found.section("targets")
        self._groups = found.section("groups")

    def check(self, path: Path, hunt: Mapping) -> None:
        """Warn when a hunt's limit cuts a target short, or its `progress` says nothing."""
        total = seconds(hunt.get("total"))
        if total is not None:
            cut = self._cut(hunt, total)
            if cut:
                self._found.at_value((*path, "total"), cut)
        progress = seconds(hunt.get("progress"))
        if progress is not None:
            rings = [self._longest(name, _ring(hunt, RING)) for name in names(hunt["hunt"])]
            if max(rings) < progress:
                message = "'progress' is longer than any target rings, and so has no effect"
                self._found.at_value((*path, "progress"), message)

    def lasts(self, hunt: dict[str, Any], default: float = RING) -> float:
        """Return how long a hunt rings when nobody answers. default: of targets without a time."""
        lasting = self._together(hunt, _ring(hunt, default))
        return min(lasting, seconds(hunt.get("total")) or lasting)

    def _cut(self, hunt: Mapping, total: float) -> str:
        """Say what a limit cuts short, "" for nothing."""
        ring = _ring(hunt, RING)
        together = hunt.get("strategy") in _TOGETHER
        every = seconds(hunt.get("every")) or 0.0
        end = 0.0
        for index, name in enumerate(names(hunt["hunt"])):
            start = every * index if together else end
            end = start + self._longest(name, ring)
            if start >= total:
                return f"'{name}' is not rung when those before it ring out: that takes {start:g}s"
            if end > total:
                return f"'{name}' may ring until {end:g}s, but the hunt ends before"
        return ""

    def _longest(self, name: str, ring: float) -> float:
        """Return how long a target or group can ring."""
        group = self._groups.get(name)
        if group is None or name in self._targets:
            return seconds(self._targets[name].get("ring")) or ring
        return self._together(group, _ring(group, ring))

    def _together(self, hunt: dict[str, Any], ring: float) -> float:
        """Return how long what a hunt holds can ring, whatever its limit."""
        lengths = [self._longest(held, ring) for held in names(hunt["hunt"])]
        if hunt.get("strategy") == "parallel":
            return max(lengths)
        if hunt.get("strategy") == "staggered":
            every = seconds(hunt.get("every")) or 0.0
            return max(every * index + length for index, length in enumerate(lengths))
        return sum(lengths)


def _ring(hunt: dict[str, Any], default: float) -> float:
    return seconds(hunt.get("ring")) or default


def seconds(value: Any) -> float | None:
    """Read a time that was checked; None for one that is left out."""
    return None if value is None else fields.seconds(value, 0, _LONGEST)
