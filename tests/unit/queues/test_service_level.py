"""Service levels: one day, four formulas, as the trade has them."""

import pytest

from callrouter.queues.service_level import FORMULAS, QueueTotals


def test_sixty_of_a_hundred_in_time_by_each_formula() -> None:
    totals = QueueTotals()
    for outcome, in_time, calls in (
        ("answered", True, 60),
        ("answered", False, 20),
        ("abandoned", True, 10),
        ("abandoned", False, 10),
    ):
        for _ in range(calls):
            totals.offered += 1
            totals.count(outcome, 1.0, in_time=in_time)
    levels = {name: formula(totals) for name, formula in FORMULAS.items()}
    assert levels == {
        "without_short_abandons": pytest.approx(66.667, abs=0.001),
        "of_answered": 75.0,
        "with_short_abandons": 70.0,
        "of_offered": 60.0,
    }


def test_overflowed_callers_were_not_answered_in_time() -> None:
    totals = QueueTotals(offered=2)
    totals.count("answered", 1.0, in_time=True)
    totals.count("overflowed", 20.0, in_time=True)
    assert FORMULAS["of_offered"](totals) == 50.0
    assert FORMULAS["without_short_abandons"](totals) == 50.0


def test_queue_that_nobody_called_has_no_service_level() -> None:
    assert {formula(QueueTotals()) for formula in FORMULAS.values()} == {None}
