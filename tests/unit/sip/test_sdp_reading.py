"""Session descriptions of phones, gateways and attackers, as read."""

import pytest
from support.tables import each

from callrouter.errors import ParseError
from callrouter.sip.sdp import (
    Audio,
    answers,
    held,
    may_answer,
    parse_sdp,
    usable_audio,
)

PHONE = (
    "v=0\r\no=user1 53655765 2353687637 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
    "t=0 0\r\nm=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n"
)
HEAD = "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\n"


def audio(text: str) -> Audio | None:
    return usable_audio(parse_sdp(text.encode()))


def spelled(old: str, new: str) -> str:
    assert old in PHONE
    return PHONE.replace(old, new)


def test_phone_offer_is_read() -> None:
    session = parse_sdp(PHONE.encode())
    assert session.origin == "user1 53655765 2353687637 IN IP4 192.0.2.1"
    assert (session.host, session.time) == ("192.0.2.1", "0 0")
    (media,) = session.media
    assert (media.kind, media.port, media.proto) == ("audio", 6000, "RTP/AVP")
    assert media.formats == ["8", "0", "101"]
    assert media.rtpmap() == {8: "PCMA/8000", 0: "PCMU/8000", 101: "TELEPHONE-EVENT/8000"}
    assert media.attributes[-2:] == ["fmtp:101 0-16", "ptime:20"]
    assert usable_audio(session) == Audio("192.0.2.1", 6000, (8, 0), 101, "sendrecv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            HEAD + "m=audio 4000/2 RTP/AVP 0 \nc=IN IP4 198.51.100.7\n\n",
            Audio("198.51.100.7", 4000, (0,), 0, "sendrecv"),
            id="static payload, bare LF, c= of the line",
        ),
        pytest.param(
            HEAD + "c=IN IP4 192.0.2.1\na=sendonly\nm=audio 9 RTP/AVP 8\n",
            Audio("192.0.2.1", 9, (8,), 0, "sendonly"),
            id="direction of the session",
        ),
        pytest.param(
            HEAD + "c=IN IP4 192.0.2.1\na=sendonly\nm=audio 9 RTP/AVP 8\na=recvonly\n",
            Audio("192.0.2.1", 9, (8,), 0, "recvonly"),
            id="direction of the line",
        ),
        pytest.param(
            HEAD + "c=IN IP4 0.0.0.0\nm=audio 9 RTP/AVP 8\n",
            Audio("0.0.0.0", 9, (8,), 0, "sendonly"),
            id="no address is hold",
        ),
        pytest.param(
            spelled("a=rtpmap:0 PCMU/8000", "a=rtpmap:0 PCMU/16000"),
            Audio("192.0.2.1", 6000, (8,), 101, "sendrecv"),
            id="payload 0 with another meaning",
        ),
        pytest.param(
            spelled("telephone-event/8000", "telephone-event/48000"),
            Audio("192.0.2.1", 6000, (8, 0), 0, "sendrecv"),
            id="events at another rate",
        ),
        pytest.param(
            spelled("8 0 101", "9 4294967296 8 8 x 96 101"),
            Audio("192.0.2.1", 6000, (8,), 101, "sendrecv"),
            id="formats that are no payload types",
        ),
        pytest.param(
            HEAD + "c=IN IP4 192.0.2.1\nm=video 9 RTP/AVP 96\nm=audio 0 RTP/AVP 0\n"
            "m=audio 5 RTP/SAVP 0\nm=audio 6 RTP/AVP 8\n",
            Audio("192.0.2.1", 6, (8,), 0, "sendrecv"),
            id="the first of several that is usable",
        ),
    ],
)
def test_audio_that_our_media_can_have(text: str, expected: Audio) -> None:
    assert audio(text) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("c=IN IP4 192.0.2.1", "c=IN IP6 2001:db8::1"),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 phone.example.com"),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 224.2.1.1/127"),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 239.1.2.3"),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 255.255.255.255"),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.01"),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 192.0.2.256"),
        ("c=IN IP4 192.0.2.1\r\n", ""),
        ("RTP/AVP", "RTP/SAVP"),
        ("RTP/AVP", "UDP/TLS/RTP/SAVPF"),
        ("8 0 101", "9 18 101"),
        ("m=audio 6000", "m=audio 0"),
        ("m=audio", "m=image"),
    ],
)
def test_audio_that_our_media_cannot_have(old: str, new: str) -> None:
    assert audio(spelled(old, new)) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0",
        b"v=1\r\no=- 1 1 IN IP4 192.0.2.1\r\n",
        b"garbage",
        b"\x00" * 50,
        PHONE.replace("o=user1", "x=user1").encode(),
        PHONE.replace("s=-", "o=- 1 1 IN IP4 192.0.2.9").encode(),
        PHONE.replace("s=-", "session").encode(),
        PHONE.replace("s=-", "s=a\rb").encode(),
        PHONE.replace("s=-", "s=" + "x" * 3000).encode(),
        PHONE.replace("s=-\r\n", "s=-\r\n\r\n").encode(),
        PHONE.replace("c=IN IP4 192.0.2.1", "c=IN").encode(),
        PHONE.replace("c=IN IP4 192.0.2.1", "c=IN IP4 \x1b[2J").encode(),
        (HEAD + "m=audio 1 RTP/AVP 0\n" * 33).encode(),
    ],
)
def test_broken_body_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        parse_sdp(body)


@pytest.mark.parametrize(
    "line",
    [
        "m=audio",
        "m=audio 17000",
        "m=audio 17000 RTP/AVP",
        "m=audio 17000 RTP/AVP ",
        "m=audio -1 RTP/AVP 0",
        "m=audio 65536 RTP/AVP 0",
        "m=audio 17000/ RTP/AVP 0",
        "m=audio 99999999999999999999 RTP/AVP 0",
        "m=audio ² RTP/AVP 0",
        "m=audio 17000 RTP/AVP " + "0 " * 65,
        "m=audio 17000 RTP/AVP " + "\x01",
    ],
)
def test_ast_2018_002_media_line_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ParseError):
        parse_sdp(f"{HEAD}c=IN IP4 192.0.2.1\n{line}\n".encode())


@pytest.mark.parametrize("payload", ["4294967296", "-1", "00000000000000000000", "0x0", "128"])
def test_es2018_02_payload_type_out_of_range_does_not_count(payload: str) -> None:
    assert audio(f"{HEAD}c=IN IP4 192.0.2.1\nm=audio 1 RTP/AVP {payload}\n") is None


@each(
    "attribute",
    [
        "fmtp",
        "fmtp:",
        "fmtp:\x01",
        "fmtp:8",
        "fmtp:101 ",
        "fmtp:4294967296 mode=1",
        "fmtp:101 0-" + "9" * 1000,
        "rtpmap",
        "rtpmap:",
        "rtpmap:8",
        "rtpmap:8 ",
        "rtpmap:8 /8000",
        "rtpmap:8 PCMA/",
        "rtpmap:99999999999 PCMA/8000",
        "rtpmap:8 PCMA/" + "9" * 1000,
        "ptime:",
        "ptime:-1",
        "ptime:4294967296",
        "maxptime:99999999999999",
        "",
    ],
)
def test_ast_2018_003_es2018_03_senseless_attribute_does_not_count(attribute: str) -> None:
    session = parse_sdp(f"{PHONE}a={attribute}\n".encode())
    assert usable_audio(session) == Audio("192.0.2.1", 6000, (8, 0), 101, "sendrecv")
    alone = parse_sdp(
        f"{HEAD}c=IN IP4 192.0.2.1\nm=audio 1 RTP/AVP 8 101\na={attribute}\n".encode()
    )
    assert usable_audio(alone) == Audio("192.0.2.1", 1, (8,), 0, "sendrecv")


def test_first_of_two_contradictions_counts() -> None:
    session = parse_sdp(
        f"{HEAD}c=IN IP4 192.0.2.1\nc=IN IP4 192.0.2.2\nm=audio 1 RTP/AVP 8 0\n"
        "a=rtpmap:8 PCMA/8000\na=rtpmap:8 L16/44100\na=sendonly\na=recvonly\n".encode()
    )
    assert usable_audio(session) == Audio("192.0.2.1", 1, (8, 0), 0, "sendonly")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("a=sendrecv", "a=sendrecv", False),
        ("a=sendrecv", "a=recvonly", False),
        ("a=sendrecv", "a=sendonly", True),
        ("a=sendrecv", "a=inactive", True),
        ("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", True),
        ("c=IN IP4 192.0.2.1", "c=IN IP6 ::", True),
        ("m=audio 6000", "m=audio 0", False),
        ("t=0 0\r\n", "t=0 0\r\na=inactive\r\nm=video 7 RTP/AVP 96\r\n", False),
        ("t=0 0\r\n", "t=0 0\r\nm=audio 7 RTP/AVP 8\r\na=sendonly\r\n", False),
    ],
)
def test_hold_is_when_no_audio_is_listened_to(old: str, new: str, expected: bool) -> None:
    assert held(parse_sdp(spelled(old, new).encode())) is expected


def test_answer_with_other_lines_is_none() -> None:
    """The class of CVE-2021-26906: a peer's answer does not fit what we offered."""
    offer = parse_sdp(f"{PHONE}m=video 7 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\n".encode())
    for answer, fits in {
        f"{PHONE}m=video 0 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\n": True,
        f"{PHONE}m=video 0 RTP/AVP 96\r\nm=audio 9 RTP/AVP 0\r\n": False,
        f"{PHONE}m=audio 0 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n": False,
        PHONE: False,
        HEAD: False,
    }.items():
        assert answers(offer, parse_sdp(answer.encode())) is fits


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (PHONE, True),
        (PHONE.replace("\r\n", "\n"), True),
        (PHONE.replace("6000", "0"), True),
        (PHONE.replace("6000", "6000/2"), True),
        (f"{PHONE}m=video 0 RTP/AVP 96\r\n", False),
        (PHONE.partition("m=")[0], False),
        (PHONE.replace("6000", "port"), False),
        (PHONE.replace("6000", "123456"), False),
        (PHONE.replace("v=0", "v=1"), False),
        (f"\r\n{PHONE}", False),
        ("", False),
    ],
)
def test_answer_unread_is_a_description_with_as_many_lines(answer: str, expected: bool) -> None:
    assert may_answer(PHONE.encode(), answer.encode()) is expected


def test_offer_unread_is_any_description() -> None:
    assert may_answer(b"", PHONE.encode())
    assert may_answer(b"", HEAD.encode())
    assert not may_answer(b"", b"<html>")
