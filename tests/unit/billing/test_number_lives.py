"""The lives of numbers: what each state allows, and what time makes of it."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.billing.number_lives import (
    ACTIVE,
    CHANGES,
    DISCONNECTING,
    GONE,
    RECLAIMED,
    RESERVED,
    STATES,
    SUSPENDED,
    LifeError,
    NumberLife,
    changed,
    months_after,
    passed,
    working_days_after,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = 86400.0


def test_number_is_reserved_active_suspended_and_gone_for_good() -> None:
    life = changed("4000", None, "reserve", 0.0, 2 * DAY)
    assert (life.state, life.until) == (RESERVED, 2 * DAY)
    life = changed("4000", life, "activate", DAY)
    assert (life.state, life.until) == (ACTIVE, 0.0)
    life = changed("4000", life, "suspend", 2 * DAY)
    life = changed("4000", life, "disconnect", 3 * DAY, 4 * DAY)
    assert (life.state, life.before) == (DISCONNECTING, SUSPENDED)
    assert changed("4000", life, "undo", 3.5 * DAY).state == SUSPENDED
    assert passed(life, 4 * DAY - 1, 94 * DAY) is life
    life = passed(life, 4 * DAY, 94 * DAY)
    assert (life.state, life.since, life.until) == (GONE, 4 * DAY, 94 * DAY)
    with pytest.raises(LifeError, match="cannot be connected again yet"):
        changed("4000", life, "activate", 94 * DAY - 1)
    with pytest.raises(LifeError, match="not being disconnected"):
        changed("4000", life, "undo", 95 * DAY)
    assert changed("4000", life, "reserve", 94 * DAY, 96 * DAY).state == RESERVED


def test_reservation_lapses_and_the_number_may_be_reserved_again() -> None:
    life = passed(changed("4000", None, "reserve", 0.0, DAY), 2 * DAY, 0.0)
    assert (life.state, life.since) == (RECLAIMED, DAY)
    assert changed("4000", life, "reserve", 3 * DAY, 4 * DAY).state == RESERVED


@given(st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 200)), max_size=30))
def test_no_change_leads_out_of_the_states_or_back_before_its_time(
    changes: list[tuple[str, int]],
) -> None:
    life: NumberLife | None = None
    now = 0.0
    for change, days in changes:
        now += days * DAY
        if life is not None:
            life = passed(life, now, life.until + 90 * DAY)
        until = now + DAY if change in {"reserve", "disconnect"} else 0.0
        try:
            after = changed("4000", life, change, now, until)
        except LifeError:
            continue
        assert after.state in STATES
        assert life is None or life.state != GONE or now >= life.until
        life = after


def test_working_days_pass_over_weekends_and_holidays() -> None:
    friday = datetime(2026, 3, 6, 17, 30, tzinfo=SHANGHAI)
    until = working_days_after(friday.timestamp(), 2, SHANGHAI, frozenset())
    assert datetime.fromtimestamp(until, SHANGHAI) == friday.replace(day=10)
    monday = frozenset({date(2026, 3, 9)})
    until = working_days_after(friday.timestamp(), 2, SHANGHAI, monday)
    assert datetime.fromtimestamp(until, SHANGHAI).day == 11


@pytest.mark.parametrize(
    ("day", "after"), [("2026-11-30", "2027-02-28"), ("2026-01-15", "2026-04-15")]
)
def test_three_months_end_on_the_same_day_or_the_last_one(day: str, after: str) -> None:
    begin = datetime.fromisoformat(day).replace(tzinfo=SHANGHAI).timestamp()
    found = datetime.fromtimestamp(months_after(begin, 3, SHANGHAI), SHANGHAI)
    assert found.date().isoformat() == after
