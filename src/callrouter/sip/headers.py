"""Header values: addresses, Via, CSeq, parameters and comma lists (RFC 3261 section 20)."""

import re
from functools import lru_cache
from typing import Final

from callrouter.errors import ParseError
from callrouter.sip.grammar import HOST, IS_TOKEN, NAME, PARAMETER, QUOTED

_QUOTED: Final = re.compile(QUOTED, re.DOTALL)
_NOT_IN_URI: Final = re.compile(r"[\s<]")
_NOT_IN_ADDR_SPEC: Final = re.compile(r"[\s<>\",?]")
_VIA: Final = re.compile(
    rf"[ \t]*SIP[ \t]*/[ \t]*{NAME}[ \t]*/[ \t]*(?P<transport>{NAME})[ \t]+"
    rf"(?P<host>{HOST})(?:[ \t]*:[ \t]*(?P<port>[0-9]{{1,5}}))?(?P<rest>(?:[^,\"]|{QUOTED})*)",
    re.IGNORECASE | re.DOTALL,
)
_CSEQ: Final = re.compile(rf"([0-9]{{1,20}})[ \t]+({NAME})\Z")
_USUAL_CSEQ: Final = 24
_CSEQ_LIMIT: Final = 2**31
_SENT_BY: Final = re.compile(rf"[ \t]*({HOST})[ \t]*(?::[ \t]*([0-9]{{1,5}}))?[ \t]*\Z")
_LONGEST_HOST: Final = 300
_USUAL_PLACE: Final = 320
"""Characters; longer ones are parsed each time, so that the cache holds little memory."""
_SURE_DIGITS: Final = 9


class Address:
    """The value of From, To, Contact and their kin.

    display: as sent, quotes included. uri: the text between the brackets. params: raw header
    parameters, with their leading ";", or "". tag: the value of the tag parameter, or "".
    """

    __slots__ = ("display", "params", "tag", "uri")

    def __init__(self, display: str, uri: str, params: str) -> None:
        self.display = display
        self.uri = uri
        self.params = params
        self.tag = _tag(params)


class Via:
    """The topmost Via value.

    transport: upper case. host, port: sent-by; port is 0 when not given. branch: "" when absent.
    rport: the flag of RFC 3581 is there. text: this one value as sent. rest: what follows it in
    the same header line, with its comma, or "".
    """

    __slots__ = ("branch", "host", "port", "rest", "rport", "text", "transport")

    def __init__(
        self,
        transport: str,
        host: str,
        port: int,
        branch: str,
        rport: bool,
        text: str,
        rest: str,
    ) -> None:
        self.transport = transport
        self.host = host
        self.port = port
        self.branch = branch
        self.rport = rport
        self.text = text
        self.rest = rest


def _tag(params: str) -> str:
    if not params:
        return ""
    if params.startswith(";tag=") and IS_TOKEN.match(params, 5):
        return params[5:]
    return parse_params(params).get("tag", "")


def tag_of(text: str) -> str:
    """The tag of a From or To value, "" for none, without reading more of it than needed.

    Raises ParseError when the value is no address.
    """
    _, found, rest = text.rpartition(";tag=")
    if found and rest.isalnum():
        return rest
    if found and ">" not in rest and '"' not in rest:
        return rest.partition(";")[0].rstrip(" \t")
    return "" if text.endswith(">") else parse_address(text).tag


def parse_params(text: str) -> dict[str, str]:
    """`;a=1;b` as {"a": "1", "b": ""}; names in lower case, the first of two alike wins.

    Raises ParseError when the text is not a list of parameters.
    """
    params: dict[str, str] = {}
    position = 0
    end = len(text.rstrip(" \t"))
    while position < end:
        match = PARAMETER.match(text, position)
        if match is None:
            raise ParseError(f"not a header parameter: {text[position : position + 60]!r}")
        params.setdefault(match[1].lower(), match[2] or "")
        position = match.end()
    return params


def parse_address(text: str) -> Address:
    """Parse `"Name" <uri>;params`, or the bare URI form whose parameters are the header's.

    Raises ParseError when it is neither (RFC 3261 section 20.10).
    """
    text = text.strip(" \t")
    start = text.find("<")
    display = ""
    if text.startswith('"'):
        quoted = _QUOTED.match(text)
        after = quoted.end() if quoted is not None else 0
        display = text[:after]
        start = text.find("<", after)
        if not after or start < 0 or text[after:start].strip(" \t"):
            raise ParseError(f"not an address: {text[:80]!r}")
    elif start > 0:
        display = text[:start].rstrip(" \t")
        if "," in display or ";" in display or '"' in display:
            raise ParseError(f"not an address: {text[:80]!r}")
    if start < 0:
        uri, semicolon, rest = text.partition(";")
        uri = uri.rstrip(" \t")
        params = semicolon + rest
        forbidden = _NOT_IN_ADDR_SPEC
    else:
        end = text.find(">", start)
        uri = text[start + 1 : end] if end > 0 else ""
        params = text[end + 1 :]
        forbidden = _NOT_IN_URI
    if not uri or forbidden.search(uri):
        raise ParseError(f"not an address: {text[:80]!r}")
    return Address(display, uri, params)


def parse_via(text: str) -> Via:
    """Parse the first value of a Via header line. Raises ParseError."""
    if text.startswith("SIP/2.0/") and "," not in text and '"' not in text:
        parts = text.split(";")
        head = parts.pop(0)
        transport, host, number = (_usual_place if len(head) <= _USUAL_PLACE else _place)(head)
        if transport:
            branch, rport = _via_params(parts, text)
            return Via(transport, host, number, branch, rport, text, rest="")
    match = _VIA.match(text)
    if match is None or text[match.end() : match.end() + 1] not in {"", ","}:
        raise ParseError(f"not a Via: {text[:80]!r}")
    transport, host, port, rest = match.groups()
    number = int(port) if port else 0
    if number > 65535:
        raise ParseError(f"port out of range in Via: {text[:80]!r}")
    if '"' in rest:
        params = parse_params(rest)
        branch = params.get("branch", "")
        rport = "rport" in params
    else:
        head, *parts = rest.split(";")
        if head.strip(" \t"):
            raise ParseError(f"not a Via: {text[:80]!r}")
        branch, rport = _via_params(parts, text)
    end = match.end()
    return Via(transport.upper(), host, number, branch, rport, text[:end], rest=text[end:])


def _via_params(parts: list[str], text: str) -> tuple[str, bool]:
    """The branch, and whether rport is there. Raises ParseError for an empty parameter."""
    branch = ""
    rport = False
    for part in parts:
        if part.startswith("branch="):
            branch = part[7:].strip(" \t")
            continue
        if part == "rport":
            rport = True
            continue
        name, _, value = part.partition("=")
        name = name.strip(" \t").lower()
        if name == "branch":
            branch = value.strip(" \t")
        elif not name:
            raise ParseError(f"empty parameter in Via: {text[:80]!r}")
        elif name == "rport":
            rport = True
    return branch, rport


def _place(head: str) -> tuple[str, str, int]:
    """Transport, host and port (0 when not given) of a Via up to its parameters.

    The transport is "" when it is spelled in no usual way. Raises ParseError.
    """
    transport, _, text = head[8:].partition(" ")
    if not (transport.isalpha() and transport.isascii()):
        return "", "", 0
    match = _SENT_BY.match(text) if len(text) <= _LONGEST_HOST else None
    number = int(match[2] or 0) if match is not None else 65536
    if match is None or number > 65535:
        raise ParseError(f"not a host and port in Via: {text[:80]!r}")
    return transport.upper(), match[1], number


# A peer sends all its requests from one place.
_usual_place = lru_cache(maxsize=1024)(_place)


def parse_cseq(text: str) -> tuple[int, str]:
    """`(number, method)` of a CSeq. Raises ParseError past 2**31 - 1 (RFC 3261 section 8.1.1.5)."""
    return _usual_cseq(text) if len(text) <= _USUAL_CSEQ else _cseq(text)


def _cseq(text: str) -> tuple[int, str]:
    digits, _, method = text.partition(" ")
    if len(digits) <= _SURE_DIGITS and text.isascii() and digits.isdecimal() and method.isalpha():
        return int(digits), method
    match = _CSEQ.match(text)
    if match is None:
        raise ParseError(f"not a CSeq: {text[:60]!r}")
    number = int(match[1])
    if number >= _CSEQ_LIMIT:
        raise ParseError(f"CSeq out of range: {text[:60]!r}")
    return number, match[2]


# Few differ: nearly all dialogs count from 1.
_usual_cseq = lru_cache(maxsize=1024)(_cseq)


def split_list(text: str) -> list[str]:
    """Split a comma list, leaving commas inside quotes and angle brackets alone."""
    if '"' not in text and "<" not in text:
        return [part for part in (item.strip(" \t") for item in text.split(",")) if part]
    parts: list[str] = []
    start = 0
    quoted = bracketed = escaped = False
    for index, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char == "<":
            bracketed = True
        elif char == ">":
            bracketed = False
        elif char == "," and not bracketed:
            parts.append(text[start:index].strip(" \t"))
            start = index + 1
    parts.append(text[start:].strip(" \t"))
    return [part for part in parts if part]


def split_values(rows: list[str]) -> list[str]:
    """All values of a header that may stand in several rows, each row a comma list."""
    values: list[str] = []
    for row in rows:
        values.extend(split_list(row))
    return values


def split_tokens(rows: list[str]) -> list[str]:
    """Like `split_values`, each value without its parameters, as sent (Require, Accept)."""
    return [value.partition(";")[0].strip(" \t") for value in split_values(rows)]
