"""The guard: headers that every answer carries, and the longest body that a request may have."""

from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callrouter.operations.operation import Problem
from callrouter.web.http.problems import described

MAX_BYTES: Final = 64 * 1024
"""The longest body of a request."""
_DIALPLAN_BYTES: Final = 3 * 1024 * 1024
_DIALPLAN: Final = ("/dialplan/", "/api/v1/dialplan")
"""Paths whose requests have a whole dialplan in them."""
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; media-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Without it the Origin of a form would be `null`.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS: Final = "max-age=31536000"


def _name(host: str) -> str:
    """The name of a Host header, without its port; "" for what is none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


class RequestGuard:
    """The outermost application."""

    def __init__(self, app: ASGIApp, *, https: bool, hosts: frozenset[str]) -> None:
        """hosts: the names by which we may be asked, none for any."""
        self.app = app
        self._hosts = hosts
        self._headers = dict(_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = _HSTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        headers = Headers(scope=scope)
        length = headers.get("content-length", "")
        longest = _DIALPLAN_BYTES if scope["path"].startswith(_DIALPLAN) else MAX_BYTES
        if self._hosts and _name(headers.get("host", "")) not in self._hosts:
            # Another site's name that leads here would make its pages ours (DNS rebinding).
            said = f"expected a Host of: {', '.join(sorted(self._hosts))}"
            response = described(421, Problem(code="malformed", error=said))
            await response(scope, receive, guarded)
        elif "transfer-encoding" in headers:
            said = "expected a Content-Length"
            response = described(411, Problem(code="malformed", error=said))
            await response(scope, receive, guarded)
        elif length.isdecimal() and int(length) > longest:
            said = f"expected {longest} bytes at most"
            response = described(413, Problem(code="malformed", error=said))
            await response(scope, receive, guarded)
        else:
            # Who leaves in the middle of a request has no answer, and is nothing to log.
            with suppress(ClientDisconnect):
                await self.app(scope, receive, guarded)
