"""Caller identity: who the caller is said to be, and who is told so (RFC 3323, RFC 3325).

Rules. P-Asserted-Identity is believed of trusted trunks and gateways only, and goes to trusted ones
only: all values, each built anew. A number is at our address then, and keeps what was said of it
(`phone-context`, `cpc`); a name is nobody's without its domain, and keeps that. So it is for who
answers, and for both inside a call. Remote-Party-ID is read where P-Asserted-Identity would be, and
is never sent. Of several values the dialplan gets the one that is a number.

A caller who asks for privacy, by Privacy or by Remote-Party-ID, is anonymous to everybody else. The
dialplan knows the number all the same: who hides it is refused by the lists that it is in.
"""

import re
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from callrouter.call.interwork.header_policy import (
    caller_uri,
    from_value,
    privacy_of,
    shown_name,
)
from callrouter.errors import ParseError, SipError
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.rules.peer_profile import PeerProfile
from callrouter.sip.headers import Address, parse_address, parse_params, split_values
from callrouter.sip.message import Message, Request
from callrouter.sip.uri import Uri, host_port, is_ip_address, parse_uri

CALLING: Final = "calling"
CALLED: Final = "called"
"""Whom a Remote-Party-ID is about (draft-ietf-sip-privacy section 5.2)."""

_MOST: Final = 8
"""Values that are looked at. RFC 3325 section 9.1 has two at most: one SIP URI and one tel URI."""
_HIDING: Final = frozenset(("id", "user", "header"))
_ALL: Final = frozenset(("uri", "name"))
_PARTS: Final = {part: frozenset((part,)) for part in _ALL}
# All of these parameters, not the first alone, and in what is no list of parameters as well.
_PRIVACY: Final = re.compile(
    r';[ \t]*privacy[ \t]*(?:=[ \t]*("[^"]*"|[^;]*))?(?=[ \t]*(?:;|\Z))', re.IGNORECASE
)
_NOBODY: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'
_UNSUPPORTED_SCHEME: Final = 416


def _values(message: Message, name: str, party: str) -> list[Address]:
    """The values of P-Asserted-Identity, or of Remote-Party-ID those about a party ("": both)."""
    if name not in message.headers:
        return []
    found = []
    for value in split_values(message.rows(name))[:_MOST]:
        try:
            address = parse_address(value)
        except SipError:
            continue
        if name == "p-asserted-identity" or not party or _told(address, "party") in {"", party}:
            found.append(address)
    return found


def _told(address: Address, name: str) -> str:
    """A parameter of a Remote-Party-ID, in lower case; "" when it has none."""
    try:
        return parse_params(address.params).get(name, "").strip('" \t').lower()
    except ParseError:
        return ""


def _hidden(message: Message, party: str) -> frozenset[str]:
    """What Remote-Party-ID asks to hide: its `uri`, its `name`, both for all but these and off.

    A word that is not known asks for something, and so hides all that there is. What is behind a
    comma without an address of its own goes on with the list of the value before.
    """
    if "remote-party-id" not in message.headers:
        return frozenset()
    asked: set[str] = set()
    concerned = True
    for value in split_values(message.rows("remote-party-id")):
        params = f";privacy={value}"
        if ":" in value.partition(";")[0]:
            concerned = True
            params = value
            with suppress(SipError):
                address = parse_address(value)
                params = address.params
                concerned = not party or _told(address, "party") in {"", party}
        if concerned:
            asked |= hidden_by(params)
    return frozenset(asked)


def hidden_by(params: str) -> frozenset[str]:
    """What the `privacy` of a header's parameters hides (draft-ietf-sip-privacy-04 section 5.2)."""
    asked: set[str] = set()
    for stated in _PRIVACY.findall(params):
        for token in stated.replace(",", ";").split(";"):
            word = token.strip('" \t').lower()
            if word != "off":
                asked |= _PARTS.get(word.partition("-")[0], _ALL)
    return frozenset(asked)


def _asserted(message: Message, party: str) -> list[Address]:
    """Who it is by P-Asserted-Identity, else by Remote-Party-ID; empty when that is nobody."""
    for name in ("p-asserted-identity", "remote-party-id"):
        found = [one for one in _values(message, name, party) if _subscriber(one)]
        if found:
            return found
    return []


def _subscriber(address: Address) -> str:
    """What an address says that could be a number or a name, "" for nothing.

    A URI that is broken is no URI, but it is not nothing: a caller does not become anonymous by it.
    """
    try:
        uri = parse_uri(address.uri)
    except SipError as error:
        if error.status == _UNSUPPORTED_SCHEME:
            return ""
        return unquote(address.uri.partition(":")[2].partition("@")[0])
    if not uri.user and uri.host.isdecimal():
        return uri.host  # a number without a host, and so where the host would be
    return uri.subscriber()


def routing_caller(request: Request, peer: PeerProfile, country: str) -> str:
    """The caller as the dialplan is to know it, with the parameters of the number behind it.

    country: how the trunk writes national numbers. Raises ParseError for a From that is none.
    """
    if peer.caller_is_asserted:
        said = [_subscriber(address) for address in _asserted(request, CALLING)]
        if said:
            return said[0] if len(said) == 1 else _number_among(said, country)
    return _subscriber(request.from_())


def _number_among(said: list[str], country: str) -> str:
    """The one that is a telephone number, else one that can be dialled, or may mean a number."""
    read = [numbers.telephone(text, country) for text in said]
    for one in read:
        if one.number:
            return one.sent
    for one in read:
        if one.dialled or numbers.disguised(one.sent, country):
            return one.sent
    return said[0]


def shown_caller(request: Request, sink: PeerProfile, host: str) -> str:
    """The From value for a peer, without its tag. host: what stands for us in URIs."""
    address = request.from_()
    caller = caller_uri(address)
    headers = request.headers
    if not sink.trusted and ("privacy" in headers or "remote-party-id" in headers):
        hidden = _hidden(request, CALLING)
        if len(hidden) == 2 or not _HIDING.isdisjoint(privacy_of(request)):
            return _NOBODY
        if "uri" in hidden:
            if any(character.isdecimal() for character in address.display):
                return _NOBODY  # what is hidden may be the name as well
            caller = None
        elif hidden:
            address = Address("", address.uri, address.params)
    return from_value(address, caller, host)


def line_identity(request: Request, sink: PeerProfile, caller_id: str, host: str) -> str:
    """The From value of a call that goes out by a line, without its tag.

    caller_id: the number of the line. host: what stands for us in URIs.
    """
    if not sink.trusted and _wants_privacy(request):
        return _NOBODY
    return f"<sip:{caller_id}@{host}>"


def line_identity_rows(request: Request, sink: PeerProfile, caller_id: str, host: str) -> str:
    """The rows that tell a trusted gateway by which line a call goes out; "" for all others."""
    if not sink.trusted:
        return ""
    privacy = "Privacy: id\r\n" if _wants_privacy(request) else ""
    return f"P-Asserted-Identity: <sip:{caller_id}@{host}>\r\n{privacy}"


def _wants_privacy(request: Request) -> bool:
    headers = request.headers
    if "privacy" not in headers and "remote-party-id" not in headers:
        return False
    return bool(_hidden(request, CALLING)) or not _HIDING.isdisjoint(privacy_of(request))


def identity_rows(
    message: Message, source: PeerProfile, sink: PeerProfile, host: str, party: str = ""
) -> str:
    """The rows that tell a trusted peer what a trusted one said; "" for all others.

    party: whose message it is, CALLING or CALLED; "" when that is not known.
    """
    if not (source.trusted and sink.trusted):
        return ""
    rows = ""
    hidden = _hidden(message, party)
    for address in _asserted(message, party):
        uri = caller_uri(address)
        if uri is not None:
            name = "" if "name" in hidden and "uri" not in hidden else shown_name(address)
            rows += f"P-Asserted-Identity: {name}<{_rebuilt(uri, host)}>\r\n"
    privacy = privacy_of(message)
    if "uri" in hidden and "id" not in privacy:
        privacy = ("id", *privacy)
    if privacy:
        rows += f"Privacy: {';'.join(privacy)}\r\n"
    return rows


def _rebuilt(uri: Uri, host: str) -> str:
    """A URI that says who somebody is, without anything of the way to where it is."""
    if uri.scheme == "tel":
        return f"tel:{uri.user}{uri.params}"
    if not (numbers.dialled(uri.subscriber()) or is_ip_address(uri.host)):
        host = host_port(uri.host, uri.port) if uri.port else uri.host
    return f"sip:{uri.user}@{host}{uri.number_params()}"
