"""One test run: the call decided, or its whole hunt played, and the outcome held against it."""

from typing import Any, Final

from callrouter.call.record import CallRecord
from callrouter.outcomes import outcome
from callrouter.route.engine import decide
from callrouter.route.facts import Facts
from callrouter.route.plan import Decision
from callrouter.route.snapshot import Override, Snapshot
from callrouter.simulate.play import play
from callrouter.testing.cases import Tested
from callrouter.testing.grammar import Case, Expected, State

_NO_BLOCK: Final[dict[tuple[str, str], float]] = {}


class Result:
    """What came of one test. differences: by key, what was expected and what came."""

    __slots__ = ("case", "decision", "differences", "line")

    def __init__(
        self,
        case: Case,
        line: int,
        decision: Decision,
        differences: dict[str, tuple[object, object]],
    ) -> None:
        self.case = case
        self.line = line
        self.decision = decision
        self.differences = differences


def run(tested: Tested, case: Case, line: int) -> Result:
    """Run one test. line: where it stands in its file."""
    facts = tested.facts(case.call)
    snapshot = _snapshot(tested, facts, case.state)
    decision = decide(tested.dialplan, facts, snapshot)
    got = outcome(decision)
    if case.legs is not None:
        played = play(tested.dialplan, facts, case.legs, case.cancel, snapshot)
        got |= _played(played.record)
    differences = _differences(case.expect, got)
    return Result(case, line, decision, differences)


def _played(record: CallRecord | None) -> dict[str, Any]:
    """Return what a test can expect of a call that was played; None is no call at all."""
    if record is None:
        return {"answered_by": "", "disposition": "", "status": None, "legs": []}
    answered = [leg.target for leg in record.legs if leg.result == "answered"]
    return {
        "answered_by": answered[0] if answered else "",
        "disposition": record.disposition.value,
        "status": record.status or None,
        "legs": [leg.result for leg in record.legs],
        "reason": record.reason,
    }


def _snapshot(tested: Tested, facts: Facts, state: State) -> Snapshot:
    """Return the state of the moment that a test describes."""
    overrides = {name: Override(to == "open", 0.0) for name, to in state.override.items()}
    blocks = _NO_BLOCK
    attempts = {}
    if state.calls_before or state.blocked_for is not None:
        # What is counted is counted by the key and the caller as the dialplan knows them.
        known = decide(tested.dialplan, facts)
        counted = (known.number, known.caller)
        attempts[counted] = sorted(facts.at - ago for ago in state.calls_before)
        if state.blocked_for is not None:
            blocks = {counted: facts.at + state.blocked_for}
    return Snapshot(
        down=frozenset(state.down),
        overrides=overrides,
        lines=state.lines,
        turns=state.turns,
        blocks=blocks,
        attempts=attempts,
        away=state.away,
        seed=state.seed,
    )


def _differences(expected: Expected, got: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Return what was expected and came otherwise; of rules and times, only those named."""
    differences: dict[str, tuple[object, object]] = {}
    for key in Expected.model_fields:
        if key not in expected.model_fields_set:
            continue
        wanted = getattr(expected, key)
        came = got[key]
        if key in {"matched", "missed"}:
            if not set(wanted or ()) <= set(came):
                differences[key] = (wanted, came)
            continue
        if key == "ring":
            came = {name: came.get(name) for name in wanted}
        if wanted != came:
            differences[key] = (wanted, came)
    return differences
