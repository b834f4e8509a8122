"""Months of the calendar on the clocks of a zone, and which fees are due in them."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.billing.fees import MONTH, ONCE, YEAR, Fee, due_fees
from callrouter.billing.invoices import ChargedLegs, InvoiceLines, total
from callrouter.billing.months import Month, month_at, read_month

BERLIN, SHANGHAI = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Shanghai")


def fee(every: str, begins: str, ends: str | None = None, what: str = "rental") -> Fee:
    return Fee(
        what=what,
        number="4008001234",
        amount=Decimal(100),
        every=every,
        begins=date.fromisoformat(begins),
        ends=None if ends is None else date.fromisoformat(ends),
    )


def due(one: Fee, opened: str, until: str) -> list[str]:
    return [str(it.month) for it in due_fees([one], read_month(opened), read_month(until))]


@given(st.floats(0, 4e9), st.sampled_from([BERLIN, SHANGHAI]))
def test_every_moment_is_in_one_month(at: float, zone: ZoneInfo) -> None:
    month = month_at(at, zone)
    begin, end = month.bounds(zone)
    assert begin <= at < end
    assert month.next.bounds(zone)[0] == end


def test_month_with_a_clock_change_is_an_hour_shorter() -> None:
    begin, end = Month(2026, 3).bounds(BERLIN)
    assert end - begin == 31 * 86400 - 3600
    assert Month(2026, 12).next == Month(2027, 1)
    assert month_at(datetime(2026, 3, 31, 23, 59, 59, tzinfo=BERLIN).timestamp(), BERLIN).month == 3


@pytest.mark.parametrize("wrong", ["2026", "2026-13", "2026-3", "0000-01", "March"])
def test_month_is_written_one_way(wrong: str) -> None:
    with pytest.raises(ValueError, match="such as 2026-03"):
        read_month(wrong)


def test_rental_is_due_for_every_month_of_which_a_day_lies_in_its_time() -> None:
    rental = fee(MONTH, "2026-01-31", "2026-04-01")
    assert due(rental, "2025-01", "2026-12") == ["2026-01", "2026-02", "2026-03", "2026-04"]
    assert due(rental, "2026-03", "2026-12") == ["2026-03", "2026-04"]
    assert due(rental, "2026-03", "2026-02") == []


def test_yearly_fee_is_due_in_its_month_and_another_once() -> None:
    assert due(fee(YEAR, "2024-05-20"), "2025-01", "2026-12") == ["2025-05", "2026-05"]
    assert due(fee(ONCE, "2026-05-20"), "2025-01", "2026-12") == ["2026-05"]
    assert due(fee(ONCE, "2026-05-20"), "2026-06", "2026-12") == []


CHARGES = st.fixed_dictionaries(
    {
        "leg": st.sampled_from([None, 0, 1]),
        "plan": st.sampled_from(["toll_free", "outbound"]),
        "rate": st.sampled_from(["all numbers", "+86"]),
        "seconds": st.integers(0, 600),
        "cost": st.decimals(0, 50, places=4).map(lambda it: f"{it:f}"),
    }
)
CALLS = st.builds(
    ChargedLegs,
    number=st.sampled_from(["4000", "4001", ""]),
    extension=st.sampled_from(["101", ""]),
    outbound=st.booleans(),
    answered=st.booleans(),
    charges=st.lists(CHARGES, max_size=3),
    month=st.sampled_from(["", "2026-02"]),
)


@given(st.lists(CALLS, max_size=20))
def test_sum_of_lines_is_the_sum_of_legs(calls: list[ChargedLegs]) -> None:
    lines = InvoiceLines()
    for call in calls:
        lines.add_call(call)
    legs = [Decimal(charge["cost"]) for call in calls for charge in call.charges]
    found = lines.all()
    assert total(found) == sum(legs)
    assert len({(it.month, it.number, it.kind, it.what) for it in found}) == len(found)
