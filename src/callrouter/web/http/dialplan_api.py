"""The dialplan's text over the API: read, checked, compared, put live; its versions."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from callrouter.operations.operation import (
    BadValueError,
    ConflictError,
    NotFoundError,
    OperationError,
)
from callrouter.route.callers.telephone_numbers import normalise
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.core.drafts import DraftCheck, DraftComparison
from callrouter.web.core.live_dialplan import LONGEST, DialplanText, PutLive
from callrouter.web.http.identity import needing
from callrouter.web.http.operations_api import PREFIX
from callrouter.web.http.problems import RESPONSES
from callrouter.web.http.site import site_of
from callrouter.yamlfile.text_edits import (
    TextEditError,
    keys_of,
    scalars_of,
    with_item,
    with_value,
    without_item,
    without_key,
)

router: Final = APIRouter(prefix=f"{PREFIX}/v1/dialplan", tags=["dialplan"], responses=RESPONSES)

Ops = Annotated[WebIdentity, Depends(needing(Scope.DIALPLAN))]
Id = Annotated[int, Field(ge=1, le=2**53)]
Key = Annotated[str, Field(min_length=1, max_length=200)]
_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_DATE: Final = f"^{_DAY}$"
_MOST_DAYS: Final = 366
"""Days that a schedule is closed on by one form."""
_Reading = Callable[[str], str]
IfMatch = Annotated[str | None, Header(description="The `ETag` of the text that is replaced.")]


class NoTagError(OperationError):
    """A change that does not say what it changes."""

    code = "precondition_required"
    status = 428


class Draft(BaseModel):
    """text: the whole file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    text: Annotated[str, Field(max_length=LONGEST)]


class ComparedDraft(Draft):
    """days: whose calls are replayed, up to now."""

    days: Annotated[int, Field(ge=1, le=31)] = 2


class DialplanEdit(BaseModel):
    """Base of edits of one value in the file, which keep its comments and all else."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ClosedDays(DialplanEdit):
    """first, last: dates such as 2026-12-31, last "" for one day."""

    schedule: Key
    first: Annotated[str, Field(pattern=_DATE)]
    last: Annotated[str, Field(pattern=f"{_DATE}|^$")] = ""


class ReopenedDays(DialplanEdit):
    """days: as the file has them, such as 2026-12-31 or 2026-02-10..2026-02-20."""

    schedule: Key
    days: Annotated[str, Field(pattern=rf"^{_DAY}(\.\.{_DAY})?$")]


class ScheduleHolidays(DialplanEdit):
    """region: a country such as CN, or a part of one such as US-CA; "" for no holidays."""

    schedule: Key
    region: Annotated[str, Field(pattern=r"^([A-Z]{2}(-[A-Za-z0-9 -]{1,30})?)?$")]


class ScheduleDays(BaseModel):
    """closed: days as the file has them. holidays: of a region, "" for none."""

    closed: list[str]
    holidays: str


class NumberLines(DialplanEdit):
    """lines: calls at the same time."""

    number: Key
    lines: Annotated[int, Field(ge=1, le=100_000)]


class AgentOfQueue(DialplanEdit):
    """on: it is one of the queue's agents."""

    queue: Key
    extension: Annotated[str, Field(pattern=r"^[0-9A-Za-z._+*#-]{1,64}$")]
    on: bool


class CallerList(BaseModel):
    """A list of callers. numbers: whole. prefixes: first digits. file: with more, "" for none."""

    name: str
    numbers: list[str]
    prefixes: list[str]
    file: str


class CallerLists(BaseModel):
    """lists: in the order of the file."""

    lists: list[CallerList]


class ListedCaller(DialplanEdit):
    """kind: entry is a whole number, or the first digits of some. on: it is in the list."""

    list: Key
    kind: Literal["numbers", "prefixes"]
    entry: Annotated[str, Field(pattern=r"^[0-9+*(). -]{1,40}$")]
    on: bool


class VersionList(BaseModel):
    """versions: the newest first; who: "" for what was found in the file. bytes: of the text."""

    versions: list[dict[str, Any]]


class VersionText(BaseModel):
    """text: the whole file as it was."""

    text: str


@router.get("", operation_id="show_dialplan")
def show_dialplan(request: Request, response: Response, _who: Ops) -> DialplanText:
    """The dialplan's file, with its tag in `ETag`."""
    found = site_of(request).dialplan.read()
    response.headers["ETag"] = f'"{found.etag}"'
    return found


@router.put("", operation_id="put_dialplan")
def put_dialplan(request: Request, who: Ops, asked: Draft, if_match: IfMatch = None) -> PutLive:
    """Check a text, write it in the place of the file that `If-Match` names, and load it."""
    if if_match is None:
        raise NoTagError("expected If-Match with the ETag of the text that is replaced")
    return put_live(request, who, asked.text, if_match.strip('"'))


@router.post("/check", operation_id="check_dialplan")
def check_dialplan(request: Request, _who: Ops, asked: Draft) -> DraftCheck:
    """What is wrong with a text, as `callrouter check` says it."""
    return site_of(request).drafts.check(asked.text)


@router.post("/compare", operation_id="compare_dialplan")
def compare_dialplan(request: Request, _who: Ops, asked: ComparedDraft) -> DraftComparison:
    """Which of the last calls a text would decide differently, as `callrouter diff` says it."""
    return site_of(request).drafts.compare(asked.text, asked.days)


@router.get("/versions", operation_id="list_dialplan_versions")
def list_versions(request: Request, _who: Ops) -> VersionList:
    """The versions that were put live here, and what they replaced."""
    return VersionList(versions=site_of(request).versions.listed())


@router.get("/versions/{id}", operation_id="show_dialplan_version")
def show_version(request: Request, _who: Ops, id: Id) -> VersionText:
    """One of them; put it live to take it back."""
    text = site_of(request).versions.text(id)
    if text is None:
        raise NotFoundError(f"there is no version {id}")
    return VersionText(text=text)


@router.post("/closed_days", operation_id="close_schedule_on")
def close_schedule_on(request: Request, who: Ops, asked: ClosedDays) -> PutLive:
    """Close a schedule on some days, by an edit of the dialplan that changes nothing else."""
    first, last = _day(asked.first, "first"), _day(asked.last or asked.first, "last")
    yesterday = date.today() - timedelta(days=1)  # today's date is not that of all zones
    for spare, wanted in (
        ((last - first).days, f"a day from {first} on"),
        (_MOST_DAYS - (last - first).days, f"a day within {_MOST_DAYS} days of the first"),
        ((last - yesterday).days, "a day that is not past"),
    ):
        if spare < 0:
            field = "last" if asked.last else "first"
            raise BadValueError(f"{field}: expected {wanted}", field, wanted)
    days = str(first) if last == first else f"{first}..{last}"
    path = ("schedules", asked.schedule)
    return _edited(request, who, lambda text: _with(text, path, "closed", days))


@router.get("/closed_days", operation_id="show_schedule_days")
def show_schedule_days(request: Request, _who: Ops, schedule: Key) -> ScheduleDays:
    """The days on which the dialplan closes a schedule, beside those of the week."""
    path, text = ("schedules", schedule), site_of(request).dialplan.read().text
    try:
        closed, kept = (scalars_of(text, path, key) for key in ("closed", "holidays"))
    except TextEditError as error:
        raise NotFoundError(str(error)) from error
    return ScheduleDays(closed=closed, holidays="".join(kept))


@router.post("/closed_days/end", operation_id="reopen_schedule_on")
def reopen_schedule_on(request: Request, who: Ops, asked: ReopenedDays) -> PutLive:
    """Let a schedule follow its hours on days that it was closed on, by an edit of the dialplan."""
    path = ("schedules", asked.schedule)
    return _edited(request, who, lambda text: _without(text, path, "closed", asked.days))


@router.post("/holidays", operation_id="set_schedule_holidays")
def set_schedule_holidays(request: Request, who: Ops, asked: ScheduleHolidays) -> PutLive:
    """Close a schedule on the public holidays of a region, by an edit that changes nothing else."""
    path, key = ("schedules", asked.schedule), "holidays"
    if not asked.region:
        return _edited(request, who, lambda text: without_key(text, path, key))
    return _edited(request, who, lambda text: with_value(text, path, key, f'"{asked.region}"'))


@router.get("/lists", operation_id="show_caller_lists")
def show_caller_lists(request: Request, _who: Ops) -> CallerLists:
    """The lists of callers in the dialplan, without those of other files."""
    text = site_of(request).dialplan.read().text
    try:
        names = keys_of(text, ("lists",)) if "lists" in keys_of(text, ()) else []
        found = [_list_of(text, name) for name in names]
    except TextEditError as error:
        raise ConflictError(str(error)) from error
    return CallerLists(lists=found)


@router.post("/lists", operation_id="set_listed_caller")
def set_listed_caller(request: Request, who: Ops, asked: ListedCaller) -> PutLive:
    """Add a caller to a list, or take it out, by an edit that changes nothing else."""
    path, change = ("lists", asked.list), _with if asked.on else _without

    def edit(text: str) -> str:
        country = "".join(scalars_of(text, (), "country"))
        return change(text, path, asked.kind, asked.entry, lambda one: normalise(one, country))

    return _edited(request, who, edit)


@router.post("/lines", operation_id="set_number_lines")
def set_number_lines(request: Request, who: Ops, asked: NumberLines) -> PutLive:
    """Say how many calls a number may have, by an edit that changes nothing else."""
    path = ("numbers", asked.number)
    return _edited(request, who, lambda text: with_value(text, path, "lines", str(asked.lines)))


@router.post("/agents", operation_id="set_queue_agent")
def set_queue_agent(request: Request, who: Ops, asked: AgentOfQueue) -> PutLive:
    """Add an agent to a queue, or take it out, by an edit that changes nothing else."""
    path, name = ("queues", asked.queue), asked.extension
    if asked.on:
        return _edited(request, who, lambda text: with_item(text, path, "agents", f'"{name}"'))
    return _edited(request, who, lambda text: without_item(text, path, "agents", name, "extension"))


def _day(text: str, field: str) -> date:
    """A day of a request. Raises BadValueError."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        wanted = "a date such as 2026-12-31"
        raise BadValueError(f"{field}: expected {wanted}", field, wanted) from None


def _list_of(text: str, name: str) -> CallerList:
    numbers, prefixes, file = (
        scalars_of(text, ("lists", name), key) for key in ("numbers", "prefixes", "file")
    )
    return CallerList(name=name, numbers=numbers, prefixes=prefixes, file="".join(file))


def _with(text: str, path: tuple[str, str], key: str, item: str, read: _Reading = str) -> str:
    """A text with an item more in a list. Raises TextEditError when it is there already.

    read: what an item means, however it is written.
    """
    alike = _alike(text, path, key, item, read)
    if alike:
        raise TextEditError(f"{item} is there already, as {alike[0]}")
    return with_item(text, path, key, f'"{item}"')


def _without(text: str, path: tuple[str, str], key: str, item: str, read: _Reading = str) -> str:
    """A text without an item of a list; with the last one the list goes. Raises TextEditError."""
    alike = _alike(text, path, key, item, read) or [item]
    for one in alike:
        if scalars_of(text, path, key) == [one]:
            return without_key(text, path, key)
        text = without_item(text, path, key, one, "")
    return text


def _alike(text: str, path: tuple[str, str], key: str, item: str, read: _Reading) -> list[str]:
    """The items of a list that mean the same."""
    wanted = read(item)
    return [one for one in scalars_of(text, path, key) if read(one) == wanted]


def _edited(request: Request, who: WebIdentity, edit: Callable[[str], str]) -> PutLive:
    """Put an edited text live, by the tag of the one that was edited. Raises OperationError."""
    found = site_of(request).dialplan.read()
    try:
        text = edit(found.text)
    except TextEditError as error:
        raise ConflictError(str(error)) from error
    return put_live(request, who, text, found.etag)


def put_live(request: Request, who: WebIdentity, text: str, etag: str) -> PutLive:
    """Put a text live, with a row in the audit. Raises OperationError."""
    site = site_of(request)
    with site.audit.change(who.name, who.address, "put_dialplan", etag):
        return site.dialplan.put(text, etag, who.name)
