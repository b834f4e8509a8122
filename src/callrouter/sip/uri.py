"""SIP URIs (RFC 3261 section 19.1)."""

import re
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote

from callrouter.errors import ParseError
from callrouter.sip.grammar import HOST

_SIP: Final = re.compile(
    r"(?P<scheme>sips?):"
    r"(?:(?P<user>[^@<>\"\s\\\x00-\x1f\x7f]+)@)?"
    rf"(?P<host>{HOST})"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<params>(?:;[^;?<>\"\s\x00-\x1f\x7f]*)*)"
    r"(?:\?(?P<headers>[^<>\"\s\x00-\x1f\x7f]*))?\Z",
    re.IGNORECASE,
)
_TEL: Final = re.compile(
    r"tel:(?P<number>\+?[0-9A-Fa-f*#().%\-]+)(?P<params>(?:;[^;?<>\"\s\x00-\x1f\x7f]*)*)\Z",
    re.IGNORECASE,
)
# What a parameter of a SIP URI may say of the number in its user part (RFC 3966 section 3,
# RFC 4694, RFC 4904, draft-mahy-iptel-cpc).
_OF_A_NUMBER: Final = re.compile(
    r";(?:user|phone-context|isub|postd|cpc|oli|npdi|rn|rn-context|cic|cic-context|tgrp|trunk-context)"
    r"(?:=[^;]*)?(?=;|\Z)",
    re.IGNORECASE,
)
_TYPED: Final = re.compile(r"\s*(?:tel:|sips?:[^@]*@)", re.IGNORECASE)
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")


_CACHED_LENGTH: Final = 160
"""Characters; longer ones are parsed each time, so that the cache holds little memory."""


class Uri:
    """A parsed sip, sips or tel URI. Shared: never changed after parsing.

    scheme: lower case. user: as sent, still escaped, without a password; the number of a tel URI.
    host: an IPv6 address without its brackets; "" in a tel URI. port: 0 when not given.
    params: raw, with the leading ";", or "". headers: raw, without the "?"; never acted upon.
    transport: that of the parameters in upper case, "" for none.
    """

    __slots__ = ("headers", "host", "params", "port", "scheme", "transport", "user")

    def __init__(
        self, scheme: str, user: str, host: str, port: int, params: str, headers: str
    ) -> None:
        self.scheme = scheme
        self.user = user
        self.host = host
        self.port = port
        self.params = params
        self.headers = headers
        self.transport = (self.param("transport") or "").upper() if params else ""

    def decoded_user(self) -> str:
        """The user part with its escapes decoded, once (RFC 3261 section 19.1.2)."""
        return unquote(self.user) if "%" in self.user else self.user

    def subscriber(self) -> str:
        """What the URI says of a telephone number: its user part, with the parameters behind it.

        So it stands in a tel URI and, by RFC 3261 section 19.1.6, in the user part of a SIP URI;
        some write these parameters behind the host. Decoded once, as `decoded_user` is.
        """
        user = unquote(self.user) if "%" in self.user else self.user
        params = self.params
        if not params or params == ";user=phone":
            return user
        if self.scheme != "tel":
            params = "".join([one for one in _OF_A_NUMBER.findall(params) if one[:5] != ";user"])
        return user + (unquote(params) if "%" in params else params)

    def number_params(self) -> str:
        """Those parameters of a SIP URI that say something of the number in it, and not of a way.

        With the leading ";", or "".
        """
        return "".join(_OF_A_NUMBER.findall(self.params)) if self.params else ""

    def param(self, name: str) -> str | None:
        """The value of a URI parameter ("" for one without a value), None when absent."""
        if not self.params:
            return None
        for part in self.params[1:].split(";"):
            key, _, value = part.partition("=")
            if key.lower() == name:
                return value
        return None


def parse_uri(text: str) -> Uri:
    """Parse a sip, sips or tel URI.

    Raises ParseError: status 416 for another scheme (RFC 3261 section 8.2.2.1), 400 for anything
    that is not a URI.
    """
    return _parse_cached(text) if len(text) <= _CACHED_LENGTH else _parse(text)


@lru_cache(maxsize=4096)
def _parse_cached(text: str) -> Uri:
    return _parse(text)


def _parse(text: str) -> Uri:
    match = _SIP.match(text)
    if match is not None:
        scheme, user, host, port, params, headers = match.groups()
        number = int(port) if port else 0
        if number > 65535:
            raise ParseError(f"port out of range in URI: {text[:80]!r}")
        if host[0] == "[":
            host = host[1:-1]
        user = user or ""
        if ":" in user:
            user = user.partition(":")[0]
        return Uri(scheme.lower(), user, host, number, params, headers or "")
    match = _TEL.match(text)
    if match is not None:
        return Uri("tel", match["number"], "", 0, match["params"], "")
    found = _SCHEME.match(text)
    if found is not None and found[1].lower() not in {"sip", "sips", "tel"}:
        raise ParseError(f"unsupported URI scheme {found[1]!r}", 416)
    raise ParseError(f"not a SIP URI: {text[:80]!r}")


def subscriber_in(text: str) -> str:
    """What a text that somebody typed says of a number: of a URI its `subscriber`, else itself.

    A SIP URI without a user says nothing of a number, and is no more than a text. Raises ParseError
    for what begins as a tel URI, or as a SIP URI with a user, and is none.
    """
    return text if _TYPED.match(text) is None else parse_uri(text.strip()).subscriber()


def host_port(host: str, port: int) -> str:
    """`host:port` as it stands in a URI or a Via, with brackets around IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_sips(uri: str) -> bool:
    """Say whether a URI demands TLS on every hop (RFC 3261 section 26.2.2)."""
    # Nearly all are sip: URIs, whose fourth character says so.
    return uri[3:4] in {"s", "S"} and uri[:5].lower() == "sips:"


def usual_port(transport: str) -> int:
    """The port where none is given (RFC 3261 section 19.1.2). transport: in either case."""
    return 5061 if transport in {"TLS", "tls"} else 5060


_UNRESERVED: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_NEVER_IGNORED: Final = ("user", "ttl", "method", "maddr", "transport")
_VISUAL: Final = re.compile(r"[-.()]")


def equivalent(one: Uri, other: Uri) -> bool:
    """Say whether two URIs are the same by RFC 3261 section 19.1.4, tel URIs by RFC 3966 4.

    Of passwords, which are not kept, nothing is known. A port that is not written is not 5060.
    """
    if (one.scheme, one.port) != (other.scheme, other.port):
        return False
    mine, others = _params(one), _params(other)
    if one.scheme == "tel":
        return _VISUAL.sub("", one.user).lower() == _VISUAL.sub("", other.user).lower() and (
            mine == others
        )
    if _host(one) != _host(other) or _plain(one.user) != _plain(other.user):
        return False
    for name in mine.keys() & others.keys():
        if mine[name] != others[name]:
            return False
    alone = mine.keys() ^ others.keys()
    return alone.isdisjoint(_NEVER_IGNORED) and _headers(one) == _headers(other)


def canonical_host(host: str) -> str:
    """An IP address as the dialplan spells it, whatever way a peer did; a name in lower case."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.lower()


def is_ip_address(host: str) -> bool:
    """Whether the host of a URI is an address and not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _params(uri: Uri) -> dict[str, str]:
    """The parameters, in any order and case; the first of two alike wins."""
    found: dict[str, str] = {}
    for part in uri.params[1:].split(";") if uri.params else ():
        name, _, value = part.partition("=")
        found.setdefault(_plain(name).lower(), _plain(value).lower())
    return found


def _headers(uri: Uri) -> list[str]:
    return sorted(_plain(part) for part in uri.headers.split("&")) if uri.headers else []


def _host(uri: Uri) -> str:
    """The host in lower case, an IPv6 address in its one form (RFC 5954 section 4.2)."""
    return str(ip_address(uri.host)) if ":" in uri.host else uri.host.lower()


def _plain(text: str) -> str:
    """Decode the escapes of characters that need none, which are the same as these."""
    return _UNRESERVED.sub(_decoded, text) if "%" in text else text


def _decoded(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if (char.isascii() and char.isalnum()) or char in "-_.!~*'()" else match[0].upper()
