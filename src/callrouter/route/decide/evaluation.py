"""Evaluation of a call: its way through the rules of its number.

Theory: the rules are looked at in one order, and each leaves its verdict: suspended, who calls,
from where, how often, whether a line is free, the extension in `To:`, the steps of the route. The
first that refuses ends the way.

Rules. In the trace `matched` says that a rule took effect: a block or limit that is matched refuses
the call, a step that is matched is taken. A caller in a list of `allow` passes every other rule
about callers: `only`, `block`, blocks for a time, areas and countries. Others have to pass each.
"""

from typing import Final

from callrouter.route.callers.number_lists import Caller
from callrouter.route.decide.plan_steps import PlanSteps
from callrouter.route.decide.reach import reach
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.hunt_strategies import HuntRule, listed
from callrouter.route.rules.number_rules import (
    AutoBlockRule,
    Extension,
    ListUse,
    Number,
    Screen,
    Step,
    Trunk,
)
from callrouter.route.values import refusal_reasons as reasons
from callrouter.route.values.decision import Need, NeedCredit, NeedLines, NeedLookup
from callrouter.route.values.external_lookup import Lookup
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import CODES, VoiceStep
from callrouter.route.values.plan import (
    PASSED,
    REFUSED,
    AutoBlock,
    Hold,
    Hunt,
    Plan,
    Refusal,
    Verdict,
)
from callrouter.route.values.snapshot import BUSY, NO_ANSWER, Snapshot

_MISSING: Final = "is not in the list"
_WITHHELD: Final = "the caller has no number that a list could have"


class Evaluation(PlanSteps):
    """The evaluation of one call. caller, auto_block are for its decision.

    barred: a step was left out because its caller may not have it.
    """

    __slots__ = (
        "_closed",
        "_credit",
        "_final",
        "_lookup",
        "_number",
        "_passed",
        "_timed",
        "auto_block",
        "barred",
        "caller",
    )

    def __init__(
        self,
        dialplan: Dialplan,
        trunk: Trunk,
        number: Number,
        facts: Facts,
        snapshot: Snapshot,
        trace: tuple[Verdict, ...],
    ) -> None:
        super().__init__(dialplan, trunk, facts, snapshot, trace)
        self._number = number
        self._final: Refusal | None = None
        self._closed = False
        self._timed = False
        self.barred = False
        self.caller = ""
        self.auto_block: AutoBlock | None = None
        self._passed = facts.passed
        self._lookup: NeedLookup | None = None
        self._credit: NeedCredit | None = None

    def plan(self, extension: Extension | None, named: tuple[Verdict, ...]) -> Plan:
        """Go the way. extension: the one that `To:` names; named: how it was looked for."""
        number = self._number
        reason = self._suspended() or self._screened()
        if reason:
            return Plan((), number.reasons[reason])
        self._passed = tuple(self.trace)
        return self.admitted(extension, named)

    def admitted(self, extension: Extension | None, named: tuple[Verdict, ...]) -> Plan:
        """Go on from where a line is needed. extension, named: as `plan` has them."""
        number, trunk = self._number, self.trunk
        if self.full(trunk.hold, trunk.lines, trunk.file, trunk.line):
            return Plan((), number.reasons[reasons.OVER_LIMIT])
        holds = [Hold(trunk.hold, trunk.lines)]
        if self.full(number.hold, number.lines, number.file, number.line):
            if not number.overflow:
                return Plan((), number.reasons[reasons.OVER_LIMIT])
            if number.account:
                self._ask_account(number)
            return self._go(number.overflow, holds, None)
        holds.insert(0, Hold(number.hold, number.lines))
        if number.account:
            self._ask_account(number)
        self.trace += named
        if extension is None and number.lookup is not None:
            self._ask(number.lookup)
        return self._go(number.route, holds, extension)

    def answered(self, lookup: Lookup, extension: Extension | None, why: str) -> Plan:
        """Go on from where a look-up was needed. extension: the one that it names; why: or not."""
        number = self._number
        caller = Caller(self.facts.caller, self.trunk.country).identity
        self.trace.append(
            Verdict(lookup.rule, extension is not None, caller, why, lookup.file, lookup.line)
        )
        trunk = self.trunk
        holds = [Hold(number.hold, number.lines), Hold(trunk.hold, trunk.lines)]
        return self._go(number.route, holds, extension)

    def needs(self, plan: Plan) -> tuple[Need, ...]:
        """What has to be asked before this plan is final."""
        if not plan.holds:
            return ()
        lines = NeedLines(plan.holds, self._passed)
        if self.carrier is not None:
            more = (self._credit, self._lookup, self.carrier)
            return (lines, *(need for need in more if need is not None))
        if self._credit is None:
            return (lines,) if self._lookup is None else (lines, self._lookup)
        if self._lookup is None:
            return (lines, self._credit)
        return (lines, self._credit, self._lookup)

    def _go(self, steps: tuple[Step, ...], holds: list[Hold], extension: Extension | None) -> Plan:
        """Ring an extension, then what the steps say."""
        self.holds = holds
        if extension is not None:
            reach(self, extension)
        self._take(steps)
        if self.steps:
            voice = self._number.voice
            return Plan(tuple(self.steps), self._final, tuple(holds), voice, self._timed)
        plan = self._nobody(tuple(holds))
        if self._lookup is not None and not plan.steps:
            # It was let in, and may ring yet: its lines are held while the answer is waited for.
            return Plan((), plan.final, tuple(holds))
        return plan

    def _ask_account(self, number: Number) -> None:
        """Need an account that can pay."""
        self._credit = NeedCredit(number.account, tuple(self.trace))
        why = "pays for the call; the plan is that when it can"
        rule = f"account {number.account}"
        self.trace.append(Verdict(rule, True, "", why, number.file, number.line, result=PASSED))

    def _ask(self, lookup: Lookup) -> None:
        """Need to know who is responsible for the caller, unless nobody can know."""
        caller = Caller(self.facts.caller, self.trunk.country).identity
        passed = tuple(self.trace)
        why = "the caller has no number to ask with"
        if caller:
            why = "would be asked who is responsible; the plan is that without an answer"
            self._lookup = NeedLookup(lookup, caller, passed)
        self.trace.append(Verdict(lookup.rule, False, caller, why, lookup.file, lookup.line))

    def chosen(self, steps: tuple[Step, ...]) -> Plan:
        """Go on with the steps of a menu's choice. Without any the menu is what is left."""
        self._take(steps)
        return Plan(tuple(self.steps), None)

    def extension(self, extension: Extension) -> Plan:
        """Go on with an extension that the caller dialled in a menu."""
        reach(self, extension)
        return Plan(tuple(self.steps), None, tuple(self.holds))

    # Who calls.

    def _suspended(self) -> str:
        number = self._number
        if not number.suspended:
            return ""
        why = "the number takes no calls"
        self.judge(f"suspended of {number.hold}", True, "", why, number.file, number.line)
        return reasons.SUSPENDED

    def _screened(self) -> str:
        """Return the reason to refuse the caller, "" for none."""
        screen = self._number.screen
        if not self.snapshot.blocks and not screen.asks():
            return ""
        caller = Caller(self.facts.caller, self.trunk.country)
        self.caller = caller.key
        if self._allowed(screen.allow, caller):
            return ""
        reason = self._listed(screen, caller)
        reason = reason or self._blocked(caller)
        for area in () if reason else screen.areas:
            refused, why = area.judge(caller)
            self.judge(area.rule, refused, self.caller, why, area.file, area.line)
            if refused:
                return area.reason
        if not reason and screen.auto_block is not None and caller.key:
            reason = self._counted(screen.auto_block)
        return reason

    def _allowed(self, allow: tuple[ListUse, ...], caller: Caller) -> bool:
        """Say whether a caller passes all other rules about callers."""
        for use in allow:
            found = use.list.find(caller)
            why = found or _missing(caller)
            self.trace.append(Verdict(use.rule, bool(found), self.caller, why, use.file, use.line))
            if found:
                for area in self._number.screen.areas:
                    why = f"not asked: {use.rule}"
                    self.trace.append(
                        Verdict(area.rule, False, self.caller, why, area.file, area.line)
                    )
                return True
        return False

    def _listed(self, screen: Screen, caller: Caller) -> str:
        """Return the reason to refuse a caller by lists, "" for none."""
        only = screen.only
        for use in only:
            found = use.list.find(caller)
            result = "" if found or use is not only[-1] else REFUSED
            why = found or _missing(caller)
            self.trace.append(
                Verdict(use.rule, bool(found), self.caller, why, use.file, use.line, result=result)
            )
            if found:
                break
        else:
            if only:
                return reasons.NOT_LISTED
        for use in screen.block:
            found = use.list.stops(caller)
            why = found or _missing(caller)
            self.judge(use.rule, bool(found), self.caller, why, use.file, use.line)
            if found:
                return reasons.BLOCKED_CALLER
        return ""

    def _blocked(self, caller: Caller) -> str:
        """Return the reason to refuse a caller who is blocked here or at all numbers, or ""."""
        number = self._number
        snapshot = self.snapshot
        for name in self._blocked_names(caller):
            for at, whose in ((number.key, number.hold), ("", "all numbers")):
                key = (at, name)
                until = snapshot.blocks.get(key)
                if until is not None and (until == 0 or self.facts.at < until):
                    left = f" for another {until - self.facts.at:.0f} s" if until else ""
                    by_hand = key in snapshot.by_hand
                    why = f"is blocked {'by hand ' if by_hand else ''}at {whose}{left}"
                    self.judge("blocked callers", True, name, why, number.file, number.line)
                    return reasons.BLOCKED_BY_HAND if by_hand else reasons.AUTO_BLOCKED
        return ""

    def _blocked_names(self, caller: Caller) -> list[str]:
        """What blocks may have a caller by: the numbers it has or may mean, and how these begin."""
        names = [caller.key] if caller.key else []
        names += [meant.key for meant in caller.meant if meant.key != caller.key]
        if self.snapshot.begun:
            numbered = [caller, *caller.meant] if caller.digits else list(caller.meant)
            for one in numbered:
                names += [f"{one.key[:length]}*" for length in self.snapshot.begun]
        return names

    def _counted(self, rule: AutoBlockRule) -> str:
        """Count this call against its caller; return the reason when it is one too many."""
        number = self._number
        if not rule.always:
            for step in number.route:
                if step.schedule is not None and self.at(step.schedule).open:
                    value = step.schedule.name
                    why = "counts calls out of hours, and a schedule is open"
                    self.trace.append(Verdict(rule.rule, False, value, why, rule.file, rule.line))
                    return ""
        block = rule.block
        self.auto_block = block
        since = self.facts.at - block.within_seconds
        attempts = self.snapshot.attempts.get((number.key, self.caller), ())
        count = 1 + sum(1 for attempt in attempts if attempt > since)
        refused = count >= block.calls
        why = f"call {count} within {block.within_seconds:g} s; the limit is {block.calls}"
        self.judge(rule.rule, refused, self.caller, why, rule.file, rule.line)
        return reasons.AUTO_BLOCKED if refused else ""

    # Where it goes.

    def _take(self, steps: tuple[Step, ...]) -> None:
        """Ring what the steps say whose schedules are as they must be."""
        taken = [
            step.schedule is None or self.at(step.schedule).open == step.open for step in steps
        ]
        count = sum(
            step.several.count
            for step, take in zip(steps, taken, strict=True)
            if take and step.several is not None
        )
        before = bool(self.steps)
        for step, take in zip(steps, taken, strict=True):
            rule = step.alone if count == 1 else step.several
            on = step.on
            if not take:
                self._closed = True
                must = "open" if step.open else "closed"
                self._verdict(step, False, f"; it is for when that is {must}")
            elif on and not before:
                self._verdict(step, False, "; no step before it was taken")
            elif on and not self.steps and self.left.isdisjoint(on):
                why = "busy" if "busy" in self.left else "unreachable"
                self._verdict(step, False, f"; the targets before it are {why}")
            else:
                before = True
                self._final = step.final
                if rule is not None:
                    self._hunt(step, rule)
                else:
                    assert step.voice is not None  # noqa: S101 - a step rings or speaks
                    self._speak(step, step.voice)

    def _hunt(self, step: Step, rule: HuntRule) -> None:
        place = len(self.trace)
        hunt = self.ring(rule)
        if hunt is None:
            self._verdict(step, False, "; no target of it is reachable", place, REFUSED)
            return
        if step.schedule is not None and not any(isinstance(it, Hunt) for it in self.steps[:-1]):
            self._timed = True
        text = rule.text if hunt.rounds is rule.hunt.rounds else listed(hunt.rounds)
        self._verdict(step, True, f"; rings {text}{_after(hunt.on)}", place)

    def _speak(self, step: Step, voice: VoiceStep) -> None:
        codes_for = self._number.codes_for
        if codes_for is not None and isinstance(voice.act, CODES):
            name = self.trunk.name
            if name not in codes_for:
                self.barred = True
                why = f"; it is not for callers of trunk {name}"
                self._verdict(step, False, why, result=REFUSED)
                return
        spoken = self.speak(voice)
        if spoken is None:
            self._verdict(step, False, "; the media pool is down", result=REFUSED)
            return
        self._verdict(step, True, f"; {voice.act.text}{_after(spoken.on)}")

    def _nobody(self, holds: tuple[Hold, ...]) -> Plan:
        """Say what becomes of a call for which no target is left before any was rung."""
        number = self._number
        if self.barred:
            return Plan((), number.reasons[reasons.NOT_FROM_HERE])
        if not self.dead:
            return Plan((), number.reasons[self._unrung()])
        if number.backup is not None:
            rings = self.ring(number.backup) is not None
            why = f"nothing else is reachable; rings {number.backup.text}" if rings else ""
            why = why or "cannot be reached either"
            rule = f"backup of {number.hold}"
            result = PASSED if rings else REFUSED
            self.trace.append(
                Verdict(rule, rings, "", why, number.file, number.line, result=result)
            )
            if rings:
                return Plan(tuple(self.steps), self._final, holds, number.voice)
        final = self._final
        known = final is not None and final.status
        return Plan((), final if known else number.reasons[reasons.NO_TARGET_LEFT])

    def _unrung(self) -> str:
        """Return the reason when nobody is rung, and what is needed is not down."""
        if self.missed == BUSY:
            return reasons.OVER_LIMIT
        absent = self.missed == NO_ANSWER and not self._closed
        return reasons.AWAY if absent else reasons.OUT_OF_HOURS

    def _verdict(
        self, step: Step, taken: bool, then: str, place: int = -1, result: str = ""
    ) -> None:
        """Note a step, at a place in the trace when it is not the last."""
        value = ""
        why = "no condition"
        if step.schedule is not None:
            hours = self.at(step.schedule)
            value = hours.value
            why = f"{step.schedule.name}: {hours.why}"
        verdict = Verdict(
            step.rule, taken, value, f"{why}{then}", step.file, step.line, result=result
        )
        self.trace.insert(len(self.trace) if place < 0 else place, verdict)


def _missing(caller: Caller) -> str:
    """Why a caller is not in a list."""
    return _WITHHELD if caller.withheld else _MISSING


def _after(on: frozenset[str]) -> str:
    return f" if {' or '.join(sorted(on))} before" if on else ""
