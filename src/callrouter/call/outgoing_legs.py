"""The legs of one call that go out by lines: how much of what its extensions may call they take.

Rules. A call that rings nobody outside costs nothing here. A leg that has ended and whose call goes
on, as after a transfer, counts to the end of the call: too much rather than too little.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from callrouter.call.held_lines import HeldLines
from callrouter.call.services.record import CallRecord
from callrouter.call.services.shared_state import OutgoingCalls
from callrouter.rating.charges import LegUsage, charge
from callrouter.rating.rate_plan import RatePlan
from callrouter.route.values.fraud_guards import WatchedCall
from callrouter.route.values.plan import Target
from callrouter.route.values.snapshot import RunningCost

_NOTHING: Final = Decimal(0)


class _Talking(NamedTuple):
    """A leg that was answered. plan: by which what it costs counts, None for nothing."""

    account: str
    leg: str
    at: float
    watched: WatchedCall | None
    plan: RatePlan | None


class OutgoingLegs:
    """The outgoing legs of a call, by the number of each."""

    __slots__ = ("_lines", "_port", "_record", "_talking")

    def __init__(self, port: OutgoingCalls, record: CallRecord, lines: HeldLines) -> None:
        self._lines = lines
        self._port = port
        self._record = record
        self._talking: tuple[_Talking, ...] = ()

    def rung(self, target: Target, number: int, at: float) -> None:
        """A target is about to be rung."""
        if target.account:
            self._port.began(target.account, self._name(number), at, target.watched)
            for name in target.takes:
                self._lines.count_once(name)
        if target.shown_to:
            self._port.showed(target.shown_to, target.caller_id, at)

    def answered(self, target: Target, number: int, at: float) -> None:
        """A target is talked to from now on."""
        if target.account:
            watched = target.watched
            plan = self._plan_of(target) if watched is not None and watched.spends else None
            leg = _Talking(target.account, self._name(number), at, watched, plan)
            self._talking += (leg,)
            running = None
            if watched is not None and plan is not None:
                running = RunningCost(plan.name, watched.number, at)
            self._port.answered(leg.account, leg.leg, at, running)

    def over(self, at: float) -> None:
        """The call has ended."""
        for account, leg, answered, watched, plan in self._talking:
            cost = _NOTHING
            if watched is not None and plan is not None:
                seconds = Decimal(f"{at - answered:.3f}")
                usage = LegUsage(number=watched.number, at=int(answered), seconds=seconds)
                cost = charge(plan, usage).cost
            self._port.ended(account, leg, at, watched, cost)
        self._talking = ()

    def _name(self, number: int) -> str:
        return f"{self._record.id}/{number}"

    def _plan_of(self, target: Target) -> RatePlan | None:
        plans = self._record.rate_plans
        if plans is None:
            return None
        own, of_number = target.rate_plan, self._record.rate_plan
        return plans.of_leg(own, of_number, by_gateway=bool(target.gateway))
