"""Called texts that are no telephone numbers, whatever they look like."""

import pytest
from rulebook import dialplan, why

from callrouter.route.decide.routing import decide
from callrouter.route.values.facts import Facts


@pytest.mark.parametrize("called", ["reception", "0086", "+86", "0000", "*4", "40x"])
def test_text_that_is_no_telephone_number_is_looked_up_as_it_is(called: str) -> None:
    plan = dialplan("4xxx", "+8620*")
    decision = decide(plan, Facts("lab", "127.0.0.1", "", called))
    assert decision.number == ""
    assert decision.trace[-1].why == f"no number, prefix or pattern fits {called}"


@pytest.mark.parametrize("called", ["0014155550123", "+1 (415) 555-0123", "001-415-555-0123"])
def test_unusual_spelling_of_a_written_number_is_that_number(called: str) -> None:
    decision = decide(dialplan("+14155550123"), Facts("lab", "127.0.0.1", "", called))
    assert decision.number == "+14155550123"
    assert why(decision, "number +14155550123") == (True, called, "written so")
