"""What a call costs: the tables of the rules, and their edges."""

from decimal import Decimal

import pytest
from rating_plans import NOON, at, charged, during, plan, rate_at, schedule

from callrouter.rating.charges import CallUsage, Charges, LegUsage, rate

TABLE = [
    ("30/6", "0.006/min", "USD", 4, {32: (36, "0.0036"), 57: (60, "0.0060"), 75: (78, "0.0078")}),
    (
        *("60/60", "1/min", "CNY", 4),
        {
            0: (0, "0.0000"),
            1: (60, "1.0000"),
            60: (60, "1.0000"),
            61: (120, "2.0000"),
            121: (180, "3.0000"),
        },
    ),
    (
        *("6/1", "790/min", "VND", 0),
        {1: (6, "79"), 6: (6, "79"), 7: (7, "92"), 61: (61, "803")},
    ),
    ("1/1", "0.1/min", "CNY", 4, {180: (180, "0.3000")}),
]


@pytest.mark.parametrize(
    ("blocks", "price", "currency", "decimals", "seconds", "expected"),
    [
        (blocks, price, currency, decimals, seconds, expected)
        for blocks, price, currency, decimals, calls in TABLE
        for seconds, expected in calls.items()
    ],
)
def test_cost_is_that_of_the_table(
    blocks: str, price: str, currency: str, decimals: int, seconds: int, expected: tuple[int, str]
) -> None:
    found = charged(plan(rate_at(price, blocks), currency, decimals), seconds)
    assert (found.legs[0].seconds, str(found.cost)) == expected
    assert found.currency == currency


EVENING = schedule("Asia/Shanghai", open=["18:00-24:00"])


def test_price_changes_in_the_middle_of_a_call() -> None:
    by = plan(rate_at("1/s", "1/1", fee="1", periods=[during(EVENING, "0.5/s")]))
    found = charged(by, 3600, start=at("2026-03-04T17:30"))
    assert str(found.cost) == "2701.0000"
    runs = [(run.start, run.count, str(run.price), run.period) for run in found.legs[0].blocks]
    assert runs == [
        (at("2026-03-04T17:30"), 1800, "1/s", ""),
        (at("2026-03-04T18:00"), 1800, "0.5/s", "night"),
    ]


def test_inbound_and_forwarded_leg_are_charged_each_by_its_own_plan() -> None:
    by = plan(rate_at("0.30/min"), forwarded=plan(rate_at("0.15/min"), decimals=2), decimals=2)
    inbound = LegUsage(number="", at=NOON, seconds=Decimal(50 + 61))
    mobile = LegUsage(number="+8613800138000", at=NOON + 50, seconds=Decimal(61))
    found = rate(by, CallUsage(inbound=inbound, forwarded=(mobile,)))
    assert [str(leg.cost) for leg in found.legs] == ["0.60", "0.30"]
    assert str(found.cost) == "0.90"


def test_plan_that_says_nothing_of_forwarding_charges_the_inbound_leg_alone() -> None:
    leg = LegUsage(number="", at=NOON, seconds=Decimal(61))
    found = rate(plan(rate_at("1/min")), CallUsage(inbound=leg, forwarded=(leg,)))
    assert [str(leg.cost) for leg in found.legs] == ["2.0000"]


def test_sum_of_a_call_is_that_of_the_rounded_legs() -> None:
    by = plan(rate_at("0.5/min"), decimals=0)
    both = plan(rate_at("0.5/min"), decimals=0, forwarded=by)
    leg = LegUsage(number="", at=NOON, seconds=Decimal(60))
    found = rate(both, CallUsage(inbound=leg, forwarded=(leg, leg)))
    assert (str(found.cost), len(found.legs)) == ("3", 3)


def test_parts_of_a_second_are_rounded_up_before_the_free_seconds_go() -> None:
    by = plan(rate_at("1/s", "1/1", fee="5", free=3))
    assert [str(charged(by, seconds).cost) for seconds in ("3", "3.001", "4", "4.5")] == [
        "0.0000",
        "6.0000",
        "6.0000",
        "7.0000",
    ]


def test_period_is_told_when_the_free_seconds_are_over() -> None:
    by = plan(rate_at("1/s", "1/1", free=10, periods=[during(EVENING, "9/s")]))
    found = charged(by, 12, start=at("2026-03-04T17:59:50"))
    assert str(found.cost) == "18.0000"


def test_block_has_whole_the_price_at_its_start() -> None:
    by = plan(rate_at("6/min", periods=[during(EVENING, "1/min")]))
    found = charged(by, 121, start=at("2026-03-04T17:58:30"))
    assert [(run.count, str(run.price)) for run in found.legs[0].blocks] == [
        (2, "6/min"),
        (1, "1/min"),
    ]
    assert str(found.cost) == "13.0000"


def test_first_minute_is_dearer() -> None:
    by = plan(rate_at("2/min", "60/6", later={60: "1/min", 120: "0.5/min"}))
    costs = [str(charged(by, seconds).cost) for seconds in (1, 60, 61, 120, 121, 180)]
    assert costs == ["2.0000", "2.0000", "2.1000", "3.0000", "3.0500", "3.5000"]


def test_first_block_that_outlasts_the_dear_minute_has_its_price_whole() -> None:
    by = plan(rate_at("2/min", "90/30", later={60: "1/min"}))
    assert [str(charged(by, seconds).cost) for seconds in (1, 91)] == ["3.0000", "3.5000"]


def test_first_period_that_applies_counts_and_closed_ones_may_be_meant() -> None:
    office = schedule("Asia/Shanghai", open=["Mon-Fri 09:00-18:00"], holidays="CN")
    by = plan(
        rate_at("1/min", periods=[during(EVENING, "3/min"), during(office, "2/min", open=False)])
    )
    prices = {
        "2026-03-04T12:00": "1.0000",  # a Wednesday
        "2026-03-07T12:00": "2.0000",  # a Saturday
        "2026-10-01T12:00": "2.0000",  # National Day
        "2026-10-01T19:00": "3.0000",
    }
    found = {moment: str(charged(by, 1, start=at(moment)).cost) for moment in prices}
    assert found == prices
    assert charged(by, 1, start=at("2026-03-07T12:00")).legs[0].blocks[0].period == "not night"


def test_day_that_changes_nothing_leaves_the_blocks_in_one_run() -> None:
    by = plan(rate_at("1/min", periods=[during(EVENING, "3/min")]))
    found = charged(by, 3600, start=at("2026-03-04T23:30"))
    assert [run.count for run in found.legs[0].blocks] == [30, 30]
    always = schedule("Asia/Shanghai", open=["00:00-24:00"])
    by = plan(rate_at("1/min", periods=[during(always, "3/min")]))
    assert [run.count for run in charged(by, 3 * 86400).legs[0].blocks] == [3 * 1440]


def test_unanswered_call_costs_nothing_unless_the_plan_says_so() -> None:
    leg = LegUsage(number="", at=NOON, seconds=Decimal(0), ringing=Decimal("20.2"))
    ringing = rate_at("0.1/min", "30/30", fee="0.5", name="unanswered")

    def of(**more: object) -> Charges:
        return rate(plan(rate_at("1/min"), **more), CallUsage(inbound=leg))  # type: ignore[arg-type]

    free = of().legs[0]
    assert (free.seconds, str(free.cost), free.rate, free.blocks) == (0, "0.0000", "", ())
    paid = of(unanswered=ringing).legs[0]
    assert (paid.seconds, str(paid.cost), paid.rate) == (30, "0.5500", "unanswered")


def test_ringing_of_an_answered_call_costs_nothing() -> None:
    by = plan(rate_at("1/min"), unanswered=rate_at("9/min"))
    leg = LegUsage(number="", at=NOON, seconds=Decimal(5), ringing=Decimal(50))
    assert str(rate(by, CallUsage(inbound=leg)).cost) == "1.0000"


@pytest.mark.parametrize(
    ("amount", "decimals", "cost"),
    [
        ("0.00005/s", 4, "0.0001"),  # half up, not to even
        ("0.00015/s", 4, "0.0002"),
        ("0.00025/s", 4, "0.0003"),
        ("0.00004999/s", 4, "0.0000"),
        ("0.5/s", 0, "1"),
        ("30/min", 0, "1"),
        ("29.99999999/min", 0, "0"),
        ("999999999999.99999999/s", 8, "999999999999.99999999"),
    ],
)
def test_half_of_the_last_place_goes_up(amount: str, decimals: int, cost: str) -> None:
    found = charged(plan(rate_at(amount, "1/1"), decimals=decimals), 1)
    assert str(found.cost) == cost


def test_cost_is_rounded_once_and_not_for_each_block() -> None:
    # 2.5 for each block of 6 s: rounded one by one they would make 30.
    assert str(charged(plan(rate_at("25/min", "6/6"), decimals=0), 60).cost) == "25"


def test_leg_of_less_than_nothing_is_a_bug() -> None:
    with pytest.raises(ValueError, match="0 seconds or more"):
        LegUsage(number="", at=NOON, seconds=Decimal(-1))
