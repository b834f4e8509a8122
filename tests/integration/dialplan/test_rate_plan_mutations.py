"""Any text gives rate plans or a ConfigError with places; and plans give any call a cost."""

from decimal import Decimal
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from support.unhurried import MANY
from support.yaml_wounds import places, wounded

from callrouter.dialplan.compile.rate_plan_builder import compile_rate_plans
from callrouter.errors import ConfigError
from callrouter.rating.charges import CallUsage, LegUsage, rate
from callrouter.yamlfile.reader import parse

PLANS = (Path(__file__).parents[3] / "dialplans" / "plans.yaml").read_text(encoding="utf-8")
LINES = [line for line in PLANS.splitlines() if line and not line.startswith("#")]
WORDS = [
    "currency", "CNY", "VND", "60/60", "1/1", "price", "0.30/min", "1/s", "0/min", "periods",
    "schedule", "evening", "closed", "5s", "60s", "[", "]", "{", "}", "+86", "toll_free", "short",
    "outbound", "fee", "2.50", "18:00-24:00", "CN", "Asia/Shanghai", "rates", "plans",
]  # fmt: skip
STRANGE = [
    "\t", "  ", "x", "", "null", "-1", "5", "0.5", "1e9", ".inf", ".nan", "0x10", "1_000", "&a ",
    "*a", "!!float ", "[]", "{}", ":", ": ", "- ", "'", '"', "|", "@", "# ", "\x00", "é", "9" * 400,
    "0/0", "3600/1", "1/min/min", "999999999999.99999999/s", "0.000000001/s", "+", "*", "0", "00",
    "168h", "[[]]", "{a: {b: {}}}", "XXX", "eur", "by_the_minute", "premium", "24:00-24:00",
]  # fmt: skip
NUMBERS = ("", "4000", "+8613800138000", "+12025550123", "+19005551234")


def mistakes(text: str) -> list[tuple[int, int]]:
    """Where the mistakes of a text are; none when it is plans, which then rate some calls."""
    try:
        plans = compile_rate_plans(parse(text, "f")).plans
    except ConfigError as error:
        return places(error)
    for plan in plans.values():
        for number in NUMBERS:
            leg = LegUsage(number=number, at=1_772_600_000, seconds=Decimal(86401))
            charges = rate(plan, CallUsage(inbound=leg, forwarded=(leg,)))
            assert charges.cost >= 0
            assert -charges.cost.as_tuple().exponent == plan.decimals  # type: ignore[operator]
    return []


def test_thousand_mutated_plans_give_plans_or_places_in_file_order() -> None:
    random = Random(2026)
    broken = 0
    for _ in range(1000):
        found = mistakes(wounded(random, LINES, WORDS, STRANGE))
        assert all(line >= 1 and column >= 1 for line, column in found)
        assert found == sorted(found)
        broken += bool(found)
    assert broken > 500  # else the wounds are too light


@settings(max_examples=MANY)
@given(st.text())
def test_any_text_gives_plans_or_its_mistakes(text: str) -> None:
    assert mistakes(text)
