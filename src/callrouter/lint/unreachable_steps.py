"""Steps and backups that no call can reach."""

from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.lint.findings import Findings, Path, names
from callrouter.lint.overlapping_schedules import is_always_open
from callrouter.yamlfile.marked import Mapping

_BUSY = {486, 600}
_CLOSED = "out_of_hours"


def steps(found: Findings) -> None:
    """Warn of what no call can reach in the routes."""
    reach = _Reach(found)
    for key, number in found.section("numbers").items():
        for part in ("route", "overflow"):
            taken = number.get(part) or []
            for index, step in enumerate(taken):
                path: Path = ("numbers", key, part, index)
                message = reach.never(taken[:index], step)
                if message:
                    found.at_value(path, f"step {index + 1} is never taken: {message}")
                elif _out_of_hours(step, taken[:index]):
                    message = (
                        f"'{_CLOSED}' is played in hours too, when nobody answers: say when, such "
                        "as when: {schedule: ..., is: closed}"
                    )
                    found.at_value((*path, "play"), message)
        if number.get("backup") and not reach.all_by_gateways(number):
            message = "'backup' never rings: part of the route needs no gateway"
            found.at_key(("numbers", key, "backup"), message)


def _out_of_hours(step: Mapping, before: list[Mapping]) -> bool:
    """Say whether callers are told in hours that it is out of hours."""
    played = step.get("play")
    if played != _CLOSED and not (isinstance(played, list) and _CLOSED in played):
        return False
    when = step.get("when")
    if when is not None:
        return bool(when.get("is", "open") == "open")
    return any((other.get("when") or {}).get("is", "open") == "open" for other in before)


class _Reach:
    """Knows where hunts lead."""

    def __init__(self, found: Findings) -> None:
        self._targets = found.section("targets")
        self._groups = found.section("groups")
        self._shut = {
            name
            for name, schedule in found.section("schedules").items()
            if not schedule["open"] and not schedule.get("days")
        }
        # A step may switch a schedule (`feature`), which is then neither.
        switched = {(step.get("feature") or {}).get("schedule") for _, step in found.steps()}
        self._shut -= switched
        self._always = {
            name
            for name, raw in found.section("schedules").items()
            if name not in switched and is_always_open(ScheduleEntry.model_validate(raw))
        }

    def never(self, before: list[Mapping], step: Mapping) -> str:
        """Say why a step is never taken, "" when it may be. before: the steps before it."""
        when = step.get("when")
        if when and when["schedule"] in self._shut and when.get("is", "open") == "open":
            return f"schedule '{when['schedule']}' is never open"
        if when and when["schedule"] in self._always and when.get("is", "open") == "closed":
            return f"schedule '{when['schedule']}' is always open, unless it is switched by hand"
        on = set(step.get("on") or ())
        if not on:
            return ""
        earlier = [other for other in before if not _excludes(other.get("when"), when)]
        if not earlier:
            return "'on' asks for a step before it, and none is taken at the same time"
        if on == {"busy"} and all(self._stops_on_busy(other) for other in earlier):
            return "a busy target ends the call in each step before it ('stop_on')"
        return ""

    def all_by_gateways(self, number: Mapping) -> bool:
        """Say whether every target of a route needs a gateway."""
        rung: set[str] = set()
        for step in number["route"]:
            if "hunt" not in step:
                return True  # its media may be down, and then it is as if a gateway was
            self._collect(names(step["hunt"]), rung)
        return all("via" in self._targets[name] for name in rung if name in self._targets)

    def _collect(self, hunted: list[str], into: set[str]) -> None:
        for name in hunted:
            if name not in into:
                into.add(name)
                group = self._groups.get(name)
                if group is not None:
                    self._collect(names(group["hunt"]), into)

    def _stops_on_busy(self, step: Mapping) -> bool:
        hunt = step.get("hunt")
        if hunt is None:
            return False
        options = self._groups[hunt] if isinstance(hunt, str) else step
        return set(options.get("stop_on") or ()) >= _BUSY


def _excludes(one: Mapping | None, other: Mapping | None) -> bool:
    """Say whether two conditions never hold together."""
    if one is None or other is None or one["schedule"] != other["schedule"]:
        return False
    return bool(one.get("is", "open") != other.get("is", "open"))
