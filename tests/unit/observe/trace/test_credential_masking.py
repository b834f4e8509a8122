import time

import pytest

from callrouter.observe.trace.credential_masking import hold_credentials, masked_message

HEAD = b"INVITE sip:4000@192.0.2.1 SIP/2.0\r\nCall-ID: a@b\r\n"


def masked(rows: bytes, body: bytes = b"") -> bytes:
    """What becomes of rows and a body, of a message that is told to have credentials."""
    data = HEAD + rows + b"\r\n\r\n" + body
    assert hold_credentials([data])
    shown = masked_message(data)
    assert shown.startswith(HEAD)
    return shown.removeprefix(HEAD)


@pytest.mark.parametrize(
    "name", [b"Authorization", b"Proxy-Authorization", b"AUTHORIZATION", b"proxy-authorization"]
)
def test_value_of_an_authorization_is_masked_in_any_spelling(name: bytes) -> None:
    rows = name + b': Digest username="anna",response="77fe"\r\nTo: <sip:b@c>'
    assert masked(rows) == name + b": Digest ***\r\nTo: <sip:b@c>\r\n\r\n"


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (b'Authorization : Digest x="y"', b"Authorization : Digest ***"),
        (b"Authorization:Basic YTpi", b"Authorization:Basic ***"),
        (b"Authorization: secret words", b"Authorization:  ***"),
        (
            b'Authorization: Digest a="b",\r\n response="77fe",\r\n\tnc=1',
            b"Authorization: Digest ***",
        ),
        (b"Authorization: Digest a\rb", b"Authorization: Digest ***"),
    ],
)
def test_value_is_masked_to_its_end(row: bytes, shown: bytes) -> None:
    assert masked(row + b"\r\nTo: x") == shown + b"\r\nTo: x\r\n\r\n"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (b"<sip:anna:secret@192.0.2.1>", b"<sip:anna:***@192.0.2.1>"),
        (b"<SIPS:anna:secret@host;lr>", b"<SIPS:anna:***@host;lr>"),
        (b"<sip:anna:se:cr:et@host>", b"<sip:anna:***@host>"),
        (b"<sip:anna:sec@ret@host>", b"<sip:anna:***@host>"),
        (b"<sip:an;na=1:secret@host>", b"<sip:an;na=1:***@host>"),
        (b"<sip:a:x@h>, <sip:b:y@h>", b"<sip:a:***@h>, <sip:b:***@h>"),
    ],
)
def test_password_of_a_uri_is_masked(uri: bytes, shown: bytes) -> None:
    assert masked(b"Contact: " + uri) == b"Contact: " + shown + b"\r\n\r\n"


def test_password_of_the_request_uri_is_masked() -> None:
    data = b"INVITE sip:anna:secret@host SIP/2.0\r\nCall-ID: a@b\r\n\r\n"
    assert hold_credentials([data])
    assert masked_message(data) == data.replace(b"secret", b"***")


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        (
            b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1j|2^20|1:4",
            b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 " + b"*" * 28,
        ),
        (b"a=crypto:1 inline:WVNf x", b"a=crypto:" + b"*" * 15),
    ],
)
def test_keys_of_media_are_masked_and_the_body_keeps_its_length(row: bytes, shown: bytes) -> None:
    body = b"v=0\r\n" + row + b"\r\nm=audio 6000 RTP/SAVP 0\r\n"
    after = masked(b"Content-Type: application/sdp", body)
    assert after.endswith(b"v=0\r\n" + shown + b"\r\nm=audio 6000 RTP/SAVP 0\r\n")


def test_password_in_a_body_keeps_its_length() -> None:
    assert masked(b"To: x", b"<sip:anna:secret@h>").endswith(b"<sip:anna:******@h>")


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Contact: <sip:anna@[2001:db8::1]:5060;transport=tcp>\r\n\r\n",
        HEAD + b"Contact: <sip:[2001:db8::1]:5060>, <sip:192.0.2.1:5060;lr>\r\n\r\n",
        b"SIP/2.0 200 OK\r\nFrom: 4000 <sip:4000@192.0.2.1:5060>;tag=1\r\nCSeq: 1 INVITE\r\n\r\n"
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\na=rtpmap:0 PCMU/8000\r\n",
    ],
)
def test_message_without_credentials_is_not_looked_at_twice(data: bytes) -> None:
    assert not hold_credentials([data])
    assert masked_message(data) == data


@pytest.mark.parametrize(
    "part",
    [b"sip::", b"sip:a:", b":a", b"::", b"@:a:", b"\na=crypto:", b"\r", b"\nAuthorization: "],
)
def test_what_a_peer_makes_up_is_read_in_linear_time(part: bytes) -> None:
    def seconds(count: int) -> float:
        data = part * count
        began = time.process_time()
        hold_credentials([data])
        masked_message(data)
        return time.process_time() - began

    # Of a square four times the length would be sixteen times the work.
    short = min(seconds(5_000) for _ in range(3))
    assert min(seconds(20_000) for _ in range(3)) < 10 * short + 0.01
