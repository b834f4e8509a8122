"""Routing of a call: facts and a dialplan in, a decision with its reasons out.

Theory: for one trunk and one called number the way to the number is the same for each call, and for
a number without rules about callers, times and lines so is the plan. That part is found once and
kept; a call adds the trunk's verdict and, where the number has such rules, goes its way through
them. The answer depends on the facts and the snapshot alone: what is kept saves time and never
changes it.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.destinations import parted
from callrouter.route.decide.evaluation import Evaluation
from callrouter.route.decide.outgoing import OutgoingCall
from callrouter.route.decide.plan_steps import PlanSteps
from callrouter.route.decide.reach import reach
from callrouter.route.rules.compiled_dialplan import CalledNumber, Dialplan
from callrouter.route.rules.number_index import Match
from callrouter.route.rules.number_rules import Extension, Number, Trunk
from callrouter.route.values import refusal_reasons as reasons
from callrouter.route.values.decision import (
    INTERNAL,
    OUTBOUND,
    Decision,
    Need,
    NeedCredit,
    NeedLines,
    NeedLookup,
)
from callrouter.route.values.external_lookup import Lookup, LookupAnswer
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import Voice
from callrouter.route.values.plan import PASSED, REFUSED, Hold, Plan, Refusal, Verdict
from callrouter.route.values.snapshot import NO_ANSWER, NOTHING, Snapshot

_LONGEST: Final = 64
"""Characters of a called number that is kept: nobody's is longer."""

MOST_DIVERSIONS: Final = 10
"""A call that was forwarded so often goes round in circles."""

_NO_TRUNK: Final = Plan((), reasons.USUAL[reasons.UNKNOWN_TRUNK])


def decide(dialplan: Dialplan, facts: Facts, snapshot: Snapshot = NOTHING) -> Decision:
    """Decide what happens to a call. Total: any facts get a decision, nothing is raised."""
    trunk = dialplan.trunks.get(facts.trunk)
    if trunk is None:
        why = "the dialplan has no such trunk"
        rule = f"trunk {facts.trunk}"
        nowhere = Verdict(rule, False, facts.source, why, dialplan.file, 1, result=REFUSED)
        return Decision("", _NO_TRUNK, (nowhere,))
    came = _came_by(dialplan, trunk, facts.source)
    called = facts.to_user if trunk.called_is_to else facts.called
    found = dialplan.found.newer.get((trunk.name, called)) or _find(dialplan, trunk, called)
    number = found.number
    inside: Decision | None = None
    if facts.extension:
        inside = _called_inside(
            dialplan=dialplan,
            trunk=trunk,
            facts=facts,
            snapshot=snapshot,
            called=called,
            number=number,
            came=came,
        )
    if number is None or inside is not None:
        return inside or Decision(found.key, found.refused, (came, *found.trace))
    if facts.answer is not None or facts.busy or facts.no_credit:
        return _again(dialplan, trunk, number, facts, snapshot)
    counts = False
    before: tuple[Verdict, ...] = (came,)
    if facts.diversions or trunk.calls_per_second or snapshot.lives:
        before, refusal = _let_in(trunk, number, facts, snapshot, came)
        if refusal is not None:
            return Decision(number.key, Plan((), refusal), (*before, *found.looked_up))
        counts = trunk.calls_per_second > 0
    if (
        found.plan is not None
        and not snapshot.blocks
        and (not snapshot.down or number.gateways.isdisjoint(snapshot.down))
        and (not snapshot.away or number.extensions.isdisjoint(snapshot.away))
    ):
        decision = Decision(number.key, found.plan, (*before, *found.trace), found.needs)
        decision.counts = counts
        return decision
    extension, named = _named(dialplan, number, facts)
    case = Evaluation(dialplan, trunk, number, facts, snapshot, (*before, *found.looked_up))
    plan = case.plan(extension, named)
    trace, needs = tuple(case.trace), case.needs(plan)
    return Decision(number.key, plan, trace, needs, case.caller, case.auto_block, counts=counts)


def decide_with(
    dialplan: Dialplan,
    facts: Facts,
    snapshot: Snapshot,
    answer: Callable[[Lookup], LookupAnswer | None],
) -> tuple[Decision, Facts]:
    """Decide with what look-ups would answer; returns the facts with that, too.

    answer: None for a look-up that is not answered: the decision is that before it is.
    """
    while True:
        decision = decide(dialplan, facts, snapshot)
        known = facts
        for need in decision.needs:
            if isinstance(need, NeedLookup):
                said = answer(need.lookup)
                if said is not None:
                    known = known.answered(need, said)
        if known is facts:
            return decision, facts
        facts = known


def _called_inside(
    dialplan: Dialplan,
    trunk: Trunk,
    facts: Facts,
    snapshot: Snapshot,
    called: str,
    number: Number | None,
    came: Verdict,
) -> Decision | None:
    """Decide a telephone's call that no number of the dialplan is for; None for one that is.

    An emergency goes before all, then a number written out, an extension, a prefix or pattern, and
    what is left goes outside. number: the one that is for it, None for none.
    """
    caller = dialplan.extensions.get(facts.extension)
    if caller is None:
        return None  # it is gone since the telephone has proven who it is
    steps = PlanSteps(dialplan, trunk, facts, snapshot, (came,))
    out, digits = None, ""
    if dialplan.outbound is not None:
        called, digits = parted(called)
        out = OutgoingCall(steps, dialplan.outbound, caller, called)
        if out.emergency():
            plan = Plan(tuple(steps.steps), None, (Hold(trunk.hold, 0), Hold(caller.hold, 0)))
            return _inside(steps, plan, OUTBOUND, out.line)
    callee = dialplan.extensions.get(numbers.plain(called))
    if number is not None and (number.normal or callee is None):
        return None
    if callee is None and out is None:
        return None
    rules = dialplan.inside
    before, refusal = _let_in(trunk, rules, facts, snapshot, came)
    steps.trace = list(before)
    counts = trunk.calls_per_second > 0 and not (facts.busy or facts.no_credit)
    if refusal is None and steps.full(trunk.hold, trunk.lines, trunk.file, trunk.line):
        refusal = rules.reasons[reasons.OVER_LIMIT]
    if refusal is None:
        reason = _rings_inside(steps, callee, out, caller, facts)
        if reason:
            refusal = rules.reasons[reason]
    holds = (Hold(trunk.hold, trunk.lines), Hold(caller.hold, 0), *steps.holds)
    outside = callee is None and out is not None
    voice = _voice_outside(dialplan, caller, steps, digits) if outside else None
    plan = Plan((), refusal)
    if refusal is None:
        plan = Plan(tuple(steps.steps), None, holds, voice)
    direction, line = (OUTBOUND, out.line) if outside and out is not None else (INTERNAL, "")
    payer = caller.account if outside and refusal is None else ""
    return _inside(steps, plan, direction, line, counts=counts, payer=payer)


def _voice_outside(
    dialplan: Dialplan, caller: Extension, steps: PlanSteps, digits: str
) -> Voice | None:
    """The media of a call to outside. digits: those dialled behind the number."""
    if not digits:
        return caller.voice
    why = "are dialled once the call is answered"
    steps.trace.append(
        Verdict("digits behind the number", True, digits, why, caller.file, caller.line)
    )
    return replace(caller.voice or Voice(language=dialplan.language), digits=digits)


def _rings_inside(
    steps: PlanSteps,
    callee: Extension | None,
    out: OutgoingCall | None,
    caller: Extension,
    facts: Facts,
) -> str:
    """Ring an extension, or a number outside; returns the reason when that may not be."""
    if callee is not None:
        if reach(steps, callee, alone=True):
            return ""
        if steps.dead:
            return reasons.NO_TARGET_LEFT
        return reasons.AWAY if steps.missed == NO_ANSWER else reasons.OVER_LIMIT
    if out is not None and not out.ring():
        return out.reason or reasons.NO_TARGET_LEFT
    if facts.no_credit:
        steps.trace.append(_broke(caller.account, facts, caller.file, caller.line))
        return reasons.NO_CREDIT
    return ""


def _inside(
    steps: PlanSteps,
    plan: Plan,
    direction: str,
    line: str,
    *,
    counts: bool = False,
    payer: str = "",
) -> Decision:
    needs: tuple[Need, ...] = (NeedLines(plan.holds, ()),) if plan.holds else ()
    trace = tuple(steps.trace)
    if payer:
        needs = (*needs, NeedCredit(payer, trace))
    if steps.carrier is not None and plan.holds:
        needs = (*needs, steps.carrier)
    return Decision("", plan, trace, needs, counts=counts, direction=direction, line=line)


def _again(
    dialplan: Dialplan, trunk: Trunk, number: Number, facts: Facts, snapshot: Snapshot
) -> Decision:
    """Decide by the answers to what an earlier decision needed."""
    if facts.no_credit:
        broke = _broke(number.account, facts, number.file, number.line)
        return Decision(
            number.key, Plan((), number.reasons[reasons.NO_CREDIT]), (*facts.passed, broke)
        )
    case = Evaluation(dialplan, trunk, number, facts, snapshot, facts.passed)
    if facts.answer is not None and number.lookup is not None:
        owner, why = _owner(dialplan, facts.answer)
        plan = case.answered(number.lookup, owner, why)
    else:
        plan = case.admitted(*_named(dialplan, number, facts))
    return Decision(number.key, plan, tuple(case.trace), case.needs(plan))


def _broke(account: str, facts: Facts, file: str, line: int) -> Verdict:
    why = facts.no_credit
    return Verdict(f"account {account}", True, "", why, file, line, result=REFUSED)


def _owner(dialplan: Dialplan, answer: LookupAnswer) -> tuple[Extension | None, str]:
    """Find the extension that a look-up names, and say why there is none."""
    owner = dialplan.extensions.get(answer.named)
    if owner is None and answer.named:
        return None, f"names {answer.named}, which is no extension"
    return owner, answer.why


def _let_in(
    trunk: Trunk, number: Number, facts: Facts, snapshot: Snapshot, came: Verdict
) -> tuple[tuple[Verdict, ...], Refusal | None]:
    """Judge what is asked before the number's own rules: its life, loops, the trunk's pace."""
    state = snapshot.lives.get(number.key, "") if snapshot.lives else ""
    if state:
        why = f"the number is {state}: `callrouter numbers` says since when"
        rule = f"life of {number.hold}"
        lives = Verdict(rule, True, state, why, number.file, number.line, result=REFUSED)
        return (came, lives), number.reasons[reasons.OF_LIVES[state]]
    if facts.diversions >= MOST_DIVERSIONS:
        why = f"it was forwarded too often: {MOST_DIVERSIONS} times is the limit"
        count = str(facts.diversions)
        looped = Verdict("diversions", True, count, why, number.file, number.line, result=REFUSED)
        return (came, looped), reasons.USUAL[reasons.FORWARDED_TOO_OFTEN]
    if not trunk.calls_per_second or facts.carriers:
        return (came,), None  # or it has been counted, by the decision before
    paced = _paced(trunk, facts, snapshot)
    return (came, paced), number.reasons[reasons.OVER_LIMIT] if paced.matched else None


def _paced(trunk: Trunk, facts: Facts, snapshot: Snapshot) -> Verdict:
    """Judge whether a trunk sends more calls in a second than it may."""
    most = trunk.calls_per_second
    times = snapshot.arrivals.get(trunk.hold, ())
    # What seems to come from the future came before the clock was put back.
    count = bisect_right(times, facts.at) - bisect_right(times, facts.at - 1.0)
    full = count >= most
    why = "as many calls came in the last second" if full else "fewer calls came in the last second"
    rule = f"calls_per_second of {trunk.hold}"
    result = REFUSED if full else PASSED
    return Verdict(rule, full, f"{count} of {most}", why, trunk.file, trunk.line, result=result)


def _came_by(dialplan: Dialplan, trunk: Trunk, source: str) -> Verdict:
    origin = dialplan.sources.find(source)
    if origin is not None and origin.trunk is trunk:
        return origin.verdict
    why = "known by other means than its source address"
    return Verdict(f"trunk {trunk.name}", True, source, why, trunk.file, trunk.line)


def _find(dialplan: Dialplan, trunk: Trunk, called: str) -> CalledNumber:
    kept = dialplan.found.get((trunk.name, called))
    if kept is not None:
        return kept
    match = dialplan.index.find(called, trunk.country)
    looked_up = _explain(dialplan, called, match)
    number = match.number
    found = CalledNumber(number, looked_up, dialplan.unknown)
    if number is not None and number.open_to is not None and trunk.name not in number.open_to:
        found.number = None
        found.refused = Plan((), number.reasons[reasons.NOT_FROM_HERE])
        found.trace = (*looked_up, _elsewhere(dialplan, number, trunk))
    elif number is not None and number.fixed and not trunk.lines:
        case = Evaluation(
            dialplan, trunk, number, Facts(trunk.name, "", "", called), NOTHING, looked_up
        )
        found.plan = case.plan(None, ())
        found.needs = case.needs(found.plan)
        found.trace = tuple(case.trace)
    if len(called) <= _LONGEST:
        dialplan.found.put((trunk.name, called), found)
    return found


def _explain(dialplan: Dialplan, called: str, match: Match) -> tuple[Verdict, ...]:
    """Say how the called number was looked up: in the order looked at, the beaten last."""
    number = match.number
    forms = " or ".join(match.forms)
    file = dialplan.file
    if number is None:
        why = f"no number, prefix or pattern fits {forms}"
        return (
            Verdict("numbers", False, called, why, file, dialplan.numbers_line, result=REFUSED),
        )
    rule = f"number {number.key}"
    if number.normal:
        why = "written so" if match.value == number.key else f"both are {number.normal}"
        return (Verdict(rule, True, called, why, number.file, number.line),)
    why = f"no number is written as {forms}"
    trace = [Verdict("numbers", False, called, why, file, dialplan.numbers_line)]
    trace.append(Verdict(rule, True, match.value, "fits", number.file, number.line))
    for beaten in match.beaten:
        why = f"fits too, but {number.key} is more specific"
        trace.append(Verdict(f"number {beaten.key}", False, called, why, beaten.file, beaten.line))
    return tuple(trace)


def _elsewhere(dialplan: Dialplan, number: Number, trunk: Trunk) -> Verdict:
    """Say that a number is not called by a trunk."""
    inside = dialplan.access.phones_trunk
    names = ["extensions" if name == inside else name for name in sorted(number.open_to or ())]
    why = f"is called only from {' or '.join(names) or 'extensions, and no trunk has telephones'}"
    rule = f"from of {number.hold}"
    return Verdict(rule, False, trunk.name, why, number.file, number.line, result=REFUSED)


def _named(
    dialplan: Dialplan, number: Number, facts: Facts
) -> tuple[Extension | None, tuple[Verdict, ...]]:
    """Find the extension that `To:` names: its `ext` parameter counts before its user part."""
    if not number.reads_to:
        return None, ()
    missed: tuple[Verdict, ...] = ()
    if facts.to_ext:
        extension = dialplan.extensions.get(numbers.plain(facts.to_ext))
        if extension is not None:
            return extension, (extension.by_parameter,)
        missed = (_not_named(number, facts.to_ext, ";ext= of To: is no extension"),)
    extension = dialplan.extensions.get(numbers.plain(facts.to_user))
    if extension is not None:
        return extension, (*missed, extension.by_user)
    return None, (*missed, _not_named(number, facts.to_user, "the user of To: is no extension"))


def _not_named(number: Number, value: str, why: str) -> Verdict:
    return Verdict(f"to_header of number {number.key}", False, value, why, number.file, number.line)
