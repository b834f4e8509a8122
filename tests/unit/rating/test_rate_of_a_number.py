"""Which rate of a plan a number has: the longest prefix, then its kind."""

import pytest
from rating_plans import plan, rate_at

from callrouter.rating.rate_plan import KINDS, kind_of

RATES = {
    prefix: {kind: rate_at("1/min", name=f"{prefix} {kind}".strip()) for kind in kinds}
    for prefix, kinds in {
        "": ("premium", "short"),
        "+86": ("", "mobile"),
        "+86755": ("",),
        "+8610": ("toll_free",),
        "95": ("",),
    }.items()
}
DECK = plan(rate_at("1/min"), rates=RATES)


@pytest.mark.parametrize(
    ("number", "rate"),
    [
        ("+8613800138000", "+86 mobile"),
        ("+862012345678", "+86"),
        ("+8675512345678", "+86755"),
        ("+861062345678", "+86"),  # a fixed one: what is longer is for another kind
        ("+12025550123", "others"),
        ("+19005551234", "premium"),
        ("95588", "95"),
        ("4000", "short"),
        ("", "others"),
    ],
)
def test_longest_prefix_comes_first_and_then_the_kind(number: str, rate: str) -> None:
    assert DECK.rate_of(number).name == rate


def test_plan_without_rates_has_its_base() -> None:
    assert plan(rate_at("1/min")).rate_of("+8613800138000").name == "others"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        ("+8613800138000", "mobile"),
        ("+862012345678", "fixed"),
        ("+12025550123", "fixed_or_mobile"),
        ("+8008001234", ""),
        ("+868008001234", "toll_free"),
        ("+0", ""),
        ("+", ""),
        ("4000", "short"),
        ("*21", "short"),
        ("", ""),
    ],
)
def test_kind_of_a_number(number: str, kind: str) -> None:
    assert kind_of(number) == kind
    assert not kind or kind in KINDS
