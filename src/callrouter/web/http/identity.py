"""Who asks: a session of a browser, or an API token; and whether they may."""

import time
from collections.abc import Callable
from typing import Annotated, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from callrouter.web.access.hashed_secrets import is_form_token
from callrouter.web.access.roles import Scope, WebIdentity
from callrouter.web.http.problems import ForbiddenError, NotSignedInError, TooManyError
from callrouter.web.http.site import Site, site_of

FORM_TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
_TOKEN_HEADER: Final = "X-Form-Token"  # noqa: S105 - the name of a header
SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))

Form = dict[str, str]


async def read_form(request: Request) -> Form:
    """The fields of a form, each as it was said last."""
    body = await request.body()
    text = body.decode(errors="replace")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=100))


def identify(request: Request) -> WebIdentity:
    """Who asks the API. Raises NotSignedInError, ForbiddenError, TooManyError."""
    site, secret = site_of(request), _bearer(request)
    if secret is None:
        return _browser(request, request.headers.get(_TOKEN_HEADER, ""))
    who = site.tokens.identity(secret, address_of(request))
    if who is None:
        raise NotSignedInError("the API token is none, or is none any more")
    return _known(request, who)


def viewing(request: Request) -> WebIdentity:
    """Who looks at a page. Raises as `identify` does."""
    return _browser(request, "")


def filling_in(request: Request, form: Annotated[Form, Depends(read_form)]) -> WebIdentity:
    """Who has filled in a form. Raises as `identify` does."""
    return _browser(request, form.get(FORM_TOKEN) or request.headers.get(_TOKEN_HEADER, ""))


def _browser(request: Request, token: str) -> WebIdentity:
    site = site_of(request)
    session = request.cookies.get(site.cookie)
    who = None if not session else site.sessions.identity(session, address_of(request))
    if who is None:
        raise NotSignedInError("nobody is signed in")
    if request.method not in SAFE:
        request.state.who = who
        check_origin(request)
        if not is_form_token(who.session, token):
            raise ForbiddenError("the form is not of this session: load the page again")
    return _known(request, who)


def _known(request: Request, who: WebIdentity) -> WebIdentity:
    request.state.who = who
    if not site_of(request).requests.take(who.name, time.monotonic()):
        raise TooManyError("too many requests")
    return who


def needing(scope: Scope) -> Callable[[WebIdentity], WebIdentity]:
    """The dependency of what needs a scope of the API."""

    def allowed(who: Annotated[WebIdentity, Depends(identify)]) -> WebIdentity:
        return check(who, scope)

    return allowed


def check(who: WebIdentity, scope: Scope) -> WebIdentity:
    """Somebody, who has a scope. Raises ForbiddenError."""
    if not who.may(scope):
        raise ForbiddenError(f"this needs the scope {scope}, which {who.role} has not")
    return who


def check_origin(request: Request) -> None:
    """Raises ForbiddenError for what another site's page has sent, or no page."""
    origin = request.headers.get("origin", "")
    if origin.lower() != own_origin(request):
        raise ForbiddenError("the request does not come from our own pages")
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise ForbiddenError("the request comes from another site")


def own_origin(request: Request) -> str:
    """Where our own pages are, as a browser says it."""
    site: Site = site_of(request)
    if site.web.url is not None:
        return site.web.url
    return f"{'https' if site.web.tls else 'http'}://{request.headers.get('host', '')}".lower()


def address_of(request: Request) -> str:
    """Where a request comes from."""
    return "" if request.client is None else request.client.host


def _bearer(request: Request) -> str | None:
    """The API token of a request, None when it has none. Raises NotSignedInError."""
    given = request.headers.get("authorization")
    if given is None:
        return None
    kind, _, secret = given.partition(" ")
    if kind.lower() != "bearer":
        raise NotSignedInError("expected Authorization: Bearer with an API token")
    return secret.strip()
