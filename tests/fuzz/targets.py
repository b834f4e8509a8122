"""What reads bytes of strangers, each a target for libFuzzer: `python targets.py NAME [OPTIONS]`.

Any exception but those of `errors.py` is a crash. libFuzzer takes the options after the name and
writes what crashed into the working directory; `python targets.py NAME FILE` runs it again.
"""

import sys
from collections.abc import Callable
from typing import Final

import atheris

with atheris.instrument_imports(include=["callrouter.sip", "callrouter.dialplan"]):
    from callrouter.dialplan.compile.compiler import compile_dialplan
    from callrouter.errors import ConfigError, SipError
    from callrouter.sip import digest, headers
    from callrouter.sip.framing import Framer, FramingError
    from callrouter.sip.message import Request, check_request, check_response, parse
    from callrouter.sip.nonces import Nonces
    from callrouter.sip.offer import Origin, offer_like, readdressed, worker_offer
    from callrouter.sip.sdp import held, parse_sdp, usable_audio
    from callrouter.sip.uas import inspect
    from callrouter.sip.uri import is_sips, parse_uri
    from callrouter.yamlfile.reader import parse as parse_yaml

_HEADERS: Final = (
    headers.parse_address,
    headers.parse_via,
    headers.parse_cseq,
    headers.parse_params,
    headers.split_list,
    headers.tag_of,
)
_NONCES: Final = Nonces(b"0123456789abcdef", lambda: "0123456789abcdef")


def text_of(data: bytes) -> str:
    """Text as the parser has it."""
    return data.decode("utf-8", "surrogateescape")


def message(data: bytes) -> None:
    """A datagram; and the same bytes on a stream, in two pieces."""
    try:
        read = parse(data)
        if isinstance(read, Request):
            check_request(read)
            inspect(read)
        else:
            check_response(read)
        read.branch()
        read.from_()
        read.to()
        read.via()
    except SipError:
        pass
    framer = Framer()
    half = len(data) // 2
    try:
        for piece in (data[:half], data[half:]):
            framer.feed(piece)
    except FramingError:
        pass


def uri(data: bytes) -> None:
    """A URI."""
    text = text_of(data)
    is_sips(text)
    found = parse_uri(text)
    found.decoded_user()
    found.param("transport")


def header(data: bytes) -> None:
    """A header's value, by all that read any."""
    text = text_of(data)
    for read in _HEADERS:
        try:
            read(text)
        except SipError:
            continue
    headers.split_values([text, text])
    headers.split_tokens([text, text])


def sdp(data: bytes) -> None:
    """A session description, and what is said because of it."""
    session = parse_sdp(data)
    held(session)
    for media in session.media:
        media.rtpmap()
    origin = Origin(5, "203.0.113.9")
    parse_sdp(readdressed(data, origin))
    parse_sdp(offer_like(session, "203.0.113.9", 4, (8,), 101, "sendrecv", origin=origin))
    audio = usable_audio(session)
    if audio is not None:
        assert usable_audio(parse_sdp(worker_offer(audio, audio.codecs, audio.event_pt, 1)))


def credentials(data: bytes) -> None:
    """A challenge of a target's, or somebody's credentials."""
    text = text_of(data)
    try:
        challenge = digest.parse_challenge(text)
        if challenge is not None:
            digest.credentials_value(
                challenge,
                user="u",
                password="p",
                method="INVITE",
                uri="sip:a@b",
                cnonce="c",
                count=1,
            )
    except SipError:
        pass
    found = digest.parse_credentials(text)
    if found is not None:
        found.proves("password", "INVITE")
        _NONCES.judge(found.nonce, found.count, "192.0.2.1", 100.0)


def dialplan(data: bytes) -> None:
    """A dialplan, as an editor may leave it."""
    compile_dialplan(parse_yaml(data.decode("utf-8", "replace"), "fuzz.yaml"))


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "message": message,
    "uri": uri,
    "headers": header,
    "sdp": sdp,
    "digest": credentials,
    "dialplan": dialplan,
}


def main() -> None:
    """Run one target under libFuzzer."""
    target = TARGETS[sys.argv[1]]

    def once(data: bytes) -> None:
        try:
            target(data)
        except (SipError, ConfigError):
            return

    atheris.Setup([sys.argv[0], *sys.argv[2:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
