"""Queues whose callers, or some of them, cannot be served as times, skills and hours are."""

from typing import Final

from callrouter.dialplan.grammar import field_types as fields
from callrouter.dialplan.grammar.names import Path
from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.lint.findings import Findings
from callrouter.lint.overlapping_schedules import clock, week
from callrouter.yamlfile.marked import Mapping

_DAY: Final = 86400.0


def queues(found: Findings) -> None:
    """Warn of times of queues that contradict each other, of skills that no agent has, and of hours
    in which callers wait for nobody.
    """
    for name, queue in found.section("queues").items():
        _times(found, name, queue)
    weeks = {
        name: week(ScheduleEntry.model_validate(raw))
        for name, raw in found.section("schedules").items()
    }
    for path, step in found.steps():
        asked = step.get("queue")
        if asked is not None:
            _hours(found, path, step, weeks)
        if not isinstance(asked, Mapping):
            continue
        queue = found.section("queues")[asked["name"]]
        wanted = set(asked.get("skills") or ())
        if wanted and not any(wanted <= _skills(agent) for agent in queue["agents"]):
            names = " and ".join(f"'{skill}'" for skill in sorted(wanted))
            message = f"no agent of queue '{asked['name']}' has {names}"
            together = " together" if len(wanted) > 1 else ""
            found.at_value(
                (*path, "queue", "skills"), f"{message}{together}: these callers are never served"
            )


def _hours(found: Findings, path: Path, step: Mapping, weeks: dict[str, list[bool]]) -> None:
    """Warn of the first hour in which a step is taken and all agents of its queue are off duty."""
    name = step["queue"]["name"] if isinstance(step["queue"], Mapping) else step["queue"]
    agents = found.section("queues")[name]["agents"]
    extensions = found.section("extensions")
    named = [it["extension"] if isinstance(it, Mapping) else it for it in agents]
    hours = {extensions[it].get("schedule") for it in named}
    if None in hours:
        return  # somebody is there at any time
    when = step.get("when")
    for minute, on_duty in enumerate(zip(*(weeks[it] for it in hours), strict=True)):
        is_open = when is None or weeks[when["schedule"]][minute] == (when.get("is") != "closed")
        if is_open and not any(on_duty):
            message = f"from {clock(minute)} on no agent of queue '{name}' is within its hours"
            found.at_key((*path, "queue"), f"{message}, and callers wait for nobody")
            return


def _times(found: Findings, name: str, queue: Mapping) -> None:
    longest = _seconds(queue, "max_wait")
    if longest is None:
        return
    wrap_up = _seconds(queue, "wrap_up") or 0.0
    if wrap_up > longest:
        message = (
            f"an agent rests for longer than callers wait, which is {longest:g}s: who comes when "
            "all have just hung up is never served"
        )
        found.at_value(("queues", name, "wrap_up"), message)
    ring = _seconds(queue, "ring")
    if ring is not None and ring > longest:
        message = f"callers wait {longest:g}s at most, so no second agent is ever rung"
        found.at_value(("queues", name, "ring"), message)


def _seconds(queue: Mapping, key: str) -> float | None:
    """Read a time that was checked; None for one that is left out."""
    return fields.seconds(queue[key], 0, _DAY) if key in queue else None


def _skills(agent: object) -> set[str]:
    return set(agent.get("skills") or ()) if isinstance(agent, Mapping) else set()
