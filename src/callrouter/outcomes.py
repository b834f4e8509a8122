"""What a decision comes to, in the words by which people compare decisions."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from callrouter.route.plan import Decision, Verdict

Outcome = dict[str, Any]
"""What can be compared, by key."""

USUAL_TIME: Final = datetime(2026, 1, 5, 10, 0)
"""A Monday morning: the time of a call for which none is said."""

_OF_HUNTS: Final = ("after", "total", "stop_on", "redirects")


def outcome(decision: Decision) -> Outcome:
    """Return what a test can ask of a decision. `final` is None for what the last target says."""
    plan = decision.plan
    final = plan.final
    targets = [target for hunt in plan.hunts for target in hunt.targets]
    return {
        "number": decision.number,
        "targets": [target.name for target in targets],
        "ring": {target.name: target.ring_seconds for target in targets},
        "final": None if final is None else final.status,
        "reason": "" if final is None else final.reason,
        "cause": None if final is None else final.cause,
        "prompt": "" if final is None else final.prompt,
        "matched": [verdict.rule for verdict in decision.trace if verdict.matched],
        "missed": [verdict.rule for verdict in decision.trace if not verdict.matched],
    }


def plan_outcome(decision: Decision) -> Outcome:
    """Return all that a caller or a target could notice of a decision, and nothing else."""
    plan = decision.plan
    final = plan.final
    return {
        "number": decision.number,
        "hunts": [
            [
                " + ".join(
                    f"{target.name} {_where(target.uri, target.ring_seconds)}" for target in row
                )
                for row in hunt.rounds
            ]
            for hunt in plan.hunts
        ],
        "after": [", ".join(sorted(hunt.on)) or "any result" for hunt in plan.hunts],
        "total": [hunt.total_seconds for hunt in plan.hunts],
        "stop_on": [sorted(hunt.stop_codes) for hunt in plan.hunts],
        "redirects": [hunt.redirects for hunt in plan.hunts],
        "final": None if final is None else final.status,
        "reason": "" if final is None else final.reason,
        "cause": None if final is None else final.cause,
        "prompt": "" if final is None else final.prompt,
        "lines": list(plan.holds),
    }


def differences(old: Outcome, new: Outcome) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two outcomes of plans, by key."""
    differ = {key: (old[key], new[key]) for key in old if old[key] != new[key]}
    if len(old["hunts"]) != len(new["hunts"]):
        # How each hunt goes is compared hunt by hunt, and here they are not the same ones.
        for key in _OF_HUNTS:
            differ.pop(key, None)
    return differ


def written(value: object) -> str:
    """Write a value of an outcome on one line."""
    if isinstance(value, list):
        return f"[{', '.join(written(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {written(item)}' for key, item in value.items())}}}"
    if isinstance(value, float):
        return f"{value:g}s"
    return "nothing" if value in (None, "") else str(value)


def verdict_lines(trace: Iterable[Verdict]) -> Iterator[str]:
    """Write a trace as `callrouter explain` does, one rule a line."""
    for verdict in trace:
        mark = "✓" if verdict.matched else "✗"
        value = f" [{_printable(verdict.value)}]" if verdict.value else ""
        yield f"{mark} {verdict.rule}{value}: {verdict.why}  {verdict.file}:{verdict.line}"


def _where(uri: str, ring: float) -> str:
    return f"{uri} {ring:g}s"


def _printable(text: str) -> str:
    # What a peer sent must not reach a terminal as control characters.
    return text if text.isprintable() else repr(text)[1:-1]
