"""The pages by which browsers come in and go: login, invitation, logout; language and theme."""

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from callrouter.net.overload.rate_limit import neighbours
from callrouter.operations.operation import NotFoundError
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
from callrouter.web.http.site import SIGN_ON_PATH, Site, site_of
from callrouter.web.pages.catalogues import LANGUAGES
from callrouter.web.pages.page_rendering import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, page

if TYPE_CHECKING:
    from callrouter.web.access.single_sign_on import SingleSignOn

router: Final = APIRouter()
ACTIONS: Final = {"/login": "", "/logout": "", "/invitation/{secret}": "", "/preferences": ""}
"""Of browsers alone: a program has a token, and needs neither a session nor a theme."""

_YEAR: Final = 365 * 86400
_SIGN_ON_SECONDS: Final = 600
Text = Annotated[str, Query(max_length=500)]
Code = Annotated[str, Query(max_length=2000)]
Fields = Annotated[Form, Depends(read_form)]


@router.get("/login")
def show_login(request: Request, next: Text = "/") -> Response:
    """The form."""
    return _login_page(request, 200, next=_inside(next))


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
        why = "The name, the password or the code is wrong."
        return _login_page(request, 403, next=after, name=name, why=why)
    site.audit.note(name, address, "login", "", DONE)
    old = request.cookies.get(site.cookie)
    if old:
        site.sessions.end(old)
    return _signed_in(site, name, after)


@router.get("/login/single")
def begin_sign_on(request: Request) -> Response:
    """Go to the provider. Raises NotFoundError, AccountError, TooManyError."""
    site = site_of(request)
    if not site.requests.take(f"from {neighbours(address_of(request))}", time.monotonic()):
        raise TooManyError("too many logins: wait a few seconds")
    place, state = _sign_on(site).begin()
    response = RedirectResponse(place, HTTPStatus.SEE_OTHER)
    response.set_cookie(_state_cookie(site), state, max_age=_SIGN_ON_SECONDS, **_cookie(site))
    return response


@router.get(SIGN_ON_PATH)
def end_sign_on(request: Request, state: Text = "", code: Code = "") -> Response:
    """Come back from the provider, and begin a session. Raises NotFoundError."""
    site, address = site_of(request), address_of(request)
    sign_on, name = _sign_on(site), ""
    try:
        # Only in the browser that has begun: nobody is signed in as somebody else by a link.
        if not state or request.cookies.get(_state_cookie(site)) != state:
            raise AccountError("this login was not begun in this browser")
        name, role = sign_on.finish(state, code)
        site.people.signed_on(name, role)
    except AccountError as error:
        site.audit.note(name, address, "sign_on", "", f"{REFUSED}: {error}")
        return _login_page(request, 403, why=str(error))
    site.audit.note(name, address, "sign_on", role, DONE)
    response = _signed_in(site, name, "/")
    response.delete_cookie(_state_cookie(site), **_cookie(site))
    return response


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


def _login_page(
    request: Request, status: int, *, next: str = "/", name: str = "", why: str = ""
) -> Response:
    single = site_of(request).sign_on is not None
    values = {"next": next, "name": name, "why": why, "single": single}
    return page(request, "login.html", None, status, **values)


def _sign_on(site: Site) -> "SingleSignOn":
    if site.sign_on is None:
        raise NotFoundError("the settings name no provider of logins")
    return site.sign_on


def _state_cookie(site: Site) -> str:
    return f"{site.cookie}-sign-on"


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
