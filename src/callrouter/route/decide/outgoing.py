"""Calls to outside, by a line: which one, whether the extension may, and what it has left (D5).

Rules. Who calls is an extension that has proven it, never a trunk. An emergency number passes
before anything is asked, whatever prefix is dialled in front of it. Else, in this order: the
permission, the line, the number itself, kinds, countries, what a guard against fraud has barred,
denied numbers, then how much was called and spent already.
"""

from decimal import Decimal
from typing import Final

from callrouter.rating.charges import LegUsage, charge
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.destinations import (
    NOWHERE,
    Destination,
    destination,
    is_emergency,
)
from callrouter.route.callers.number_lists import Caller
from callrouter.route.decide.plan_steps import PlanSteps
from callrouter.route.decide.shown_numbers import designated, shown
from callrouter.route.rules.number_rules import Extension
from callrouter.route.rules.outbound_lines import (
    NOTHING_SPENT,
    CallingLimits,
    Outbound,
    OutboundLine,
    Permission,
    Shown,
)
from callrouter.route.values import refusal_reasons as reasons
from callrouter.route.values.fraud_guards import WatchedCall
from callrouter.route.values.plan import PASSED, REFUSED, Hold, Verdict
from callrouter.route.values.snapshot import DAY, OutgoingUse

_HOUR: Final = 3600.0
_RANGE_DIGITS: Final = 4
"""Numbers that differ in their last digits alone are of one range, as carriers are given them."""
_UNREACHABLE: Final = frozenset(("unreachable",))


class OutgoingCall:
    """A call of an extension to outside. line: the one that it goes by, "" for none.

    account: whose permission counts, and who is shown. reason: why it is refused, "" if it is not.
    """

    __slots__ = (
        "_country",
        "_dialled",
        "_line",
        "_out",
        "_steps",
        "account",
        "line",
        "reason",
    )

    def __init__(self, steps: PlanSteps, out: Outbound, account: Extension, called: str) -> None:
        self._steps = steps
        self._out = out
        self._country = steps.trunk.country
        self.account = account
        plain = numbers.without_separators(called)
        self._line, self._dialled = out.chosen(plain)
        self.line = "" if self._line is None else self._line.name
        self.reason = ""

    def emergency(self) -> bool:
        """Ring who helps, if that is what is dialled. Nothing else is asked."""
        steps, out = self._steps, self._out
        dialled = numbers.dialled(self._dialled)
        if not self._is_emergency(dialled):
            return False
        self.line = out.emergency[0].name
        why = "an emergency call passes, whatever else is said"
        self._note("emergency", True, dialled, why, out.file, out.line)
        ways = [line for line in (*out.emergency, self._line, out.default) if line is not None]
        for line in {line.name: line for line in ways}.values():
            shows = Shown(self.account.caller_id or line.caller_id)
            self._ring(line, dialled, shows, 0.0, _UNREACHABLE if steps.steps else None)
        return bool(steps.steps)

    def _is_emergency(self, dialled: str) -> bool:
        return dialled in self._out.numbers or is_emergency(dialled, self._country)

    def ring(self, on: frozenset[str] | None = None) -> bool:
        """Ring the number, if that may be. Else `reason` says why not. on: as `PlanSteps.ring`."""
        goal = self._permitted()
        if goal is None or self._line is None:
            return False
        permission = self._out.permissions[self.account.key]
        longest = permission.longest if goal.abroad(self._country) else 0.0
        usual = designated(self._steps, permission, (self.account.caller_id, self._line.caller_id))
        shows = shown(self._steps, permission, self._out, goal, usual)
        watched = self._watched(permission, goal)
        return self._ring(self._line, goal.dialled, shows, longest, on, watched)

    def _watched(self, permission: Permission, goal: Destination) -> WatchedCall | None:
        """What guards and limits of spending are to look at, None for nothing."""
        out = self._out
        guards = out.guards if self._is_costly(goal) else None
        spends = permission.limits.of_spend() or out.company.of_spend()
        if guards is None and not spends:
            return None
        number = goal.number or goal.dialled
        abroad = goal.abroad(self._country)
        return WatchedCall(number, abroad, number[:-_RANGE_DIGITS], guards, spends)

    def _is_costly(self, goal: Destination) -> bool:
        """Say whether a number is abroad, or of a kind that nobody calls unless it is said."""
        return bool(goal.kind or goal.abroad(self._country))

    def _ring(
        self,
        line: OutboundLine,
        dialled: str,
        shows: Shown,
        longest: float,
        on: frozenset[str] | None,
        watched: WatchedCall | None = None,
    ) -> bool:
        steps = self._steps
        rule = line.dials(dialled, shows, self.account.key, longest, watched)
        place = len(steps.trace)
        hunt = steps.ring(rule, on)
        why = f"rings {rule.text}" if hunt is not None else "its gateway is down"
        result = PASSED if hunt is not None else REFUSED
        steps.trace.insert(
            place,
            Verdict(
                line.label, hunt is not None, dialled, why, line.file, line.line, result=result
            ),
        )
        return hunt is not None

    def _permitted(self) -> Destination | None:
        """What may be called, None when it may not."""
        out, line = self._out, self._line
        permission = out.permissions.get(self.account.key)
        if permission is None:
            why = "the extension has no permission to call out"
            self._refuse("outbound", self.account.key, why, out.file, out.line)
            return None
        if line is None:
            why = "no line begins so, and there is no default"
            self.reason = reasons.UNKNOWN_NUMBER
            self._refuse("outbound", self._dialled, why, out.file, out.line)
            return None
        goal = self._goal(line)
        if goal is None:
            return None
        why = self._barred(permission, line, goal)
        if why:
            place = permission.file, permission.line
            self._refuse(permission.label, goal.number or goal.dialled, why, *place)
            return None
        if self._guarded(goal) or self._denied(permission, goal):
            return None
        return goal if self._within(permission, goal) else None

    def _guarded(self, goal: Destination) -> bool:
        """Say whether a guard against fraud has barred such calls of the extension."""
        barring = self._steps.snapshot.barred.get(self.account.key)
        if barring is None or not self._is_costly(goal):
            return False
        why = f"calls abroad are barred since {barring.why}: `callrouter barrings` lifts it"
        place = self._out.file, self._out.line
        self._refuse(f"guards of {self.account.hold}", goal.number or goal.dialled, why, *place)
        return True

    def _goal(self, line: OutboundLine) -> Destination | None:
        """Where what is dialled leads, None when that is nowhere."""
        goal = destination(self._dialled, self._country)
        if goal is None:
            why = f"no telephone number, and no short number of {self._country}"
            self.reason = reasons.UNKNOWN_NUMBER
        elif self._is_emergency(goal.dialled):
            why = "emergency numbers are called, not forwarded to"
        else:
            return goal
        self._refuse(line.label, self._dialled, why, line.file, line.line)
        return None

    def _denied(self, permission: Permission, goal: Destination) -> bool:
        """Say whether a number is in a list that the permission denies."""
        callee = Caller(goal.number or goal.dialled, self._country)
        for use in permission.deny:
            found = use.list.stops(callee)
            why = found or "is not in the list"
            self._steps.judge(use.rule, bool(found), goal.dialled, why, use.file, use.line)
            if found:
                self.reason = reasons.BARRED
                return True
        return False

    def _barred(self, permission: Permission, line: OutboundLine, goal: Destination) -> str:
        """Why a permission is not for this, "" when it is."""
        if permission.lines is not None and line.name not in permission.lines:
            return f"it is not for {line.label}"
        if goal.kind and goal.kind not in permission.kinds:
            return f"{goal.kind.replace('_', ' ')} numbers are barred"
        if permission.countries is not None:
            # What has no country is allowed by its kind.
            known = permission.countries | ({NOWHERE} if goal.kind else set())
            missing = [one for one in goal.abroad(self._country) if one not in known]
            if missing:
                return f"calls to {', '.join(missing)} are barred"
        where = ", ".join(goal.countries)
        self._note(
            permission.label,
            True,
            goal.number or goal.dialled,
            f"{where}: may be called",
            permission.file,
            permission.line,
        )
        return ""

    def _within(self, permission: Permission, goal: Destination) -> bool:
        """Judge how much was called; False when it is enough."""
        abroad = bool(goal.abroad(self._country))
        own = self.account.key
        return self._left(own, self.account.hold, permission.limits, permission, abroad) and (
            self._left("", "all extensions", self._out.company, self._out, abroad)
        )

    def _left(
        self, whose: str, label: str, limits: CallingLimits, at: Permission | Outbound, abroad: bool
    ) -> bool:
        steps = self._steps
        use = steps.snapshot.outgoing.get(whose)
        now = steps.facts.at
        for most, unit in ((limits.calls, "calls"), (limits.minutes, "minutes")):
            if not most:
                continue
            used = 0.0
            if use is not None and unit == "calls":
                used = float(use.count(now - _HOUR))
            elif use is not None:
                used = use.seconds(now - _HOUR, now) / 60
            full = used >= most
            why = "as much as may be in an hour" if full else "less than may be in an hour"
            rule = f"{unit} of {label}"
            steps.judge(rule, full, f"{used:.0f} of {most}", why, at.file, at.line)
            if full:
                self.reason = reasons.OUTGOING_LIMIT
                return False
        if limits.of_spend() and self._spent(use, label, limits, at):
            self.reason = reasons.OUTGOING_LIMIT
            return False
        if abroad and limits.international:
            hold = Hold(f"international calls of {label}", limits.international)
            if steps.full(hold.name, hold.lines, at.file, at.line):
                self.reason = reasons.OUTGOING_LIMIT
                return False
            steps.holds.append(hold)
        return True

    def _spent(
        self, use: OutgoingUse | None, label: str, limits: CallingLimits, at: Permission | Outbound
    ) -> bool:
        """Say whether calls have cost as much as they may, those that go on up to now."""
        now = self._steps.facts.at
        running = NOTHING_SPENT if use is None else self._running(use, now)
        for most, seconds, unit in (
            (limits.spend_hour, _HOUR, "an hour"),
            (limits.spend_day, DAY, "a day"),
        ):
            if not most:
                continue
            spent = running + (NOTHING_SPENT if use is None else use.cost(now - seconds))
            full = spent >= most
            why = f"{'as much as' if full else 'less than'} may be spent in {unit}"
            rule = f"spend of {label}"
            self._steps.judge(rule, full, f"{spent:f} of {most:f}", why, at.file, at.line)
            if full:
                return True
        return False

    def _running(self, use: OutgoingUse, now: float) -> Decimal:
        """What calls that go on cost up to now."""
        plans = self._steps.dialplan.rate_plans
        cost = NOTHING_SPENT
        for plan, number, answered in use.running.values():
            known = None if plans is None else plans.plans.get(plan)
            if known is not None:
                seconds = Decimal(f"{max(now - answered, 1.0):.3f}")
                leg = LegUsage(number=number, at=int(answered), seconds=seconds)
                cost += charge(known, leg).cost
        return cost

    def _refuse(self, rule: str, value: str, why: str, file: str, line: int) -> None:
        self.reason = self.reason or reasons.BARRED
        self._steps.judge(rule, True, value, why, file, line)

    def _note(self, rule: str, matched: bool, value: str, why: str, file: str, line: int) -> None:
        self._steps.trace.append(Verdict(rule, matched, value, why, file, line))
