"""Queues whose callers, or some of them, cannot be served as their times and skills are."""

from typing import Final

from callrouter.dialplan.grammar import field_types as fields
from callrouter.lint.findings import Findings
from callrouter.yamlfile.reader import Mapping

_DAY: Final = 86400.0


def queues(found: Findings) -> None:
    """Warn of times of queues that contradict each other, and of skills that no agent has."""
    for name, queue in found.section("queues").items():
        _times(found, name, queue)
    for path, step in found.steps():
        asked = step.get("queue")
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
