"""Charges of a call: the blocks of each leg, their prices, and the cost rounded once.

Theory: a leg's time is its length rounded up to a second, less the free seconds. It is paid for in
blocks: the first, then steps that count from the end of the first. Each block has whole the price
at its start. So neither a block nor its price depends on what comes after it: a call that goes on
keeps the blocks it has, and money reserved up to any block's end is what the call would cost if it
ended there.

Rules.

- Cost is the fee and the sum of all blocks, exact, rounded half up to the plan's decimals once.
- A leg of which no second is charged costs nothing: there is no fee either.
- Time is counted in UTC; the schedules of periods know what their clocks show. Schedules that are
  switched by hand are switched for callers, not for prices.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Final

from callrouter.rating.rate_plan import MINUTE, Price, PriceStep, Rate, RatePlan

# Exact for any amount and length that there is. A 60th of it may have no end, but a half of the
# last place has one: what is cut off never makes a half, nor hides one.
_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)
_NOTHING: Final = Decimal(0)


@dataclass(slots=True, kw_only=True, frozen=True)
class LegUsage:
    """The use of one leg that is paid for.

    number: where it goes, in E.164 or as dialled. at: the Unix second of its answer, or of the
    first ringing when nobody answered. seconds: from answer to end, 0 when nobody answered.
    ringing: seconds that it rang.
    """

    number: str
    at: int
    seconds: Decimal
    ringing: Decimal = _NOTHING

    def __post_init__(self) -> None:
        if self.seconds < 0 or self.ringing < 0:
            raise ValueError("a leg lasts 0 seconds or more")


@dataclass(slots=True, kw_only=True, frozen=True)
class CallUsage:
    """The legs of a call: the inbound one, and those to forwarding targets."""

    inbound: LegUsage
    forwarded: tuple[LegUsage, ...] = ()


@dataclass(slots=True, kw_only=True, frozen=True)
class BlockRun:
    """Blocks that follow each other at one price.

    start: the Unix second at which the first begins. count: how many. seconds: of each. period:
    which prices they have, "" for those outside of all periods.
    """

    start: int
    count: int
    seconds: int
    price: Price
    period: str


@dataclass(slots=True, kw_only=True, frozen=True)
class LegCharge:
    """The charge of one leg. plan, rate: their names. seconds: billed. cost: rounded."""

    plan: str
    rate: str
    seconds: int
    fee: Decimal
    blocks: tuple[BlockRun, ...]
    cost: Decimal


@dataclass(slots=True, kw_only=True, frozen=True)
class Charges:
    """The charges of a call. legs: the inbound one first. cost: the sum of what is rounded."""

    currency: str
    legs: tuple[LegCharge, ...]
    cost: Decimal


def rate(plan: RatePlan, call: CallUsage) -> Charges:
    """Say what a call costs. A plan without `forwarded` does not charge for forwarded legs."""
    legs = [charge(plan, call.inbound)]
    if plan.forwarded is not None:
        legs += [charge(plan.forwarded, leg) for leg in call.forwarded]
    return Charges(currency=plan.currency, legs=tuple(legs), cost=total(legs))


def total(legs: Iterable[LegCharge]) -> Decimal:
    """Return the sum of legs, which are rounded already."""
    with localcontext(_EXACT):
        return sum((leg.cost for leg in legs), _NOTHING)


def charge(plan: RatePlan, leg: LegUsage) -> LegCharge:
    """Say what one leg costs by its plan."""
    if leg.seconds:
        found: Rate | None = plan.rate_of(leg.number)
        length = leg.seconds
    else:
        found = plan.unanswered
        length = leg.ringing
    if found is None:
        return LegCharge(
            plan=plan.name, rate="", seconds=0, fee=_NOTHING, blocks=(), cost=cost_of(plan.decimals)
        )
    seconds = billed_seconds(found, length)
    blocks = tuple(_joined(found, leg.at + found.free, seconds))
    fee = found.fee if blocks else _NOTHING
    return LegCharge(
        plan=plan.name,
        rate=found.name,
        seconds=seconds,
        fee=fee,
        blocks=blocks,
        cost=cost_of(plan.decimals, fee, [(run.price, run.count * run.seconds) for run in blocks]),
    )


def billed_seconds(rate: Rate, length: Decimal) -> int:
    """Return the seconds of all blocks that so many seconds of a leg need."""
    charged = int(length.to_integral_value(ROUND_CEILING)) - rate.free
    if charged <= 0:
        return 0
    return rate.first + _ceiling(max(0, charged - rate.first), rate.step) * rate.step


def _joined(rate: Rate, start: int, seconds: int) -> Iterator[BlockRun]:
    """Give the blocks of so many billed seconds, those that are alike and adjoin as one run."""
    last: BlockRun | None = None
    for run in _runs(rate, start, seconds):
        if last is None:
            last = run
        elif (last.seconds, last.price, last.period) == (run.seconds, run.price, run.period):
            last = replace(last, count=last.count + run.count)
        else:
            yield last
            last = run
    if last is not None:
        yield last


def _runs(rate: Rate, start: int, seconds: int) -> Iterator[BlockRun]:
    steps, period, steady = rate.steps, "", 0 if rate.periods else seconds
    passed = 0
    while passed < seconds:
        if passed >= steady:
            steps, period, until = _prices(rate, start + passed)
            steady = min(until - start, seconds)
        size = rate.step if passed else rate.first
        end = steady if size == rate.step else passed + 1
        for step in steps:
            if step.after > passed:
                end = min(end, step.after)
                break
            price = step.price
        count = _ceiling(end - passed, size)
        yield BlockRun(start=start + passed, count=count, seconds=size, price=price, period=period)
        passed += count * size


def _prices(rate: Rate, at: int) -> tuple[tuple[PriceStep, ...], str, int]:
    """Return the prices at a Unix second, their period, and up to when it is the same for sure."""
    steady = []
    for period in rate.periods:
        steady.append(period.schedule.steady_until(at))
        if period.schedule.hours(at, {}).open is period.open:
            return period.steps, period.name, min(steady)
    return rate.steps, "", min(steady)


def cost_of(
    decimals: int, fee: Decimal = _NOTHING, times: Iterable[tuple[Price, int]] = ()
) -> Decimal:
    """Return a fee and so many seconds at each price, rounded once to so many decimals."""
    with localcontext(_EXACT):
        # In amounts by the minute, so that all is exact until the one division.
        whole = fee * MINUTE
        for price, seconds in times:
            whole += price.amount * (seconds * (MINUTE // price.per))
        return (whole / MINUTE).quantize(Decimal(1).scaleb(-decimals))


def _ceiling(length: int, size: int) -> int:
    return -(-length // size)
