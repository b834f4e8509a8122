"""What is true of every plan and every call; and every clock change of three zones in 2026."""

import datetime
import zoneinfo
from decimal import Decimal
from fractions import Fraction
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_plans import NOON, charged, during, plan, rate_at, schedule
from support.tables import each

from callrouter.rating.charges import Charges
from callrouter.rating.rate_plan import Price, Rate, RatePlan

AMOUNTS = st.decimals(min_value=0, max_value=1000, places=4).map(lambda amount: f"{amount:f}")
PRICES = st.tuples(AMOUNTS, st.sampled_from(["min", "s"])).map("/".join)
BLOCKS = st.tuples(st.integers(1, 120), st.integers(1, 120)).map(
    lambda sizes: "{}/{}".format(*sizes)
)
NIGHT = schedule("Europe/Berlin", open=["21:00-06:00"], holidays="DE")


@st.composite
def rates(draw: st.DrawFn, *, periods: bool = True) -> Rate:
    later = draw(st.dictionaries(st.integers(1, 600), PRICES, max_size=3))
    night = [during(NIGHT, draw(PRICES), open=draw(st.booleans()))] if periods else []
    return rate_at(
        draw(PRICES),
        draw(BLOCKS),
        fee=draw(AMOUNTS),
        free=draw(st.integers(0, 20)),
        later=dict(sorted(later.items())),
        periods=night if draw(st.booleans()) else [],
    )


def plans(rate: Rate) -> st.SearchStrategy[RatePlan]:
    return st.builds(plan, st.just(rate), st.just("CNY"), st.integers(0, 6))


SECONDS = st.integers(0, 3600)
STARTS = st.integers(NOON - 10 * 86400, NOON + 300 * 86400)


def blocks(found: Charges) -> list[tuple[int, int, Price]]:
    """Each block by itself: its start, its seconds, its price."""
    return [
        (run.start + one * run.seconds, run.seconds, run.price)
        for run in found.legs[0].blocks
        for one in range(run.count)
    ]


def unrounded(found: Charges) -> Fraction:
    """The exact cost of a call."""
    cost = Fraction(found.legs[0].fee)
    for run in found.legs[0].blocks:
        cost += run.count * run.seconds * Fraction(run.price.amount) / run.price.per
    return cost


def half_up(value: Fraction, decimals: int) -> Fraction:
    unit = 10**decimals
    return Fraction((2 * value * unit + 1) // 2, unit)


@given(st.data(), SECONDS, STARTS)
def test_cost_is_the_exact_sum_rounded_once(data: st.DataObject, seconds: int, start: int) -> None:
    by = data.draw(rates().flatmap(plans))
    found = charged(by, seconds, start=start)
    assert found.cost >= 0
    assert Fraction(found.cost) == half_up(unrounded(found), by.decimals)
    assert found.legs[0].seconds == sum(length for _, length, _ in blocks(found))


@given(st.data(), SECONDS, STARTS, st.lists(SECONDS, max_size=5))
def test_cost_does_not_depend_on_how_a_call_was_cut_into_slices(
    data: st.DataObject, seconds: int, start: int, cuts: list[int]
) -> None:
    """What is reserved slice by slice is what the whole costs, and a slice takes nothing back."""
    by = data.draw(rates().flatmap(plans))
    whole = charged(by, seconds, start=start)
    reserved = Fraction(0)
    for cut in sorted({*[cut for cut in cuts if cut < seconds], seconds}):
        slice_ = charged(by, cut, start=start)
        assert blocks(slice_) == list(islice(blocks(whole), len(blocks(slice_))))
        more = unrounded(slice_) - reserved
        assert more >= 0
        reserved += more
    assert half_up(reserved, by.decimals) == Fraction(whole.cost)


@pytest.mark.parametrize("length", [1, 7, 60])
def test_slices_of_a_second_of_seven_and_of_a_minute_cost_what_the_call_does(length: int) -> None:
    by = plan(rate_at("0.1/min", "1/1"))
    parts = [
        unrounded(charged(by, min(length, 180 - begun), start=NOON + begun))
        for begun in range(0, 180, length)
    ]
    assert sum(parts) == Fraction("0.3")


@given(st.data(), SECONDS, SECONDS, STARTS)
def test_longer_call_costs_no_less(
    data: st.DataObject, seconds: int, more: int, start: int
) -> None:
    by = data.draw(rates().flatmap(plans))
    shorter, longer = (charged(by, length, start=start) for length in (seconds, seconds + more))
    assert shorter.cost <= longer.cost


@given(st.data(), SECONDS, STARTS, STARTS)
def test_call_without_periods_costs_the_same_at_any_time(
    data: st.DataObject, seconds: int, start: int, other: int
) -> None:
    by = data.draw(rates(periods=False).flatmap(plans))
    assert charged(by, seconds, start=start).cost == charged(by, seconds, start=other).cost


CHANGES = {
    "Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
    "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
    "Australia/Sydney": ("2026-04-04T16:00", "2026-10-03T16:00"),
}
"""When the clocks of three zones are set in 2026, in UTC."""


@pytest.mark.parametrize(
    ("zone", "change"), [(zone, moment) for zone, found in CHANGES.items() for moment in found]
)
@each("hours", ["01:00-02:30", "02:00-03:00", "02:30-04:00", "00:00-02:00"])
def test_cost_over_a_clock_change_is_that_of_each_second_by_the_wall_clock(
    zone: str, change: str, hours: str
) -> None:
    moment = int(datetime.datetime.fromisoformat(f"{change}+00:00").timestamp())
    info = zoneinfo.ZoneInfo(zone)
    before, after = (
        datetime.datetime.fromtimestamp(second, info).utcoffset() for second in (moment - 1, moment)
    )
    assert before != after
    by = plan(rate_at("1/s", "1/1", periods=[during(schedule(zone, open=[hours]), "0.01/s")]))
    start = moment - 5 * 3600 + 17
    end = moment + 5 * 3600 + 17
    first, last = (datetime.time.fromisoformat(text) for text in hours.split("-"))
    cheap = 0
    for minute in range(start - start % 60, end, 60):  # no clock is set within one
        if first <= datetime.datetime.fromtimestamp(minute, info).time() < last:
            cheap += min(minute + 60, end) - max(minute, start)
    cost = charged(by, end - start, start=start).cost
    assert cost == Decimal(end - start - cheap) + Decimal("0.01") * cheap
