"""What any UAS checks of a request before it looks at what is asked (RFC 3261 section 8.2)."""

from typing import Final

from callrouter.errors import SipError
from callrouter.sip.headers import split_tokens
from callrouter.sip.message import Request
from callrouter.sip.uri import parse_uri

METHODS: Final = (
    *("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "UPDATE", "INFO"),
    *("PRACK", "REFER", "MESSAGE"),
)
ALLOW: Final = f"Allow: {', '.join(METHODS)}\r\n"
ALLOW_OUTSIDE: Final = ALLOW.replace(", REFER, MESSAGE", "")
"""What is allowed outside a dialog."""
ACCEPT: Final = "Accept: application/sdp\r\n"
EXTENSIONS: Final = frozenset(("100rel", "replaces", "timer"))
SUPPORTED: Final = f"Supported: {', '.join(sorted(EXTENSIONS))}\r\n"
_KNOWN: Final = frozenset((*METHODS, "REGISTER", "PUBLISH"))
# The only subscription we know is the one that a REFER begins, to us; nobody notifies us of one.
_EVENTS: Final = {"SUBSCRIBE": 489, "NOTIFY": 481}
_BODIES: Final = frozenset(("application/sdp",))


class RefusedError(SipError):
    """A request this UAS cannot take. extra: the header rows that the answer has to carry."""

    def __init__(self, message: str, status: int, extra: str = "") -> None:
        super().__init__(message, status)
        self.extra = extra


def inspect(request: Request) -> None:
    """Refuse what RFC 3261 section 8.2 says no UAS of our abilities may take.

    Raises RefusedError: 405 with Allow, 501, 416, 420 with Unsupported, 415 with Accept or
    Accept-Encoding, 406, 481 and 489 for
    events; or ParseError 400 for a Request-URI that is none. ACK and CANCEL are
    never to be given to it (section 8.2.2.3).
    """
    method = request.method
    if method not in METHODS:
        if method in _EVENTS:
            raise RefusedError("no such subscription", _EVENTS[method], "Allow-Events: refer\r\n")
        if method in _KNOWN:
            raise RefusedError(f"{method} is not allowed here", 405, ALLOW)
        raise RefusedError(f"{method[:40]} is not implemented", 501, ALLOW)
    parse_uri(request.uri)
    headers = request.headers
    if "require" in headers or "proxy-require" in headers:
        tags = split_tokens([*request.rows("require"), *request.rows("proxy-require")])
        unknown = [tag for tag in tags if tag.lower() not in EXTENSIONS]
        if unknown:
            # As short as it was asked: an answer larger than the request would be of use to floods.
            raise RefusedError(
                "unsupported extension", 420, f"Unsupported: {','.join(unknown)}\r\n"
            )
    if request.get("content-encoding").lower() not in {"", "identity"}:
        raise RefusedError("unsupported content encoding", 415, "Accept-Encoding: identity\r\n")
    if method in {"INVITE", "UPDATE", "PRACK"}:
        _inspect_session(request)


def _inspect_session(request: Request) -> None:
    """Bodies and Accept of the requests that describe a session (sections 8.2.3 and 20.1)."""
    kind = request.get("content-type").partition(";")[0].strip(" \t").lower()
    if request.body and kind not in _BODIES:
        raise RefusedError(f"unsupported body type {kind[:60]!r}", 415, ACCEPT)
    if "accept" in request.headers:
        accepted = {value.lower() for value in split_tokens(request.rows("accept"))}
        if accepted.isdisjoint(("application/sdp", "application/*", "*/*")):
            raise RefusedError("the peer accepts no SDP", 406, ACCEPT)
