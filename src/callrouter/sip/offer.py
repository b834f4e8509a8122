"""Session descriptions that we write: offers and answers (RFC 3264).

Theory. A call with our media speaks SDP to both sides in our own name. Towards a worker it is
always the same few lines, whatever the party said, so that nothing strange reaches PJSIP. Towards
a party it follows what the party described before: lines never move or vanish, they get port 0.

Rules. All we describe to one party in one dialog goes through its one `Origin`, so that the
identity stays and the version grows by one exactly when something else has changed.
"""

from collections.abc import Sequence
from typing import Final

from callrouter.errors import ParseError, SipError
from callrouter.sip.sdp import (
    CODECS,
    MIRRORED,
    Audio,
    MediaDescription,
    SessionDescription,
    audio_of,
    usable_index,
)

EVENT_PT: Final = 101
"""The payload type we offer for telephone-event when nobody has named one."""

_PLACEHOLDER: Final = Audio("127.0.0.1", 9, tuple(CODECS), EVENT_PT, "inactive")


class Origin:
    """Our o= identity towards one party in one dialog (RFC 4566 section 5.2).

    id: 0 to 2**63 - 1, the same for the whole dialog. host: our address literal. version: of what
    was described last, 0 before. user: the first word, which is as much a part of it.
    """

    __slots__ = ("_last", "host", "id", "user", "version")

    def __init__(self, id: int, host: str) -> None:
        self.id = id
        self.host = host
        self.version = 0
        self.user = "-"
        self._last: bytes | None = None

    def line(self, rest: bytes) -> bytes:
        """The o= line, without its end, of a description whose other lines are `rest`.

        The version grows only when these are not what they were (RFC 3264 section 8).
        """
        if rest != self._last:
            self.version += 1
            self._last = rest
        where = _address(self.host)
        return f"o={self.user} {self.id} {self.version} {where}".encode("latin-1")


def described(origin: Origin, lines: Sequence[str]) -> bytes:
    """A whole description. lines: what follows s=, without line ends."""
    rest = "\r\n".join(lines).encode("latin-1") + b"\r\n"
    return b"v=0\r\n" + origin.line(rest) + b"\r\ns=-\r\n" + rest


def worker_offer(audio: Audio | None, codecs: Sequence[int], event_pt: int, version: int) -> bytes:
    """An offer to a PJSIP worker in the name of a party: one m=audio, IPv4, ptime 20.

    audio: where and in which direction the party has its media; None: nobody is there yet, it
    only makes the worker open its port. codecs, event_pt: the party's payload types; event_pt 0
    for no telephone-event. version: grows with each offer to the same session.
    """
    where = _PLACEHOLDER if audio is None else audio
    # PJSIP would answer 0.0.0.0 with the same, and not say its own address any more.
    known = where if where.host != "0.0.0.0" else _PLACEHOLDER
    lines = [
        "v=0",
        f"o=- 1 {version} IN IP4 127.0.0.1",
        "s=-",
        f"c={_address(known.host)}",
        "t=0 0",
        *_audio(known.port, codecs, event_pt, where.direction),
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def answer_to(
    offer: SessionDescription, host: str, port: int, codec: int, event_pt: int, origin: Origin
) -> bytes:
    """Our answer: the first audio that we can have, at host and port; all other lines refused.

    codec, event_pt: payload types as the offer has them; event_pt 0 for no telephone-event. Raises
    SipError with 488 when there is no audio for us in it, ValueError for a payload type that was
    not offered.
    """
    chosen = usable_index(offer)
    audio = audio_of(offer.media[chosen]) if chosen >= 0 else None
    if audio is None:
        raise SipError("no audio in the offer that our media can have", 488)
    if codec not in audio.codecs or event_pt not in {0, audio.event_pt}:
        raise ValueError(f"payload types {codec} and {event_pt} are not in the offer")
    # The same t= as the offer's (RFC 3264 section 6).
    lines = [f"c={_address(host)}", f"t={offer.time or '0 0'}"]
    for index, media in enumerate(offer.media):
        if index == chosen:
            lines += _audio(port, (codec,), event_pt, MIRRORED[audio.direction])
        else:
            lines.append(_refused(media))
    return described(origin, lines)


def refusing(offer: SessionDescription, origin: Origin) -> bytes:
    """Our answer that takes no stream at all (RFC 3264 section 6)."""
    lines = [f"c={_address(origin.host)}", f"t={offer.time or '0 0'}"]
    return described(origin, [*lines, *map(_refused, offer.media)])


def offer_like(
    previous: SessionDescription | None,
    host: str,
    port: int,
    codecs: Sequence[int],
    event_pt: int,
    direction: str,
    origin: Origin,
) -> bytes:
    """An offer of ours with one audio at host and port.

    previous: what was last described in the dialog by either side, None when nothing was. Its
    lines stay where they are: the audio takes the place of the audio, the others get port 0
    (RFC 3264 section 8).
    """
    before = previous.media if previous is not None else []
    place = _audio_place(before)
    lines = [f"c={_address(host)}", "t=0 0"]
    for index, media in enumerate(before):
        if index == place:
            lines += _audio(port, codecs, event_pt, direction)
        else:
            lines.append(_refused(media))
    if place == len(before):
        lines += _audio(port, codecs, event_pt, direction)
    return described(origin, lines)


def readdressed(body: bytes, origin: Origin) -> bytes:
    """Another party's description as ours: o= and s= are replaced, all else is kept as it is.

    Raises ParseError when it has no o= of its own.
    """
    # Bodies with both kinds of line ends are about, so each line keeps its own.
    lines = body.split(b"\n")
    place = -1
    for index, line in enumerate(lines):
        if line.startswith(b"m="):
            break
        if line.startswith(b"o="):
            place = index
        elif line.startswith(b"s="):
            lines[index] = b"s=-" + _line_end(line)
    if place < 0:
        raise ParseError("session description without o=")
    end = _line_end(lines[place])
    lines[place] = b""
    lines[place] = origin.line(b"\n".join(lines)) + end
    return b"\n".join(lines)


def _line_end(line: bytes) -> bytes:
    return b"\r" if line.endswith(b"\r") else b""


def _audio_place(media: list[MediaDescription]) -> int:
    """Where audio of ours belongs: where audio runs, else where it ran, else behind the last."""
    place = len(media)
    for index, line in enumerate(media):
        if line.kind == "audio" and line.proto == "RTP/AVP":
            if line.port:
                return index
            place = min(place, index)
    return place


def _address(host: str) -> str:
    return f"IN IP6 {host}" if ":" in host else f"IN IP4 {host}"


def _refused(media: MediaDescription) -> str:
    """At least one format has to stay, and to be there if there was none (RFC 3264 section 6)."""
    return f"m={media.kind} 0 {media.proto} {' '.join(media.formats) or '0'}"


def _audio(port: int, codecs: Sequence[int], event_pt: int, direction: str) -> list[str]:
    formats = [str(codec) for codec in codecs]
    lines = [f"a=rtpmap:{codec} {CODECS[codec]}/8000" for codec in codecs]
    if event_pt:
        formats.append(str(event_pt))
        lines.append(f"a=rtpmap:{event_pt} telephone-event/8000")
        lines.append(f"a=fmtp:{event_pt} 0-15")
    return [f"m=audio {port} RTP/AVP {' '.join(formats)}", *lines, "a=ptime:20", f"a={direction}"]
