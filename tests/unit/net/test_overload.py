"""Overload: when calls are refused, how many, and that it ends."""

from callrouter.net.overload.overload_control import Overload

LIMIT = 0.05


def made(calls_per_second: int = 0, most: int = 1000, transactions: int = 0) -> Overload:
    return Overload(LIMIT, calls_per_second, most, lambda: transactions)


def measure(overload: Overload, late: float, start: float, seconds: float) -> float:
    """Let measurements come as the loop has them; returns when it is then."""
    now = start
    while now < start + seconds:
        now += max(0.02, late)
        overload.measured(late, now)
    return now


def refused(overload: Overload, calls: int) -> int:
    return sum(overload.refuses() for _ in range(calls))


def test_punctual_loop_refuses_nobody() -> None:
    overload = made()
    measure(overload, 0.04, 100.0, 60.0)
    assert refused(overload, 10_000) == 0


def test_one_late_round_in_a_second_refuses_nobody() -> None:
    overload, now = made(), 100.0
    for _ in range(60):
        now = measure(overload, 0.3, now, 0.1)
        now = measure(overload, 0.001, now, 1.2)
    assert refused(overload, 1000) == 0


def test_late_loop_refuses_more_and_more_but_never_all() -> None:
    overload, now = made(), 100.0
    shares = []
    for _ in range(30):
        now = measure(overload, 0.055, now, 0.5)
        shares.append(refused(overload, 100))
    growing = shares[:15]
    assert growing == sorted(growing)
    assert 0 < shares[0] < 20
    assert shares[-1] in {94, 95, 96}
    assert overload.late == sum(shares)


def test_as_many_are_taken_as_there_is_room_for() -> None:
    """Each call that is let in takes 10 ms; three times as many come as there is time for."""
    overload, waits, taken = made(), 0.0, 0
    longest = 0.0
    for tick in range(3000):
        now = 100.0 + tick * 0.02
        overload.measured(waits, now)
        let_in = 6 - refused(overload, 6)
        waits = max(0.0, waits + let_in * 0.01 - 0.02)
        if tick >= 250:
            taken += let_in
            longest = max(longest, waits)
    assert taken / 2750 > 0.95 * 2
    assert longest < 3 * LIMIT


def test_one_long_step_with_nothing_waiting_behind_it_refuses_nobody() -> None:
    overload = made()
    now = measure(overload, 0.001, 100.0, 5.0)
    for late in (3.0, 0.001):
        now += max(0.02, late)
        overload.measured(late, now)
        assert refused(overload, 100) == 0


def test_far_too_late_loop_sheds_most_within_two_seconds() -> None:
    overload = made()
    measure(overload, 0.4, 100.0, 2.0)
    assert refused(overload, 100) >= 60


def test_all_are_taken_again_two_seconds_after_it_is_over() -> None:
    overload = made()
    now = measure(overload, 0.4, 100.0, 60.0)
    measure(overload, 0.001, now, 2.0)
    assert refused(overload, 1000) == 0


def test_refusals_are_spread_evenly() -> None:
    overload = made()
    overload.share = 0.5
    assert [overload.refuses() for _ in range(6)] == [False, True] * 3


def test_call_that_was_let_in_already_is_not_asked_about_again() -> None:
    overload = made(calls_per_second=1)
    assert not overload.refuses()
    overload.granted = True
    assert [overload.refuses() for _ in range(3)] == [False, True, True]


def test_more_calls_a_second_than_allowed_are_refused() -> None:
    overload = made(calls_per_second=10)
    overload.measured(0.0, 100.0)
    assert refused(overload, 25) == 15
    overload.measured(0.0, 100.5)
    assert refused(overload, 25) == 20
    assert (overload.fast, overload.late, overload.full) == (35, 0, 0)


def test_too_many_transactions_refuse_all() -> None:
    overload = made(most=50, transactions=50)
    assert refused(overload, 10) == overload.full == 10
