"""Calls decided by two dialplans, and what differs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from callrouter.outcomes import Outcome, differences, plan_outcome, verdict_lines, written
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts


@dataclass(slots=True, kw_only=True, frozen=True)
class ChangedDecision:
    """A call that two dialplans decide differently.

    before, after: what the old and the new decision come to. differences: old and new value, by
    key.
    """

    facts: Facts
    old: Decision
    new: Decision
    before: Outcome
    after: Outcome
    differences: dict[str, tuple[Any, Any]]


class Replay:
    """Calls decided twice. calls, changed: counted while `changes` is read."""

    def __init__(self, old: Dialplan, new: Dialplan) -> None:
        self._old = old
        self._new = new
        self.calls = 0
        self.changed = 0

    def changes(self, calls: Iterable[Facts]) -> Iterator[ChangedDecision]:
        """Give the calls that are decided differently.

        Each is decided at its own time, as if no other call were there: gateways work, nobody is
        blocked, no line is in use.
        """
        for facts in calls:
            self.calls += 1
            old = decide(self._old, facts)
            new = decide(self._new, facts)
            before = plan_outcome(old, self._old.menus)
            after = plan_outcome(new, self._new.menus)
            differ = differences(before, after)
            if differ:
                self.changed += 1
                yield ChangedDecision(
                    facts=facts, old=old, new=new, before=before, after=after, differences=differ
                )


def told(change: ChangedDecision) -> Iterator[str]:
    """Say what differs for one call, and by which rules."""
    facts = change.facts
    at = datetime.fromtimestamp(facts.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    to_header = f" (To: {facts.to_ext or facts.to_user})" if facts.to_ext or facts.to_user else ""
    yield f"{at} {_shown(facts.caller)} -> {_shown(facts.called)}{to_header} on {facts.trunk}"
    for key, (old, new) in change.differences.items():
        yield f"  - {key}: {written(old)}"
        yield f"  + {key}: {written(new)}"
    yield "  old:"
    yield from (f"    {line}" for line in verdict_lines(change.old.trace))
    yield "  new:"
    yield from (f"    {line}" for line in verdict_lines(change.new.trace))


def as_data(change: ChangedDecision) -> dict[str, Any]:
    """Return a change as JSON has it."""
    facts = change.facts
    return {
        "call": {
            "from": facts.caller,
            "to": facts.called,
            "to_header": facts.to_user,
            "to_ext": facts.to_ext,
            "at": facts.at,
            "trunk": facts.trunk,
            "source": facts.source,
        },
        "changed": list(change.differences),
        "old": _decision(change.old, change.before),
        "new": _decision(change.new, change.after),
    }


def _decision(decision: Decision, outcome: Outcome) -> dict[str, Any]:
    trace = [verdict.as_dict() for verdict in decision.trace]
    return {**outcome, "trace": trace}


def _shown(text: str) -> str:
    if not text:
        return "nobody"
    return text if text.isprintable() else repr(text)
