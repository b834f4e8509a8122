"""Numbers, as operators ask for them: which take calls, what each is, and what became of it.

The dialplan says where calls to a number go; its life, in the database, whether it takes any.
"""

import datetime
import re
import time
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from callrouter.billing import number_lives as lives
from callrouter.billing.number_attributes import NumberAttributes
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
from callrouter.route.callers.telephone_numbers import country_code, written_often
from callrouter.route.rules.outbound_lines import Outbound
from callrouter.yamlfile.wording import shown as shown_text
from callrouter.yamlfile.wording import suggestion

_NUMBER: Final = re.compile(r"[+*#]?[0-9*#]{1,31}", re.ASCII)
_COUNTRY: Final = "a country by two capital letters, such as CN, or nothing"
_WANTED: Final = "a number of the dialplan, or one that it may have: digits, after a + or not"
UNMANAGED: Final = "unmanaged"
"""The state of a number that routes, and has no life while others have."""
_NO_LIFE: Final[dict[str, Any]] = {"state": UNMANAGED, "since": 0.0}
_ALL: Final = "all"
_ATTRIBUTES: Final = {"line", "kind", "country", "name", "groups", "widget"}

_WORKING_DAYS: Final = 2
_UNDO_SECONDS: Final = 86400.0
_MOST_DAYS: Final = 366

Days = Annotated[
    int, Field(ge=1, le=_MOST_DAYS, description=f"a whole number from 1 to {_MOST_DAYS}")
]


class ManagedNumber(OperationAnswer):
    """A number. since, until: Unix seconds, 0 for none. routed: the dialplan has it.

    line: carrier or virtual. kind: local, mobile or toll_free; it, country, name: "" for what
    nobody said. groups: permissions that may show it, None for all. widget: see SetNumber.
    """

    number: str
    state: str
    since: float
    until: float
    routed: bool
    line: str
    kind: str
    country: str
    name: str
    groups: list[str] | None
    widget: bool


class ManagedNumbers(OperationAnswer):
    """Numbers that the database knows, and those of the dialplan that it does not, if any."""

    numbers: list[ManagedNumber]


class ShowNumber(OperationRequest):
    """number: as the dialplan has it, or in another writing. most: changes at most."""

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


class SetNumber(OperationRequest):
    """What is to be known of a number from now on; None for what stays.

    groups: permissions whose calls may show it; `all` alone for all of them, nothing for none.
    widget: it is offered where people click to call.
    """

    number: Name
    line: Annotated[
        Literal["carrier", "virtual"] | None, Field(description="one of carrier, virtual")
    ] = None
    kind: Annotated[
        Literal["", "local", "mobile", "toll_free"] | None,
        Field(description="one of local, mobile, toll_free, or empty"),
    ] = None
    country: Annotated[str | None, Field(pattern="^([A-Z]{2})?$", description=_COUNTRY)] = None
    name: Annotated[str | None, Field(max_length=80, description="text of up to 80 characters")] = (
        None
    )
    groups: Annotated[
        list[Name] | None, Field(max_length=100, description="names of up to 100 permissions")
    ] = None
    widget: Annotated[bool | None, Field(description="true or false")] = None
    who: Name = "operator"
    note: Annotated[str, Field(max_length=200, description="text of up to 200 characters")] = ""


async def list_numbers(running: RunningServer, _: NoValues) -> ManagedNumbers:
    """The numbers, with the dialplan's held against them."""
    lives = await running.answer_of("accounts", running.numbers.lives())
    known = await _known(running)
    found = [_managed(running, life, known) for life in lives]
    have = {life.number for life in lives}
    others = [number for number in known if number not in have]
    if lives:
        have |= known.keys()
        numbers = running.dialplan().numbers
        others += [key for key in numbers if numbers[key].normal and key not in have]
    found += [_managed(running, NumberLife(number=it, **_NO_LIFE), known) for it in others]
    return ManagedNumbers(numbers=found)


async def _known(running: RunningServer) -> dict[str, NumberAttributes]:
    found = await running.answer_of("accounts", running.numbers.attributes())
    return {it.number: it for it in found}


async def show_number(running: RunningServer, request: ShowNumber) -> NumberHistory:
    """A number, with what became of it."""
    number = await _kept_as(running, request.number)
    asked = running.numbers.history(number, request.most)
    found: LifeAndHistory = await running.answer_of("accounts", asked)
    known = await _known(running)
    if found.life is None and number not in known:
        raise NotFoundError(f"{number} has no life here: it is routed as the dialplan says")
    life = found.life or NumberLife(number=number, **_NO_LIFE)
    return NumberHistory(
        number=_managed(running, life, known),
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
    number = await _kept_as(running, request.number)
    if request.change in {lives.RESERVE, lives.ACTIVATE}:
        _check(running, number)
    asked = running.numbers.change(
        number,
        request.change,
        request.who,
        until=_until(running, request),
        note=request.note,
    )
    answer: NumberLife | str = await running.answer_of("accounts", asked)
    if isinstance(answer, str):
        raise ConflictError(answer)
    return _managed(running, answer, await _known(running))


async def set_number(running: RunningServer, request: SetNumber) -> ManagedNumber:
    """Says what a number is, and who may show it when they call."""
    number = await _kept_as(running, request.number)
    _check(running, number)
    asked = request.model_dump(include=_ATTRIBUTES, exclude_none=True)
    if "groups" in asked:
        asked["groups"] = _groups(running.dialplan().outbound, asked["groups"])
    if asked.get("country") and not country_code(asked["country"]):
        raise BadValueError(f"country: expected {_COUNTRY}", "country", _COUNTRY)
    if not asked.get("name", "").isprintable():
        raise BadValueError("name: expected printable text", "name", "printable text")
    if not asked:
        wanted = f"one of {', '.join(sorted(_ATTRIBUTES))}"
        raise BadValueError(f"expected {wanted}", "", wanted)
    changed = running.numbers.set(number, asked, request.who, request.note)
    await running.answer_of("accounts", changed)
    shown = await show_number(running, ShowNumber(number=number, most=1))
    return shown.number


def _groups(outbound: Outbound | None, names: list[str]) -> tuple[str, ...] | None:
    """The permissions with these names, None for all. Raises BadValueError."""
    if names == [_ALL]:
        return None
    known = frozenset[str]() if outbound is None else outbound.named
    for name in names:
        if name not in known:
            wanted = "permissions of the dialplan, or all alone"
            why = f"groups: expected {wanted}, found {shown_text(name)}{suggestion(name, known)}"
            raise BadValueError(why, "groups", wanted)
    return tuple(names)


async def _kept_as(running: RunningServer, number: str) -> str:
    """What a number is kept by, however it is written.

    Its key in the dialplan, or else as the database has it, or else its form in E.164.
    """
    dialplan = running.dialplan()
    if number in dialplan.numbers:
        return number
    found = dialplan.index.find(number, dialplan.country).number
    if found is not None and found.normal:
        return found.key
    kept = {it.number for it in await running.answer_of("accounts", running.numbers.lives())}
    kept |= (await _known(running)).keys()
    plain = written_often(number, dialplan.country)
    if number in kept or not plain:
        return number
    same = (it for it in sorted(kept) if written_often(it, dialplan.country) == plain)
    return next(same, plain)


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


def _managed(
    running: RunningServer, life: NumberLife, known: Mapping[str, NumberAttributes]
) -> ManagedNumber:
    it = known.get(life.number) or NumberAttributes(number=life.number)
    return ManagedNumber(
        number=life.number,
        state=life.state,
        since=life.since,
        until=life.until,
        routed=life.number in running.dialplan().numbers,
        line=it.line,
        kind=it.kind,
        country=it.country,
        name=it.name,
        groups=None if it.groups is None else list(it.groups),
        widget=it.widget,
    )
