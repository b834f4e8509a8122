"""The session description in a message's body (RFC 3261 section 7.4, RFC 2046, RFC 5621).

Theory. A call lives by one body: `application/sdp` that is there to describe the session. It may
stand alone or in a multipart, where other things stand beside it: ISUP of a carrier's switch, a
place, a picture. `take_session` leaves the description alone in its message, under its usual type,
so that nobody behind it knows of multiparts. What else there was is dropped; if its sender said
that it has to be understood, the request is refused (RFC 5621 section 8).

Rules. A multipart that is not built as RFC 2046 says is refused as a whole, as are too many parts,
or multiparts within those in multiparts: two readers might find two descriptions in it.
"""

import re
from typing import Final, NamedTuple

from callrouter.errors import ParseError, SipError
from callrouter.sip.headers import parse_params
from callrouter.sip.message import Message
from callrouter.sip.sdp import DescriptionError, checked, may_answer

SDP: Final = "application/sdp"
SDP_ROW: Final = f"Content-Type: {SDP}\r\n"
"""The row of a body that is nothing but a description."""
DESCRIBING: Final = frozenset(("INVITE", "UPDATE", "PRACK"))
"""The requests whose body describes the session."""

_ACCEPT: Final = f"Accept: {SDP}\r\n"
_SESSION: Final = "session"
_MULTIPART: Final = "multipart/"
_MULTIPARTS: Final = frozenset(("multipart/mixed", "multipart/alternative", "multipart/related"))
_PLAIN_CODINGS: Final = frozenset(("", "7bit", "8bit", "binary", "identity"))
_MOST_PARTS: Final = 16
_DEEPEST: Final = 2
_BOUNDARY: Final = re.compile(r"[ -~]{0,69}[!-~]\Z")
_PADDING: Final = re.compile(rb"[ \t]*\r?\n")
_HEAD_END: Final = re.compile(rb"\r?\n\r?\n")
_FOLD: Final = re.compile(r"\r?\n[ \t]+")
_ROW: Final = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})[ \t]*:[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\Z"
)
_UNPRINTABLE: Final = re.compile(r"[^ !#-\[\]-~]")


class BodyError(SipError):
    """A body that cannot be taken. extra: the header rows that the answer has to carry."""

    def __init__(self, message: str, status: int, extra: str) -> None:
        super().__init__(message, status)
        self.extra = extra


class _Part(NamedTuple):
    """A body, or a part of one. kind: its media type, in lower case. parameters: of that, as text.

    disposition: what it is there for. required: who does not understand it may not take the rest.
    """

    kind: str
    parameters: str
    disposition: str
    required: bool
    content: bytes


def warning(code: int, text: str) -> str:
    """The row that says what is wrong with a description (RFC 3261 section 20.43)."""
    return f'Warning: {code} callrouter "{_UNPRINTABLE.sub("?", text[:120])}"\r\n'


def take_session(message: Message) -> None:
    """Leave in a request what describes its session, alone; b"" when nothing does.

    Raises BodyError 415 for what is required and not understood, ParseError 400 for a multipart
    that is none.
    """
    if _is_plain(message):
        return
    _leave(message, _described(_whole(message), 0, strict=True))


def take_description(message: Message) -> None:
    """The same of a response or an ACK, which nobody can refuse: what is not understood is dropped.

    What is left is `checked`. Raises DescriptionError, ParseError when it can be nothing.
    """
    if not message.body:
        return
    if _is_plain(message):
        message.body = checked(message.body)
        return
    message.headers.setdefault("content-type", SDP)
    body = _described(_whole(message), 0, strict=False)
    _leave(message, checked(body) if body else None)


def take_answer(message: Message, offer: bytes) -> bool:
    """Leave in a response or an ACK what answers an offer; False, and nothing, when it has none.

    offer: b"" for none: then it is to make one itself.
    """
    try:
        take_description(message)
    except ParseError:
        message.body = b""
    if may_answer(offer, message.body):
        return True
    message.body = b""
    return False


def check_session(message: Message) -> None:
    """See to it that the description in a request can be an offer or an answer.

    Raises BodyError 488 with the Warning that says why it cannot.
    """
    if message.body:
        try:
            message.body = checked(message.body)
        except DescriptionError as error:
            raise BodyError(str(error), 488, warning(error.code, str(error))) from None


def _is_plain(message: Message) -> bool:
    headers = message.headers
    return headers.get("content-type") == SDP and "content-disposition" not in headers


def _leave(message: Message, body: bytes | None) -> None:
    message.body = body or b""
    if not _is_plain(message):
        headers = message.headers
        headers["content-type"] = SDP
        headers.pop("content-disposition", None)


def _whole(message: Message) -> _Part:
    return _part(message.get("content-type"), message.get("content-disposition"), "", message.body)


def _part(kind: str, disposition: str, coding: str, content: bytes) -> _Part:
    """Raises ParseError."""
    kind, semicolon, parameters = kind.partition(";")
    kind = kind.strip(" \t").lower()
    if coding.strip(" \t").lower() not in _PLAIN_CODINGS:
        kind = f"{kind} in {coding[:20]}"  # nobody here could read it
    name, mark, rest = disposition.partition(";")
    name = name.strip(" \t").lower()
    if not name:
        name = _SESSION if kind == SDP else "render"  # RFC 3261 section 20.11
    handling = parse_params(mark + rest).get("handling", "") if rest else ""
    optional = handling.strip('"').lower() == "optional"
    return _Part(kind, semicolon + parameters, name, not optional, content)


def _described(part: _Part, depth: int, *, strict: bool) -> bytes | None:
    """The description in a part; None when there is none in it. Raises as `take_session`.

    strict: whatever is required has to be understood.
    """
    if part.kind.startswith(_MULTIPART):
        if part.kind in _MULTIPARTS and depth < _DEEPEST:
            return _of_multipart(part, depth, strict=strict)
    elif part.kind == SDP and part.disposition == _SESSION:
        return part.content
    if strict and part.required:
        raise BodyError(
            f"body {part.kind[:60]!r} ({part.disposition[:20]!r}) is required and unknown",
            415,
            _ACCEPT,
        )
    return None


def _of_multipart(whole: _Part, depth: int, *, strict: bool) -> bytes | None:
    parts = _split(whole)
    found: bytes | None = None
    if whole.kind == "multipart/alternative":
        # The last that is understood is what the sender likes best (RFC 2046 section 5.1.4).
        for part in reversed(parts):
            found = _described(part, depth + 1, strict=False)
            if found is not None:
                return found
        return _described(whole._replace(kind="alternatives"), depth, strict=strict)
    for part in parts:
        described = _described(part, depth + 1, strict=strict and whole.required)
        if described is not None:
            if found is not None:
                raise ParseError("two descriptions of the session in one body")
            found = described
    return found


def _split(whole: _Part) -> list[_Part]:
    """The parts of a multipart (RFC 2046 section 5.1.1). Raises ParseError."""
    boundary = parse_params(whole.parameters).get("boundary", "")
    if boundary.startswith('"'):
        boundary = boundary[1:-1].replace("\\", "")
    if _BOUNDARY.match(boundary) is None:
        raise ParseError("multipart without a boundary")
    # What stands before the first delimiter and behind the last is for nobody.
    pieces = (b"\n" + whole.content).split(b"\n--" + boundary.encode("latin-1"), _MOST_PARTS + 1)
    parts: list[_Part] = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            if not parts:
                raise ParseError("multipart without a part")
            return parts
        padding = _PADDING.match(piece)
        if padding is None:
            raise ParseError("not a delimiter of a multipart")
        parts.append(_read(piece[padding.end() :].removesuffix(b"\r")))
    raise ParseError("multipart without its end, or with too many parts")


def _read(text: bytes) -> _Part:
    """A part: its header rows and, behind an empty line, its content. Raises ParseError."""
    if text.startswith((b"\r\n", b"\n")):
        return _part("text/plain", "", "", text[2 if text.startswith(b"\r") else 1 :])
    end = _HEAD_END.search(text)
    if end is None:
        raise ParseError("part of a multipart without an empty line")
    rows: dict[str, str] = {}
    head = _FOLD.sub(" ", text[: end.start()].decode("latin-1"))
    for line in head.split("\n"):
        row = _ROW.match(line.removesuffix("\r"))
        if row is None:
            raise ParseError(f"not a header row of a part: {line[:60]!r}")
        if rows.setdefault(row[1].lower(), row[2].rstrip(" \t")) != row[2].rstrip(" \t"):
            raise ParseError(f"more than one {row[1]} in a part")
    content = text[end.end() :]
    kind = rows.get("content-type", rows.get("c", "text/plain"))
    if not content.endswith(b"\n") and kind[:15].lower() == SDP:
        content += b"\r\n"  # that of its last line belongs to the delimiter
    coding = rows.get("content-transfer-encoding", "") or rows.get("content-encoding", "")
    return _part(kind, rows.get("content-disposition", ""), coding, content)
