"""Charges of a call record: which of its legs cost something, by which rate plan, and how much.

Rules.

- The inbound leg is charged by the plan of the number, from the answer to the caller to the end of
  the call. When nobody answered, its ringing is, if the plan says so.
- Each other leg that was answered is charged by the plan of its target. Where that has none, what
  was dialled by a gateway is charged by the plan that is `forwarded` of the number's.
- The number of such a leg is what was dialled: the user of its Request-URI.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.rating.charges import BlockRun, LegCharge, LegUsage, charge, total
from callrouter.rating.rate_plan import RatePlan, RatePlans
from callrouter.route.callers.telephone_numbers import written_often

_NONE: Final = Decimal(0)


@dataclass(slots=True, kw_only=True, frozen=True)
class CallCharges:
    """The charges of a call.

    rate_plan: that of the number, "" for none. legs: the place of each charged leg in the record,
    None for the inbound one, which comes first, and its charge. seconds, cost: of all.
    """

    rate_plan: str
    currency: str
    legs: tuple[tuple[int | None, LegCharge], ...]
    seconds: int
    cost: Decimal

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the charges of the legs as records and commands have them; amounts are text."""
        return [{"leg": place, **_as_dict(found)} for place, found in self.legs]


def charges_of(record: CallRecord) -> CallCharges | None:
    """Say what a call that is over costs, by the rate plans that it began with.

    None when no leg is charged, or a plan is not there any more, as after a restart.
    """
    plans = record.rate_plans
    if plans is None:
        return None
    if is_gone(record, plans):
        return None
    plan = plans.plans.get(record.rate_plan)
    found: list[tuple[int | None, LegCharge]] = []
    currency = ""
    if plan is not None:
        currency = plan.currency
        found.append((None, charge(plan, _inbound(record))))
    for place, leg in enumerate(record.legs):
        by = _plan_of(leg, plan, plans)
        if by is not None and leg.answered_ms is not None:
            currency = currency or by.currency
            found.append((place, charge(by, _forwarded(record, leg, plans.country))))
    if not found:
        return None
    charges = [one for _, one in found]
    return CallCharges(
        rate_plan=record.rate_plan,
        currency=currency,
        legs=tuple(found),
        seconds=sum(one.seconds for one in charges),
        cost=total(charges),
    )


def is_gone(record: CallRecord, plans: RatePlans) -> bool:
    """Say whether a rate plan that the record names is not there any more."""
    known = plans.plans
    return bool(record.rate_plan and record.rate_plan not in known) or any(
        leg.rate_plan and leg.rate_plan not in known for leg in record.legs
    )


def _plan_of(leg: LegRecord, plan: RatePlan | None, plans: RatePlans) -> RatePlan | None:
    """The plan that an outgoing leg is charged by, None for none."""
    if leg.rate_plan:
        return plans.plans.get(leg.rate_plan)
    return plan.forwarded if plan is not None and leg.gateway else None


def _inbound(record: CallRecord) -> LegUsage:
    answered = record.answered_ms
    if answered is not None:
        return _used(record, record.called_number, answered, record.ended_ms)
    rang = record.ringing_ms
    began = record.ended_ms if rang is None else rang
    return LegUsage(
        number=record.called_number,
        at=int(record.started + began / 1000),
        seconds=_NONE,
        ringing=_seconds(began, record.ended_ms),
    )


def _forwarded(record: CallRecord, leg: LegRecord, country: str) -> LegUsage:
    dialled = leg.uri.partition(":")[2].partition("@")[0].partition(";")[0]
    ended = record.ended_ms if leg.ended_ms is None else leg.ended_ms
    return _used(record, written_often(dialled, country), leg.answered_ms or 0, ended)


def _used(record: CallRecord, number: str, answered: int, ended: int) -> LegUsage:
    at = int(record.started + answered / 1000)
    return LegUsage(number=number, at=at, seconds=_seconds(answered, ended))


def _seconds(first: int, last: int) -> Decimal:
    return Decimal(max(0, last - first)).scaleb(-3)


def _as_dict(found: LegCharge) -> dict[str, Any]:
    return {
        "plan": found.plan,
        "rate": found.rate,
        "seconds": found.seconds,
        "fee": f"{found.fee:f}",
        "cost": f"{found.cost:f}",
        "blocks": [_run(run) for run in found.blocks],
    }


def _run(run: BlockRun) -> dict[str, Any]:
    return {
        "at": run.start,
        "count": run.count,
        "seconds": run.seconds,
        "price": str(run.price),
        "period": run.period,
    }
