"""Rate plans of the tests, built without a file."""

import datetime
import zoneinfo
from collections.abc import Mapping, Sequence
from decimal import Decimal

from callrouter.dialplan.compile import holiday_tables as calendar
from callrouter.dialplan.grammar.schedules import ScheduleEntry
from callrouter.rating.charges import CallUsage, Charges, LegUsage, rate
from callrouter.rating.rate_plan import Price, PricePeriod, PriceStep, Rate, RatePlan
from callrouter.route.values.opening_hours import Schedule


def price(text: str) -> Price:
    amount, _, per = text.partition("/")
    return Price(amount=Decimal(amount), per={"min": 60, "s": 1}[per])


def steps(first: str, later: Mapping[int, str] | None = None) -> tuple[PriceStep, ...]:
    named = {0: first, **(later or {})}
    return tuple(PriceStep(after=after, price=price(text)) for after, text in named.items())


def rate_at(
    first: str,
    blocks: str = "60/60",
    *,
    fee: str = "0",
    free: int = 0,
    later: Mapping[int, str] | None = None,
    periods: Sequence[PricePeriod] = (),
    name: str = "others",
) -> Rate:
    first_block, _, step = blocks.partition("/")
    return Rate(
        name=name,
        first=int(first_block),
        step=int(step),
        fee=Decimal(fee),
        free=free,
        steps=steps(first, later),
        periods=tuple(periods),
    )


def plan(
    base: Rate,
    currency: str = "CNY",
    decimals: int = 4,
    *,
    rates: Mapping[str, Mapping[str, Rate]] | None = None,
    unanswered: Rate | None = None,
    forwarded: RatePlan | None = None,
) -> RatePlan:
    return RatePlan(
        name="p",
        currency=currency,
        decimals=decimals,
        base=base,
        rates=rates or {},
        unanswered=unanswered,
        forwarded=forwarded,
    )


def during(schedule: Schedule, text: str, *, open: bool = True) -> PricePeriod:
    return PricePeriod(schedule=schedule, open=open, steps=steps(text))


def schedule(zone: str, **entry: object) -> Schedule:
    return calendar.schedule("night", ScheduleEntry.model_validate(entry), zone)


def at(moment: str, zone: str = "Asia/Shanghai", fold: int = 0) -> int:
    local = datetime.datetime.fromisoformat(moment)
    return int(local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).timestamp())


NOON = at("2026-03-04T12:00")


def charged(by: RatePlan, seconds: object, number: str = "", start: int = NOON) -> Charges:
    """What a call of so many seconds costs."""
    leg = LegUsage(number=number, at=start, seconds=Decimal(str(seconds)))
    return rate(by, CallUsage(inbound=leg))
