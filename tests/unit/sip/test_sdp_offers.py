"""Offers and answers of ours."""

import pytest
from support.descriptions import same_media

from callrouter.errors import ParseError, SipError
from callrouter.sip.offer import (
    EVENT_PT,
    Origin,
    answer_to,
    described,
    offer_like,
    readdressed,
    worker_offer,
)
from callrouter.sip.sdp import Audio, answers, parse_sdp, usable_audio

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=call\r\nc=IN IP4 192.0.2.1\r\nt=5 6\r\n"
AUDIO = "m=audio 6000 RTP/AVP 18 8 0 97\r\na=rtpmap:97 telephone-event/8000\r\n"
VIDEO = "m=video 6002 RTP/AVP 96 98\r\na=rtpmap:96 H264/90000\r\n"


def origin() -> Origin:
    return Origin(77, "203.0.113.9")


def test_answer_has_the_offers_lines_and_numbers() -> None:
    offer = parse_sdp((HEAD + VIDEO + AUDIO + "m=audio 6004 RTP/SAVP 0\r\n").encode())
    assert answer_to(offer, "203.0.113.9", 4000, 8, 97, origin()).decode() == (
        "v=0\r\no=- 77 1 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=5 6\r\n"
        "m=video 0 RTP/AVP 96 98\r\n"
        "m=audio 4000 RTP/AVP 8 97\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        "m=audio 0 RTP/SAVP 0\r\n"
    )


def test_answer_without_events_and_over_ipv6() -> None:
    text = answer_to(parse_sdp((HEAD + AUDIO).encode()), "2001:db8::9", 4000, 0, 0, origin())
    assert b"c=IN IP6 2001:db8::9\r\n" in text
    assert b"m=audio 4000 RTP/AVP 0\r\n" in text
    assert b"telephone-event" not in text


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ("sendrecv", "sendrecv"),
        ("sendonly", "recvonly"),
        ("recvonly", "sendonly"),
        ("inactive", "inactive"),
    ],
)
def test_direction_is_mirrored(offered: str, answered: str) -> None:
    offer = parse_sdp(f"{HEAD}{AUDIO}a={offered}\r\n".encode())
    answer = parse_sdp(answer_to(offer, "203.0.113.9", 4000, 8, 97, origin()))
    assert answer.media[0].direction == answered


def test_offer_without_usable_audio_is_488() -> None:
    with pytest.raises(SipError) as refused:
        answer_to(parse_sdp((HEAD + VIDEO).encode()), "203.0.113.9", 4000, 8, 0, origin())
    assert refused.value.status == 488


@pytest.mark.parametrize(("codec", "event_pt"), [(18, 97), (8, 101)])
def test_answer_with_a_number_never_offered_is_a_bug(codec: int, event_pt: int) -> None:
    offer = parse_sdp((HEAD + AUDIO).encode())
    with pytest.raises(ValueError, match="not in the offer"):
        answer_to(offer, "203.0.113.9", 4000, codec, event_pt, origin())


def test_version_grows_by_one_and_only_on_change() -> None:
    ours = origin()
    offer = parse_sdp((HEAD + AUDIO).encode())
    first = answer_to(offer, "203.0.113.9", 4000, 8, 97, ours)
    assert answer_to(offer, "203.0.113.9", 4000, 8, 97, ours) == first
    moved = answer_to(offer, "203.0.113.9", 4002, 8, 97, ours)
    assert parse_sdp(first).origin == "- 77 1 IN IP4 203.0.113.9"
    assert parse_sdp(moved).origin == "- 77 2 IN IP4 203.0.113.9"
    back = answer_to(offer, "203.0.113.9", 4000, 8, 97, ours)
    assert parse_sdp(back).origin == "- 77 3 IN IP4 203.0.113.9"


def test_first_offer_is_one_audio() -> None:
    text = offer_like(None, "203.0.113.9", 4000, (8, 0), EVENT_PT, "sendrecv", origin=origin())
    assert text.decode() == (
        "v=0\r\no=- 77 1 IN IP4 203.0.113.9\r\ns=-\r\nc=IN IP4 203.0.113.9\r\nt=0 0\r\n"
        "m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


@pytest.mark.parametrize(
    ("before", "ports"),
    [
        (VIDEO + AUDIO, [0, 4000]),
        (AUDIO + VIDEO, [4000, 0]),
        (VIDEO, [0, 4000]),
        ("m=audio 0 RTP/AVP 0\r\n" + AUDIO, [0, 4000]),
        ("m=audio 5 RTP/SAVP 0\r\nm=audio 0 RTP/AVP 9\r\n", [0, 4000]),
        (AUDIO + AUDIO, [4000, 0]),
    ],
)
def test_reoffer_keeps_the_lines_in_their_places(before: str, ports: list[int]) -> None:
    previous = parse_sdp((HEAD + before).encode())
    text = offer_like(previous, "203.0.113.9", 4000, (0,), 0, "sendonly", origin=origin())
    session = parse_sdp(text)
    assert [media.port for media in session.media] == ports
    for old, new in zip(previous.media, session.media, strict=False):
        assert old.kind == new.kind
    assert usable_audio(session) == Audio("203.0.113.9", 4000, (0,), 0, "sendonly")


def test_readdressed_changes_only_origin_and_name() -> None:
    body = (HEAD + VIDEO + AUDIO + "o=not ours to touch\r\n").encode()
    ours = origin()
    text = readdressed(body, ours)
    assert text == body.replace(b"o=- 1 1 IN IP4 192.0.2.1", b"o=- 77 1 IN IP4 203.0.113.9", 1) \
        .replace(b"s=call", b"s=-")  # fmt: skip
    assert same_media(parse_sdp(text), parse_sdp(body))
    # The other's own version says nothing to our party.
    assert readdressed(body.replace(b"o=- 1 1 ", b"o=- 1 2 "), ours) == text
    assert b"o=- 77 2 " in readdressed(body.replace(b"6000", b"6001"), ours)


def test_readdressed_keeps_every_line_end() -> None:
    body = b"v=0\no=x\r\ns=y\nt=0 0\r\nb=AS:64\n"
    assert readdressed(body, origin()) == (
        b"v=0\no=- 77 1 IN IP4 203.0.113.9\r\ns=-\nt=0 0\r\nb=AS:64\n"
    )


def test_readdressed_needs_an_origin() -> None:
    with pytest.raises(ParseError):
        readdressed(b"v=0\r\nm=audio 1 RTP/AVP 0\r\no=late\r\n", origin())


def test_origin_counts_over_all_ways_of_describing() -> None:
    ours = origin()
    described(ours, ["t=0 0"])
    offer_like(None, "203.0.113.9", 4000, (0,), 0, "sendrecv", origin=ours)
    assert b"o=- 77 3 " in readdressed((HEAD + AUDIO).encode(), ours)


def test_placeholder_to_a_worker_is_inactive_at_no_port() -> None:
    assert worker_offer(None, (0, 8), 101, 1).decode() == (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 9 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=inactive\r\n"
    )


def test_worker_sees_the_party_and_nothing_strange_of_it() -> None:
    """CVE-2026-41416 and its kin: no ptime, format or attribute of the party reaches PJSIP."""
    offer = parse_sdp(
        f"{HEAD}{VIDEO}{AUDIO}a=ptime:99999\r\na=maxptime:4294967295\r\na=ssrc:1\r\n".encode()
    )
    audio = usable_audio(offer)
    assert audio is not None
    text = worker_offer(audio, audio.codecs, audio.event_pt, 4).decode()
    assert text == (
        "v=0\r\no=- 1 4 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
        "m=audio 6000 RTP/AVP 8 0 97\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
        "a=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def test_own_answer_answers_own_offer() -> None:
    offer = parse_sdp(offer_like(None, "203.0.113.9", 4, (8, 0), 101, "sendrecv", origin=origin()))
    assert answers(offer, parse_sdp(answer_to(offer, "203.0.113.9", 6, 0, 101, origin())))


def test_party_on_hold_without_address_is_an_address_of_ours_to_the_worker() -> None:
    held = Audio("0.0.0.0", 6000, (8,), 0, "sendonly")
    text = worker_offer(held, held.codecs, held.event_pt, 5)
    assert usable_audio(parse_sdp(text)) == Audio("127.0.0.1", 9, (8,), 0, "sendonly")
