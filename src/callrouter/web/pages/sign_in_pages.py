"""The pages by which browsers come in and go: login, invitation, logout; language and theme."""

import time
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from callrouter.net.overload.rate_limit import neighbours
from callrouter.web.access.audit import DONE, REFUSED
from callrouter.web.access.people import AccountError
from callrouter.web.access.roles import WebIdentity
from callrouter.web.access.sessions import LONGEST_SECONDS
from callrouter.web.http.identity import (
    Form,
    address_of,
    check_origin,
    filling_in,
    read_form,
)
from callrouter.web.http.problems import TooManyError
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.catalogues import LANGUAGES
from callrouter.web.pages.rendering import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, page

router: Final = APIRouter()
ACTIONS: Final = {"/login": "", "/logout": "", "/invitation/{secret}": "", "/preferences": ""}
"""Of browsers alone: a program has a token, and needs neither a session nor a theme."""

_YEAR: Final = 365 * 86400
Text = Annotated[str, Query(max_length=500)]
Fields = Annotated[Form, Depends(read_form)]


@router.get("/login")
def show_login(request: Request, next: Text = "/") -> Response:
    """The form."""
    return page(request, "login.html", None, next=_inside(next), name="", why="")


@router.post("/login")
def login(request: Request, form: Fields) -> Response:
    """Begin a session. Raises ForbiddenError, TooManyError."""
    check_origin(request)
    site, address, name = site_of(request), address_of(request), form.get("name", "")
    now, place = time.monotonic(), f"from {neighbours(address)}"
    if not (site.logins.take(place, now) and site.logins.take(f"as {name}", now)):
        raise TooManyError("too many logins: wait a few seconds")
    after = _inside(form.get("next", "/"))
    code = form.get("code", "").replace(" ", "")
    if not site.people.signed_in(name, form.get("password", ""), code):
        site.audit.note(name, address, "login", "", REFUSED)
        return page(
            request,
            "login.html",
            None,
            403,
            next=after,
            name=name,
            why="The name, the password or the code is wrong.",
        )
    site.audit.note(name, address, "login", "", DONE)
    old = request.cookies.get(site.cookie)
    if old:
        site.sessions.end(old)
    return _signed_in(site, name, after)


@router.post("/logout")
def logout(request: Request, who: Annotated[WebIdentity, Depends(filling_in)]) -> Response:
    """End the session."""
    site = site_of(request)
    site.sessions.end(who.session)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    response.delete_cookie(site.cookie, **_cookie(site))
    return response


@router.get("/invitation/{secret}")
def show_invitation(request: Request, secret: str) -> Response:
    """The form by which somebody signs up."""
    invited = site_of(request).people.invitation(secret)
    status = 200 if invited else 404
    return page(request, "invitation.html", None, status, invited=invited, name="", why="")


@router.post("/invitation/{secret}")
def accept_invitation(request: Request, secret: str, form: Fields) -> Response:
    """Sign up, and begin a session. Raises ForbiddenError."""
    check_origin(request)
    site, address, name = site_of(request), address_of(request), form.get("name", "").strip()
    try:
        if form.get("password", "") != form.get("again", ""):
            raise AccountError("The two passwords differ.", "password")
        site.people.accept(secret, name, form.get("password", ""))
    except AccountError as error:
        invited = site.people.invitation(secret)
        why = str(error)
        return page(request, "invitation.html", None, 400, invited=invited, name=name, why=why)
    site.audit.note(name, address, "accept_invitation", "", DONE)
    return _signed_in(site, name, "/")


@router.post("/preferences")
def prefer(request: Request, form: Fields) -> Response:
    """Keep a language or a theme in the browser. Raises ForbiddenError."""
    check_origin(request)
    response = RedirectResponse(_inside(form.get("next", "/")), HTTPStatus.SEE_OTHER)
    choices: dict[str, Any] = {LANGUAGE_COOKIE: LANGUAGES, THEME_COOKIE: THEMES}
    for name, known in choices.items():
        if form.get(name) in known:
            cookie = _cookie(site_of(request))
            response.set_cookie(name, form[name], max_age=_YEAR, **cookie)
    return response


def _signed_in(site: Site, name: str, after: str) -> Response:
    response = RedirectResponse(after, HTTPStatus.SEE_OTHER)
    secret = site.sessions.begin(name)
    response.set_cookie(site.cookie, secret, max_age=LONGEST_SECONDS, **_cookie(site))
    return response


def _cookie(site: Site) -> dict[str, Any]:
    return {"path": "/", "secure": site.web.is_https, "httponly": True, "samesite": "lax"}


def _inside(path: str) -> str:
    """A path of this site, whatever was asked for."""
    is_ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if is_ours and path.isprintable() else "/"
