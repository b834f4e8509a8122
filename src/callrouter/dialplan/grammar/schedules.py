"""The grammar of `schedules:`, and how its texts are read: hours, dates, holidays."""

import datetime
import functools
import itertools
import re
import zoneinfo
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from callrouter.dialplan.grammar.field_types import DATE_TEXT, country_hint, text
from callrouter.dialplan.grammar.names import ScheduleName
from callrouter.dialplan.grammar.typed_times import time_zone
from callrouter.yamlfile.mistakes import StrictModel
from callrouter.yamlfile.wording import shown, suggestion

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])-([01]?[0-9]|2[0-4]):([0-5][0-9])")
_NO_TIMEZONES: Final = frozenset({"posix", "posixrules", "right"})
"""What stands beside the zones, as `zoneinfo.available_timezones` leaves it out."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# A dash of a range with blanks around it, or a longer one, as word processors make of it.
_DASH: Final = re.compile(r"\s*[\u2010-\u2015~]\s*|\s+-\s*|-\s+|\s+to\s+")
_DATES: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})\s*(?:-|\u2013|to|\.\.+)\s*([0-9]{4}-[0-9-]{5})"
)
_EPOCH: Final = datetime.date(1970, 1, 1).toordinal()
_MIDNIGHT: Final = 1440


class Times(NamedTuple):
    """Hours on some days. days: Monday is 0. spans: in minutes since midnight."""

    days: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


class Days(NamedTuple):
    """A run of days, from a first to a last one, counted from 1970-01-01."""

    first: int
    last: int


class Region(NamedTuple):
    """A region whose holidays are kept. part: of the country, "" for what all its parts keep."""

    country: str
    part: str


@functools.cache
def _timezones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _timezone(value: object) -> str:
    if isinstance(value, str) and _is_timezone(value):
        return value
    hint = suggestion(value, _timezones())
    raise ValueError(f"expected a time zone such as Asia/Shanghai, found {shown(value)}{hint}")


def _is_timezone(name: str) -> bool:
    """Whether `_timezones` has it, which reads each file of the zones of this machine."""
    return name.split("/", maxsplit=1)[0] not in _NO_TIMEZONES and time_zone(name) is not None


def _span(text: str) -> tuple[int, int]:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"expected a time such as 08:30-17:30, found {shown(text)}")
    start = int(found[1]) * 60 + int(found[2])
    end = int(found[3]) * 60 + int(found[4])
    if start >= _MIDNIGHT or end > _MIDNIGHT:
        raise ValueError(f"expected times from 00:00 to 24:00, found {shown(text)}")
    if start == end:
        raise ValueError(f"{shown(text)} is no time at all: write 00:00-24:00 for a whole day")
    return start, end if end > start else end + _MIDNIGHT


def _spans(texts: list[str], value: object) -> tuple[tuple[int, int], ...]:
    spans = sorted(_span(text) for text in texts)
    for (_, end), (start, _) in itertools.pairwise(spans):
        if start < end:
            raise ValueError(f"the times in {shown(value)} overlap")
    return tuple(spans)


def _weekday(text: str) -> int:
    day = text[:3].capitalize()
    full = {"Mon": "day", "Tue": "sday", "Wed": "nesday", "Thu": "rsday"}
    full |= {"Fri": "day", "Sat": "urday", "Sun": "day"}
    if day not in _DAYS or text[3:].lower() not in {"", full[day]}:
        raise ValueError(f"expected a day such as Mon, found {shown(text)}")
    return _DAYS.index(day)


def _closed_up(value: str, wanted: str) -> None:
    """Refuse a range with blanks in it, or with another dash. Raises ValueError."""
    meant = _DASH.sub("-", value[:1000])
    if meant != value[:1000]:
        raise ValueError(
            f'expected {wanted}, found {shown(value)}: write "{meant}", with "-" and without blanks'
        )


def _times(value: object) -> Times:
    wanted = 'days and times such as "Mon-Fri 08:30-12:00, 13:30-17:30"'
    if not isinstance(value, str):
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    _closed_up(value, wanted)
    words = [word for word in re.split(r"[,\s]+", value[:1000]) if word]
    days: list[int] = []
    while words and not words[0][0].isdigit():
        first, dash, last = words.pop(0).partition("-")
        begin = _weekday(first)
        end = _weekday(last) if dash else begin
        days += [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]
    if not words:
        raise ValueError(f"expected {wanted}, found {shown(value)}")
    return Times(tuple(sorted(set(days or range(7)))), _spans(words, value))


def _hours_of_a_day(value: object) -> tuple[tuple[int, int], ...]:
    if not isinstance(value, str) or not value:
        raise ValueError(f'expected times such as "08:30-12:00", found {shown(value)}')
    _closed_up(value, 'times such as "08:30-12:00"')
    return _spans(re.split(r"[,\s]+", value[:1000].strip()), value)


def _day(text: str, value: object) -> int:
    try:
        if _DATE.fullmatch(text) is not None:
            return datetime.date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        pass
    raise ValueError(f"expected a date such as 2026-12-31, found {shown(value)}")


def _date(value: object) -> str:
    text = str(value)
    _day(text, value)
    return text


def day_of(date: str) -> int:
    """Count the days from 1970-01-01 to a date that was checked."""
    return _day(date, date)


def _days(value: object) -> Days:
    text = value if isinstance(value, str) else ""
    meant = _DATES.fullmatch(text.strip())
    if meant is not None and f"{meant[1]}..{meant[2]}" != text:
        raise ValueError(
            f"expected a date, or a first and a last such as 2026-02-10..2026-02-20, found "
            f"{shown(value)}: write {meant[1]}..{meant[2]}"
        )
    first, dots, last = text.partition("..")
    begin = _day(first, value)
    end = _day(last, value) if dots else begin
    if end < begin:
        raise ValueError(f"the last day is before the first in {shown(value)}")
    return Days(begin, end)


@functools.cache
def _regions() -> dict[str, list[str]]:
    # Here, because most dialplans know no holidays, and all pay for what stands above.
    import holidays  # noqa: PLC0415

    return holidays.list_supported_countries(include_aliases=False)


def _region(value: object) -> Region:
    country, _, part = value.partition("-") if isinstance(value, str) else ("", "", "")
    parts = _regions().get(country)
    if parts is None:
        hint = country_hint(country) or suggestion(country.upper(), _regions()) if country else ""
        raise ValueError(f"expected a country such as CN, found {shown(value)}{hint}")
    if part and part not in parts:
        hint = suggestion(part, parts) if parts else f"; {country} has no parts here"
        raise ValueError(f"expected a part of {country}, found {shown(part)}{hint}")
    return Region(country, part)


_SPAN_TEXT: Final = "[0-9]{1,2}:[0-9]{2}-[0-9]{1,2}:[0-9]{2}"
_SPANS_TEXT: Final = rf"{_SPAN_TEXT}([,\s]+{_SPAN_TEXT})*\s*$"

Timezone = Annotated[str, BeforeValidator(_timezone), text("^[A-Za-z0-9_+/-]+$")]
Date = Annotated[str, BeforeValidator(_date), text(f"^{DATE_TEXT}$")]


class ScheduleEntry(StrictModel):
    """Opening hours. A time past midnight belongs to the day on which it begins."""

    open: list[
        Annotated[Times, BeforeValidator(_times), text(rf"^[,\s]*([A-Za-z-]+[,\s]+)*{_SPANS_TEXT}")]
    ] = Field(
        description="Days and times, by the wall clock. Several times a day are separated by "
        "commas; `22:00-06:00` ends on the next day; without days: every day.",
        examples=[["Mon-Fri 08:30-12:00, 13:30-17:30", "Sat 08:30-12:00"]],
    )
    holidays: Annotated[Region, BeforeValidator(_region), text("^[A-Z]{2}(-.+)?$")] | None = Field(
        default=None,
        description="Closed on the public holidays of a country, or of a part of it (`US-CA`).",
        examples=["CN"],
    )
    closed: list[
        Annotated[Days, BeforeValidator(_days), text(rf"^{DATE_TEXT}(\.\.{DATE_TEXT})?$")]
    ] = Field(
        default=[],
        description="Closed on these days too; `..` stands between a first and a last day.",
        examples=[["2026-12-31", "2026-02-10..2026-02-20"]],
    )
    days: dict[
        Date,
        Annotated[
            tuple[tuple[int, int], ...],
            BeforeValidator(_hours_of_a_day),
            text(rf"^\s*{_SPANS_TEXT}"),
        ],
    ] = Field(
        default={},
        description="Times of single days, which count before holidays, closed days and the "
        "hours of the week.",
        examples=[{"2026-02-14": "08:30-17:30", "2026-12-24": "08:30-12:00"}],
    )
    timezone: Timezone | None = Field(
        default=None,
        description="The time zone of the hours. When left out: that of the dialplan.",
        examples=["Asia/Shanghai"],
    )


class When(StrictModel):
    """A schedule, and what it must be."""

    schedule: ScheduleName = Field(description="The schedule to ask.", examples=["office"])
    is_: Literal["open", "closed"] = Field(
        default="open", alias="is", description="What it must be.", examples=["closed"]
    )
