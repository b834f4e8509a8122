"""Moments as people type them, in options of commands and in tests: one reader for all of them.

Rule: what names no offset from UTC is a time of the dialplan's clocks, wherever it is typed.
"""

import datetime
import re
import zoneinfo
from pathlib import Path
from typing import Final

from phonenumbers import SUPPORTED_REGIONS

from callrouter.yamlfile.reader import top_level_text
from callrouter.yamlfile.wording import shown

FORMS: Final = '2026-03-07T12:01, 2026-03-07, "Sat 12:01", or with an offset 2026-03-07T12:01+08:00'
"""For the help of an option."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_OF_WEEK: Final = re.compile(r"([A-Za-z]{3,9})[ ,T]\s*([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)")
_NAMES: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def read_moment(
    text: str, zone: datetime.tzinfo, now: datetime.datetime, *, past: bool = False
) -> datetime.datetime:
    """Read a moment. Raises ValueError.

    zone: that of the dialplan. now: from when a day of the week is counted: it is the next one of
    that name, today among them. past: it is the last one instead.
    """
    found = _OF_WEEK.fullmatch(text.strip())
    try:
        if found is not None:
            return _of_week(found[1], found[2], now.astimezone(zone), past=past)
        moment = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"expected a time such as {FORMS}, found {shown(text)}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


def _of_week(day: str, clock: str, now: datetime.datetime, *, past: bool) -> datetime.datetime:
    """Find a time on a day of the week. Raises ValueError when it is none."""
    name = day.lower()
    index = _DAYS.index(name[:3])
    if name not in {_DAYS[index], _NAMES[index]}:
        raise ValueError(day)
    time = datetime.time.fromisoformat(clock.zfill(5) if len(clock) < 6 else clock.zfill(8))
    days = (index - now.weekday()) % 7
    if past and (days or time > now.time()):
        days -= 7
    date = now.date() + datetime.timedelta(days=days)
    return datetime.datetime.combine(date, time, now.tzinfo)


def country_of(dialplan: Path) -> str:
    """Return the country of a dialplan file, "" for none. Raises ConfigError as `zone_of`."""
    named = top_level_text(dialplan, "country")
    return named if named in SUPPORTED_REGIONS else ""


def zone_of(dialplan: Path) -> zoneinfo.ZoneInfo:
    """Return the time zone of a dialplan file. Raises ConfigError for one that cannot be read."""
    found = time_zone(top_level_text(dialplan, "timezone"))
    return found or zoneinfo.ZoneInfo("UTC")  # `check` says what is wrong with it


def time_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Find a time zone of this machine, None when it has no such zone."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        # OSError: one of the folders that the zones are in, `Asia`, where tzdata is a package.
        return None
