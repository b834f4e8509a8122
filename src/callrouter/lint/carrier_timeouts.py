"""Routes that ring longer than a trunk's carrier waits for an answer."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

from callrouter.dialplan.compile.hunt_builder import RING_ONE
from callrouter.lint.contradicting_times import RING, Rings, seconds
from callrouter.lint.findings import Findings, names
from callrouter.yamlfile.marked import Mapping

# What these do to a call is to answer it.
_ANSWERING: Final = frozenset({"menu", "voicemail", "messages", "feature"})
# Schedules of one route that are tried both ways; any more are as their steps want them.
_VARIED: Final = 8


def carriers(found: Findings) -> None:
    """Warn of routes and overflows that may ring until after a trunk gave the call up."""
    waits = {
        name: waited
        for name, trunk in found.section("trunks").items()
        if (waited := seconds(trunk.get("answer_within"))) is not None
    }
    if not waits:
        return
    trunk = min(waits, key=waits.__getitem__)
    routes = _Routes(found)
    for key, number in found.section("numbers").items():
        first = routes.first(number)
        for part in ("route", "overflow"):
            lasts = routes.lasts(number.get(part) or ()) + (first if part == "route" else 0.0)
            if lasts > waits[trunk]:
                message = (
                    f"rings for up to {lasts:g}s, but trunk '{trunk}' gives a call up after "
                    f"{waits[trunk]:g}s"
                )
                found.at_key(("numbers", key, part), message)


class _Routes:
    """Knows how long routes ring when nobody answers."""

    def __init__(self, found: Findings) -> None:
        self._rings = Rings(found)
        self._groups = found.section("groups")
        extensions = found.section("extensions").values()
        rings = [self._rings.lasts({"hunt": entry["targets"]}) for entry in extensions]
        self._extension = max(rings, default=0.0)

    def first(self, number: Mapping) -> float:
        """Return how long an extension may ring before the route."""
        return self._extension if number.get("to_header") or number.get("lookup") else 0.0

    def lasts(self, steps: Iterable[Mapping]) -> float:
        """Return how long steps ring at most, whatever their schedules are."""
        rung = list(_before_answer(steps))
        schedules = dict.fromkeys(step["when"]["schedule"] for step in rung if step.get("when"))
        varied = list(schedules)[:_VARIED]
        sides = itertools.product(("open", "closed"), repeat=len(varied))
        return max(self._together(rung, dict(zip(varied, each, strict=True))) for each in sides)

    def _together(self, steps: list[Mapping], state: dict[str, str]) -> float:
        """Return how long those steps ring that are taken while schedules are so."""
        hunts = [
            self._groups[step["hunt"]] if isinstance(step["hunt"], str) else step
            for step in steps
            if "hunt" in step and _taken(step.get("when"), state)
        ]
        alone = sum(self._count(hunt) for hunt in hunts) == 1
        return sum(self._rings.lasts(hunt, RING_ONE if alone else RING) for hunt in hunts)

    def _count(self, hunt: Mapping) -> int:
        """Count the targets of a hunt."""
        groups = self._groups
        held = names(hunt["hunt"])
        return sum(self._count(groups[name]) if name in groups else 1 for name in held)


def _taken(when: Mapping | None, state: dict[str, str]) -> bool:
    if when is None:
        return True
    side = when.get("is", "open")
    return bool(state.get(when["schedule"], side) == side)


def _before_answer(steps: Iterable[Mapping]) -> Iterator[Mapping]:
    """Give the steps up to the first that answers every call, which no carrier gives up then."""
    for step in steps:
        answers = not _ANSWERING.isdisjoint(step) or ("play" in step and step.get("answer", True))
        if answers and not step.get("when") and not step.get("on"):
            return
        yield step
