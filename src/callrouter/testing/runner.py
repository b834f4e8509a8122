"""One test run: the call decided, or its whole hunt played, and the outcome held against it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from callrouter.call.services.record import CallRecord
from callrouter.observe.cdr.call_charges import charges_of
from callrouter.outcomes import outcome
from callrouter.route.decide.routing import decide, decide_with
from callrouter.route.values.decision import INBOUND, INTERNAL
from callrouter.route.values.external_lookup import said, said_of_carrier
from callrouter.route.values.facts import Facts
from callrouter.route.values.fraud_guards import Barring
from callrouter.route.values.plan import Verdict
from callrouter.route.values.snapshot import SPENT_SECONDS, OutgoingUse, Override, Snapshot
from callrouter.simulate.simulated_call import play
from callrouter.testing.case_file import Case, State, differing
from callrouter.testing.rate_plan_tests import RatePlanSuite, run_case
from callrouter.testing.suite import Suite, Tested

_NO_BLOCK: Final[dict[tuple[str, str], float]] = {}
_BARRED: Final = "the test began"


@dataclass(slots=True, kw_only=True, frozen=True)
class Result:
    """Result of one test.

    trace: the rules that were looked at. rung: who rings, or would. differences: by key, what was
    expected and what came.
    """

    name: str
    line: int
    trace: tuple[Verdict, ...]
    rung: list[str]
    differences: dict[str, tuple[object, object]]


def run_all(suite: Suite | RatePlanSuite) -> list[Result]:
    """Run all tests of a file."""
    if isinstance(suite, Suite):
        pairs = zip(suite.tests, suite.lines, strict=True)
        return [run(suite.tested, case, line) for case, line in pairs]
    return [
        Result(name=case.name, line=line, trace=(), rung=[], differences=run_case(suite, case))
        for case, line in zip(suite.tests, suite.lines, strict=True)
    ]


def run(tested: Tested, case: Case, line: int) -> Result:
    """Run one test. line: where it stands in its file."""
    facts = tested.facts(case.call)
    snapshot = _snapshot(tested, facts, case.state)
    answers = {False: said(case.state.owner), True: said_of_carrier(case.state.carrier)}
    decision, _ = decide_with(
        tested.dialplan, facts, snapshot, lambda lookup: answers[lookup.of_carrier]
    )
    got = outcome(decision)
    got["direction"] = decision.direction or (INTERNAL if facts.extension else INBOUND)
    trace = decision.trace
    rung = [target.name for hunt in decision.plan.hunts for target in hunt.targets]
    if case.is_played:
        keys = case.press or ()
        legs = case.legs or {}
        played = play(
            tested.dialplan,
            facts,
            legs,
            cancel_after=case.cancel,
            snapshot=snapshot,
            owner=case.state.owner,
            carrier=case.state.carrier,
            presses=keys,
        )
        got |= _played(played.record)
        if played.record is not None:
            trace = played.record.trace  # with what keys have led to
            got |= {
                "matched": [verdict.rule for verdict in trace if verdict.matched],
                "missed": [verdict.rule for verdict in trace if not verdict.matched],
            }
            rung += [leg.target for leg in played.record.legs]
    differences = differing(case.expect, got)
    return Result(name=case.name, line=line, trace=trace, rung=rung, differences=differences)


def _played(record: CallRecord | None) -> dict[str, Any]:
    """Return what a test can expect of a call that was played; None is no call at all."""
    if record is None:
        nothing: dict[str, Any] = {"answered_by": "", "disposition": "", "status": None, "legs": []}
        return nothing | {"heard": [], "keys": "", "voicemail": "", "queue": "", "cost": None}
    heard = record.heard or ()
    boxes = [kept.of for kept in record.voicemail if kept.id]
    charges = charges_of(record)
    answered = [leg.target for leg in record.legs if leg.result == "answered"]
    return {
        "answered_by": answered[0] if answered else "",
        "disposition": record.disposition.value,
        "status": record.status or None,
        "legs": [leg.result for leg in record.legs],
        "reason": record.reason,
        "heard": [which for _, what, which in heard if what == "played"],
        "keys": "".join(which for _, what, which in heard if what == "key"),
        "voicemail": boxes[0] if boxes else "",
        "queue": record.queues[-1].outcome if record.queues else "",
        "cost": None if charges is None else charges.cost,
    }


def _snapshot(tested: Tested, facts: Facts, state: State) -> Snapshot:
    """Return the state of the moment that a test describes."""
    overrides = {
        name: Override(open=to == "open", until=0.0) for name, to in state.override.items()
    }
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
        barred={extension: Barring(_BARRED, facts.at) for extension in state.barred},
        outgoing=_spent(state.spent, facts.at),
        forwards={
            f"{extension} {when}": goal
            for extension, goals in state.forwards.items()
            for when, goal in goals.items()
        },
        seed=state.seed,
    )


def _spent(spent: Mapping[str, Decimal], at: float) -> dict[str, OutgoingUse]:
    """What extensions, and all together, have spent just now."""
    amounts = {**spent, "": sum(spent.values(), Decimal(0))} if spent else {}
    when = int(at // SPENT_SECONDS)
    return {whose: OutgoingUse(spent={when: amount}) for whose, amount in amounts.items()}
