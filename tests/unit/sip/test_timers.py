"""The timers: order, cancelling, and what a clock that runs late does to it."""

from math import inf, nextafter
from random import Random
from sys import getrefcount

import pytest
from support.tables import each

from callrouter.sip.timers import FarTimer, Timers


def test_timers_run_in_the_order_they_are_due_and_equal_ones_as_started() -> None:
    timers, ran = Timers(), list[str]()
    for name, when in (("c", 3.0), ("a", 1.0), ("b1", 2.0), ("b2", 2.0)):
        timers.start(when, lambda _now, name=name: ran.append(name))
    timers.run(2.0)
    assert ran == ["a", "b1", "b2"]
    assert (timers.live, timers.deadline()) == (1, 3.0)
    timers.run(3.0)
    assert (timers.live, timers.deadline()) == (0, None)


def test_a_timer_is_told_the_time_it_runs_not_the_time_it_was_due() -> None:
    timers, at = Timers(), list[float]()
    timers.start(1.0, at.append)
    timers.run(0.999)
    assert at == []
    timers.run(7.25)
    assert at == [7.25]


def test_a_cancelled_timer_never_runs_and_is_counted_once() -> None:
    timers, at = Timers(), list[float]()
    timer = timers.start(1.0, at.append)
    timers.start(2.0, at.append)
    timer.cancel()
    timer.cancel()
    assert timers.live == 1
    timers.run(5.0)
    assert (at, timers.live) == ([5.0], 0)
    timer.cancel()
    assert timers.live == 0


def test_cancelling_after_the_run_changes_nothing() -> None:
    timers, at = Timers(), list[float]()
    timer = timers.start(1.0, at.append)
    timers.run(1.0)
    timer.cancel()
    timers.run(9.0)
    assert (at, timers.live) == ([1.0], 0)


def test_a_timer_started_by_another_runs_in_the_same_turn_when_it_is_due() -> None:
    timers, at = Timers(), list[float]()
    timers.start(1.0, lambda now: timers.start(now + 1.0, at.append))
    timers.run(1.5)
    assert (at, timers.live) == ([], 1)
    timers.run(2.5)
    assert at == [2.5]


def test_a_timer_cancelled_by_one_of_the_same_moment_does_not_run() -> None:
    timers, at = Timers(), list[float]()
    timers.start(1.0, lambda _now: later.cancel())
    later = timers.start(1.0, at.append)
    timers.run(1.0)
    assert (at, timers.live) == ([], 0)


def test_a_cancelled_timer_lets_go_of_what_it_would_have_called() -> None:
    timers = Timers()
    held: list[float] = []
    references = getrefcount(held)
    timer = timers.start(1e9, held.append)
    timer.cancel()
    assert getrefcount(held) == references


def test_a_callback_that_raises_costs_no_other_timer_its_run() -> None:
    timers, ran = Timers(), list[str]()

    def broken(_now: float) -> None:
        timers.start(1.0, lambda _now: ran.append("started meanwhile"))
        raise ZeroDivisionError

    timers.start(1.0, lambda _now: ran.append("before"))
    timers.start(1.0, broken)
    timers.start(1.0, lambda _now: ran.append("after"))
    timers.start(2.0, lambda _now: ran.append("later"))
    with pytest.raises(ZeroDivisionError):
        timers.run(2.0)
    assert ran == ["before"]
    assert timers.deadline() == 1.0
    timers.run(2.0)
    assert ran == ["before", "after", "started meanwhile", "later"]
    assert (timers.live, timers.deadline()) == (0, None)


@pytest.mark.parametrize(
    "when", [0.0, 0.001, 0.57, 0.35000000000000003, 1e6 + 0.29, 779743.4500000001, 2**20 / 3]
)
def test_a_timer_never_runs_early_and_at_most_ten_milliseconds_late(when: float) -> None:
    timers, at = Timers(), list[float]()
    timers.start(when, at.append)
    due = timers.deadline()
    assert due is not None
    assert when <= due < when + 0.0101
    timers.run(nextafter(when, 0.0))
    assert (at == []) == (when > 0.0)
    timers.run(due)
    assert at == [due]


class _Owner:
    """Notes when it was told."""

    def __init__(self, timers: Timers) -> None:
        self.timer = FarTimer(timers, self)
        self.told: list[float] = []

    def on_due(self, now: float) -> None:
        self.told.append(now)


def _run_to(timers: Timers, end: float) -> None:
    """Run all that is due until then, each at its time."""
    while (due := timers.deadline()) is not None and due <= end:
        timers.run(due)


def test_a_far_timer_tells_its_owner_once_and_lies_a_minute_ahead_at_most() -> None:
    timers = Timers()
    owner = _Owner(timers)
    owner.timer.set(10.3, 10.3 + 3600)
    assert timers.live == 1
    due = timers.deadline()
    assert due is not None
    assert due <= 10.3 + 61
    _run_to(timers, 3600.0)
    assert owner.told == []
    _run_to(timers, 9999.0)
    assert len(owner.told) == 1
    assert 3610.3 <= owner.told[0] < 3610.3 + 0.02
    assert (timers.live, timers.deadline()) == (0, None)


def test_a_cancelled_far_timer_lets_go_of_its_owner_and_cannot_be_set_again() -> None:
    timers = Timers()
    owner = _Owner(timers)
    before = getrefcount(owner)
    owner.timer.set(0.0, 7200.0)
    owner.timer.cancel()
    owner.timer.cancel()
    assert getrefcount(owner) == before - 1
    owner.timer.set(0.0, 7200.0)
    assert timers.live == 0
    _run_to(timers, 61.0)
    assert (owner.told, timers.deadline()) == ([], None)


@each("seed", range(20))
def test_a_far_timer_set_anew_tells_its_owner_at_the_last_time_that_was_set(seed: int) -> None:
    chance = Random(seed)
    timers = Timers()
    owner = _Owner(timers)
    now, wanted, told = 0.0, inf, 0
    for _ in range(400):
        now += chance.choice((0.0, 0.005, 0.7, 30.0, 59.9, 61.0, 200.0))
        _run_to(timers, now)
        if wanted <= now:
            told += 1
            if len(owner.told) == told:  # else it is due in this slot
                assert wanted <= owner.told[-1] <= wanted + 0.02
                wanted = inf
            else:
                assert wanted + 0.02 > now
                told -= 1
                continue
        assert len(owner.told) == told
        if chance.random() < 0.6:
            wanted = now + chance.choice((0.01, 1.0, 10.0, 59.99, 60.0, 60.5, 900.0, 7200.0))
            owner.timer.set(now, wanted)
        assert timers.live == (wanted < inf)
