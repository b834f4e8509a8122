"""The page of accounts: how they stand, top-ups, adjustments, and suspension."""

import secrets
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from callrouter.operations import accounts
from callrouter.operations.operation import Operation
from callrouter.web.access.roles import Scope, WebIdentity
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
)
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {
    "/accounts/top-up": "top_up",
    "/accounts/adjust": "adjust_account",
    "/accounts/suspend": "suspend_account",
    "/accounts/resume": "resume_account",
}
STATES: Final = ("active", "suspended", "reclaimed")
_ENTRIES: Final = 50


@router.get("/accounts")
def show_accounts(request: Request, who: Viewer, account: SearchText = "") -> Response:
    """All accounts, and the ledger of one."""
    return _show(request, who, NO_FAULT, account)


@router.post("/accounts/top-up")
def top_up(request: Request, who: Filler, form: Fields) -> Response:
    """Book what was paid in, once, however often the form is sent."""
    return _booked(request, who, form, accounts.top_up)


@router.post("/accounts/adjust")
def adjust(request: Request, who: Filler, form: Fields) -> Response:
    """Correct a balance."""
    return _booked(request, who, form, accounts.adjust_account)


@router.post("/accounts/suspend")
def suspend(request: Request, who: Filler, form: Fields) -> Response:
    """Refuse the calls of one from now on."""
    name = form.get("account", "")
    return acted(request, who, form, accounts.suspend_account, _show, account=name)


@router.post("/accounts/resume")
def resume(request: Request, who: Filler, form: Fields) -> Response:
    """Let one pay for calls again."""
    name = form.get("account", "")
    return acted(request, who, form, accounts.resume_account, _show, account=name)


def _booked(
    request: Request,
    who: WebIdentity,
    form: Form,
    operation: Operation[Any, accounts.AccountStanding],
) -> Response:
    names = ("account", "amount", "reference", "note")
    values = {name: form.get(name, "").strip() for name in names}
    return acted(request, who, form, operation, _show, **values)


def _show(request: Request, who: WebIdentity, fault: Fault, chosen: str = "") -> Response:
    check(who, Scope.ACCOUNTS)
    found = asked_of(request, who, accounts.list_accounts).accounts
    chosen = chosen or fault.given.get("account", "") or next((one.name for one in found), "")
    statement = None
    if chosen:
        statement = asked_of(request, who, accounts.show_account, account=chosen, most=_ENTRIES)
    return page(
        request,
        "accounts.html",
        who,
        fault.status,
        fault=fault,
        done=done_of(request),
        accounts=found,
        statement=statement,
        reference=fault.given.get("reference") or secrets.token_hex(16),
    )
