"""SIP messages as read from the wire (RFC 3261 section 7).

A message is split into header rows once; the values that every message needs (Via, From, To,
CSeq) are parsed when first asked for. Outgoing messages are written as text by `render`, never by
changing one of these.
"""

import re
from typing import Final

from callrouter.errors import ParseError
from callrouter.sip.grammar import IS_TOKEN, KNOWN_NAMES, REASONS, USUAL_METHODS, header_key
from callrouter.sip.headers import Address, Via, parse_address, parse_cseq, parse_via, tag_of
from callrouter.sip.sizes import USUAL, Sizes, check_lengths, check_rows

_FOLD: Final = re.compile(r"\r\n[ \t]+")
_STATUS: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) (.*)\Z", re.DOTALL)
_USUAL_STATUS: Final = {
    f"SIP/2.0 {status} {phrase}": (status, phrase) for status, phrase in REASONS.items()
}
_SINGLE: Final = frozenset(
    ("call-id", "content-length", "content-type", "cseq", "from", "max-forwards", "to")
)


class Message:
    """A SIP message: what requests and responses share.

    headers: lower-case long name to the first row's value. more: the further rows of those that
    have more, None when none has. body: bytes after the empty line.
    """

    __slots__ = (
        "_cseq",
        "_from",
        "_from_tag",
        "_to",
        "_to_tag",
        "_via",
        "body",
        "headers",
        "more",
    )

    headers: dict[str, str]
    body: bytes
    more: dict[str, list[str]] | None
    # Of each message there is one, and calling a base's __init__ for these costs 2 % of a call:
    # the two kinds set them by themselves.
    _via: Via | None
    _from: Address | None
    _to: Address | None
    _from_tag: str | None
    _to_tag: str | None
    _cseq: tuple[int, str] | None

    def branch(self) -> str:
        """The topmost Via's branch; of a response, that is all a Via is good for."""
        text = self.headers.get("via", "")
        if "," in text or '"' in text:
            return self.via().branch
        branch = text.partition(";branch=")[2].partition(";")[0].strip(" \t")
        return branch or self.via().branch

    def get(self, name: str) -> str:
        """The first row of a header (lower-case long name), "" when there is none."""
        return self.headers.get(name, "")

    def rows(self, name: str) -> list[str]:
        """Every row of a header, in order."""
        first = self.headers.get(name)
        if first is None:
            return []
        if self.more is None:
            return [first]
        return [first, *self.more.get(name, ())]

    def via(self) -> Via:
        """The topmost Via. Raises ParseError."""
        if self._via is None:
            self._via = parse_via(self.headers.get("via", ""))
        return self._via

    def from_(self) -> Address:
        """The From address. Raises ParseError."""
        if self._from is None:
            self._from = parse_address(self.headers.get("from", ""))
        return self._from

    def to(self) -> Address:
        """The To address. Raises ParseError."""
        if self._to is None:
            self._to = parse_address(self.headers.get("to", ""))
        return self._to

    def from_tag(self) -> str:
        """The tag of From, "" for none. Raises ParseError."""
        if self._from_tag is None:
            self._from_tag = tag_of(self.headers.get("from", ""))
        return self._from_tag

    def to_tag(self) -> str:
        """The tag of To, "" for none. Raises ParseError."""
        if self._to_tag is None:
            self._to_tag = tag_of(self.headers.get("to", ""))
        return self._to_tag

    def cseq(self) -> tuple[int, str]:
        """`(number, method)`. Raises ParseError."""
        if self._cseq is None:
            self._cseq = parse_cseq(self.headers.get("cseq", ""))
        return self._cseq

    def check_single(self) -> None:
        """Raise ParseError for a header that is there twice and may not be."""
        for name in self.more or ():
            if name in _SINGLE:
                raise ParseError(f"more than one {name} header")

    def cut(self) -> None:
        """Cut the body to its Content-Length, as RFC 3261 section 18.3 asks of datagrams.

        Raises ParseError when that is not a number, or larger than the message.
        """
        text = self.headers.get("content-length")
        if text is None or text == str(len(self.body)):
            return
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ParseError(f"not a Content-Length: {text[:40]!r}")
        length = int(text)
        if length != len(self.body):
            if length > len(self.body):
                raise ParseError("Content-Length is larger than the message")
            self.body = self.body[:length]


class Request(Message):
    """A request. method: as sent. uri: the Request-URI's text. version: "SIP/2.0" as a rule.

    key: what its transaction is known by, "" until the stack has worked it out. size: bytes on the
    wire.
    """

    __slots__ = ("key", "method", "size", "uri", "version")

    def __init__(
        self,
        method: str,
        uri: str,
        version: str,
        headers: dict[str, str],
        more: dict[str, list[str]] | None,
        body: bytes,
    ) -> None:
        self.headers = headers
        self.more = more
        self.body = body
        self._via = self._from = self._to = None
        self._from_tag = self._to_tag = self._cseq = None
        self.method = method
        self.uri = uri
        self.version = version
        self.key = ""
        self.size = 0


class Response(Message):
    """A response. status: 100-699. phrase: the reason phrase as sent."""

    __slots__ = ("phrase", "status")

    def __init__(
        self,
        status: int,
        phrase: str,
        headers: dict[str, str],
        more: dict[str, list[str]] | None,
        body: bytes,
    ) -> None:
        self.headers = headers
        self.more = more
        self.body = body
        self._via = self._from = self._to = None
        self._from_tag = self._to_tag = self._cseq = None
        self.status = status
        self.phrase = phrase


def parse(data: bytes, sizes: Sizes = USUAL) -> Request | Response:
    """Read one whole message: a datagram, or what `framing` cut from a stream.

    Only what makes it unreadable raises ParseError here, and TooLargeError what is over a limit;
    `check_request` looks at what it says.
    """
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        raise ParseError("no empty line after the headers")
    text = head.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    if has_bare_break(lines):
        raise ParseError("a bare CR or LF inside the headers")
    start = lines.pop(0)
    if len(data) > sizes.harmless:
        check_lengths(start, _FOLD.sub(" ", text).split("\r\n")[1:], body, sizes)
    headers = _usual_headers(lines)
    more: dict[str, list[str]] | None = None
    if headers is None:
        # Only here can there be more rows than there are usual names.
        start, *lines = _FOLD.sub(" ", text).split("\r\n")
        check_rows(start, lines, sizes)
        headers, more = _read_headers(lines)
    usual = _USUAL_STATUS.get(start)
    if usual is not None:
        return Response(usual[0], usual[1], headers, more, body)
    if start.startswith("SIP/"):
        match = _STATUS.match(start)
        if match is None:
            raise ParseError(f"not a status line: {start[:60]!r}")
        return Response(int(match[1]), match[2], headers, more, body)
    parts = start.split(" ")
    method = parts[0]
    if method not in USUAL_METHODS and not IS_TOKEN.match(method):
        raise ParseError(f"not a request line: {start[:60]!r}")
    # With spaces too many or too few it can still be answered: no version is supported.
    uri = version = ""
    if len(parts) == 3:
        _, uri, version = parts
    request = Request(method, uri, version, headers, more, body)
    request.size = len(data)
    return request


def has_bare_break(lines: list[str]) -> bool:
    """Say whether there is a CR or LF left in what was split at CR LF."""
    # Looked for in one text, which is many times faster than to count them in it.
    text = "".join(lines)
    return "\n" in text or "\r" in text


def _usual_headers(lines: list[str]) -> dict[str, str] | None:
    """The headers, if all are spelled as usual, none is folded and none is there twice."""
    headers: dict[str, str] = {}
    try:
        for line in lines:
            name, _, value = line.partition(": ")
            if not value:
                return None
            headers[KNOWN_NAMES[name]] = value.strip(" \t")
    except KeyError:
        return None
    return headers if len(headers) == len(lines) else None


def _read_headers(lines: list[str]) -> tuple[dict[str, str], dict[str, list[str]] | None]:
    """The first value of each header, and the further ones of those that have more."""
    headers: dict[str, str] = {}
    more: dict[str, list[str]] | None = None
    for line in lines:
        name, colon, value = line.partition(":")
        key = KNOWN_NAMES.get(name) or header_key(name)
        if key is None or not colon:
            raise ParseError(f"not a header row: {line[:60]!r}")
        value = value.strip(" \t")
        if key not in headers:
            headers[key] = value
            continue
        if more is None:
            more = {}
        more.setdefault(key, []).append(value)
    return headers, more


def check_request(request: Request) -> None:
    """What has to hold before a request means anything (RFC 3261 sections 8.1.1 and 8.2).

    Raises ParseError with the status to answer: 505, or 400 for headers missing, twice there or
    against each other. The body is cut to its Content-Length, as section 18.3 asks of datagrams.
    """
    if request.version != "SIP/2.0":
        version = request.version.upper()
        if not version.startswith("SIP/"):
            raise ParseError("not a request line")
        if version != "SIP/2.0":
            raise ParseError(f"version {version[:20]!r} is not supported", 505)
    if request.more is not None:
        request.check_single()
    if not request.headers.get("call-id"):
        raise ParseError("no Call-ID header")
    request.via()
    request.from_tag()
    if not request.to_tag():
        # Inside a dialog the tags say it all; elsewhere both are looked at closely.
        request.from_()
        request.to()
    if request.cseq()[1] != request.method:
        raise ParseError("CSeq names another method than the request line")
    request.cut()


def check_response(response: Response) -> None:
    """The same for a response. Raises ParseError: drop it, nobody can be answered."""
    if response.more is not None:
        response.check_single()
    response.to_tag()
    response.cseq()
    response.cut()
