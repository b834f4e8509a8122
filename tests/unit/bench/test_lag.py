"""The quantile of what happened between two readings of a histogram."""

import math

import pytest

from callrouter.bench.served_metrics import quantile

BEFORE = {0.001: 5.0, 0.01: 5.0, 0.1: 9.0, math.inf: 9.0}


def test_only_what_came_between_the_readings_counts() -> None:
    after = {0.001: 105.0, 0.01: 105.0, 0.1: 109.0, math.inf: 109.0}
    assert quantile(0.99, BEFORE, after) == pytest.approx(0.00099)


def test_inside_a_bucket_observations_are_spread_evenly() -> None:
    after = {0.001: 55.0, 0.01: 105.0, 0.1: 109.0, math.inf: 109.0}
    assert quantile(0.75, BEFORE, after) == pytest.approx(0.0055)


def test_past_the_last_finite_bucket_its_end_is_given() -> None:
    after = {0.001: 5.0, 0.01: 5.0, 0.1: 9.0, math.inf: 19.0}
    assert quantile(0.5, BEFORE, after) == 0.1


def test_no_observation_or_no_histogram_has_no_quantile() -> None:
    assert quantile(0.99, BEFORE, BEFORE) is None
    assert quantile(0.99, {}, {}) is None
