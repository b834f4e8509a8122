"""Calls per second of a trunk, and calls that go round in circles."""

import pytest
from rulebook import Rules, dialplan, reason, rounds, why

from callrouter.route.decide.routing import decide
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.snapshot import Snapshot


def paced(rules: str = "route: [{hunt: [a]}]") -> Rules:
    made = Rules(rules)
    made.dialplan.trunks["lab"].calls_per_second = 3
    return made


def call(rules: Rules, times: list[float], at: float = 100.0) -> Decision:
    facts = Facts("lab", "127.0.0.1", "13900139000", "4000", at=at)
    return decide(rules.dialplan, facts, Snapshot(arrivals={"trunk lab": times}))


@pytest.mark.parametrize(
    ("times", "count", "full"),
    [
        ([], 0, False),
        ([99.5, 99.9], 2, False),
        ([99.5, 99.9, 100.0], 3, True),
        ([99.0, 99.5, 99.9], 2, False),  # a whole second has passed since the first
        ([99.1, 99.2, 99.3, 99.4], 4, True),
        ([90.0, 99.5, 99.9], 2, False),
        ([99.5, 99.9, 101.0, 102.0], 2, False),  # the clock was put back
    ],
)
def test_calls_of_the_last_second_count(times: list[float], count: int, full: bool) -> None:
    decision = call(paced(), times)
    matched, value, _ = why(decision, "calls_per_second of trunk lab")
    assert (matched, value) == (full, f"{count} of 3")
    assert reason(decision) == (("over_limit", 486, 17) if full else None)
    assert decision.counts is not full


def test_number_says_how_its_refusal_is_answered() -> None:
    rules = paced("reasons: {over_limit: {status: 503, cause: 42}}, route: [{hunt: [a]}]")
    assert reason(call(rules, [99.5, 99.6, 99.7])) == ("over_limit", 503, 42)


def test_trunk_without_the_key_counts_nothing_and_says_nothing() -> None:
    decision = call(Rules("route: [{hunt: [a]}]"), [99.9] * 100)
    assert rounds(decision) == [[["a"]]]
    assert not decision.counts
    assert not any(verdict.rule.startswith("calls_per_second") for verdict in decision.trace)


def test_pace_is_judged_before_the_caller_is_looked_at() -> None:
    decision = call(paced("block: [bad], route: [{hunt: [a]}]"), [99.5, 99.6, 99.7])
    assert [verdict.rule for verdict in decision.trace] == [
        "trunk lab",
        "calls_per_second of trunk lab",
        "number 4000",
    ]


def test_call_that_was_forwarded_ten_times_is_refused() -> None:
    rules = Rules("route: [{hunt: [a]}]")
    for count, loops in ((9, False), (10, True), (99, True)):
        facts = Facts("lab", "127.0.0.1", "13900139000", "4000", diversions=count)
        decision = decide(rules.dialplan, facts)
        assert reason(decision) == (("forwarded_too_often", 482, 25) if loops else None)
        assert any(verdict.rule == "diversions" for verdict in decision.trace) is loops


def test_called_number_is_read_where_its_trunk_writes_it() -> None:
    plan = dialplan("4000")
    for trunk, called in (("lab", "1"), ("by_to", "2"), ("nobody", "1")):
        assert plan.called_by(Facts(trunk, "127.0.0.1", "", "1", "2")) == called


def test_first_hunt_that_a_schedule_chose_is_for_the_time_of_day() -> None:
    shut = "{when: {schedule: night, is: closed}, hunt: [a]}"
    for route, timed in (
        (f"[{shut}, {{hunt: [b]}}]", True),
        (f"[{{hunt: [b]}}, {shut}]", False),
        ("[{hunt: [b]}]", False),
    ):
        assert Rules(f"route: {route}").call().plan.timed is timed
