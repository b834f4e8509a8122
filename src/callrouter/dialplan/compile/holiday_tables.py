"""Schedules as `route` asks them: time zones and holidays made into plain tables, once.

The tables reach from 2000 to 2060; holidays to 2050, since those of lunar calendars are not known
for much longer.
"""

import datetime
import functools
import zoneinfo
from typing import Final

from callrouter.dialplan.grammar import schedules as hours
from callrouter.dialplan.grammar.schedules import Region, day_of
from callrouter.route.values.opening_hours import Schedule, Span, Zone

_FIRST: Final = 946684800  # 2000-01-01 00:00 UTC
_LAST: Final = 2840140800  # 2060-01-01 00:00 UTC
_HOLIDAYS: Final = range(2020, 2051)
# No zone keeps an offset for less; Morocco's pause of summer time in Ramadan lasts five weeks.
_LOOK: Final = 7 * 86400
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()
_ENGLISH: Final = "en_US"


def schedule(name: str, entry: hours.ScheduleEntry, timezone: str) -> Schedule:
    """Build a schedule. timezone: that of the dialplan."""
    week: list[list[tuple[int, int]]] = [[] for _ in range(7)]
    for times in entry.open:
        for day in times.days:
            week[day] += times.spans
    region = entry.holidays
    return Schedule(
        name=name,
        zone=zone(entry.timezone or timezone),
        week=tuple(_spans(sorted(set(day))) for day in week),
        days={day_of(date): _spans(list(spans)) for date, spans in entry.days.items()},
        closed=tuple((days.first, days.last) for days in entry.closed),
        holidays={} if region is None else public_holidays(region),
    )


def _spans(spans: list[tuple[int, int]]) -> tuple[Span, ...]:
    return tuple(Span(start=start, end=end) for start, end in spans)


@functools.cache
def zone(name: str) -> Zone:
    """Build the table of a time zone that exists."""
    info = zoneinfo.ZoneInfo(name)

    def offset(at: int) -> int:
        moment = datetime.datetime.fromtimestamp(at, info)
        return int((moment.utcoffset() or datetime.timedelta()).total_seconds())

    starts = [_FIRST]
    offsets = [offset(_FIRST)]
    for look in range(_FIRST, _LAST, _LOOK):
        low, high = look, look + _LOOK
        after = offset(high)
        if after == offsets[-1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if offset(middle) == after else (middle, high)
        starts.append(high)
        offsets.append(after)
    return Zone(name=name, starts=starts, offsets=offsets)


@functools.cache
def public_holidays(region: Region) -> dict[int, str]:
    """Return the names of the public holidays of a region that exists, by day from 1970-01-01."""
    # Here, because most dialplans know no holidays, and all pay for what stands above.
    import holidays  # noqa: PLC0415

    known = holidays.country_holidays(region.country).supported_languages
    found = holidays.country_holidays(
        region.country,
        subdiv=region.part or None,
        years=_HOLIDAYS,
        language=_ENGLISH if _ENGLISH in known else None,
    )
    return {date.toordinal() - _EPOCH: name for date, name in sorted(found.items())}
