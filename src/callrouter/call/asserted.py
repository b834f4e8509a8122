"""Who the caller is said to be, and who is told so (RFC 3323, RFC 3325).

Rules. P-Asserted-Identity is believed of trusted trunks and gateways only, and goes to trusted ones
only; each value is built anew, at our address. So it is for who answers, and for both inside a
call. A caller who asks for privacy is anonymous to everybody else. Remote-Party-ID is read where
P-Asserted-Identity would be, and is never sent.
"""

from typing import Final

from callrouter.call.policy import caller_uri, from_value
from callrouter.errors import SipError
from callrouter.route.peers import Peer
from callrouter.sip.headers import Address, parse_address, split_values
from callrouter.sip.message import Message, Request
from callrouter.sip.uri import Uri

_MOST: Final = 2
"""Values of P-Asserted-Identity: one SIP URI and one tel URI (RFC 3325 section 9.1)."""
_SEEN: Final = ("id", "user", "header", "session", "history", "none", "critical")
_HIDING: Final = frozenset(("id", "user", "header"))
_NOBODY: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'


def privacy_of(message: Message) -> tuple[str, ...]:
    """What Privacy asks for, in lower case; only what RFCs 3323, 3325 and 7044 know."""
    text = message.get("privacy")
    if not text:
        return ()
    asked = {token.strip(" \t").lower() for token in text.replace(",", ";").split(";")}
    return tuple(token for token in _SEEN if token in asked)


def asserted_in(message: Message) -> list[tuple[Address, Uri]]:
    """Who it is by P-Asserted-Identity, else by Remote-Party-ID; empty when that is nobody."""
    for name in ("p-asserted-identity", "remote-party-id"):
        if name not in message.headers:
            continue
        found = []
        for value in split_values(message.rows(name))[:_MOST]:
            try:
                address = parse_address(value)
            except SipError:
                continue
            uri = caller_uri(address)
            if uri is not None and uri.scheme in {"sip", "sips", "tel"}:
                found.append((address, uri))
        if found:
            return found
    return []


def routing_caller(request: Request, peer: Peer) -> Uri | None:
    """The caller as the dialplan is to know it. Raises ParseError for a From that is none."""
    if peer.caller_is_asserted:
        asserted = asserted_in(request)
        if asserted:
            return asserted[0][1]
    return caller_uri(request.from_())


def shown_caller(request: Request, sink: Peer, host: str) -> str:
    """The From value for a peer, without its tag. host: what stands for us in URIs."""
    if "privacy" in request.headers and not sink.trusted:
        privacy = privacy_of(request)
        if not _HIDING.isdisjoint(privacy):
            return _NOBODY
    address = request.from_()
    return from_value(address, caller_uri(address), host)


def identity_rows(message: Message, source: Peer, sink: Peer, host: str) -> str:
    """The rows that tell a trusted peer what a trusted one said; "" for all others."""
    if not (source.trusted and sink.trusted):
        return ""
    rows = ""
    for address, uri in asserted_in(message):
        if uri.scheme == "tel":
            rows += f"P-Asserted-Identity: <tel:{uri.user}>\r\n"
        else:
            rows += f"P-Asserted-Identity: {from_value(address, uri, host)}\r\n"
    privacy = privacy_of(message)
    if privacy:
        rows += f"Privacy: {';'.join(privacy)}\r\n"
    return rows
