"""Rendering of pages: templates, and what all of them are given."""

import datetime
import zoneinfo
from collections.abc import Mapping
from functools import cache, cached_property
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from callrouter.dialplan.grammar.typed_times import zone_of
from callrouter.errors import ConfigError
from callrouter.web.access.hashed_secrets import form_token
from callrouter.web.access.roles import WebIdentity
from callrouter.web.http.problems import NotSignedInError
from callrouter.web.http.site import Site, site_of
from callrouter.web.pages.catalogues import LANGUAGES, translator, wanted_language
from callrouter.web.pages.navigation import menu_of

LANGUAGE_COOKIE: Final = "language"
THEME_COOKIE: Final = "theme"
THEMES: Final = ("auto", "light", "dark")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("callrouter.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["seconds"] = _seconds
    return environment


def language_of(request: Request) -> str:
    """The language that a page is to be in."""
    accepted = request.headers.get("accept-language", "")
    return wanted_language(request.cookies.get(LANGUAGE_COOKIE, ""), accepted)


def fragment(site: Site, language: str, template: str, values: Mapping[str, Any]) -> str:
    """A part of a page."""
    return (
        _environment()
        .get_template(template)
        .render(_=translator(language), clock=Clock(site), **values)
    )


def page(
    request: Request,
    template: str,
    who: WebIdentity | None,
    status: int = 200,
    **values: Any,
) -> Response:
    """A whole page for somebody, or for nobody who is known."""
    language = language_of(request)
    theme = request.cookies.get(THEME_COOKIE, "")
    around = {
        "language": language,
        "languages": LANGUAGES,
        "theme": theme if theme in THEMES else THEMES[0],
        "themes": THEMES,
        "who": who,
        "menu": [] if who is None else menu_of(who),
        "path": request.url.path,
        "here": str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        "form_token": "" if who is None else form_token(who.session),
    }
    return HTMLResponse(fragment(site_of(request), language, template, around | values), status)


def error_page(request: Request, status: int, why: str) -> Response:
    """What is wrong, as a page; who is not signed in is asked to."""
    if status == NotSignedInError.status:
        if "hx-request" in request.headers:
            return Response(status_code=status, headers={"HX-Redirect": "/login"})
        back = f"?next={quote(request.url.path)}" if request.method == "GET" else ""
        return RedirectResponse(f"/login{back}", HTTPStatus.SEE_OTHER)
    who = getattr(request.state, "who", None)
    who = who if who is not None and who.session else None
    title = HTTPStatus(status).phrase
    return page(request, "error.html", who, status, title=title, why=why)


class Clock:
    """How times are written: on the clocks of the dialplan; the browser puts its own beside."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @cached_property
    def zone(self) -> datetime.tzinfo:
        """The time zone of the dialplan, UTC when that cannot be read."""
        try:
            return zone_of(self._site.settings.dialplan)
        except ConfigError:
            return zoneinfo.ZoneInfo("UTC")

    def __call__(self, seconds: float) -> Markup:
        """A Unix time as an element that the browser writes in its own zone."""
        try:
            moment = datetime.datetime.fromtimestamp(seconds, self.zone)
        except (OverflowError, ValueError):  # past all calendars
            return Markup("{}").format(f"{seconds:g}")
        return Markup('<time datetime="{}">{}</time>').format(
            moment.isoformat(timespec="milliseconds"), f"{moment:%Y-%m-%d %H:%M:%S}"
        )

    def day(self, moment: float) -> str:
        """The date of a Unix time."""
        return f"{datetime.datetime.fromtimestamp(moment, self.zone):%Y-%m-%d}"

    def midnight(self, date: str, days: int = 0) -> float:
        """The Unix time at which a day begins, or one so many days later. Raises ValueError."""
        day = datetime.date.fromisoformat(date) + datetime.timedelta(days=days)
        return datetime.datetime.combine(day, datetime.time(), self.zone).timestamp()


def _seconds(ms: float | None) -> str:
    """Milliseconds as seconds; what was never is a dash."""
    return "-" if ms is None else f"{ms / 1000:.1f}"
