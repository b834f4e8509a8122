"""The steady clock: what a step of the system's clock changes, and what it leaves."""

from callrouter.state.steady_clock import SteadyClock

DAY = 86_400.0


class System:
    """The clocks of a machine."""

    def __init__(self, wall: float) -> None:
        self.wall = wall
        self.monotonic = 5.0
        self.kept: tuple[object, ...] = ()

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds

    def start(self, *, kept: bool = True) -> SteadyClock:
        """A process begins, and goes on where the last one was."""
        clock = SteadyClock(self.keep, lambda: self.wall, lambda: self.monotonic)
        if kept and self.kept:
            ahead, marked = self.kept
            assert isinstance(ahead, float)
            assert isinstance(marked, float)
            clock.restore(ahead, marked)
        return clock

    def keep(self, kind: str, key: tuple[str, ...], value: tuple[object, ...] | None) -> None:
        assert (kind, key) == ("clock", ("steady",))
        assert value is not None
        self.kept = value


def test_steady_time_is_unix_time_until_the_clock_is_put() -> None:
    system = System(1000.0)
    clock = system.start()
    assert (clock.now(), clock.look(), clock.wall(clock.now())) == (1000.0, 0.0, 1000.0)
    system.passes(60.0)
    assert (clock.now(), clock.look()) == (1060.0, 0.0)


def test_a_step_changes_what_is_shown_and_nothing_else() -> None:
    system = System(10 * DAY)
    clock = system.start()
    for step in (7200.0, -DAY, DAY - 7200.0):
        system.wall += step
        before = clock.now()
        assert clock.look() == step
        assert clock.now() == before
        assert clock.wall(before) == system.wall
        assert clock.look() == 0.0
    assert clock.wall(0.0) == 0.0  # no time at all


def test_small_corrections_are_followed_in_silence() -> None:
    system = System(1000.0)
    clock = system.start()
    system.wall += 0.4
    assert (clock.look(), clock.ahead > 0.3) == (0.0, True)
    assert system.kept == ()


def test_the_next_process_goes_on_where_this_one_was() -> None:
    system = System(10 * DAY)
    clock = system.start()
    system.wall += 400 * DAY
    clock.look()
    now = clock.now()
    system.passes(30.0)
    assert system.start().now() == now + 30.0
    # Without what was kept it would be another time.
    assert system.start(kept=False).now() == system.wall


def test_a_clock_put_back_while_none_runs_does_not_take_time_back() -> None:
    system = System(10 * DAY)
    system.start().mark()
    system.wall -= DAY
    clock = system.start()
    assert (clock.now(), clock.ahead) == (10 * DAY, -DAY)
    system.wall += DAY  # and is put right
    assert clock.look() == DAY
    assert (clock.now(), clock.ahead) == (10 * DAY, 0.0)


def test_a_machine_that_begins_in_1970_and_learns_the_time_later_keeps_what_it_had() -> None:
    system = System(20_000 * DAY)
    system.start().mark()
    system.wall = 0.0
    clock = system.start()
    system.passes(9.0)
    system.wall = 20_001 * DAY
    clock.look()
    assert clock.now() == 20_000 * DAY + 9.0
    assert clock.wall(clock.now()) == system.wall


def test_marks_are_made_now_and_then() -> None:
    system = System(1000.0)
    clock = system.start()
    clock.mark_now_and_then()
    assert system.kept == (0.0, 1000.0)
    system.passes(59.0)
    clock.mark_now_and_then()
    assert system.kept == (0.0, 1000.0)
    system.passes(1.0)
    clock.mark_now_and_then()
    assert system.kept == (0.0, 1060.0)
