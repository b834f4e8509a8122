"""UAS checks of any request, before what it asks is looked at (RFC 3261 section 8.2)."""

import re
from typing import Final

from callrouter.errors import ParseError, SipError
from callrouter.sip.body import DESCRIBING, BodyError, take_session
from callrouter.sip.headers import parse_address, split_tokens, split_values
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
_TAKEN: Final = frozenset(METHODS)
_KNOWN: Final = frozenset((*METHODS, "REGISTER", "PUBLISH"))
# The only subscription we know is the one that a REFER begins, to us; nobody notifies us of one.
_EVENTS: Final = {"SUBSCRIBE": 489, "NOTIFY": 481}
_MOST_CONTACTS: Final = 20
_OTHER_SCHEME: Final = 416


class RefusedError(SipError):
    """A request this UAS cannot take. extra: the header rows that the answer has to carry."""

    def __init__(self, message: str, status: int, extra: str = "") -> None:
        super().__init__(message, status)
        self.extra = extra


def inspect(request: Request) -> None:
    """Refuse what RFC 3261 section 8.2 says no UAS of our abilities may take.

    What describes a session is left alone in its request. Raises RefusedError: 405 with Allow, 501,
    416, 420 with Unsupported, 415 with Accept or Accept-Encoding, 406, 481 and 489 for events; or
    ParseError 400 for a Request-URI or a multipart that is none. ACK and CANCEL are
    never to be given to it (section 8.2.2.3).
    """
    method = request.method
    if method not in _TAKEN:
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
    if request.headers.get("content-encoding", "").lower() not in {"", "identity"}:
        raise RefusedError("unsupported content encoding", 415, "Accept-Encoding: identity\r\n")
    if method == "PRACK" and not RACK.match(request.get("rack")):
        raise ParseError("a PRACK without RAck, or with one that is none")
    if method in DESCRIBING:
        _inspect_session(request)


RACK: Final = re.compile(r"[ \t]*([0-9]{1,10})[ \t]+([0-9]{1,10})[ \t]+([A-Z]{1,20})[ \t]*\Z")
"""The numbers of the response and of its request, and that one's method (RFC 3262 7.2)."""


def inspect_register(request: Request) -> None:
    """Refuse a REGISTER that no registrar could carry out, before it is asked for a password.

    Raises ParseError 400 for addresses and URIs that are none (RFC 3261 section 10.3, RFC 5118
    section 4.2), and for a `*` that is not alone or does not remove (section 10.2.2); 416 for a
    Request-URI of another scheme, or that is a telephone number, which has no registrar (sections
    8.2.2.1 and 10.2). A Contact may be a URI of any scheme, which the registrar judges.
    """
    if parse_uri(request.uri).scheme == "tel":
        raise ParseError("a telephone number is no registrar", _OTHER_SCHEME)
    for address in (request.from_(), request.to()):
        try:
            parse_uri(address.uri)
        except ParseError as error:
            raise ParseError(f"no address of record: {error}") from error
    contacts = split_values(request.rows("contact"))
    if "*" in contacts:
        if len(contacts) > 1 or request.get("expires").strip() != "0":
            raise ParseError("a wildcard among other contacts, or that does not remove")
        return
    for value in contacts[:_MOST_CONTACTS]:
        try:
            parse_uri(parse_address(value).uri)
        except ParseError as error:
            if error.status != _OTHER_SCHEME:
                raise


def _inspect_session(request: Request) -> None:
    """Bodies and Accept of the requests that describe a session (sections 8.2.3 and 20.1)."""
    if request.body:
        try:
            take_session(request)
        except BodyError as error:
            raise RefusedError(str(error), error.status, error.extra) from None
    if "accept" in request.headers:
        accepted = {value.lower() for value in split_tokens(request.rows("accept"))}
        if accepted.isdisjoint(("application/sdp", "application/*", "*/*")):
            raise RefusedError("the peer accepts no SDP", 406, ACCEPT)
