"""Rate plans as they are written: what is built of them, and each mistake at its place."""

from decimal import Decimal

import pytest

from callrouter.dialplan.compile.rate_plan_builder import compile_rate_plans
from callrouter.errors import ConfigError
from callrouter.rating.charges import CallUsage, LegUsage, rate
from callrouter.rating.rate_plan import RatePlan
from callrouter.yamlfile.reader import parse

MOBILE = "+8613800138000"


def text(plan: str, also: str = "") -> str:
    return f"""\
country: CN
timezone: Asia/Shanghai
schedules: {{night: {{open: ["22:00-06:00"]}}}}
plans:
  a: {{currency: CNY, blocks: 60/60, price: 1/min{plan}}}
{also}"""


def built(plan: str = "", also: str = "") -> RatePlan:
    return compile_rate_plans(parse(text(plan, also), "f")).plans["a"]


def mistakes(plan: str, also: str = "") -> list[str]:
    return wrong(text(plan, also))


def wrong(file: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        compile_rate_plans(parse(file, "f"))
    return [str(found).removeprefix("f:") for found in caught.value.diagnostics]


@pytest.mark.parametrize(("currency", "decimals"), [("CNY", 4), ("USD", 4), ("VND", 0)])
def test_decimals_are_those_of_the_currency(currency: str, decimals: int) -> None:
    plan = compile_rate_plans(parse(text("").replace("CNY", currency), "f")).plans["a"]
    assert plan.decimals == decimals
    own = text(", decimals: 2").replace("CNY", currency)
    assert compile_rate_plans(parse(own, "f")).plans["a"].decimals == 2


def test_currency_whose_decimals_are_not_known_needs_them() -> None:
    found = wrong(text("").replace("CNY", "EUR"))
    assert found == [
        "5:6: error: expected 'decimals': of EUR they are not known as of CNY, USD, VND"
    ]


def test_rate_has_what_the_plan_says_where_it_says_nothing_itself() -> None:
    plan = built(', fee: "0.5", free: 2s, rates: [{prefixes: ["010"], price: 0.2/min}]')
    own = plan.rate_of("+861062345678")
    assert (own.name, own.first, own.step, own.fee, own.free) == ("010", 60, 60, Decimal("0.5"), 2)
    plan = built(
        ", fee: 1, free: 2s, rates: "
        "[{kinds: [mobile], price: 0.2/s, blocks: 6/1, fee: 0, free: 0s}]"
    )
    own = plan.rate_of(MOBILE)
    assert (own.name, own.first, own.step, own.fee, own.free) == ("mobile", 6, 1, Decimal(0), 0)
    assert plan.rate_of("+12025550123").name == "other numbers"


def test_prefix_is_read_in_the_country_of_the_file() -> None:
    plan = built(
        ', rates: [{prefixes: ["0898*", "+1", "0044"], price: 0.2/min}, '
        '{prefixes: ["95", "00"], kinds: [short], price: 1/s}]'
    )
    assert set(plan.rates) == {"+86898", "+1", "+44", "95", "00"}
    assert plan.rate_of("95588").name == "95 short"
    assert plan.rate_of("+8695588").name == "other numbers"


def test_periods_are_those_of_the_schedule_in_the_zone_of_the_file() -> None:
    plan = built(
        ", periods: [{when: {schedule: night, is: closed}, price: 2/min, "
        "steps: [{after: 1m, price: 3/s}]}]"
    )
    (period,) = plan.base.periods
    assert (period.name, period.schedule.zone.name) == ("not night", "Asia/Shanghai")
    assert [(step.after, str(step.price)) for step in period.steps] == [(0, "2/min"), (60, "3/s")]


def test_forwarded_leg_has_the_plan_that_is_named_even_the_same() -> None:
    plan = built(", forwarded: b", "  b: {currency: CNY, blocks: 60/60, price: 0.5/min}\n")
    leg = LegUsage(number=MOBILE, at=0, seconds=Decimal(60))
    found = rate(plan, CallUsage(inbound=leg, forwarded=(leg,)))
    assert [(leg.plan, str(leg.cost)) for leg in found.legs] == [("a", "1.0000"), ("b", "0.5000")]
    itself = built(", forwarded: a").forwarded
    assert itself is not None
    assert (itself.name, itself.forwarded) == ("a", None)


def test_unanswered_calls_have_the_blocks_of_the_plan_unless_they_have_their_own() -> None:
    plain, own = (
        built(f", unanswered: {{price: 0.1/min{more}}}").unanswered
        for more in ("", ", blocks: 30/6, fee: 1")
    )
    assert plain is not None
    assert own is not None
    assert (plain.first, plain.step, plain.fee) == (60, 60, 0)
    assert (own.first, own.step, own.fee) == (30, 6, 1)
    assert built().unanswered is None


@pytest.mark.parametrize(
    ("plan", "mistake"),
    [
        (", fee: 0.5", 'an amount such as "0.50"; write it in quotes, with a point'),
        (", fee: true", 'an amount such as "0.50", found true'),
        (", fee: '-1'", "an amount such as \"0.50\", found '-1'"),
        (", free: 500ms", "whole seconds, found '500ms'"),
        (", free: 3", "a time with its unit: write 3s"),
        (", free: 2h", "a time from 0s to 3600s, found '2h'"),
        (", decimals: 9", "decimals from 0 to 8, found '9'"),
        (
            ", unanswered: 0.1/min",
            "a mapping of keys and values, found '0.1/min': write {price: 0.1/min}",
        ),
    ],
)
def test_value_that_is_none_is_named_with_what_is_expected(plan: str, mistake: str) -> None:
    (found,) = mistakes(plan)
    assert found.endswith(f"error: expected {mistake}")


@pytest.mark.parametrize(
    ("price", "found"),
    [
        ("1", "'1': write 1/min or 1/s"),
        ("0.30", "'0.3': write 0.3/min or 0.3/s"),
        ("'0,30'", "'0,30': write 0.30/min or 0.30/s"),
        ("0.30 / minute", "'0.30 / minute': write 0.30/min"),
        ("1 per second", "'1 per second': write 1/s"),
        ("-1/min", "'-1/min'"),
        ("1/h", "'1/h'"),
        ("[1/min]", "a list"),
        ("1e3/min", "'1e3/min'"),
    ],
)
def test_price_that_is_none_is_shown_as_it_may_be_meant(price: str, found: str) -> None:
    mistake = f"expected a price such as 0.30/min or 1/s, found {found}"
    assert wrong(text("").replace("1/min", price)) == [f"5:44: error: {mistake}"]


@pytest.mark.parametrize(
    ("blocks", "mistake"),
    [
        (
            "60",
            "the seconds of the first block and of those that follow, such as 60/60 or 30/6, "
            "found '60'",
        ),
        ("0/60", "blocks of 1 to 3600 seconds, found '0/60'"),
        ("60/3601", "blocks of 1 to 3600 seconds, found '60/3601'"),
    ],
)
def test_blocks_that_are_none(blocks: str, mistake: str) -> None:
    found = wrong(text("").replace("60/60", blocks))
    assert found == [f"5:30: error: expected {mistake}"]


@pytest.mark.parametrize(
    ("written", "mistake"),
    [
        ("cny", "expected a currency such as CNY, found 'cny': write CNY"),
        ("yuan", "expected a currency such as CNY, found 'yuan'"),
        ("5", "expected a currency such as CNY, found '5'"),
    ],
)
def test_currency_that_is_none(written: str, mistake: str) -> None:
    assert wrong(text("").replace("CNY", written)) == [f"5:17: error: {mistake}"]


@pytest.mark.parametrize(
    ("plan", "mistake"),
    [
        (", forwarded: b", "5:62: error: no plan is named 'b'; expected one of 'a'"),
        (
            ", periods: [{when: {schedule: nigth}, price: 1/s}]",
            "5:79: error: no schedule is named 'nigth'; did you mean 'night'?",
        ),
        (", rates: [{price: 1/s}]", "5:59: error: expected 'prefixes', 'kinds' or both"),
        (
            ", rates: [{kinds: [mobil], price: 1/s}]",
            "5:68: error: no kind of numbers is named 'mobil'; did you mean 'mobile'?",
        ),
        (
            ", steps: [{after: 60s, price: 2/s}, {after: 30s, price: 1/s}]",
            "5:6: error: expected 'steps' that ascend: 30s is not the later",
        ),
        (
            ', rates: [{prefixes: ["0755"], price: 1/s}, {prefixes: ["+86755"], price: 2/s}]',
            "5:105: error: calls to +86755 have a rate above",
        ),
        (
            ", rates: [{kinds: [mobile], price: 1/s}, {kinds: [fixed, mobile], price: 2/s}]",
            "5:98: error: calls to mobile have a rate above",
        ),
        (
            ', rates: [{prefixes: ["+1", "44"], price: 1/s}]',
            "5:77: error: expected first digits with + or the national prefix, found '44': write "
            "+44; those of short numbers need kinds: [short]",
        ),
        (
            ', rates: [{prefixes: ["0"], kinds: [short, mobile], price: 1/s}]',
            "5:71: error: expected first digits with + or the national prefix, found '0'; "
            "those of short numbers need kinds: [short]",
        ),
        (
            ', rates: [{prefixes: ["+95"], kinds: [short], price: 1/s}]',
            "5:71: error: expected first digits of short numbers, found '+95'",
        ),
        (
            ', rates: [{prefixes: ["+999"], price: 1/s}]',
            "5:71: error: no country has the code of +999",
        ),
        (", block: 6/6", "5:51: error: unknown key 'block'; did you mean 'blocks'?"),
    ],
)
def test_mistake_of_a_plan_has_its_place(plan: str, mistake: str) -> None:
    assert mistakes(plan) == [mistake]


def test_forwarded_plan_in_another_currency_is_a_mistake() -> None:
    found = mistakes(", forwarded: b", "  b: {currency: USD, blocks: 1/1, price: 1/s}\n")
    assert found == ["5:62: error: expected a plan in CNY, 'b' is in USD"]


def test_all_mistakes_are_told_at_once_in_file_order() -> None:
    found = wrong("plans:\n  a b: {price: 1}\n  c: {currency: CNY, blocks: 1/1, price: 1/s}\n")
    assert [one.partition(" error")[0] for one in found] == [
        "1:1:",
        "2:3:",
        "2:3:",
        "2:3:",
        "2:16:",
    ]


def test_same_prefix_of_two_kinds_is_no_mistake() -> None:
    rates = "[{prefixes: ['+86'], price: 1/s}, {prefixes: ['+86'], kinds: [mobile], price: 2/s}]"
    assert set(built(f", rates: {rates}").rates["+86"]) == {"", "mobile"}
