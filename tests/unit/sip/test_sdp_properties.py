"""What holds for any session description, and for any bytes in its place.

The checker of answers here is written from RFC 3264 alone: it shares no code with what it checks.
"""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.descriptions import same_media

from callrouter.errors import ParseError, SipError
from callrouter.sip.offer import Origin, answer_to, offer_like, readdressed, worker_offer
from callrouter.sip.sdp import (
    DIRECTIONS,
    SessionDescription,
    held,
    parse_sdp,
    usable_audio,
)

UNHURRIED = settings(
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

HOSTS = ["", "192.0.2.1", "192.0.2.1", "0.0.0.0", "a.example", "2001:db8::1", "224.0.0.1", "1.2.3"]
FORMATS = ["0", "8", "9", "18", "96", "97", "101", "127", "x", "999"]
ATTRIBUTES = [
    *DIRECTIONS,
    "rtpmap:0 PCMU/8000",
    "rtpmap:0 pcmu/8000/1",
    "rtpmap:8 L16/8000",
    "rtpmap:96 telephone-event/8000",
    "rtpmap:101 telephone-event/8000",
    "rtpmap:97 telephone-event/16000",
    "rtpmap:",
    "ptime:30",
    "fmtp:101 0-16",
    "\x01\xff\x85",
    "",
]


def written(seed: int) -> bytes:
    """A description that can be read, with what phones, gateways and attackers put there."""
    random = Random(seed)

    def some(of: Sequence[str], most: int) -> list[str]:
        return random.choices(of, k=random.randint(0, most))

    def connection() -> list[str]:
        host = random.choice(HOSTS)
        return [f"c=IN {'IP6' if ':' in host else 'IP4'} {host}"] if host else []

    lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", *connection(), "t=0 0"]
    lines += [f"a={text}" for text in some(ATTRIBUTES, 3)]
    for _ in range(random.randint(0, 4)):
        kind = random.choice(["audio", "audio", "audio", "video", "image"])
        proto = random.choice(["RTP/AVP", "RTP/AVP", "RTP/SAVP", "udptl"])
        formats = " ".join(["0", *some(FORMATS, 4)] if random.random() < 0.8 else ["18"])
        lines.append(f"m={kind} {random.choice([0, 1, 6000, 65535])} {proto} {formats}")
        lines += connection()
        lines += [f"a={text}" for text in some(ATTRIBUTES, 6)]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


bodies = st.integers(0, 2**32).map(written)


def streams(body: bytes) -> list[tuple[str, list[str]]]:
    """Each m= line with what stands below it."""
    found: list[tuple[str, list[str]]] = []
    for line in body.decode("latin-1").split("\r\n"):
        if line.startswith("m="):
            found.append((line, []))
        elif found:
            found[-1][1].append(line)
    return found


def check_answer(offer: bytes, answer: bytes) -> None:
    """RFC 3264 section 6 and RFC 4566, as far as they can be seen in the two texts."""
    text = answer.decode("ascii", "surrogateescape")
    assert text.endswith("\r\n")
    lines = text[:-2].split("\r\n")
    assert [line[:2] for line in lines[:5]] == ["v=", "o=", "s=", "c=", "t="]
    assert lines[4] in offer.decode("latin-1").split("\r\n")
    theirs, ours = streams(offer), streams(answer)
    assert len(theirs) == len(ours)
    accepted = 0
    for (offered, below), (answered, said) in zip(theirs, ours, strict=True):
        kind, port, proto, *numbers = offered[2:].split(" ")
        our_kind, our_port, our_proto, *our_numbers = answered[2:].split(" ")
        assert (kind, proto) == (our_kind, our_proto)
        assert our_numbers
        if our_port == "0":
            continue
        accepted += 1
        assert port != "0"
        assert set(our_numbers) <= set(numbers)
        assert our_numbers[0] in {"0", "8"}
        asked = [line[2:] for line in below if line[2:] in DIRECTIONS]
        asked += [
            line[2:]
            for line in offer.decode("latin-1").split("m=")[0].split("\r\n")
            if line[2:] in DIRECTIONS
        ]
        (given_back,) = [line[2:] for line in said if line[2:] in DIRECTIONS]
        allowed = {
            "sendrecv": set(DIRECTIONS),
            "sendonly": {"recvonly", "inactive"},
            "recvonly": {"sendonly", "inactive"},
            "inactive": {"inactive"},
        }[asked[0] if asked else "sendrecv"]
        assert given_back in allowed
    assert accepted == 1


def all_asked(session: SessionDescription) -> None:
    """Everything that reads a description."""
    usable_audio(session)
    held(session)
    for media in session.media:
        media.rtpmap()


@UNHURRIED
@given(st.one_of(st.binary(max_size=400), st.binary(max_size=200).map(lambda b: b"v=0\n" + b)))
def test_any_bytes_are_a_description_or_a_parse_error(body: bytes) -> None:
    try:
        session = parse_sdp(body)
    except ParseError:
        return
    all_asked(session)


@UNHURRIED
@given(bodies, st.integers(0, 2000), st.binary(max_size=6), st.integers(0, 3))
def test_spoiled_description_is_read_or_a_parse_error(
    body: bytes, place: int, put: bytes, cut: int
) -> None:
    place %= len(body) + 1
    spoiled = body[:place] + put + body[place + cut :]
    try:
        session = parse_sdp(spoiled)
    except ParseError:
        return
    all_asked(session)
    ours = readdressed(spoiled, Origin(5, "203.0.113.9"))
    assert same_media(parse_sdp(ours), session)


@UNHURRIED
@given(bodies, st.booleans())
def test_answer_is_valid_or_488(body: bytes, events: bool) -> None:
    offer = parse_sdp(body)
    audio = usable_audio(offer)
    codec = audio.codecs[-1] if audio is not None else 0
    event_pt = audio.event_pt if audio is not None and events else 0
    origin = Origin(5, "203.0.113.9")
    if audio is None:
        with pytest.raises(SipError) as refused:
            answer_to(offer, "203.0.113.9", 4000, codec, event_pt, origin)
        assert refused.value.status == 488
        return
    answer = answer_to(offer, "203.0.113.9", 4000, codec, event_pt, origin)
    check_answer(body, answer)
    parse_sdp(answer)


@UNHURRIED
@given(bodies, st.sampled_from(DIRECTIONS))
def test_reoffer_keeps_kinds_and_count(body: bytes, direction: str) -> None:
    previous = parse_sdp(body)
    session = parse_sdp(
        offer_like(
            previous, "203.0.113.9", 4, (8,), 101, direction, origin=Origin(5, "203.0.113.9")
        )
    )
    kinds = [media.kind for media in previous.media]
    assert [media.kind for media in session.media][: len(kinds)] == kinds
    assert len(session.media) - len(kinds) in {0, 1}
    assert [media.port for media in session.media if media.port] == [4]
    audio = usable_audio(session)
    assert audio is not None
    assert audio.direction == direction


@UNHURRIED
@given(bodies)
def test_worker_gets_one_plain_audio_and_reads_back_the_same(body: bytes) -> None:
    audio = usable_audio(parse_sdp(body))
    if audio is None:
        return
    text = worker_offer(audio, audio.codecs, audio.event_pt, 1)
    nowhere = audio.host == "0.0.0.0"
    expected = audio._replace(host="127.0.0.1", port=9) if nowhere else audio
    assert usable_audio(parse_sdp(text)) == expected
    assert text.count(b"m=") == 1
    assert b"a=ptime:20\r\n" in text
