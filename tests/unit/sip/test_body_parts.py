"""Which part of a body describes the session, and what of a description is taken as it came."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rig import request
from support.tables import each

from callrouter.errors import ParseError
from callrouter.sip.body import BodyError, take_answer, take_description, take_session
from callrouter.sip.message import Request, parse
from callrouter.sip.offer import Origin, answer_to, refusing
from callrouter.sip.sdp import (
    DescriptionError,
    SessionDescription,
    checked,
    held,
    may_answer,
    outline,
    parse_sdp,
    unusable,
    usable_audio,
)

HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"
ADDRESS = b"c=IN IP4 192.0.2.1\r\n"
AUDIO = b"m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
SDP = HEAD + ADDRESS + b"t=0 0\r\n" + AUDIO


def described(media: bytes) -> SessionDescription:
    return parse_sdp(HEAD + ADDRESS + b"t=0 0\r\n" + media)


def asked(kind: str, body: bytes, extra: str = "") -> Request:
    message = parse(request(extra=f"Content-Type: {kind}\r\n{extra}", body=body))
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    "body",
    [
        SDP,
        SDP.replace(b"\r\n", b"\n"),
        SDP.removesuffix(b"\r\n"),
        SDP.replace(b"s=-", b"s= "),
        SDP.replace(b"s=-\r\n", b"s=\xe4\xb8\xad\r\ni=x\r\nu=http://h/\r\ne=a@b\r\np=1\r\n"),
        SDP.replace(b"t=0 0\r\n", b"b=AS:64\r\nt=0 0\r\nr=1 2\r\nz=0 1\r\na=sendrecv\r\n"),
        HEAD + b"t=0 0\r\n" + AUDIO.replace(b"8\r\na", b"8\r\ni=x\r\n" + ADDRESS + b"a"),
        SDP + b"m=video 0 RTP/AVP\r\n",
        SDP.replace(b"4000", b"65535"),
        SDP + b"m=video 0 RTP/AVP\r\n" * 31,
        SDP + b"m=image 9/2 udptl t38\r\na=T38FaxVersion:0\r\n",
        HEAD + ADDRESS + b"t=0 0\r\n",
    ],
)
def test_description_spelled_as_usual_is_taken_as_it_came(body: bytes) -> None:
    assert checked(body) is body


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"AVP 8\r\n", b"AVP 8 \r\n"),
        (b"AVP 8\r\n", b"AVP 8\t\r\n"),
        (b"m=", b"m=\t"),
        (b"m=audio 4000", b"m=audio\t 4000"),
        (b"c=IN IP4 ", b"c=IN  IP4\t"),
        (b"v=0", b"v=0 "),
        (b"t=0 0", b"t=0\t0 "),
        (b"o=- 1", b"o= -  1"),
        (b"a=rtpmap:8 ", b"a= rtpmap:8\t"),
        (b"PCMA/8000\r\n", b"PCMA/8000 \r\n"),
        (b"t=0 0\r\n", b"t=0 0 \r\n"),
    ],
)
def test_blanks_that_mean_nothing_are_taken_out(old: bytes, new: bytes) -> None:
    assert old in SDP
    assert checked(SDP.replace(old, new)) == SDP


@pytest.mark.parametrize("direction", [b"sendonly ", b"sendonly\t", b" inactive", b"\tinactive \t"])
def test_hold_is_seen_whatever_blanks_stand_there(direction: bytes) -> None:
    assert held(parse_sdp(checked(SDP + b"a=" + direction + b"\r\n")))


@each("spoiling", [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
def test_control_character_anywhere_makes_it_none(spoiling: int) -> None:
    for place in range(0, len(SDP), 7):
        with pytest.raises(DescriptionError):
            checked(SDP[:place] + bytes([spoiling]) + SDP[place:])


@each("spoiling", [*(chr(one).encode() for one in range(0x80, 0xA0)), b"\xe9"])
def test_control_character_beyond_ascii_and_what_is_no_utf8_make_it_none(spoiling: bytes) -> None:
    for old in (b"o=-", b"s=-"):
        with pytest.raises(DescriptionError) as caught:
            checked(SDP.replace(old, old + spoiling))
        assert (caught.value.status, caught.value.code) == (488, 307)
    with pytest.raises(DescriptionError, match=r"in line [0-9]+ of the session"):
        checked(SDP + b"a=x:" + spoiling + b"\r\n")


def test_text_of_another_charset_and_any_utf8_are_taken_as_they_came() -> None:
    latin = SDP.replace(b"s=-", b"s=caf\xe9") + b"a=charset:ISO-8859-1\r\n"
    for body in (latin, SDP.replace(b"s=-", "s=\u674e caf\u00e9".encode())):
        assert checked(body) is body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 307),
        (b"v=0\r\n", 307),
        (SDP.replace(b"s=-\r\n", b""), 307),
        (SDP.replace(b"t=0 0\r\n", b""), 307),
        (SDP.replace(b"RTP/AVP 8\r", b"RTP/AVP\r"), 307),
        (SDP.replace(b"\r\nm=", b"\rm="), 307),
        (SDP.replace(b"192.0.2.1\r\nt", b"\r\nt"), 307),
        (SDP.replace(b"o=- 1 1 IN IP4 192.0.2.1", b"o=-"), 307),
        (SDP.replace(b"4000", b"65536"), 307),
        (SDP.replace(b"4000", b"99999"), 307),
        (SDP + b"m=audio 4000 RTP/AVP 8\r\n" * 32, 307),
        (SDP + b"a=" + b"x" * 2100 + b"\r\n", 307),
        (SDP.replace(ADDRESS, b""), 301),
        (HEAD + b"t=0 0\r\n" + AUDIO + ADDRESS + AUDIO, 301),
    ],
)
def test_what_can_be_no_description_says_why(body: bytes, code: int) -> None:
    with pytest.raises(DescriptionError) as caught:
        checked(body)
    assert (caught.value.status, caught.value.code) == (488, code)


@given(st.lists(st.sampled_from([*SDP.splitlines(True), b" ", b"\t", b"\r", b"\0", b"m=x\r\n"])))
def test_what_was_taken_is_taken_again_as_it_is(lines: list[bytes]) -> None:
    try:
        body = checked(HEAD + ADDRESS + b"t=0 0\r\n" + b"".join(lines))
    except DescriptionError:
        return
    assert checked(body) == body
    parse_sdp(body)


@pytest.mark.parametrize(
    ("offer", "answer", "fits"),
    [
        (AUDIO, AUDIO, True),
        (AUDIO, AUDIO.replace(b"4000", b"0"), True),
        (AUDIO.replace(b"4000", b"0"), AUDIO.replace(b"4000", b"0"), True),
        (AUDIO.replace(b"4000", b"0"), AUDIO, False),
        (AUDIO + b"m=video 9 x 1\r\n", AUDIO + b"m=video 0 x\r\n", True),
        (AUDIO + b"m=video 9 x 1\r\n", b"m=video 9 x 1\r\n" + AUDIO, False),
        (AUDIO, AUDIO + AUDIO, False),
        (AUDIO, b"", False),
    ],
)
def test_answer_has_the_offers_lines_in_its_order(offer: bytes, answer: bytes, fits: bool) -> None:
    head = HEAD + ADDRESS + b"t=0 0\r\n"
    assert may_answer(head + offer, head + answer) is fits


@pytest.mark.parametrize(
    ("media", "code"),
    [
        (b"m=audio 4000 RTP/SAVPF 8\r\n", 302),
        (b"m=audio 4000 RTP/AVP 18\r\n", 305),
        (b"m=image 4000 udptl t38\r\n", 304),
        (b"m=audio 0 RTP/AVP\r\n", 304),
        (b"", 304),
        (AUDIO + b"c=IN IP6 2001:db8::1\r\n", 300),
        (AUDIO + b"c=IN IP4 media.invalid\r\n", 301),
        (AUDIO + b"c=IN IP4 239.0.0.1\r\n", 301),
    ],
)
def test_why_our_media_can_have_nothing_of_it(media: bytes, code: int) -> None:
    session = described(media)
    assert usable_audio(session) is None
    assert unusable(session)[0] == code


def test_outline_is_short_and_printable() -> None:
    assert outline(SDP + b"m=video 0 RTP/AVP\r\n") == "audio 4000 RTP/AVP 8; video 0 RTP/AVP"
    assert outline(HEAD) == "no media"
    for body in (b"\nm=\x1b[31m\r\n" * 900, b"\nm=" + b"\0" * 5000, bytes(range(256)) * 9):
        assert outline(body).isprintable()
        assert len(outline(body)) <= 160


def test_refused_line_without_a_format_gets_one_in_our_answer() -> None:
    offer = described(b"m=video 0 RTP/AVP\r\n" + AUDIO)
    origin = Origin(1, "192.0.2.9")
    for body in (answer_to(offer, "192.0.2.9", 5000, 8, 0, origin), refusing(offer, origin)):
        assert b"m=video 0 RTP/AVP 0\r\n" in body


@given(st.binary(max_size=300), st.sampled_from(["x", '"x y"', "--=_", "", '"', "x;boundary=y"]))
def test_no_multipart_gives_anything_but_a_body_or_a_refusal(content: bytes, name: str) -> None:
    for body in (content, b"--x\r\n" + content + b"\r\n--x--", content.replace(b"\0", b"\r\n--x")):
        message = asked(f"multipart/mixed;boundary={name}", body)
        with suppress(BodyError, ParseError):
            take_session(message)
            assert message.get("content-type") == "application/sdp"


def test_sixteen_thousand_delimiters_are_refused_at_once() -> None:
    body = b"--x\r\n\r\n" * 2000
    with pytest.raises(ParseError):
        take_session(asked("multipart/mixed;boundary=x", body))


def test_response_and_ack_lose_what_nobody_understands() -> None:
    required = b"--x\r\nContent-Type: application/isup\r\n\r\n\1\0\r\n--x--"
    message = asked("multipart/mixed;boundary=x", required)
    take_description(message)
    assert message.body == b""
    message = asked("multipart/mixed;boundary=x", b"--x\r\n\r\n" + SDP)
    assert not take_answer(message, SDP)
    assert message.body == b""


def test_body_without_a_type_is_taken_for_a_description_where_nobody_can_refuse_it() -> None:
    message = parse(request(body=SDP))
    assert take_answer(message, SDP)
    assert (message.body, message.get("content-type")) == (SDP, "application/sdp")
