"""The pages of accounts: one's own, those of all people, and the audit."""

from http import HTTPStatus
from typing import Annotated, Any, Final

import pyotp
from fastapi import APIRouter, Depends, Query, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from callrouter.errors import CallrouterError
from callrouter.web.access.people import AccountError
from callrouter.web.access.roles import MEANINGS, ROLES, Scope, WebIdentity
from callrouter.web.http import accounts_api as api
from callrouter.web.http.identity import Form, check, filling_in, read_form, viewing
from callrouter.web.http.site import site_of
from callrouter.web.http.wrong_values import said_wrong
from callrouter.web.pages.page_rendering import page

router: Final = APIRouter()
ACTIONS: Final = {
    "/me/password": "change_password",
    "/me/second-factor": "begin_second_factor",
    "/me/second-factor/end": "end_second_factor",
    "/me/tokens": "make_token",
    "/me/tokens/{id}/remove": "remove_token",
    "/people/invite": "invite_person",
    "/people/{name}/remove": "remove_person",
}

Viewer = Annotated[WebIdentity, Depends(viewing)]
Filler = Annotated[WebIdentity, Depends(filling_in)]
Fields = Annotated[Form, Depends(read_form)]

_ROWS: Final = 100
_ISSUER: Final = "callrouter"


@router.get("/me")
def show_me(request: Request, who: Viewer) -> Response:
    """One's own account."""
    return _me(request, who)


@router.post("/me/password")
def change_password(request: Request, who: Filler, form: Fields) -> Response:
    """Change one's password."""
    try:
        if form.get("password") != form.get("again"):
            raise AccountError("The two passwords differ.", "password")
        asked = _asked(api.ChangePassword, form, "before", "password")
        api.change_password(request, who, asked)
    except CallrouterError as error:
        return _me(request, who, why=str(error))
    return _me(request, who, done="The password is changed.")


@router.post("/me/second-factor")
def begin_second_factor(request: Request, who: Filler, form: Fields) -> Response:
    """Ask for codes from now on."""
    try:
        asked = _asked(api.BeginSecondFactor, form, "secret", "code")
        api.begin_second_factor(request, who, asked)
    except CallrouterError as error:
        return _me(request, who, why=str(error))
    return _me(request, who, done="Each login asks for a code from now on.")


@router.post("/me/second-factor/end")
def end_second_factor(request: Request, who: Filler, form: Fields) -> Response:
    """Ask for no code any more."""
    try:
        asked = _asked(api.EndSecondFactor, form, "password", "code")
        api.end_second_factor(request, who, asked)
    except CallrouterError as error:
        return _me(request, who, why=str(error))
    return _me(request, who, done="No code is asked for any more.")


@router.post("/me/tokens")
def make_token(request: Request, who: Filler, form: Fields) -> Response:
    """Make an API token, and show its secret this one time."""
    try:
        days = int(form["days"]) if form.get("days", "").isdecimal() else 365
        scopes = [scope for scope in Scope if form.get(f"scope_{scope}")]
        values = {
            "purpose": form.get("purpose", ""),
            "scopes": list(map(str, scopes)),
            "days": days,
        }
        made = api.make_token(request, who, _valid(api.MakeToken, values))
    except CallrouterError as error:
        return _me(request, who, why=str(error))
    return _me(request, who, secret=made.secret)


@router.post("/me/tokens/{id}/remove")
def remove_token(request: Request, who: Filler, id: str) -> Response:
    """Remove an API token."""
    api.remove_token(request, who, id)
    return RedirectResponse("/me", HTTPStatus.SEE_OTHER)


@router.get("/people")
def show_people(request: Request, who: Viewer) -> Response:
    """Everybody who may sign in."""
    return _people(request, who)


@router.post("/people/invite")
def invite(request: Request, who: Filler, form: Fields) -> Response:
    """Make a link by which somebody signs up."""
    check(who, Scope.PEOPLE)
    try:
        asked = _asked(api.InvitePerson, form, "role", "extension")
        made = api.invite_person(request, who, asked)
    except CallrouterError as error:
        return _people(request, who, why=str(error))
    return _people(request, who, link=made.link)


@router.post("/people/{name}/remove")
def remove(request: Request, who: Filler, name: str) -> Response:
    """Remove somebody."""
    check(who, Scope.PEOPLE)
    try:
        api.remove_person(request, who, name)
    except CallrouterError as error:
        return _people(request, who, why=str(error))
    return RedirectResponse("/people", HTTPStatus.SEE_OTHER)


@router.get("/audit")
def show_audit(
    request: Request, who: Viewer, before: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> Response:
    """Who has changed what."""
    rows = site_of(request).audit.newest(_ROWS, before)
    more = rows[-1]["id"] if len(rows) == _ROWS else 0
    return page(request, "audit.html", check(who, Scope.PEOPLE), rows=rows, more=more)


def _me(
    request: Request, who: WebIdentity, *, why: str = "", done: str = "", secret: str = ""
) -> Response:
    site = site_of(request)
    person = site.people.one(who.name)
    totp = pyotp.random_base32()
    return page(
        request,
        "me.html",
        who,
        400 if why else 200,
        why=why,
        done=done,
        secret=secret,
        second_factor=person is not None and bool(person["totp"]),
        totp=totp,
        uri=pyotp.TOTP(totp).provisioning_uri(name=who.name, issuer_name=_ISSUER),
        tokens=site.tokens.listed(who.name),
        meanings={scope: MEANINGS[scope] for scope in sorted(who.scopes)},
    )


def _people(request: Request, who: WebIdentity, *, why: str = "", link: str = "") -> Response:
    check(who, Scope.PEOPLE)
    people = site_of(request).people.listed()
    status = 400 if why else 200
    return page(
        request, "people.html", who, status, people=people, roles=list(ROLES), why=why, link=link
    )


def _asked(model: Any, form: Form, *names: str) -> Any:
    return _valid(model, {name: form.get(name, "") for name in names})


def _valid(model: Any, values: dict[str, Any]) -> Any:
    """A request of the API, as a form says it. Raises AccountError."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        raise AccountError(said_wrong(field, first), field) from error
