"""Session descriptions as read (RFC 4566, RFC 8866).

Theory. Every description is looked at once as it comes in (`checked`): whether it can describe a
session at all, and is clean text. One that is spelled as usual, as nearly all are, costs one match
of a pattern, and passes as it came. A plain call asks no more than whether one can be the answer to
another (`may_answer`). Only a call in which our media workers take
part looks inside, and then wants little: where the audio goes, which of G.711 and telephone-event
it may carry, in which direction. What is written is in `offer`.

Rules. Nothing is believed that a line does not say in the plain form: an address is a literal or
of no use, a number has few digits, a payload type that does not fit its codec does not count. No
bytes give anything but a `SessionDescription` or `ParseError`.
"""

import re
from typing import Final, NamedTuple

from callrouter.errors import ParseError

PCMU: Final = 0
PCMA: Final = 8
CODECS: Final = {PCMU: "PCMU", PCMA: "PCMA"}
"""Payload types that our media can carry, all at 8,000 Hz (RFC 3551 section 6)."""

DIRECTIONS: Final = ("sendrecv", "sendonly", "recvonly", "inactive")
MIRRORED: Final = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
"""An offered direction to the widest that may be answered (RFC 3264 section 6.1)."""

_HOLDING: Final = {
    "sendrecv": "sendonly",
    "sendonly": "sendonly",
    "recvonly": "inactive",
    "inactive": "inactive",
}
_NOWHERE: Final = {"0.0.0.0", "::"}

_LONGEST_LINE: Final = 2048
_MOST_MEDIA: Final = 32
_MOST_FORMATS: Final = 64

_LINE: Final = re.compile(r"[A-Za-z]=[^\x00\r]*\Z")
_CONNECTION: Final = re.compile(r"IN +(IP4|IP6) +([!-~]+) *\Z")
# A line that is refused may lack its formats, which mean nothing there (RFC 3264 section 6).
_MEDIA: Final = re.compile(
    r"([!-~]+) +([0-9]{1,5})(?:/[0-9]{1,5})? +([!-~]+)(?: +([!-~][ -~]*)| *)\Z"
)
_KIND: Final = re.compile(rb"\nm=([!-~]+) +(?:(0)|[0-9]{1,5})[ /]")
_OCTET: Final = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"({_OCTET})\.{_OCTET}\.{_OCTET}\.{_OCTET}\Z")
_RTPMAP: Final = re.compile(r"rtpmap:([0-9]{1,3}) +([!-.0-~]+)/([0-9]{1,6})(?:/1)? *\Z")

_TEXT: Final = rb"[ -~\x80-\xff]{0,2000}+(?<! )"
"""The rest of a line: no control character, and no blank at its end."""
_PORT: Final = (
    rb"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
)
_CONNECTION_LINE: Final = rb"\r?\nc=IN IP[46] [!-~]++"
_MEDIA_LINE: Final = (
    rb"\r?\nm=[!-~]++ (?:" + _PORT + rb"(?:/[0-9]{1,5})? [!-~]++ [!-~]|0 [!-~]++)" + _TEXT
)


def _lines(kinds: bytes, times: bytes = b"*") -> bytes:
    return rb"(?:\r?\n[" + kinds + rb"]=(?! )" + _TEXT + rb")" + times


_USUAL: Final = re.compile(
    rb"v=0\r?\no=[!-~\x80-\xff]+ [0-9]{1,20} [0-9]{1,20} IN IP[46] [!-~]+"
    rb"\r?\ns=[ -~\x80-\xff]++"
    + _lines(rb"iuep")
    + rb"(?:"
    # The address stands once above all media, or below each (RFC 4566 section 5.7).
    + _CONNECTION_LINE
    + _lines(rb"b")
    + _lines(rb"tr", b"+")
    + _lines(rb"zka")
    + rb"(?:"
    + _MEDIA_LINE
    + _lines(rb"icbka")
    + rb"){0,32}|"
    + _lines(rb"b")
    + _lines(rb"tr", b"+")
    + _lines(rb"zka")
    + rb"(?:"
    + _MEDIA_LINE
    + _lines(rb"i", b"?")
    + _CONNECTION_LINE
    + _lines(rb"bka")
    + rb"){1,32})(?:\r?\n)?\Z"
)
"""A description as RFC 4566 section 9 has it, spelled as nearly everybody does. Each line begins
with a letter of its own place, and nothing inside a line is taken back, so no text takes long. No
group is possessive: before Python 3.11.5 such a one counts although its end does not fit."""
_DIRTY: Final = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_C1: Final = re.compile("[\x80-\x9f]")
_CHARSET: Final = b"\na=charset:"
_IN_WORDS: Final = b"vocbtm"
"""Lines that are words with one blank between them."""
_NEEDED: Final = (b"s=", b"t=")
_ORIGIN_WORDS: Final = 6

# What a Warning says of a description that is refused (RFC 3261 section 20.43).
BAD_NETWORK: Final = 300
BAD_ADDRESS: Final = 301
BAD_TRANSPORT: Final = 302
BAD_MEDIA: Final = 304
BAD_FORMAT: Final = 305
BAD_DESCRIPTION: Final = 307


class DescriptionError(ParseError):
    """Bytes that cannot describe a session. code: of the Warning that says so."""

    def __init__(self, message: str, code: int = BAD_DESCRIPTION) -> None:
        super().__init__(message, 488)
        self.code = code


class Audio(NamedTuple):
    """One party's audio, as far as our media can have it.

    host: an address literal. codecs: payload types of `CODECS` in the party's order, at least one.
    event_pt: the payload type of telephone-event/8000 (RFC 4733), 0 when there is none. direction:
    one of `DIRECTIONS`, as the party sees it.
    """

    host: str
    port: int
    codecs: tuple[int, ...]
    event_pt: int
    direction: str


class MediaDescription:
    """One m= line and what stands below it.

    kind: audio, video, ... port: 0 when the stream is refused or gone. formats: as sent. host: of
    its own c= or the session's, "" when neither is there. direction: one of `DIRECTIONS`.
    attributes: the texts after a=, without directions, in order.
    """

    __slots__ = ("attributes", "direction", "formats", "host", "kind", "port", "proto")

    def __init__(self, kind: str, port: int, proto: str, formats: list[str]) -> None:
        self.kind = kind
        self.port = port
        self.proto = proto
        self.formats = formats
        self.host = ""
        self.direction = ""
        self.attributes: list[str] = []

    def rtpmap(self) -> dict[int, str]:
        """Payload types to "NAME/rate", the name in upper case; the first of two alike wins."""
        names: dict[int, str] = {}
        for text in self.attributes:
            found = _RTPMAP.match(text) if text.startswith("rtpmap:") else None
            if found is not None:
                names.setdefault(int(found[1]), f"{found[2].upper()}/{found[3]}")
        return names


class SessionDescription:
    """A body of application/sdp.

    origin: the value of o=. time: of the first t=, "0 0" when there is none. host: of the
    session's c=, or "". direction: the session's, "" when not given. attributes: the session's.
    """

    __slots__ = ("attributes", "direction", "host", "media", "origin", "time")

    def __init__(self) -> None:
        self.origin = ""
        self.time = ""
        self.host = ""
        self.direction = ""
        self.attributes: list[str] = []
        self.media: list[MediaDescription] = []


def checked(body: bytes) -> bytes:
    """The description as it may be read and go on: as it came, but for blanks that mean nothing.

    Raises DescriptionError for what can be neither an offer nor an answer: control characters, a
    line that is none, v=, o=, s= or t= missing, media that runs without an address (RFC 4566
    section 5), or text that is no UTF-8 and does not say what it is (section 6, charset). Tabs
    between words and blanks at the end of a line are mended.
    """
    if not body.isascii():
        _check_text(body)
    if _USUAL.match(body) is not None:
        return body
    found = _DIRTY.search(body)
    if found is not None:
        place = body.count(b"\n", 0, found.start()) + 1
        raise DescriptionError(f"control character in line {place} of the session description")
    tidy = b"\n".join([_tidied(line) for line in body.rstrip(b"\r\n \t").split(b"\n")])
    tidy += b"\r\n" if b"\r\n" in body else b"\n"
    try:
        session = parse_sdp(tidy)
    except ParseError as error:
        raise DescriptionError(str(error)) from None
    for kind in _NEEDED:
        if b"\n" + kind not in tidy:
            raise DescriptionError(f"session description without {kind.decode()}")
    if len(session.origin.split(" ")) < _ORIGIN_WORDS:
        raise DescriptionError(f"not an origin: {session.origin[:60]!r}")
    for media in session.media:
        if media.port and not media.host:
            raise DescriptionError(f"no c= for m={media.kind[:20]}", BAD_ADDRESS)
    return tidy


def _check_text(body: bytes) -> None:
    """Raise DescriptionError for control characters beyond ASCII, and for what is no UTF-8."""
    if _CHARSET in body:
        return
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        place = body.count(b"\n", 0, error.start) + 1
        raise DescriptionError(f"no UTF-8 in line {place} of the session description") from None
    found = _C1.search(text)
    if found is not None:
        place = text.count("\n", 0, found.start()) + 1
        raise DescriptionError(f"control character in line {place} of the session description")


def _tidied(line: bytes) -> bytes:
    """A line without its useless blanks; its CR stays."""
    end = b"\r" if line.endswith(b"\r") else b""
    kind = line[:2]
    if kind == b"s=":
        return line  # a session without a name has a single blank (section 5.3)
    if kind[1:] == b"=" and kind[:1] in _IN_WORDS:
        return kind + b" ".join(line[2:].split()) + end
    if kind == b"a=":
        return kind + line[2:].strip(b" \t\r").replace(b"\t", b" ") + end
    return line.rstrip(b" \t\r") + end


def parse_sdp(body: bytes) -> SessionDescription:
    """Read a session description. Lines may end in CRLF or LF (RFC 4566 section 5).

    Raises ParseError when a line is no line, v=0 or o= is missing, or a c= or m= line cannot be
    read. All other lines are only asked for when they are needed, and do not count when they make
    no sense. `sizes` sees to it that it is not too large.
    """
    # Each byte is one character, so that what is written back is what was read.
    lines = body.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
    if lines[0].rstrip(" ") != "v=0":
        raise ParseError(f"not a session description: {lines[0][:60]!r}")
    session = SessionDescription()
    media: MediaDescription | None = None
    for line in lines:
        if len(line) > _LONGEST_LINE or _LINE.match(line) is None:
            raise ParseError(f"not a line of a session description: {line[:60]!r}")
        value = line[2:]
        if line[0] == "m":
            media = _media(value)
            session.media.append(media)
            if len(session.media) > _MOST_MEDIA:
                raise ParseError("too many media lines")
        elif media is None:
            _of_session(session, line[0], value)
        else:
            _of_part(media, line[0], value)
    if not session.origin:
        raise ParseError("session description without o=")
    for each in session.media:
        each.host = each.host or session.host
        each.direction = each.direction or session.direction or "sendrecv"
    return session


def _of_session(session: SessionDescription, kind: str, value: str) -> None:
    if kind == "o":
        if session.origin:
            raise ParseError("session description with two o=")
        session.origin = value
    elif kind == "t":
        session.time = session.time or value
    else:
        _of_part(session, kind, value)


def _of_part(part: SessionDescription | MediaDescription, kind: str, value: str) -> None:
    if kind == "a":
        if value not in DIRECTIONS:
            part.attributes.append(value)
        elif not part.direction:
            part.direction = value
    elif kind == "c":
        part.host = part.host or _connection(value)


def _connection(value: str) -> str:
    """The address of a c= line, as sent. Raises ParseError."""
    found = _CONNECTION.match(value)
    if found is None:
        raise ParseError(f"not a connection: {value[:60]!r}")
    return found[2]


def _media(value: str) -> MediaDescription:
    """An m= line (RFC 4566 section 5.14). Raises ParseError."""
    found = _MEDIA.match(value)
    if found is None:
        raise ParseError(f"not a media line: {value[:60]!r}")
    formats = (found[4] or "").split()
    port = int(found[2])
    if port and not formats:
        raise ParseError(f"media line without a format: {value[:60]!r}")
    if port > 65535 or len(formats) > _MOST_FORMATS:
        raise ParseError(f"media line out of range: {value[:60]!r}")
    return MediaDescription(found[1], port, found[3], formats)


def audio_of(media: MediaDescription) -> Audio | None:
    """What our media can have of this line; None when it cannot have it at all."""
    if media.kind != "audio" or media.proto != "RTP/AVP" or not media.port:
        return None
    if not _one_host(media.host):
        return None
    names = media.rtpmap()
    codecs: list[int] = []
    event_pt = 0
    for text in media.formats:
        if len(text) > 3 or not text.isdecimal():
            continue
        payload = int(text)
        # Media passes between party and worker untouched, so only the standard's own number of a
        # codec will do, and not when an rtpmap gives it another meaning.
        if payload in CODECS:
            if payload not in codecs and names.get(payload, "") in {"", f"{CODECS[payload]}/8000"}:
                codecs.append(payload)
        elif 96 <= payload <= 127 and not event_pt:
            event_pt = payload if names.get(payload, "") == "TELEPHONE-EVENT/8000" else 0
    if not codecs:
        return None
    direction = _HOLDING[media.direction] if media.host in _NOWHERE else media.direction
    return Audio(media.host, media.port, tuple(codecs), event_pt, direction)


def _one_host(host: str) -> bool:
    """Whether this is the IPv4 literal of one host, or 0.0.0.0 (RFC 3264 section 8.4)."""
    found = _IPV4.match(host)
    if found is None:
        return False
    return host == "0.0.0.0" or 1 <= int(found[1]) <= 223


def usable_index(session: SessionDescription) -> int:
    """The place of the first m= line that our media can have, -1 when there is none."""
    for index, media in enumerate(session.media):
        if audio_of(media) is not None:
            return index
    return -1


def unusable(session: SessionDescription) -> tuple[int, str]:
    """Why our media can have nothing of a session of which `usable_audio` is None.

    The code of a Warning, and its text (RFC 3261 section 20.43).
    """
    audio = [media for media in session.media if media.kind == "audio" and media.port]
    if not audio:
        return BAD_MEDIA, "no audio"
    audio = [media for media in audio if media.proto == "RTP/AVP"]
    if not audio:
        return BAD_TRANSPORT, "audio is taken by RTP/AVP only"
    if not any(_one_host(media.host) for media in audio):
        if any(":" in media.host for media in audio):
            return BAD_NETWORK, "audio is taken by IPv4 only"
        return BAD_ADDRESS, "audio needs the IPv4 address of one host"
    return BAD_FORMAT, "audio is taken as PCMA or PCMU only"


def outline(body: bytes) -> str:
    """What a description speaks of, for people: its m= lines, at most 160 characters, printable."""
    lines = [
        line[2:].strip() for line in body[:_LONGEST_LINE].split(b"\n") if line.startswith(b"m=")
    ]
    text = b"; ".join(lines).decode("latin-1").replace("\t", " ")
    shown = "".join(one if " " <= one <= "~" else f"\\x{ord(one):02x}" for one in text[:160])
    return shown[:160] or "no media"


def usable_audio(session: SessionDescription) -> Audio | None:
    """The first audio that our media can have: RTP/AVP, an IPv4 literal, G.711; or None."""
    for media in session.media:
        audio = audio_of(media)
        if audio is not None:
            return audio
    return None


def answers(offer: SessionDescription, answer: SessionDescription) -> bool:
    """Whether one can be the answer to the other: same lines in the same order, and what was
    offered with port 0 stays so (RFC 3264 section 6).
    """
    return len(offer.media) == len(answer.media) and all(
        theirs.kind == ours.kind and (ours.port != 0 or not theirs.port)
        for ours, theirs in zip(offer.media, answer.media, strict=True)
    )


def may_answer(offer: bytes, answer: bytes) -> bool:
    """Whether one description can be the answer to another one as far as its lines show: it has the
    same kinds of media in the same order, and what was offered with port 0 stays so (RFC 3264
    section 6).

    offer: b"" for none; then any description will do. What came from outside is `checked` before.
    """
    if not answer.startswith(b"v=0"):
        return False
    said = _KIND.findall(answer)
    if len(said) != answer.count(b"\nm="):
        return False
    asked = _KIND.findall(offer) if offer else said
    return asked == said or (
        len(asked) == len(said)
        and all(
            theirs[0] == ours[0] and (not ours[1] or bool(theirs[1]))
            for ours, theirs in zip(asked, said, strict=True)
        )
    )


def held(session: SessionDescription) -> bool:
    """The sender does not listen: each audio it still has is sendonly, inactive or has no address
    (RFC 3264 section 8.4).
    """
    audio = [media for media in session.media if media.kind == "audio" and media.port]
    return bool(audio) and all(
        media.direction in {"sendonly", "inactive"} or media.host in _NOWHERE for media in audio
    )
