"""Many days by lot, and a crowd: how long the distribution takes to offer."""

import pytest
from support.queue_day import Day

_DAYS = 150
_DAYS_IN_FULL = 10_000


def test_many_days_by_lot_keep_the_invariants(request: pytest.FixtureRequest) -> None:
    days = _DAYS_IN_FULL if request.config.getoption("--full") else _DAYS
    for seed in range(days):
        Day(seed).run(200)
