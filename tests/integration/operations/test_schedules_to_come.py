"""Schedules to come: the calendar has no gap, says what the dialplan decides, and why."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from support.controlled import PLAN, Room

from callrouter.operations.operation import NotFoundError, NoValues
from callrouter.operations.overrides import SetOverride, set_override
from callrouter.operations.schedule_states import ShowCalendar, list_schedules, show_calendar
from callrouter.web.pages.schedules_page import calendar_days

NEW_YORK = ZoneInfo("America/New_York")


@pytest_asyncio.fixture
async def room(tmp_path: Path) -> Room:
    shut = (datetime.now(NEW_YORK) + timedelta(days=8)).date()
    office = (
        f'office: {{open: ["Mon-Sun 08:30-17:30"], closed: ["{shut}"], timezone: America/New_York}}'
    )
    old = 'office: {open: ["Mon-Fri 08:30-17:30"]}'
    return Room(tmp_path / "socket", PLAN.replace(old, office))


async def test_calendar_is_what_is_decided_without_a_gap(room: Room) -> None:
    end = int(time.time()) + 3 * 86400 + 7
    await set_override(room.running, SetOverride(schedule="office", open=True, until=end))
    found = await show_calendar(room.running, ShowCalendar(schedule="office"))
    schedule = room.running.dialplan().schedules["office"]
    standing = await room.running.answer_of("overrides", room.running.shared.overrides.standing())
    for before, after in zip(found.spans, found.spans[1:], strict=False):
        assert before.until == after.since
    for span in found.spans:
        for at in (span.since, span.until - 1):
            hours = schedule.hours(at, standing)
            assert (hours.open, hours.why) == (span.open, span.why), datetime.fromtimestamp(at, UTC)
    assert found.spans[-1].until >= time.time() + 28 * 86400 - 60
    assert any(span.until == end and "by hand" in span.why for span in found.spans)


async def test_days_are_those_of_the_schedules_zone(room: Room) -> None:
    found = await show_calendar(room.running, ShowCalendar(schedule="office"))
    days = calendar_days(found)
    first = datetime.now(NEW_YORK).date()
    assert [day.date for day in days[1:28]] == [
        date.fromordinal(first.toordinal() + index) for index in range(1, 28)
    ]
    assert days[7].opens == [("08:30-17:30", "open 08:30-17:30")]
    assert (days[8].opens, days[8].closed) == ([], ["closed, a closed day"])


async def test_list_says_what_holds_now_and_unknown_schedules_are_not_found(room: Room) -> None:
    await set_override(room.running, SetOverride(schedule="office", open=False))
    (one,) = (await list_schedules(room.running, NoValues())).schedules
    assert (one.open, one.why, one.switched) == (False, "closed, switched by hand", True)
    with pytest.raises(NotFoundError, match="no schedule offices"):
        await show_calendar(room.running, ShowCalendar(schedule="offices"))
