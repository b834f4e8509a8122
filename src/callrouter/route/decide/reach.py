"""How an employee is reached: forwards, presence, hours, telephones, then mobile or box (D4).

Rules. Calls that are forwarded go where it says; a forward that goes in a circle, or that its
extension may not call, does not count, and the telephones ring. Who is away, has closed, wants no
calls or has no line free is not rung: the calls go on as if nobody had answered, or as busy. Whom a
call is forwarded to after the telephones has its own rung and no more; then comes what the first
one says.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.destinations import destination
from callrouter.route.decide.outgoing import OutgoingCall
from callrouter.route.decide.plan_steps import PlanSteps
from callrouter.route.decide.shown_numbers import designated
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.hunt_strategies import HuntRule
from callrouter.route.rules.number_rules import Extension
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import PASSED, REFUSED, Hold, Hunt, Target, Verdict
from callrouter.route.values.refusal_reasons import OUTGOING_LIMIT
from callrouter.route.values.snapshot import (
    ALWAYS,
    BUSY,
    DO_NOT_DISTURB,
    NO_ANSWER,
    Snapshot,
)

_AFTER: Final[Mapping[str, frozenset[str]]] = {
    BUSY: frozenset(("busy", "rejected")),
    NO_ANSWER: frozenset(("no_answer", "unreachable")),
}
"""The results of the telephones after which a call is forwarded."""


def reach(steps: PlanSteps, extension: Extension, *, alone: bool = False) -> bool:
    """Add the steps that reach an employee; False when there is none.

    alone: nothing comes behind them.
    """
    return _reach(steps, extension, (extension.key,), alone=alone)


def misdirected(
    dialplan: Dialplan, snapshot: Snapshot, at: float, extension: Extension, goal: str
) -> str:
    """Say why calls of an extension cannot go on to what is dialled, "" when they can.

    at: steady time. What its permission leaves of an hour, and lines in use, do not count.
    """
    steps = _of_telephone(dialplan, snapshot, at, extension, goal)
    other = dialplan.extensions.get(numbers.plain(goal))
    if other is not None:
        return _circle(steps, extension, other)
    if dialplan.outbound is None:
        return "it is no extension, and the dialplan has no lines to outside"
    call = OutgoingCall(steps, dialplan.outbound, extension, goal)
    if call.ring() or call.reason in {"", OUTGOING_LIMIT}:
        return ""
    return steps.trace[-1].why


def redirected(
    dialplan: Dialplan, snapshot: Snapshot, at: float, extension: str, goal: str
) -> Target | None:
    """Return the number outside that a telephone sends a call on to (3xx), as a line dials it.

    None when its extension may not call it.
    """
    own = dialplan.extensions.get(extension)
    if own is None or dialplan.outbound is None:
        return None
    steps = _of_telephone(dialplan, snapshot, at, own, goal)
    if not OutgoingCall(steps, dialplan.outbound, own, goal).ring():
        return None
    (hunt,) = [step for step in steps.steps if isinstance(step, Hunt)]
    made = hunt.targets[0].copied()
    made.takes = tuple(hold.name for hold in steps.holds)
    return made


def anybody_may_reach(dialplan: Dialplan, goal: str) -> bool:
    """Whether a call may be sent on outside (3xx) for which no extension answers.

    Not abroad, and not to what costs more: that needs a permission, and nobody is there to have it.
    """
    found = destination(goal, dialplan.country)
    return found is None or not (found.kind or found.abroad(dialplan.country))


def _of_telephone(
    dialplan: Dialplan, snapshot: Snapshot, at: float, extension: Extension, goal: str
) -> PlanSteps:
    """Steps as of a call of an extension's telephone, at a steady time."""
    trunk = dialplan.trunks.get(dialplan.access.phones_trunk)
    if trunk is None:
        trunk = next(iter(dialplan.trunks.values()))
    facts = Facts(trunk.name, "", extension.key, goal, at=at, extension=extension.key)
    return PlanSteps(dialplan, trunk, facts, snapshot, ())


def _circle(steps: PlanSteps, extension: Extension, other: Extension) -> str:
    """Say by whom calls that go on to another extension would come back, "" when they would not."""
    seen = [extension.key, other.key]
    while other is not extension:
        further = steps.dialplan.extensions.get(numbers.plain(_goal(steps, other, ALWAYS)))
        if further is None or further.key in seen[1:]:
            return ""
        seen.append(further.key)
        other = further
    return f"they would go in a circle, {' to '.join(seen)}" if other is extension else ""


def _reach(
    steps: PlanSteps, extension: Extension, seen: tuple[str, ...], *, alone: bool, on: str = ""
) -> bool:
    """seen: who was asked before, the last one this. on: the forward after which it is asked."""
    before = len(steps.steps)
    if _forward(steps, extension, ALWAYS, seen, on):
        return True
    missed = _missed(steps, extension)
    if not missed:
        rung = _ring(steps, extension, alone=alone, on=on)
        missed = "" if rung else NO_ANSWER
        if rung:
            steps.holds.append(Hold(extension.hold, extension.lines))
    if on:
        return len(steps.steps) > before
    for when in (BUSY, NO_ANSWER):
        if missed in {"", when}:
            _forward(steps, extension, when, seen, "" if missed else when)
    _go_on(steps, extension)
    return len(steps.steps) > before


def _ring(steps: PlanSteps, extension: Extension, *, alone: bool, on: str) -> bool:
    rule = extension.rule
    if alone and extension.only is not None and not _forwards(steps, extension):
        rule = extension.only
    place = len(steps.trace)
    hunt = steps.ring(rule, _AFTER[on] if on else None)
    if hunt is not None and alone:
        _note(steps, extension, extension.hold, f"rings {rule.text}", place)
    return hunt is not None


def _missed(steps: PlanSteps, extension: Extension) -> str:
    """Why the telephones are not rung: busy or no answer, "" when they are."""
    away = steps.snapshot.away.get(extension.key)
    if away is not None:
        _note(steps, extension, extension.hold, f"is away: {away}", matched=False)
        missed = BUSY if away == DO_NOT_DISTURB else NO_ANSWER
        steps.miss(missed)
        return missed
    schedule = extension.schedule
    if schedule is not None:
        hours = steps.at(schedule)
        if not hours.open:
            why = f"is not rung: {schedule.name}: {hours.why}"
            _note(steps, extension, extension.hold, why, matched=False)
            steps.miss(NO_ANSWER)
            return NO_ANSWER
    if steps.full(extension.hold, extension.lines, extension.file, extension.line):
        steps.miss(BUSY)
        return BUSY
    return ""


def _forwards(steps: PlanSteps, extension: Extension) -> bool:
    return any(_goal(steps, extension, when) for when in (BUSY, NO_ANSWER))


def _goal(steps: PlanSteps, extension: Extension, when: str) -> str:
    """Where calls for an extension go, "" where they do not."""
    goal = steps.snapshot.forwards.get(f"{extension.key} {when}")
    return extension.forward.get(when, "") if goal is None else goal


def _forward(
    steps: PlanSteps, extension: Extension, when: str, seen: tuple[str, ...], on: str
) -> bool:
    """Add where calls go on to; False when they do not, or may not."""
    goal = _goal(steps, extension, when)
    if not goal:
        return False
    rule = f"forward {when} of {extension.hold}"
    dialled = numbers.plain(goal)
    other = steps.dialplan.extensions.get(dialled)
    place = len(steps.trace)
    if other is not None:
        if other.key in seen:
            circle = " to ".join((*seen, other.key))
            why = f"goes in a circle, {circle}: it does not count"
            _note(steps, extension, rule, why, place, matched=False, refused=True, value=goal)
            return False
        reached = _reach(steps, other, (*seen, other.key), alone=False, on=on)
        why = f"goes on to extension {other.key}" if reached else "nobody is reached there"
    else:
        reached = _forward_outside(steps, extension, goal, on)
        why = "goes on by a line" if reached else "it may not be called: it does not count"
    _note(steps, extension, rule, why, place, matched=reached, refused=not reached, value=goal)
    return reached


def _forward_outside(steps: PlanSteps, extension: Extension, goal: str, on: str) -> bool:
    out = steps.dialplan.outbound
    if out is None:
        return False
    call = OutgoingCall(steps, out, extension, goal)
    return call.ring(_AFTER[on] if on else None)


def _go_on(steps: PlanSteps, extension: Extension) -> None:
    """Add what comes behind the telephones: the mobile, the own box."""
    for after in extension.afterwards:
        place = len(steps.trace)
        rule = f"on_no_answer of {extension.hold}"
        if isinstance(after, HuntRule):
            hunt = steps.ring(after)
            reached = hunt is not None
            if hunt is not None and steps.facts.extension:
                steps.steps[-1] = _as_from_outside(steps, extension, hunt)
            why = f"rings {after.text}" if reached else "the mobile cannot be reached"
        else:
            reached = steps.speak(after) is not None
            why = after.act.text if reached else "the media pool is down"
        _note(steps, extension, rule, why, place, matched=reached, refused=not reached)


def _as_from_outside(steps: PlanSteps, extension: Extension, hunt: Hunt) -> Hunt:
    """Show a number of ours where a gateway would be shown that of an extension which calls.

    It is that of who calls, of whom is called, or of the default line, as outgoing calls have it.
    """
    caller, out = steps.dialplan.extensions.get(steps.facts.extension), steps.dialplan.outbound
    known = (
        "" if caller is None else caller.caller_id,
        extension.caller_id,
        "" if out is None or out.default is None else out.default.caller_id,
    )
    permission = None if out is None else out.permissions.get((caller or extension).key)
    shown = designated(steps, permission, known)
    if not shown:
        return hunt
    rounds = tuple(tuple(_shown_as(it, shown) for it in together) for together in hunt.rounds)
    return replace(hunt, rounds=rounds)


def _shown_as(target: Target, number: str) -> Target:
    if not target.gateway or target.caller_id:
        return target
    made = target.copied()
    made.caller_id = number
    made.others = tuple(_shown_as(it, number) for it in target.others)
    return made


def _note(
    steps: PlanSteps,
    extension: Extension,
    rule: str,
    why: str,
    place: int = -1,
    *,
    matched: bool = True,
    refused: bool = False,
    value: str = "",
) -> None:
    """Note a rule of an extension, at a place in the trace when it is not the last."""
    result = REFUSED if refused else PASSED if matched else ""
    value = value or extension.key
    verdict = Verdict(rule, matched, value, why, extension.file, extension.line, result=result)
    steps.trace.insert(len(steps.trace) if place < 0 else place, verdict)
