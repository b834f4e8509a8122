"""Lives of numbers, as operators ask for them: which take calls, and what became of each.

The dialplan says where calls to a number go; its life, in the database, whether it takes any.
"""

import datetime
import re
import time
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from callrouter.billing import number_lives as lives
from callrouter.billing.number_lives import LifeAndHistory, NumberLife, working_days_after
from callrouter.operations.operation import (
    BadValueError,
    ConflictError,
    Count,
    Name,
    NotFoundError,
    NoValues,
    OperationAnswer,
    OperationRequest,
    RunningServer,
    Seconds,
)

_NUMBER: Final = re.compile(r"[+*#]?[0-9*#]{1,31}", re.ASCII)
_WANTED: Final = "a number of the dialplan, or one that it may have: digits, after a + or not"
UNMANAGED: Final = "unmanaged"
"""The state of a number that routes, and has no life while others have."""

_WORKING_DAYS: Final = 2
_UNDO_SECONDS: Final = 86400.0
_MOST_DAYS: Final = 366

Days = Annotated[
    int, Field(ge=1, le=_MOST_DAYS, description=f"a whole number from 1 to {_MOST_DAYS}")
]


class ManagedNumber(OperationAnswer):
    """A number. since, until: Unix seconds, 0 for none. routed: the dialplan has it."""

    number: str
    state: str
    since: float
    until: float
    routed: bool


class ManagedNumbers(OperationAnswer):
    """Numbers with a life, and those of the dialplan that have none while others have."""

    numbers: list[ManagedNumber]


class ShowNumber(OperationRequest):
    """number: its key in the dialplan. most: changes at most."""

    number: Name
    most: Count = 100


class NumberChange(OperationAnswer):
    """A change."""

    at: float
    state: str
    who: str
    note: str


class NumberHistory(OperationAnswer):
    """A number with its changes, the newest first."""

    number: ManagedNumber
    changes: list[NumberChange]


class ChangeNumber(OperationRequest):
    """A change of a life: activate, suspend, resume, undo or reclaim."""

    number: Name
    change: Annotated[
        str,
        Field(
            pattern=f"^({'|'.join(lives.CHANGES)})$",
            description=f"one of {', '.join(lives.CHANGES)}",
        ),
    ]
    working_days: Days | None = None
    seconds: Seconds | None = None
    who: Name = "operator"
    note: Annotated[str, Field(max_length=200, description="text of up to 200 characters")] = ""


async def list_numbers(running: RunningServer, _: NoValues) -> ManagedNumbers:
    """The numbers, with the dialplan's held against them."""
    known = await running.answer_of("accounts", running.numbers.lives())
    found = [_managed(running, life) for life in known]
    if known:
        have = {life.number for life in known}
        found += [
            ManagedNumber(number=key, state=UNMANAGED, since=0.0, until=0.0, routed=True)
            for key, number in running.dialplan().numbers.items()
            if number.normal and key not in have
        ]
    return ManagedNumbers(numbers=found)


async def show_number(running: RunningServer, request: ShowNumber) -> NumberHistory:
    """A number, with what became of it."""
    asked = running.numbers.history(request.number, request.most)
    found: LifeAndHistory = await running.answer_of("accounts", asked)
    if found.life is None:
        raise NotFoundError(f"{request.number} has no life here: it is routed as the dialplan says")
    return NumberHistory(
        number=_managed(running, found.life),
        changes=[
            NumberChange(at=it.at, state=it.state, who=it.who, note=it.note) for it in found.changes
        ],
    )


async def change_number(running: RunningServer, request: ChangeNumber) -> ManagedNumber:
    """Changes the life of a number."""
    for field, value, change in (
        ("working_days", request.working_days, lives.RESERVE),
        ("seconds", request.seconds, lives.DISCONNECT),
    ):
        if value is not None and request.change != change:
            raise BadValueError(f"{field}: expected only with {change}", field, "nothing")
    if request.change in {lives.RESERVE, lives.ACTIVATE}:
        _check(running, request.number)
    asked = running.numbers.change(
        request.number,
        request.change,
        request.who,
        until=_until(running, request),
        note=request.note,
    )
    answer: NumberLife | str = await running.answer_of("accounts", asked)
    if isinstance(answer, str):
        raise ConflictError(answer)
    return _managed(running, answer)


def _check(running: RunningServer, number: str) -> None:
    """Raises BadValueError for what can be no number: its life could not be ended again."""
    if number not in running.dialplan().numbers and _NUMBER.fullmatch(number) is None:
        raise BadValueError(f"number: expected {_WANTED}", "number", _WANTED)


def _until(running: RunningServer, request: ChangeNumber) -> float:
    """When the new state ends by itself, 0 for never."""
    now = time.time()
    if request.change == lives.DISCONNECT:
        return now + (request.seconds or _UNDO_SECONDS)
    if request.change != lives.RESERVE:
        return 0.0
    import holidays  # noqa: PLC0415 - nothing else of a command needs it

    dialplan = running.dialplan()
    days = request.working_days or _WORKING_DAYS
    year = datetime.date.today().year
    free = holidays.country_holidays(dialplan.country, years=range(year, year + 3))
    return working_days_after(now, days, ZoneInfo(dialplan.timezone), frozenset(free))


def _managed(running: RunningServer, life: NumberLife) -> ManagedNumber:
    return ManagedNumber(
        number=life.number,
        state=life.state,
        since=life.since,
        until=life.until,
        routed=life.number in running.dialplan().numbers,
    )
