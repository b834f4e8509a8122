"""One call's way through the rules of its number.

Theory: the rules are looked at in one order, and each leaves its verdict: suspended, who calls,
from where, how often, whether a line is free, the extension in `To:`, the steps of the route. The
first that refuses ends the way.

Rule: in the trace `matched` says that a rule took effect: a block or limit that is matched refuses
the call, a step that is matched is taken.
"""

from typing import Final

from callrouter.route import reasons
from callrouter.route.chance import Dice
from callrouter.route.facts import Facts
from callrouter.route.hunting import HuntRule, listed, with_rounds
from callrouter.route.lists import Caller
from callrouter.route.plan import AutoBlock, Hunt, Plan, Refusal, Verdict
from callrouter.route.rules import AutoBlockRule, Extension, Number, Step, Trunk
from callrouter.route.schedule import Hours, Schedule
from callrouter.route.snapshot import Snapshot

_ANY: Final[frozenset[str]] = frozenset()


class Case:
    """What is found out about one call. trace, caller and auto_block are for its decision."""

    __slots__ = (
        "_closed",
        "_dead",
        "_dice",
        "_facts",
        "_final",
        "_hours",
        "_hunts",
        "_number",
        "_snapshot",
        "_trunk",
        "auto_block",
        "caller",
        "trace",
    )

    def __init__(
        self,
        trunk: Trunk,
        number: Number,
        facts: Facts,
        snapshot: Snapshot,
        trace: tuple[Verdict, ...],
    ) -> None:
        self._trunk = trunk
        self._number = number
        self._facts = facts
        self._snapshot = snapshot
        self._dice = Dice(snapshot.seed)
        self._hours: dict[str, Hours] = {}
        self._hunts: list[Hunt] = []
        self._final: Refusal | None = None
        self._closed = False
        self._dead = False
        self.trace = list(trace)
        self.caller = ""
        self.auto_block: AutoBlock | None = None

    def plan(self, extension: Extension | None, named: tuple[Verdict, ...]) -> Plan:
        """Go the way. extension: the one that `To:` names; named: how it was looked for."""
        number = self._number
        reason = self._suspended() or self._screened() or self._trunk_full()
        if reason:
            return Plan((), number.reasons[reason])
        holds = [self._trunk.hold]
        steps = number.route
        if self._full(number.hold, number.lines, number.file, number.line):
            if not number.overflow:
                return Plan((), number.reasons[reasons.OVER_LIMIT])
            steps = number.overflow
        else:
            holds.insert(0, number.hold)
            self.trace += named
            if extension is not None and self._rings(extension):
                holds.append(extension.hold)
        self._take(steps)
        if not self._hunts:
            return self._nobody(tuple(holds))
        return Plan(tuple(self._hunts), self._final, tuple(holds))

    def _note(self, rule: str, matched: bool, value: str, why: str, file: str, line: int) -> None:
        self.trace.append(Verdict(rule, matched, value, why, file, line))

    # Who calls.

    def _suspended(self) -> str:
        number = self._number
        if not number.suspended:
            return ""
        why = "the number takes no calls"
        self._note(f"suspended of {number.hold}", True, "", why, number.file, number.line)
        return reasons.SUSPENDED

    def _screened(self) -> str:
        """Return the reason to refuse the caller, "" for none."""
        screen = self._number.screen
        if not self._snapshot.blocks and not screen.asks():
            return ""
        caller = Caller(self._facts.caller, self._trunk.country)
        self.caller = caller.key
        allowed = False
        for use in screen.allow:
            found = use.list.find(caller)
            why = found or "is not in the list"
            self._note(use.rule, bool(found), self.caller, why, use.file, use.line)
            if found:
                allowed = True
                break
        if not allowed:
            for use in screen.block:
                found = use.list.find(caller)
                why = found or "is not in the list"
                self._note(use.rule, bool(found), self.caller, why, use.file, use.line)
                if found:
                    return reasons.BLOCKED_CALLER
            if self._blocked(caller):
                return reasons.AUTO_BLOCKED
        for area in screen.areas:
            refused, why = area.judge(caller)
            self._note(area.rule, refused, self.caller, why, area.file, area.line)
            if refused:
                return area.reason
        if screen.auto_block is not None and caller.key and not allowed:
            return self._counted(screen.auto_block)
        return ""

    def _blocked(self, caller: Caller) -> bool:
        """Say whether the caller is blocked at this number or at all, by hand or for a time."""
        if not caller.key:
            return False
        number = self._number
        for key, whose in ((number.key, number.hold), ("", "all numbers")):
            until = self._snapshot.blocks.get((key, caller.key))
            if until is not None and (until == 0 or self._facts.at < until):
                left = f" for another {until - self._facts.at:.0f} s" if until else ""
                why = f"is blocked at {whose}{left}"
                self._note("blocked callers", True, caller.key, why, number.file, number.line)
                return True
        return False

    def _counted(self, rule: AutoBlockRule) -> str:
        """Count this call against its caller; return the reason when it is one too many."""
        number = self._number
        if not rule.always:
            for step in number.route:
                if step.schedule is not None and self._at(step.schedule).open:
                    value = step.schedule.name
                    why = "counts calls out of hours, and a schedule is open"
                    self._note(rule.rule, False, value, why, rule.file, rule.line)
                    return ""
        block = rule.block
        self.auto_block = block
        since = self._facts.at - block.within_seconds
        attempts = self._snapshot.attempts.get((number.key, self.caller), ())
        count = 1 + sum(1 for attempt in attempts if attempt > since)
        refused = count >= block.calls
        why = f"call {count} within {block.within_seconds:g} s; the limit is {block.calls}"
        self._note(rule.rule, refused, self.caller, why, rule.file, rule.line)
        return reasons.AUTO_BLOCKED if refused else ""

    # Whether there is a line.

    def _trunk_full(self) -> str:
        trunk = self._trunk
        full = self._full(trunk.hold, trunk.lines, trunk.file, trunk.line)
        return reasons.OVER_LIMIT if full else ""

    def _full(self, hold: str, lines: int, file: str, line: int) -> bool:
        if not lines:
            return False
        used = self._snapshot.lines.get(hold, 0)
        full = used >= lines
        why = "no line is free" if full else "a line is free"
        self._note(f"lines of {hold}", full, f"{used} of {lines}", why, file, line)
        return full

    def _rings(self, extension: Extension) -> bool:
        """Ring an extension first, unless nobody would answer there."""
        away = self._snapshot.away.get(extension.key)
        if away is not None:
            file, line = extension.file, extension.line
            self._note(extension.hold, False, extension.key, f"is away: {away}", file, line)
            return False
        if self._full(extension.hold, extension.lines, extension.file, extension.line):
            return False
        return self._ring(extension.rule)

    # Where it goes.

    def _take(self, steps: tuple[Step, ...]) -> None:
        """Ring what the steps say whose schedules are as they must be."""
        taken = [
            step.schedule is None or self._at(step.schedule).open == step.open for step in steps
        ]
        count = sum(step.several.count for step, take in zip(steps, taken, strict=True) if take)
        before = bool(self._hunts)
        for step, take in zip(steps, taken, strict=True):
            rule = step.alone if count == 1 else step.several
            if not take:
                self._closed = True
                must = "open" if step.open else "closed"
                self._verdict(step, False, f"; it is for when that is {must}")
            elif rule.hunt.on and not before:
                self._verdict(step, False, "; no step before it was taken")
            elif rule.hunt.on and not self._hunts and "unreachable" not in rule.hunt.on:
                self._verdict(step, False, "; the targets before it are unreachable")
            else:
                before = True
                self._final = step.final
                self._step(step, rule)

    def _step(self, step: Step, rule: HuntRule) -> None:
        place = len(self.trace)
        if not self._ring(rule):
            self._verdict(step, False, "; no target of it is reachable", place)
            return
        hunt = self._hunts[-1]
        text = rule.text if hunt.rounds is rule.hunt.rounds else listed(hunt.rounds)
        after = f" if {' or '.join(sorted(hunt.on))} before" if hunt.on else ""
        self._verdict(step, True, f"; rings {text}{after}", place)

    def _ring(self, rule: HuntRule) -> bool:
        turn = self._snapshot.turns.get(rule.hunt.rotation, 0) if rule.hunt.rotation else 0
        hunt = rule.at(self._dice, turn, self._snapshot.down, self.trace)
        if not hunt.rounds:
            self._dead = True
            return False
        if hunt.on and not self._hunts:
            # What it is for has happened already: nothing before it can be reached.
            hunt = with_rounds(hunt, hunt.rounds, _ANY)
        self._hunts.append(hunt)
        return True

    def _nobody(self, holds: tuple[str, ...]) -> Plan:
        """Say what becomes of a call for which no target is left before any was rung."""
        number = self._number
        if not self._dead:
            return Plan((), number.reasons[reasons.OUT_OF_HOURS])
        if number.backup is not None:
            rings = self._ring(number.backup)
            why = f"nothing else is reachable; rings {number.backup.text}" if rings else ""
            why = why or "cannot be reached either"
            rule = f"backup of {number.hold}"
            self._note(rule, rings, "", why, number.file, number.line)
            if rings:
                return Plan(tuple(self._hunts), self._final, holds)
        return Plan((), self._final or number.reasons[reasons.NO_TARGET_LEFT])

    def _at(self, schedule: Schedule) -> Hours:
        """Ask a schedule, once a call."""
        hours = self._hours.get(schedule.name)
        if hours is None:
            hours = schedule.hours(self._facts.at, self._snapshot.overrides)
            self._hours[schedule.name] = hours
        return hours

    def _verdict(self, step: Step, taken: bool, then: str, place: int = -1) -> None:
        """Note a step, at a place in the trace when it is not the last."""
        value = ""
        why = "no condition"
        if step.schedule is not None:
            hours = self._at(step.schedule)
            value = hours.value
            why = f"{step.schedule.name}: {hours.why}"
        verdict = Verdict(step.rule, taken, value, f"{why}{then}", step.file, step.line)
        self.trace.insert(len(self.trace) if place < 0 else place, verdict)
