import datetime
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callrouter.dialplan.compile import holiday_tables as calendar
from callrouter.dialplan.grammar.schedules import ScheduleEntry as Entry
from callrouter.route.values.opening_hours import Hours, Schedule, date_text
from callrouter.route.values.snapshot import Override


def schedule(**entry: object) -> Schedule:
    return calendar.schedule("s", Entry.model_validate(entry), "Asia/Shanghai")


def at(moment: str, zone: str = "Asia/Shanghai", fold: int = 0) -> float:
    local = datetime.datetime.fromisoformat(moment)
    return local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold).timestamp()


def ask(asked: Schedule, moment: str, zone: str = "Asia/Shanghai", fold: int = 0) -> Hours:
    return asked.hours(at(moment, zone, fold), {})


OFFICE = schedule(open=["Mon-Fri 08:30-12:00, 13:30-17:30", "Sat 08:30-12:00"], holidays="CN")


@pytest.mark.parametrize(
    ("moment", "open", "why"),
    [
        ("2026-03-06T08:29", False, "closed, the hours are 08:30-12:00, 13:30-17:30"),
        ("2026-03-06T08:30", True, "open 08:30-12:00"),
        ("2026-03-06T11:59", True, "open 08:30-12:00"),
        ("2026-03-06T12:00", False, "closed, the hours are 08:30-12:00, 13:30-17:30"),
        ("2026-03-06T17:29", True, "open 13:30-17:30"),
        ("2026-03-06T17:30", False, "closed, the hours are 08:30-12:00, 13:30-17:30"),
        ("2026-03-07T12:01", False, "closed, the hours are 08:30-12:00"),
        ("2026-03-08T10:00", False, "closed, no hours on this day"),
        ("2026-10-01T10:00", False, "closed, public holiday (National Day)"),
    ],
)
def test_office_is_open_within_its_hours_and_says_why_not(
    moment: str, open: bool, why: str
) -> None:
    hours = ask(OFFICE, moment)
    assert (hours.open, hours.why) == (open, why)
    assert hours.value.endswith(f"{moment.replace('T', ' ')} Asia/Shanghai")


@pytest.mark.parametrize(
    ("moment", "open"),
    [
        ("2026-03-06T21:59", False),
        ("2026-03-06T22:00", True),
        ("2026-03-07T05:59", True),
        ("2026-03-07T06:00", False),
        ("2026-03-07T23:00", False),
    ],
)
def test_time_past_midnight_ends_on_the_next_day(moment: str, open: bool) -> None:
    assert ask(schedule(open=["Fri 22:00-06:00"]), moment).open is open


def test_time_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    night = schedule(open=["22:00-06:00"], closed=["2026-03-06"])
    assert ask(night, "2026-03-06T03:00").why == "open 22:00-06:00 since the day before"
    assert not ask(night, "2026-03-06T23:00").open
    assert not ask(night, "2026-03-07T03:00").open


def test_closed_days_and_ranges_are_closed_from_the_first_to_the_last() -> None:
    days = schedule(open=["00:00-24:00"], closed=["2026-12-31", "2026-02-10..2026-02-12"])
    closed = [d for d in range(9, 14) if not ask(days, f"2026-02-{d:02}T12:00").open]
    assert closed == [10, 11, 12]
    assert ask(days, "2026-12-31T00:00").why == "closed, a closed day"


def test_single_day_counts_before_holiday_and_closed_day() -> None:
    days = schedule(
        open=["Mon-Fri 08:30-17:30"],
        holidays="CN",
        closed=["2026-02-14"],
        days={"2026-02-14": "09:00-10:00, 11:00-12:00", "2026-10-01": "09:00-10:00"},
    )
    assert ask(days, "2026-02-14T11:30").open
    assert ask(days, "2026-10-01T09:30").open
    assert not ask(days, "2026-10-01T10:30").open


@pytest.mark.parametrize(
    ("until", "after", "open"),
    [(0.0, 10.0**9, True), (5000.0, 4999.0, True), (5000.0, 5000.0, False)],
)
def test_switch_by_hand_holds_until_its_end(until: float, after: float, open: bool) -> None:
    hours = schedule(open=["Sun 00:00-00:01"]).hours(after, {"s": Override(open=True, until=until)})
    assert hours.open is open
    assert (hours.why == "open, switched by hand") is open


def test_schedule_can_be_switched_off_by_hand() -> None:
    hours = OFFICE.hours(at("2026-03-06T10:00"), {"s": Override(open=False, until=0)})
    assert (hours.open, hours.why) == (False, "closed, switched by hand")


def test_both_sides_of_a_daylight_saving_change_go_by_the_wall_clock() -> None:
    york = schedule(open=["01:00-03:30"], timezone="America/New_York")
    zone = "America/New_York"
    for fold in (0, 1):  # 01:30 comes twice on the day the clock goes back
        assert ask(york, "2026-11-01T01:30", zone, fold).open
    assert not ask(york, "2026-11-01T00:59", zone).open
    assert ask(york, "2026-03-08T01:59", zone).open
    spring = at("2026-03-08T01:59", zone) + 60  # 02:00 is 03:00 that day
    assert york.hours(spring, {}).value.split()[2] == "03:00"
    assert york.hours(spring + 29 * 60, {}).open
    assert not york.hours(spring + 30 * 60, {}).open


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1e300, 1e12])
def test_time_that_is_none_is_answered_all_the_same(moment: float) -> None:
    assert "1970-01-01" in OFFICE.hours(moment, {}).value


@given(
    st.sampled_from(
        ["Asia/Shanghai", "America/New_York", "Africa/Casablanca", "Australia/Lord_Howe"]
    ),
    st.integers(946684800, 2840140799),
)
def test_wall_clock_is_that_of_the_zone(zone: str, moment: int) -> None:
    local = datetime.datetime.fromtimestamp(moment, zoneinfo.ZoneInfo(zone))
    asked = calendar.schedule("s", Entry.model_validate({"open": []}), zone)
    assert asked.hours(moment, {}).value == f"{local:%a %Y-%m-%d %H:%M} {zone}"


@given(st.dates())
def test_date_is_written_as_the_calendar_has_it(date: datetime.date) -> None:
    written = date_text(date.toordinal() - datetime.date(1970, 1, 1).toordinal())
    assert written == f"{date.year}-{date.month:02}-{date.day:02}"


def test_holidays_of_a_part_of_a_country_are_its_own() -> None:
    texas = schedule(open=["00:00-24:00"], holidays="US-TX")
    land = schedule(open=["00:00-24:00"], holidays="US")
    assert not ask(texas, "2026-03-02T10:00").open
    assert ask(land, "2026-03-02T10:00").open


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-03-06T08:29", "2026-03-06T08:30"),
        ("2026-03-06T08:30", "2026-03-06T12:00"),
        ("2026-03-06T17:30", "2026-03-07T00:00"),
        ("2026-03-07T12:00", "2026-03-08T00:00"),
        ("2026-03-08T10:00", "2026-03-09T00:00"),
    ],
)
def test_hours_are_steady_until_they_may_change(moment: str, until: str) -> None:
    assert OFFICE.steady_until(int(at(moment))) == at(until)


def test_hours_after_midnight_are_steady_until_those_of_the_day_before_end() -> None:
    night = schedule(open=["22:00-06:00", "02:00-03:00"])
    moments = ["2026-03-06T23:00", "2026-03-07T00:00", "2026-03-07T02:00", "2026-03-07T03:00"]
    steady = [night.steady_until(int(at(moment))) for moment in moments]
    assert steady == [
        at("2026-03-07T00:00"),
        at("2026-03-07T02:00"),
        at("2026-03-07T03:00"),
        at("2026-03-07T06:00"),
    ]


# What is further from 1970 is no time of a call.
MOMENTS = st.integers(-(10**11) + 86400, 10**11 - 86400)


@given(MOMENTS, st.sampled_from(["Europe/Berlin", "Asia/Shanghai"]))
def test_hours_are_the_same_up_to_where_they_are_steady(moment: int, zone: str) -> None:
    asked = schedule(open=["22:00-02:30", "Mon 08:00-09:00"], holidays="DE", timezone=zone)
    until = asked.steady_until(moment)
    assert moment < until <= moment + 86400
    said = {asked.hours(one, {}).open for one in range(moment, until, 60)}
    said.add(asked.hours(until - 1, {}).open)
    assert len(said) == 1
