"""Months of the calendar: from the 1st at 00:00 to the last day at 24:00, in a time zone."""

import re
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

_WRITTEN: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_YEAR: Final = 12


class Month(NamedTuple):
    """A month of a year; written 2026-03."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.month, 1)

    @property
    def next(self) -> "Month":
        """The one after it."""
        return Month(self.year + self.month // _YEAR, self.month % _YEAR + 1)

    def bounds(self, zone: ZoneInfo) -> tuple[float, float]:
        """When it begins, and when the next does, as Unix seconds."""
        return _midnight(self.first, zone), _midnight(self.next.first, zone)


def month_at(at: float, zone: ZoneInfo) -> Month:
    """Return the month of a Unix time."""
    there = datetime.fromtimestamp(at, zone)
    return Month(there.year, there.month)


def read_month(text: str) -> Month:
    """Read 2026-03. Raises ValueError."""
    found = _WRITTEN.fullmatch(text)
    if found is None or found[1] == "0000":
        raise ValueError(f"expected a month such as 2026-03, found {text}")
    return Month(int(found[1]), int(found[2]))


def _midnight(day: date, zone: ZoneInfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
