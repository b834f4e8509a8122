"""Slices of a call: what is reserved piece by piece is what the call costs, however it is cut."""

from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.charged import rate_plans, toll_free_call

from callrouter.call.services.record import CallRecord
from callrouter.observe.cdr.call_charges import charges_of, cover
from callrouter.route.values.plan import Target

PLANS: Final = rate_plans(
    """\
country: CN
timezone: Asia/Shanghai
schedules: {day: {open: ["08:00-18:00"]}}
plans:
  second: {currency: CNY, blocks: 1/1, price: 0.1/min}
  minute: {currency: CNY, blocks: 60/60, price: 1/min, forwarded: odd}
  odd:
    currency: CNY
    decimals: 2
    fee: "0.5"
    free: 3s
    blocks: 30/6
    price: 0.37/min
    steps: [{after: 60s, price: 0.11/min}]
    periods: [{when: {schedule: day}, price: 0.59/min, steps: [{after: 45s, price: 0.2/s}]}]
"""
)
EVENING: Final = 1_772_618_280.0  # 17:58 in Shanghai


def begun(plan: str, started: float = EVENING, *, forwarded: bool = False) -> CallRecord:
    """A call that is in progress, answered after a second."""
    record = toll_free_call(started=started)
    record.rate_plans, record.rate_plan = PLANS, plan
    record.ended_ms = 0
    (leg,) = record.legs
    leg.answered_ms, leg.ended_ms = (1000, None) if forwarded else (None, None)
    return record


def cost(record: CallRecord, ended_ms: int) -> Decimal:
    record.ended_ms = ended_ms
    found = charges_of(record)
    assert found is not None
    return found.cost


@pytest.mark.parametrize("seconds", [1, 7, 60])
def test_three_minutes_cost_thirty_cents_whatever_a_slice_is(seconds: int) -> None:
    record = begun("second")
    reserved, until = Decimal(0), 1000
    while until < 181_000:
        found = cover(record, min(until + seconds * 1000, 181_000))
        assert found.until_ms is not None
        reserved += found.cost - reserved
        until = found.until_ms
    assert (reserved, until) == (Decimal("0.3000"), 181_000)
    assert cost(record, 181_000) == Decimal("0.3000")


@given(
    st.sampled_from(["second", "minute", "odd"]),
    st.lists(st.integers(1, 90_000), min_size=1, max_size=12),
    st.booleans(),
    st.integers(0, 200_000),
)
def test_cost_does_not_depend_on_slices_and_never_exceeds_them(
    plan: str, slices: list[int], forwarded: bool, within: int
) -> None:
    record = begun(plan, forwarded=forwarded)
    reserved, until = Decimal(0), 1000
    for more in slices:
        found = cover(record, until + more)
        assert found.until_ms is not None
        assert found.cost >= reserved
        assert found.until_ms >= until + more
        reserved, until = found.cost, found.until_ms
    at_once = cover(record, until)
    assert (at_once.cost, at_once.until_ms) == (reserved, until)
    assert cost(record, until - within % (until - 999)) <= reserved
    if not forwarded:  # of two legs the slice ends with the one whose blocks end first
        assert cost(record, until) == reserved


def test_first_slice_has_the_fee_the_free_seconds_and_the_dearest_target() -> None:
    record = begun("odd")
    record.answered_ms = None
    found = cover(record, 400)
    assert (found.cost, found.until_ms) == (Decimal("0.80"), 400 + 33_000)
    ways = [
        Target("desk", "sip:desk@192.0.2.1", "192.0.2.1", 5060, "udp", 15.0, 5.0),
        Target("m", "sip:138@192.0.2.1", "192.0.2.1", 5060, "udp", 15.0, 5.0, rate_plan="minute"),
    ]
    assert cover(record, 400, ways).cost == Decimal("1.80")
    assert cover(record, 400, ways[:1]).cost == Decimal("0.80")


def test_call_that_nothing_is_charged_for_is_covered_for_ever() -> None:
    record = begun("")
    assert cover(record, 60_000).until_ms is None
