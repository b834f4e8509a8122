"""Charges of a call record: which of its legs cost something, by which rate plan, and how much.

Rules.

- The inbound leg is charged by the plan of the number, from the answer to the caller to the end of
  the call. When nobody answered, its ringing is, if the plan says so. A call-back has none.
- Each other leg that was answered is charged by the plan of its target. Where that has none, what
  was dialled by a gateway is charged by the plan that is `forwarded` of the number's.
- The number of such a leg is what was dialled: the user of its Request-URI.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import orjson

from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.rating.charges import BlockRun, LegCharge, LegUsage, charge, total
from callrouter.rating.rate_plan import RatePlan, RatePlans, read_price
from callrouter.route.callers.telephone_numbers import written_often
from callrouter.route.values.plan import Target

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


def charges_in(text: str) -> list[LegCharge]:
    """Read the charges of a record."""
    return [_leg_charge(known) for known in orjson.loads(text)]


def charges_of(record: CallRecord) -> CallCharges | None:
    """Say what a call that is over costs, by the rate plans that it began with.

    None when no leg is charged, or a plan is not there any more, as after a restart.
    """
    plans = record.rate_plans
    if plans is None:
        return None
    if is_gone(record, plans):
        return None
    plan = _plan_of_inbound(record, plans)
    found: list[tuple[int | None, LegCharge]] = []
    currency = ""
    if plan is not None:
        currency = plan.currency
        found.append((None, charge(plan, _inbound(record))))
    for place, leg in enumerate(record.legs):
        by = _plan_of(leg, record, plans)
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


@dataclass(slots=True, kw_only=True, frozen=True)
class Cover:
    """What covers a call up to a moment. legs: all that are charged. until_ms: when the first runs
    out, from the start of the call; None when nothing is charged.
    """

    legs: tuple[LegCharge, ...]
    until_ms: int | None

    @property
    def cost(self) -> Decimal:
        """Of all its legs."""
        return total(self.legs)


def cover(record: CallRecord, until_ms: int, targets: Sequence[Target] = ()) -> Cover:
    """Say what a call costs that goes on until then, to the end of the blocks that begin before.

    A call that is not answered counts as answered at `until_ms`. targets: those that may be rung;
    while nobody is talked to, the first block of the dearest of them is in it.
    """
    plans = record.rate_plans
    if plans is None or is_gone(record, plans):
        return Cover(legs=(), until_ms=None)
    legs: list[LegCharge] = []
    ends: list[int] = []
    plan = _plan_of_inbound(record, plans)
    if plan is not None:
        answered = until_ms if record.answered_ms is None else record.answered_ms
        found, end = _covered(record, plan, record.called_number, answered, until_ms)
        legs.append(found)
        ends.append(end)
    talks = False
    for leg in record.legs:
        by = _plan_of(leg, record, plans)
        if by is None or leg.answered_ms is None:
            continue
        number = _dialled(leg.uri, plans.country)
        if leg.ended_ms is None:
            talks = True
            found, end = _covered(record, by, number, leg.answered_ms, until_ms)
            legs.append(found)
            ends.append(end)
        else:
            legs.append(charge(by, _used(record, number, leg.answered_ms, leg.ended_ms)))
    if not talks:
        firsts = [_first_block(record, it, plans, until_ms) for it in targets]
        legs += sorted(filter(None, firsts), key=lambda it: it.cost)[-1:]
    return Cover(legs=tuple(legs), until_ms=min(ends, default=None))


def _covered(
    record: CallRecord, plan: RatePlan, number: str, answered: int, until_ms: int
) -> tuple[LegCharge, int]:
    """What a leg costs that goes on until then, and up to when that pays for it."""
    free = plan.rate_of(number).free
    lasts = max(until_ms - answered, free * 1000 + 1)
    found = charge(plan, _used(record, number, answered, answered + lasts))
    return found, answered + (free + found.seconds) * 1000


def _first_block(
    record: CallRecord, target: Target, plans: RatePlans, at_ms: int
) -> LegCharge | None:
    leg = LegRecord(target.name, target.uri, at_ms)
    leg.gateway, leg.rate_plan = target.gateway, target.rate_plan
    by = _plan_of(leg, record, plans)
    if by is None:
        return None
    return _covered(record, by, _dialled(leg.uri, plans.country), at_ms, at_ms)[0]


def is_gone(record: CallRecord, plans: RatePlans) -> bool:
    """Say whether a rate plan that the record names is not there any more."""
    known = plans.plans
    return bool(record.rate_plan and record.rate_plan not in known) or any(
        leg.rate_plan and leg.rate_plan not in known for leg in record.legs
    )


def _plan_of_inbound(record: CallRecord, plans: RatePlans) -> RatePlan | None:
    """The plan that the inbound leg is charged by, None for none."""
    return None if record.call_back_of else plans.plans.get(record.rate_plan)


def _plan_of(leg: LegRecord, record: CallRecord, plans: RatePlans) -> RatePlan | None:
    """The plan that an outgoing leg is charged by, None for none."""
    return plans.of_leg(leg.rate_plan, record.rate_plan, by_gateway=bool(leg.gateway))


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
    ended = record.ended_ms if leg.ended_ms is None else leg.ended_ms
    return _used(record, _dialled(leg.uri, country), leg.answered_ms or 0, ended)


def _dialled(uri: str, country: str) -> str:
    """The number in a Request-URI."""
    return written_often(uri.partition(":")[2].partition("@")[0].partition(";")[0], country)


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


def _leg_charge(known: dict[str, Any]) -> LegCharge:
    return LegCharge(
        plan=known["plan"],
        rate=known["rate"],
        seconds=known["seconds"],
        fee=Decimal(known["fee"]),
        blocks=tuple(_run_in(run) for run in known["blocks"]),
        cost=Decimal(known["cost"]),
    )


def _run_in(known: dict[str, Any]) -> BlockRun:
    return BlockRun(
        start=known["at"],
        count=known["count"],
        seconds=known["seconds"],
        price=read_price(known["price"]),
        period=known["period"],
    )


def _run(run: BlockRun) -> dict[str, Any]:
    return {
        "at": run.start,
        "count": run.count,
        "seconds": run.seconds,
        "price": str(run.price),
        "period": run.period,
    }
