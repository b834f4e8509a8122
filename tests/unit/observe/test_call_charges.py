"""What a call costs by its record: which legs are charged, and by which plan."""

from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.charged import PLANS, rate_plans, toll_free_call

from callrouter.call.services.record import CallRecord
from callrouter.observe.cdr.call_charges import charges_of, cover
from callrouter.observe.cdr.rerating import READ, rerated
from callrouter.observe.cdr.rows import COLUMNS, encode, misfit, row_to_dict


def costs(record: CallRecord) -> list[tuple[int | None, str, str, str]]:
    found = charges_of(record)
    assert found is not None
    return [(place, one.plan, one.rate, str(one.cost)) for place, one in found.legs]


def test_toll_free_call_costs_both_legs_each_by_its_own_plan() -> None:
    record = toll_free_call()
    assert costs(record) == [
        (None, "toll_free", "all numbers", "0.6000"),
        (0, "outbound", "+86", "0.3000"),
    ]
    row = row_to_dict(encode(record))
    assert {name: row[name] for name in ("rate_plan", "currency", "billed_seconds", "cost")} == {
        "rate_plan": "toll_free",
        "currency": "CNY",
        "billed_seconds": 240,
        "cost": "0.9000",
    }
    assert row["charges"][1] == {
        "leg": 0,
        "plan": "outbound",
        "rate": "+86",
        "seconds": 120,
        "fee": "0",
        "cost": "0.3000",
        "blocks": [
            {"at": 1_700_000_051, "count": 2, "seconds": 60, "price": "0.15/min", "period": ""}
        ],
    }


def test_target_with_a_plan_of_its_own_is_charged_by_that() -> None:
    record = toll_free_call()
    record.legs[0].rate_plan, record.legs[0].gateway = "dear", ""
    assert costs(record)[1] == (0, "dear", "all numbers", "63.0000")
    record.rate_plan = ""
    assert costs(record) == [(0, "dear", "all numbers", "63.0000")]
    assert row_to_dict(encode(record))["currency"] == "CNY"


def test_leg_to_a_telephone_of_ours_costs_nothing() -> None:
    record = toll_free_call()
    record.legs[0].gateway = ""
    assert [place for place, *_ in costs(record)] == [None]


def test_leg_that_did_not_answer_costs_nothing() -> None:
    record = toll_free_call()
    record.legs[0].answered_ms = None
    assert [place for place, *_ in costs(record)] == [None]


@pytest.mark.parametrize(
    ("ringing", "ended", "cost"),
    [(2_000, 22_000, "0.0600"), (2_000, 62_001, "0.1200"), (None, 22_000, "0.0000")],
)
def test_unanswered_call_costs_its_ringing(ringing: int | None, ended: int, cost: str) -> None:
    record = toll_free_call()
    record.answered_ms, record.ringing_ms, record.ended_ms = None, ringing, ended
    record.legs = []
    found = charges_of(record)
    assert found is not None
    assert str(found.cost) == cost


def test_call_without_a_plan_has_no_cost_and_is_no_free_call() -> None:
    record = toll_free_call()
    record.rate_plan = record.legs[0].rate_plan = ""
    row = row_to_dict(encode(record))
    assert [row[name] for name in ("currency", "billed_seconds", "cost")] == [None] * 3
    assert row["charges"] == []


def test_plan_that_is_gone_leaves_the_cost_open_and_its_name_in_the_record() -> None:
    record = toll_free_call()
    record.rate_plan = "gone"
    row = row_to_dict(encode(record))
    assert (row["rate_plan"], row["cost"]) == ("gone", None)


def test_answer_at_a_part_of_a_second_counts_from_its_second() -> None:
    record = toll_free_call(started=1_700_000_000.999)
    record.legs = []
    found = charges_of(record)
    assert found is not None
    assert found.legs[0][1].blocks[0].start == 1_700_000_001


@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 200_000)), max_size=4),
    st.integers(0, 400_000),
)
def test_cost_and_seconds_of_a_call_are_the_sums_of_its_legs(
    legs: list[tuple[int, int]], lasted: int
) -> None:
    record = toll_free_call()
    assert record.answered_ms is not None
    record.ended_ms = record.answered_ms + lasted
    first = record.legs[0]
    record.legs = []
    for begins, lasts in legs:
        leg = type(first)(first.target, first.uri, 0)
        leg.gateway, leg.answered_ms, leg.ended_ms = "carrier_a", begins, begins + lasts
        record.legs.append(leg)
    row = row_to_dict(encode(record))
    assert len(row["charges"]) == 1 + len(legs)
    assert Decimal(row["cost"]) == sum(Decimal(one["cost"]) for one in row["charges"])
    assert row["billed_seconds"] == sum(one["seconds"] for one in row["charges"])
    for one in row["charges"]:
        assert one["seconds"] == sum(run["count"] * run["seconds"] for run in one["blocks"])


@pytest.mark.parametrize("cost", ["-1", "1e3", "1,5", "", "NaN", 1, 0.9, "\u0661"])
def test_amount_that_is_none_does_not_fit_the_table(cost: object) -> None:
    row = list(encode(toll_free_call()))
    assert misfit(tuple(row)) == ""
    row[COLUMNS.index("cost")] = cost  # type: ignore[call-overload]
    assert misfit(tuple(row)) == "cost: expected an amount as text"


def test_plan_with_all_its_keys_is_what_a_record_is_charged_by() -> None:
    record = toll_free_call()
    record.rate_plans = rate_plans(PLANS.replace("0.30/min", "0.40/min"))
    assert costs(record)[0][3] == "0.8000"


def test_call_back_is_charged_for_its_outgoing_legs_and_for_no_inbound_one() -> None:
    record = toll_free_call()
    record.call_back_of = "0000"
    assert costs(record) == [(0, "outbound", "+86", "0.3000")]
    covered = cover(record, 111_500)
    assert (covered.cost, covered.until_ms) == (Decimal("0.3000"), None)
    record.legs[0].ended_ms = None
    assert cover(record, 111_500).until_ms == 51_000 + 120_000
    row = row_to_dict(encode(toll_free_call()))
    row["call_back_of"] = "0000"
    values = [row[name] for name in READ]
    values[READ.index("legs")] = orjson.dumps(row["legs"])
    again = rerated(values, rate_plans())
    assert again is not None
    assert again.costs == (Decimal("0.9000"), Decimal("0.3000"))
