"""Reading messages: what is a message at all, and what one has to say before it means anything."""

import pytest
from support.rig import request

from callrouter.errors import ParseError
from callrouter.sip.grammar import COMPACT, SPELLINGS
from callrouter.sip.message import (
    Request,
    Response,
    check_request,
    check_response,
    parse,
)

OPTIONS = "OPTIONS sip:4000@192.0.2.2 SIP/2.0"
OK = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 BYE\r\n"
)


def asked(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    check_request(message)
    return message


def answered(data: bytes) -> Response:
    message = parse(data)
    assert isinstance(message, Response)
    check_response(message)
    return message


def with_rows(*rows: str) -> bytes:
    return "\r\n".join((OPTIONS, *rows, "", "")).encode()


def refused(data: bytes) -> tuple[int, str]:
    """The status a request is refused with, and why."""
    message = parse(data)
    assert isinstance(message, Request)
    with pytest.raises(ParseError) as caught:
        check_request(message)
    return caught.value.status, str(caught.value)


def test_a_request_is_read_whole() -> None:
    message = asked(request(body=b"v=0\r\n", extra="Subject: hello\r\n"))
    assert (message.method, message.uri, message.version) == (
        "INVITE",
        "sip:4000@192.0.2.2",
        "SIP/2.0",
    )
    assert message.get("subject") == "hello"
    assert (message.get("nothing"), message.rows("nothing")) == ("", [])
    assert message.cseq() == (1, "INVITE")
    assert (message.from_tag(), message.to_tag()) == ("theirs", "")
    assert (message.branch(), message.via().host) == ("z9hG4bKpeer1", "192.0.2.1")
    assert (message.get("content-length"), message.body) == ("5", b"v=0\r\n")


def test_a_response_is_read_whole() -> None:
    message = answered(f"{OK}l: 2\r\n\r\nhi".encode())
    assert (message.status, message.phrase, message.body) == (200, "OK", b"hi")


@pytest.mark.parametrize("phrase", ["", "OK: well; \u0434\u0430, fine", "two  spaces "])
def test_any_reason_phrase_is_read(phrase: str) -> None:
    message = answered(OK.replace("200 OK", f"200 {phrase}").encode() + b"\r\n")
    assert message.phrase == phrase


@pytest.mark.parametrize(
    "line",
    [
        "SIP/2.0 200",
        "SIP/2.0 4294967301 OK",
        "SIP/2.0 099 Low",
        "SIP/2.0 700 High",
        "SIP/2.0 2x0 OK",
        "SIP/2.0  200 OK",
        "SIP/3.0 200 OK",
        "SIP/2.0 \u0662\u0660\u0660 OK",
    ],
)
def test_what_is_no_status_line_is_refused(line: str) -> None:
    with pytest.raises(ParseError, match="status line"):
        parse(f"{line}\r\nVia: SIP/2.0/UDP h\r\n\r\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        "",
        " OPTIONS sip:a@b SIP/2.0",
        "OPT\u00cfONS sip:a@b SIP/2.0",
        "OPT(IONS sip:a@b SIP/2.0",
        "OPTIONS\tsip:a@b\tSIP/2.0",
        "sip/2.0 200 OK",
    ],
)
def test_a_line_without_a_method_makes_the_message_unreadable(line: str) -> None:
    with pytest.raises(ParseError, match="request line"):
        parse(f"{line}\r\nVia: SIP/2.0/UDP h\r\n\r\n".encode())


@pytest.mark.parametrize(
    "line",
    [
        "OPTIONS",
        "OPTIONS ",
        "OPTIONS sip:a@b",
        "OPTIONS  sip:a@b SIP/2.0",
        "OPTIONS sip:a@b  SIP/2.0",
        "OPTIONS sip:a@b SIP/2.0 ",
        "OPTIONS sip:a@b; lr SIP/2.0",
    ],
)
def test_a_request_line_with_spaces_amiss_is_refused_with_400(line: str) -> None:
    data = request("OPTIONS", "sip:a@b").replace(b"OPTIONS sip:a@b SIP/2.0", line.encode())
    assert refused(data) == (400, "not a request line")


@pytest.mark.parametrize(
    ("version", "status"),
    [("SIP/7.0", 505), ("SIP/2.00", 505), ("SIP/2", 505), ("HTTP/1.1", 400), ("", 400)],
)
def test_another_version_is_refused(version: str, status: int) -> None:
    assert refused(request().replace(b"SIP/2.0\r\n", f"{version}\r\n".encode(), 1))[0] == status


def test_the_version_may_be_spelled_in_lower_case() -> None:
    assert asked(request().replace(b"SIP/2.0\r\n", b"sip/2.0\r\n", 1)).method == "INVITE"


@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"INVITE", request()[:-2]]
)
def test_without_an_empty_line_there_is_no_message(data: bytes) -> None:
    with pytest.raises(ParseError):
        parse(data)


def test_a_known_header_is_known_however_it_is_spelled() -> None:
    for name in SPELLINGS:
        for spelled in (name, name.lower(), name.upper(), name.swapcase(), f"{name} \t"):
            assert parse(with_rows(f"{spelled}: value")).headers == {name.lower(): "value"}


def test_a_compact_name_is_the_long_one() -> None:
    for short, long in COMPACT.items():
        for spelled in (short, short.upper(), f"{short} "):
            assert parse(with_rows(f"{spelled}: value")).headers == {long: "value"}


def test_long_and_compact_names_of_one_header_make_one_list() -> None:
    message = parse(with_rows("v: one", "Via: two", "VIA : three"))
    assert message.get("via") == "one"
    assert message.rows("via") == ["one", "two", "three"]


@pytest.mark.parametrize(
    "name", ["", "Vi a", "Vi\u00e4", "Via\0", "Via\x0b", "\u212a", "\u0130", "V(ia", "Via\x85"]
)
def test_a_name_that_is_no_token_makes_the_message_unreadable(name: str) -> None:
    # U+212A in lower case is "k", the compact name of Supported; it must not become that.
    for rows in ((f"{name}: value",), ("X-Other: 1", f"{name}: value")):
        with pytest.raises(ParseError, match="not a header row"):
            parse(with_rows(*rows))


@pytest.mark.parametrize("row", ["Via", "To", "Subject", "X-Other", "garbage without a colon"])
def test_a_row_without_a_colon_makes_the_message_unreadable(row: str) -> None:
    with pytest.raises(ParseError, match="not a header row"):
        parse(with_rows("Call-ID: x", row))


def test_folded_rows_are_one_row() -> None:
    message = parse(
        with_rows("Subject: one", " two", "\t \tthree", "To:", " <sip:a@b>", "CSeq: 1 X")
    )
    assert message.headers == {"subject": "one two three", "to": "<sip:a@b>", "cseq": "1 X"}


def test_a_folded_header_name_is_none() -> None:
    with pytest.raises(ParseError, match="not a header row"):
        parse(with_rows("Sub", " ject: x"))


def test_a_folded_request_line_is_refused_with_400() -> None:
    data = request("OPTIONS").replace(b"\r\nVia", b"\r\n X: y\r\nVia", 1)
    assert refused(data) == (400, "not a request line")


@pytest.mark.parametrize("wild", ["\r", "\n", "\n ", "\r ", "\n\r", "\nRoute: <sip:evil@x;lr>"])
def test_a_bare_line_break_in_a_header_makes_the_message_unreadable(wild: str) -> None:
    for rows in ((f"Subject: a{wild}b",), (f"X-Other: a{wild}b",)):
        with pytest.raises(ParseError, match="bare CR or LF"):
            parse(with_rows(*rows))


def test_bytes_that_are_no_utf8_come_out_as_they_went_in() -> None:
    message = parse(OPTIONS.encode() + b"\r\nSubject: \xff\x00\xed\xa0\x80 \xd0\xb4\r\n\r\n\xfe")
    value = message.get("subject").encode("utf-8", "surrogateescape")
    assert value == b"\xff\x00\xed\xa0\x80 \xd0\xb4"
    assert message.body == b"\xfe"


@pytest.mark.parametrize(
    "name", ["Call-ID", "Content-Length", "Content-Type", "CSeq", "From", "Max-Forwards", "To"]
)
def test_a_header_that_may_stand_once_is_refused_twice(name: str) -> None:
    data = request("OPTIONS", extra="Content-Type: application/sdp\r\n").decode()
    row = next(line for line in data.split("\r\n") if line.startswith(f"{name}:"))
    data = data.replace(f"{row}\r\n", f"{row}\r\n{row}\r\n", 1)
    assert refused(data.encode()) == (400, f"more than one {name.lower()} header")
    with pytest.raises(ParseError, match="more than one"):
        answered(data.replace(OPTIONS, "SIP/2.0 200 OK").encode())


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
@pytest.mark.parametrize("to", ["<sip:4000@192.0.2.2>", "<sip:4000@192.0.2.2>;tag=ours"])
def test_a_missing_mandatory_header_is_refused_with_400(name: str, to: str) -> None:
    rows = request("OPTIONS", to=to).decode().split("\r\n")
    kept = [row for row in rows if not row.startswith(f"{name}:")]
    assert len(kept) == len(rows) - 1
    assert refused("\r\n".join(kept).encode())[0] == 400


@pytest.mark.parametrize("name", ["Via", "To", "CSeq"])
def test_a_response_without_what_it_is_known_by_is_refused(name: str) -> None:
    rows = [row for row in OK.split("\r\n") if not row.startswith(name)]
    message = parse("\r\n".join((*rows, "")).encode())
    assert isinstance(message, Response)
    with pytest.raises(ParseError):
        check_response(message) if name != "Via" else message.branch()


@pytest.mark.parametrize("cseq", ["1 OPTIONS", "1 invite", "2147483648 INVITE", "x INVITE", "1"])
def test_a_cseq_of_another_method_or_out_of_range_is_refused(cseq: str) -> None:
    assert refused(request("INVITE", cseq=cseq))[0] == 400


@pytest.mark.parametrize("length", ["-1", "+1", "1.0", "", "0x1", "\u0661", "1 1", "9" * 10, "2"])
def test_a_content_length_that_is_none_or_too_large_is_refused(length: str) -> None:
    data = request().replace(b"Content-Length: 0", f"Content-Length: {length}".encode()) + b"x"
    assert refused(data)[0] == 400
    with pytest.raises(ParseError):
        answered(f"{OK}l: {length}\r\n\r\nx".encode())


@pytest.mark.parametrize("kept", [0, 3])
def test_what_follows_the_body_in_a_datagram_is_cut_off(kept: int) -> None:
    data = request("OPTIONS").replace(b"Length: 0", f"Length: {kept}".encode()) + b"abc" + request()
    assert asked(data).body == b"abc"[:kept]
    assert answered(f"{OK}l: {kept}\r\n\r\nabcdef".encode()).body == b"abc"[:kept]


def test_without_content_length_the_rest_of_the_datagram_is_the_body() -> None:
    assert asked(request().replace(b"Content-Length: 0\r\n", b"") + b"abc").body == b"abc"


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 192.0.2.2;x=1;branch=z9hG4bK1",
        "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1;rport=5060;received=192.0.2.2",
        "SIP / 2.0 / UDP 192.0.2.2 ; branch = z9hG4bK1",
        'SIP/2.0/UDP 192.0.2.2;x=";branch=no";branch=z9hG4bK1',
        "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0",
        "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1 ;rport",
    ],
)
def test_the_branch_of_the_top_via_is_found_however_it_is_written(via: str) -> None:
    message = answered(OK.replace("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1", via).encode() + b"\r\n")
    assert message.branch() == message.via().branch == "z9hG4bK1"
