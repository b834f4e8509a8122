"""Packages are used before money: which, in what order, and to the last second."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rating_plans import NOON, charged, during, plan, rate_at, schedule
from test_charge_properties import half_up, plans, rates

from callrouter.rating.packages import Package, PackagedCharge, use_packages
from callrouter.rating.rate_plan import RatePlan

LATER = NOON + 30 * 86400


def package(name: str, seconds: int, expires: int = LATER) -> Package:
    return Package(name=name, seconds=seconds, expires=expires)


def used(by: RatePlan, seconds: object, *packages: Package) -> PackagedCharge:
    return use_packages(charged(by, seconds).legs[0], packages)


@pytest.mark.parametrize(
    ("seconds", "has", "cost", "taken"),
    [
        (61, 600, "0.0000", 120),
        (61, 120, "0.0000", 120),
        (61, 60, "1.0000", 60),
        (61, 90, "0.5000", 90),  # half of a minute is left to be paid
        (61, 0, "2.0000", 0),
        (0, 600, "0.0000", 0),
    ],
)
def test_units_come_first_and_money_pays_the_rest(
    seconds: int, has: int, cost: str, taken: int
) -> None:
    found = used(plan(rate_at("1/min")), seconds, package("a", has))
    assert (str(found.charge.cost), found.taken.get("a", 0)) == (cost, taken)
    assert found.left[0].seconds == has - taken


def test_package_that_expires_first_is_used_first() -> None:
    by = plan(rate_at("1/min"))
    packages = (package("new", 600, LATER + 1), package("old", 60), package("older", 30, LATER - 1))
    found = used(by, 121, *packages)
    assert list(found.taken.items()) == [("older", 30), ("old", 60), ("new", 90)]
    assert {one.name: one.seconds for one in found.left} == {"older": 0, "old": 0, "new": 510}


def test_block_that_begins_when_a_package_has_expired_takes_nothing_of_it() -> None:
    by = plan(rate_at("1/min"))
    found = used(by, 180, package("a", 600, NOON + 61))
    assert (str(found.charge.cost), found.taken) == ("1.0000", {"a": 120})
    assert used(by, 180, package("a", 600, NOON)).taken == {}
    assert used(by, 180, package("a", 600, NOON - 90)).taken == {}


def test_dear_blocks_are_not_kept_for_packages() -> None:
    evening = schedule("Asia/Shanghai", open=["12:01-24:00"])
    by = plan(rate_at("1/min", periods=[during(evening, "9/min")]))
    found = used(by, 120, package("a", 60))
    assert str(found.charge.cost) == "9.0000"


def test_fee_is_paid_in_money_and_time_that_is_free_takes_nothing() -> None:
    by = plan(rate_at("1/min", fee="0.5", free=5))
    assert str(used(by, 65, package("a", 600)).charge.cost) == "0.5000"
    assert used(by, 65, package("a", 600)).taken == {"a": 60}
    assert used(by, 5, package("a", 600)).taken == {}


def test_package_of_less_than_nothing_is_a_bug() -> None:
    with pytest.raises(ValueError, match="0 seconds or more"):
        package("a", -1)


PACKAGES = st.lists(
    st.tuples(st.integers(0, 400), st.integers(NOON - 100, NOON + 4000)), max_size=4
).map(lambda found: [package(f"p{n}", *each) for n, each in enumerate(found)])


@given(st.data(), st.integers(0, 3600), PACKAGES)
def test_what_is_taken_and_what_is_paid_are_the_billed_time(
    data: st.DataObject, seconds: int, packages: list[Package]
) -> None:
    by = data.draw(rates().flatmap(plans))
    leg = charged(by, seconds).legs[0]
    found = use_packages(leg, packages)
    had = {one.name: one for one in packages}
    for one in found.left:
        assert one.seconds >= 0
        assert had[one.name].seconds - one.seconds == found.taken.get(one.name, 0)
    assert sum(found.taken.values()) <= leg.seconds
    fee = half_up(Fraction(leg.fee), by.decimals)
    assert fee <= Fraction(found.charge.cost) <= Fraction(leg.cost)
    everything = use_packages(leg, [package("all", leg.seconds, LATER * 2)])
    assert Fraction(everything.charge.cost) == fee
    assert everything.taken.get("all", 0) == leg.seconds


@given(st.data(), st.integers(0, 3600), st.integers(0, 3600), PACKAGES)
def test_call_that_goes_on_keeps_what_it_took(
    data: st.DataObject, seconds: int, more: int, packages: list[Package]
) -> None:
    by = data.draw(rates().flatmap(plans))
    shorter = use_packages(charged(by, seconds).legs[0], packages)
    longer = use_packages(charged(by, seconds + more).legs[0], packages)
    for name, taken in shorter.taken.items():
        assert taken <= longer.taken[name]
    assert shorter.charge.cost <= longer.charge.cost
