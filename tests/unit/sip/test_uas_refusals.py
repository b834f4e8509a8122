"""What a UAS refuses before it looks at what is asked, with what the answer has to carry."""

import pytest
from support.rig import request

from callrouter.errors import ParseError
from callrouter.sip.message import Request, parse
from callrouter.sip.uas import ACCEPT, ALLOW, METHODS, RefusedError, inspect, inspect_register

SDP = "Content-Type: application/sdp\r\n"


def asked(
    method: str = "INVITE", extra: str = "", body: bytes = b"", uri: str = "sip:4000@h"
) -> Request:
    message = parse(request(method, uri, extra=extra, body=body))
    assert isinstance(message, Request)
    return message


def refusal(message: Request) -> tuple[int, str]:
    """The status and the rows a request is refused with."""
    with pytest.raises(RefusedError) as caught:
        inspect(message)
    return caught.value.status, caught.value.extra


@pytest.mark.parametrize("method", [one for one in METHODS if one not in {"ACK", "CANCEL"}])
def test_a_method_of_ours_is_taken(method: str) -> None:
    inspect(asked(method, "RAck: 1 1 INVITE\r\n"))


@pytest.mark.parametrize("method", ["REGISTER", "PUBLISH"])
def test_a_known_method_that_is_not_allowed_is_refused_with_405(method: str) -> None:
    assert refusal(asked(method)) == (405, ALLOW)


@pytest.mark.parametrize(("method", "status"), [("SUBSCRIBE", 489), ("NOTIFY", 481)])
def test_a_subscription_that_nobody_began_is_refused(method: str, status: int) -> None:
    assert refusal(asked(method)) == (status, "Allow-Events: refer\r\n")


@pytest.mark.parametrize("method", ["NEWMETHOD", "invite", "RE%47IST%45R", "!", "x" * 60_000])
def test_an_unknown_method_is_refused_with_501(method: str) -> None:
    assert refusal(asked(method)) == (501, ALLOW)


def test_the_method_is_looked_at_before_the_uri() -> None:
    assert refusal(asked("NEWMETHOD", uri="x:y"))[0] == 501


@pytest.mark.parametrize(
    ("uri", "status"), [("x:y", 416), ("<sip:a@h>", 400), ("sip:", 400), ("*", 400)]
)
def test_a_request_uri_that_is_no_sip_uri_is_refused(uri: str, status: int) -> None:
    with pytest.raises(ParseError) as caught:
        inspect(asked(uri=uri))
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("uri", "rows", "status"),
    [
        ("tel:+862112345678", "", 416),
        ("sip:h", "Contact: *\r\n", 400),
        ("sip:h", "Contact: *\r\nExpires: 60\r\n", 400),
        ("sip:h", "Contact: *, <sip:a@b>\r\nExpires: 0\r\n", 400),
        ("sip:h", "Contact: <sip:a@b>\r\nContact: *\r\nExpires: 0\r\n", 400),
    ],
)
def test_a_register_that_nobody_could_carry_out_is_refused(
    uri: str, rows: str, status: int
) -> None:
    with pytest.raises(ParseError) as caught:
        inspect_register(asked("REGISTER", rows, uri=uri))
    assert caught.value.status == status
    inspect_register(asked("REGISTER", "Contact: *\r\nExpires: 0\r\n", uri="sip:h"))


@pytest.mark.parametrize("uri", ["tel:+862112345678", "sips:a@h", "sip:a@h?Route=%3Csip:x%3E"])
def test_other_uris_that_can_be_called_are_taken(uri: str) -> None:
    inspect(asked(uri=uri))


@pytest.mark.parametrize(
    ("extra", "unsupported"),
    [
        ("Require: 100rel, precondition, timer\r\n", "precondition"),
        ("Proxy-Require: foo, bar\r\n", "foo,bar"),
        ("Require: a\r\nRequire: b ;x=1\r\nProxy-Require: c\r\n", "a,b,c"),
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "BYE"])
def test_an_unknown_extension_is_refused_with_420_and_named(
    method: str, extra: str, unsupported: str
) -> None:
    assert refusal(asked(method, extra)) == (420, f"Unsupported: {unsupported}\r\n")


def test_ever_so_many_extensions_make_no_answer_larger_than_the_request() -> None:
    tags = ",".join(["a"] * 30_000)
    assert len(refusal(asked("OPTIONS", f"Require: {tags}\r\n"))[1]) < len(tags) + 30


@pytest.mark.parametrize("extra", ["Require: \r\n", "Require: ,\r\n", "Supported: 100rel\r\n"])
def test_no_extension_required_is_no_reason_to_refuse(extra: str) -> None:
    inspect(asked(extra=extra))


@pytest.mark.parametrize("coding", ["gzip", "identity, gzip", "x"])
@pytest.mark.parametrize("name", ["Content-Encoding", "e"])
def test_a_coded_body_is_refused_with_415(name: str, coding: str) -> None:
    extra = f"{SDP}{name}: {coding}\r\n"
    assert refusal(asked("INFO", extra, b"x")) == (415, "Accept-Encoding: identity\r\n")


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_that_is_not_coded_is_taken(coding: str) -> None:
    inspect(asked(extra=f"{SDP}Content-Encoding: {coding}\r\n", body=b"v=0\r\n"))


@pytest.mark.parametrize(
    "extra",
    [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: multipart/signed;boundary=x\r\n",
        "c: application/sdpx\r\n",
        "Content-Type: x;y=application/sdp\r\n",
    ],
)
@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_session_described_otherwise_is_refused_with_415(method: str, extra: str) -> None:
    assert refusal(asked(method, extra, b"x")) == (415, ACCEPT)


def test_sdp_is_taken_however_its_type_is_spelled() -> None:
    for kind in ("application/sdp", "Application/SDP ; charset=utf-8"):
        inspect(asked(extra=f"c: {kind}\r\n", body=b"v=0\r\n"))


def test_a_type_without_a_body_and_any_body_of_an_info_are_taken() -> None:
    inspect(asked(extra="Content-Type: text/plain\r\n"))
    inspect(asked("INFO", "Content-Type: application/dtmf-relay\r\n", b"Signal=5\r\n"))


@pytest.mark.parametrize("accept", ["text/plain", "application/x, text/*", "", "sdp"])
def test_who_accepts_no_sdp_is_refused_with_406(accept: str) -> None:
    assert refusal(asked(extra=f"Accept: {accept}\r\n")) == (406, ACCEPT)


@pytest.mark.parametrize(
    "accept", ["application/sdp", "text/x, Application/SDP;level=1", "*/*", "application/*;q=0.5"]
)
def test_who_accepts_sdp_is_taken(accept: str) -> None:
    inspect(asked(extra=f"Accept: {accept}\r\n"))
    inspect(asked("OPTIONS", extra="Accept: text/plain\r\n"))
