"""The page of numbers and their lives: which take calls, what became of one, and changes."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import numbers
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.identity import check
from callrouter.web.pages.filled_forms import (
    Fault,
    Fields,
    Filler,
    SearchText,
    Viewer,
    acted,
    asked_of,
    done_of,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {"/numbers/change": "change_number"}
STATES: Final = (
    *("reserved", "active", "suspended", "disconnecting", "gone", "reclaimed"),
    numbers.UNMANAGED,
    "changed",
)
CHANGES: Final = {
    "activate": "begin to take calls",
    "suspend": "take no calls for now",
    "resume": "take calls again",
    "reserve": "keep for a customer, for some working days",
    "disconnect": "end for good; it can be undone for a day",
    "undo": "undo the end",
    "reclaim": "take back",
}
_FINAL: Final = ("suspend", "disconnect", "reclaim")
"""Changes that take a number from somebody."""
_ENTRIES: Final = 50
_SHOWN: Final = 200


@router.get("/numbers")
def show_numbers(
    request: Request, who: Viewer, number: SearchText = "", part: SearchText = ""
) -> Response:
    """The numbers, those with a life first, and what became of one."""
    return _show(request, who, Fault(given={"part": part.strip()}), number)


@router.post("/numbers/change")
def change(request: Request, who: Filler, form: Fields) -> Response:
    """Change the life of a number."""
    values: dict[str, object] = {
        name: form.get(name, "").strip() for name in ("number", "change", "note")
    }
    days = form.get("working_days", "").strip()
    values |= {"working_days": int(days) if days.isdecimal() else days or None, "who": who.name}
    return acted(request, who, form, numbers.change_number, _show, **values)


def _show(request: Request, who: WebIdentity, fault: Fault, chosen: str = "") -> Response:
    check(who, Scope.NUMBERS)
    history = None
    if chosen:
        history = asked_of(request, who, numbers.show_number, number=chosen, most=_ENTRIES)
    part = fault.given.get("part", "")
    every = asked_of(request, who, numbers.list_numbers).numbers
    found = [one for one in every if part in one.number]
    return page(
        request,
        "numbers.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        numbers=found[:_SHOWN],
        found=len(found),
        any=bool(every),
        part=part,
        unmanaged=numbers.UNMANAGED,
        history=history,
        choices=CHANGES,
        final=_FINAL,
        changes=who.may(Scope.LIVES),
    )
