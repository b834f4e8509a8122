"""The page of blocked callers, banned addresses, and extensions barred by guards."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import bans, barrings, blocks
from callrouter.operations.operation import OperationError
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.dialplan_api import CallerList, set_listed_caller, show_caller_lists
from callrouter.web.http.identity import Form, check
from callrouter.web.pages.filled_forms import (
    NO_FAULT,
    Fault,
    Fields,
    Filler,
    SearchText,
    Viewer,
    acted,
    asked_of,
    done_of,
    edited,
    fault_of,
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {
    "/blocks/add": "add_block",
    "/blocks/release": "remove_block",
    "/blocks/ban": "add_ban",
    "/blocks/hear": "remove_ban",
    "/blocks/lift": "lift_barring",
    "/blocks/list": "set_listed_caller",
}
KINDS: Final = {"numbers": "a whole number", "prefixes": "first digits"}
LENGTHS: Final = {"3600": "an hour", "86400": "a day", "604800": "a week", "": "for ever"}
"""How long something holds, by seconds."""
_SHOWN: Final = 200


@router.get("/blocks")
def show_blocks(request: Request, who: Viewer, caller: SearchText = "") -> Response:
    """Who is refused, and who is not heard."""
    return _show(request, who, NO_FAULT, caller.strip())


@router.post("/blocks/add")
def add(request: Request, who: Filler, form: Fields) -> Response:
    """Block a caller."""
    number, caller = form.get("number", "").strip() or None, form.get("caller", "").strip()
    values = {"caller": caller, "number": number, "seconds": _seconds(form)}
    return acted(request, who, form, blocks.add_block, _show, **values)


@router.post("/blocks/release")
def release(request: Request, who: Filler, form: Fields) -> Response:
    """Release a caller."""
    number, caller = form.get("number") or None, form.get("caller", "")
    return acted(request, who, form, blocks.remove_block, _show, caller=caller, number=number)


@router.post("/blocks/ban")
def ban(request: Request, who: Filler, form: Fields) -> Response:
    """Ban an address."""
    address = form.get("address", "").strip()
    return acted(request, who, form, bans.add_ban, _show, address=address, seconds=_seconds(form))


@router.post("/blocks/hear")
def hear(request: Request, who: Filler, form: Fields) -> Response:
    """Hear an address again."""
    return acted(request, who, form, bans.remove_ban, _show, address=form.get("address", ""))


@router.post("/blocks/lift")
def lift(request: Request, who: Filler, form: Fields) -> Response:
    """Let an extension call abroad again."""
    extension = form.get("extension", "")
    return acted(request, who, form, barrings.lift_barring, _show, extension=extension)


@router.post("/blocks/list")
def change_list(request: Request, who: Filler, form: Fields) -> Response:
    """Add a caller to a list of the dialplan, or take it out."""
    values = {name: form.get(name, "").strip() for name in ("list", "kind", "entry")}
    is_on = form.get("change") == "add"
    return edited(request, who, form, set_listed_caller, _show, **values, on=is_on)


def _show(request: Request, who: WebIdentity, fault: Fault, caller: str = "") -> Response:
    check(who, Scope.NUMBERS)
    try:
        found = asked_of(request, who, blocks.list_blocks, caller=caller or None, most=_SHOWN)
    except OperationError as error:
        fault = fault if fault.why else fault_of(request, {"caller": caller}, error)
        found = blocks.BlockList(blocks=[], all=0, lists=[])
    banned = asked_of(request, who, bans.list_bans, most=_SHOWN)
    return page(
        request,
        "blocks.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        blocks=found,
        bans=banned,
        barrings=asked_of(request, who, barrings.list_barrings),
        caller=caller,
        lengths=LENGTHS,
        changes=who.may(Scope.BLOCKS),
        lists=_lists(request, who),
        kinds=KINDS,
    )


def _lists(request: Request, who: WebIdentity) -> list[CallerList]:
    """The lists of the dialplan, for who may change them; none when it cannot be edited here."""
    if not who.may(Scope.DIALPLAN):
        return []
    try:
        return show_caller_lists(request, who).lists
    except OperationError:
        return []


def _seconds(form: Form) -> float | None:
    chosen = form.get("seconds", "")
    return float(chosen) if chosen and chosen in LENGTHS else None
