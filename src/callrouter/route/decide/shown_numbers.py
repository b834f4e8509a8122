"""The number of ours that a called party is shown (D6).

Rules. Of the caller IDs of the permission that are alive: what the same party saw within a day;
else one that is with the party's own carrier, in turn; else the designated one, of the extension or
the line; else one by chance. Without caller IDs, and in an emergency, it is the designated one.
What the database says of a number is obeyed: a virtual one is never shown, and one that has groups
only by theirs.
"""

from collections.abc import Iterable

from callrouter.route.callers.destinations import Destination
from callrouter.route.callers.number_lists import Caller
from callrouter.route.callers.telephone_numbers import written_often
from callrouter.route.decide.plan_steps import PlanSteps
from callrouter.route.rules.outbound_lines import CallerId, Outbound, Permission, Shown
from callrouter.route.values.decision import NeedLookup
from callrouter.route.values.plan import REFUSED, Verdict
from callrouter.route.values.snapshot import DAY


def shown(
    steps: PlanSteps,
    permission: Permission,
    out: Outbound,
    goal: Destination,
    usual: str,
) -> Shown:
    """Choose the number that is shown. usual: the designated one, "" for none."""
    if not permission.caller_ids:
        return Shown(usual)
    snapshot = steps.snapshot
    alive = [
        one
        for one in permission.caller_ids
        if not one.suspended
        and one.key not in snapshot.lives
        and not barred(steps, one.number, permission)
    ]
    choice, why = _chosen(steps, out, permission, goal, alive)
    if not choice.caller_id and usual:
        choice, why = Shown(usual, goal.number), f"{why}: the designated one"
    elif not choice.caller_id and alive:
        drawn = alive[steps.dice.below(len(alive))].number
        choice, why = Shown(drawn, goal.number), f"{why}, and none is designated: by chance"
    elif not choice.caller_id:
        why = f"{why}, and none is designated: that of the telephone"
    rule = f"caller_ids of {permission.label}"
    verdict = Verdict(rule, True, choice.caller_id, why, permission.file, permission.line)
    steps.trace.append(verdict)
    return choice


def designated(steps: PlanSteps, permission: Permission | None, numbers: Iterable[str]) -> str:
    """Return the first of these that may be shown by who has a permission, "" for none."""
    for number in numbers:
        if number and not barred(steps, number, permission):
            return number
    return ""


def barred(steps: PlanSteps, number: str, permission: Permission | None) -> bool:
    """Whether a number may not be shown by who has a permission; the trace says why not."""
    numbers = steps.snapshot.known
    if not numbers:
        return False
    known = numbers.get(number) or numbers.get(written_often(number, steps.trunk.country))
    name = "" if permission is None else permission.name
    if known is None or known.groups is None or name in known.groups:
        return False
    why = "it is no number for calls to outside" if not known.groups else f"not by '{name}'"
    dialplan = steps.dialplan.outbound
    file, line = ("", 0) if dialplan is None else (dialplan.file, dialplan.line)
    verdict = Verdict(f"attributes of {number}", True, known.text, why, file, line, result=REFUSED)
    steps.trace.append(verdict)
    return True


def _chosen(
    steps: PlanSteps,
    out: Outbound,
    permission: Permission,
    goal: Destination,
    alive: list[CallerId],
) -> tuple[Shown, str]:
    """Return what was shown before, or one of the same carrier, and why; or why there is none."""
    if not alive:
        return Shown(""), "none of them is active"
    if not goal.number:
        return Shown(""), "a short number is with no carrier"
    before, at = steps.snapshot.shown.get(goal.number, ("", 0.0))
    if before and at > steps.facts.at - DAY and any(one.number == before for one in alive):
        return Shown(before, goal.number), f"{goal.number} was shown it within a day"
    carrier, source = _carrier(steps, out, goal.number)
    if not carrier:
        return Shown(""), f"nobody knows the carrier of {goal.number}"
    same = [one for one in alive if one.carrier == carrier]
    said = f"{goal.number} is with {carrier} by its {source}"
    if not same:
        return Shown(""), f"{said}, as none of them is"
    rotation = f"{permission.label} {carrier}"
    number = same[steps.snapshot.turns.get(rotation, 0) % len(same)].number
    return Shown(number, goal.number, rotation), f"{said}, and so is this one"


def _carrier(steps: PlanSteps, out: Outbound, number: str) -> tuple[str, str]:
    """The carrier of a number, and by what it is known: a look-up, a list, its first digits."""
    lookup = out.carrier_lookup
    if lookup is not None:
        answer = steps.facts.carriers.get(number)
        why = "would be asked for the carrier; the plan is that without an answer"
        if answer is not None:
            why = answer.why
        elif steps.carrier is None:
            steps.carrier = NeedLookup(lookup, number, ())
        named = "" if answer is None else answer.named
        verdict = Verdict(lookup.rule, bool(named), number, why, lookup.file, lookup.line)
        steps.trace.append(verdict)
        if named:
            return named, lookup.rule
    return out.carriers.of(Caller(number, ""))
