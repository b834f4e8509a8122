"""Dialogs: where their requests go, through whom, and what a peer may change about it."""

import pytest
from support.message import Message
from support.rig import PEER, US, Sent, request

from callrouter.errors import ParseError
from callrouter.sip.dialog import Dialog, contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, parse

TARGET = "sip:peer@192.0.2.1:5070;transport=udp"


def message(extra: str = "") -> Request:
    parsed = parse(request(extra=extra))
    assert isinstance(parsed, Request)
    return parsed


def dialog(*routes: str, reverse: bool = False) -> Dialog:
    made = Dialog("call", "ours", Flow("UDP", *US, *PEER, None))
    made.local, made.remote = "<sip:us@h>;tag=ours", "<sip:peer@h>;tag=theirs"
    made.target = TARGET
    rows = "".join(f"Record-Route: {route}\r\n" for route in routes)
    made.take_routes(message(rows), reverse=reverse)
    return made


def rendered(of: Dialog, method: str = "BYE", cseq: int = 2, body: bytes = b"") -> Message:
    return Sent(0.0, of.flow, of.request(method, "z9hG4bKx", cseq, "X: y\r\n", body)).message


def test_without_routes_the_request_goes_to_the_peers_contact() -> None:
    bye = rendered(dialog())
    assert bye.start == f"BYE {TARGET} SIP/2.0"
    assert bye.rows == [
        ("Via", "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx;rport"),
        ("Max-Forwards", "70"),
        ("From", "<sip:us@h>;tag=ours"),
        ("To", "<sip:peer@h>;tag=theirs"),
        ("Call-ID", "call"),
        ("CSeq", "2 BYE"),
        ("X", "y"),
        ("Content-Length", "0"),
    ]
    assert dialog().next_hop().port == 5070


def test_a_body_is_counted_and_the_ack_has_the_invites_number() -> None:
    ack = rendered(dialog(), "ACK", 1, b"v=0\r\n")
    assert (ack["CSeq"], ack["Content-Length"], ack.body) == ("1 ACK", "5", "v=0\r\n")


def test_a_uas_keeps_the_order_of_record_route_and_a_uac_reverses_it() -> None:
    rows = ("<sip:p1;lr>,<sip:p2;lr>", '"a, b" <sip:p3;lr>;x=1')
    assert dialog(*rows).routes == ("<sip:p1;lr>", "<sip:p2;lr>", '"a, b" <sip:p3;lr>;x=1')
    assert dialog(*rows, reverse=True).routes == dialog(*rows).routes[::-1]


def test_loose_routers_are_named_in_route_and_the_target_in_the_request_line() -> None:
    made = dialog("<sip:p1:5080;lr>", "<sip:p2;lr=on>")
    bye = rendered(made)
    assert bye.start == f"BYE {TARGET} SIP/2.0"
    assert bye.all("Route") == ["<sip:p1:5080;lr>", "<sip:p2;lr=on>"]
    assert (made.next_hop().host, made.next_hop().port) == ("p1", 5080)


def test_a_strict_router_is_named_in_the_request_line_and_the_target_last_in_route() -> None:
    made = dialog("<sip:p1;xlr>", "<sip:p2;lr>")
    bye = rendered(made)
    assert bye.start == "BYE sip:p1;xlr SIP/2.0"
    assert bye.all("Route") == ["<sip:p2;lr>", f"<{TARGET}>"]
    assert made.next_hop().host == "p1"
    assert made.routes == ("<sip:p1;xlr>", "<sip:p2;lr>")


def test_headers_in_a_strict_routers_uri_never_reach_the_request_line() -> None:
    bye = rendered(dialog("<sip:u?u@p1;x?Route=%3Csip:evil%3E>"))
    assert bye.start == "BYE sip:u?u@p1;x SIP/2.0"
    assert "evil" not in str(bye.rows)


def test_a_message_without_record_route_leaves_the_route_set_as_it_was() -> None:
    made = dialog("<sip:p1;lr>")
    made.take_routes(message(), reverse=False)
    assert made.routes == ("<sip:p1;lr>",)


@pytest.mark.parametrize(
    "bad", ["garbage", "<http://h>", "<tel:+1>", "<sip:>", '"', ",,", "<>", "*"]
)
def test_a_route_nobody_could_be_reached_by_is_left_out(bad: str) -> None:
    assert dialog(bad).routes == ()
    assert rendered(dialog(bad)).uri == TARGET
    assert dialog("<sip:p1;lr>", bad).routes[:1] == ("<sip:p1;lr>",)


def test_a_new_contact_becomes_the_target_of_the_next_request() -> None:
    made = dialog("<sip:p1;lr>")
    made.refresh_target(message("Contact: <sip:moved@192.0.2.9>;expires=5\r\n"))
    assert rendered(made).uri == "sip:moved@192.0.2.9"
    made.refresh_target(message("Contact: <sip:again@192.0.2.9>\r\n"))
    assert made.target == "sip:again@192.0.2.9"
    made.refresh_target(message())
    assert made.target == "sip:again@192.0.2.9"


def test_the_same_contact_after_another_is_taken_again() -> None:
    made = dialog()
    for user in ("a", "b", "a"):
        made.refresh_target(message(f"Contact: <sip:{user}@h>\r\n"))
        assert made.target == f"sip:{user}@h"


@pytest.mark.parametrize(
    ("row", "uri"),
    [
        ("", ""),
        ("<sip:a@h:5070;transport=tcp>;q=1", "sip:a@h:5070;transport=tcp"),
        ("sip:a@h;transport=tcp", "sip:a@h"),
        ('"a, b" <sip:a@h>', "sip:a@h"),
        (" , <sip:a@h>", "sip:a@h"),
        ("<sip:a@h?Route=%3Csip:evil%3E&x=y>", "sip:a@h"),
        ("<sip:a@h?>", "sip:a@h"),
        ("<sip:a?b@h>", "sip:a?b@h"),
        ("<sip:a?b@h?Route=x>", "sip:a?b@h"),
        ("<sip:%00@h>", "sip:%00@h"),
    ],
)
def test_a_contact_is_its_uri_without_the_headers_in_it(row: str, uri: str) -> None:
    assert contact_uri(message(f"Contact: {row}\r\n" if row else "")) == uri


@pytest.mark.parametrize(
    "row",
    [
        *(",", " ,, ", "*", "<tel:+1>", "<http://h>", "<sip:>", "<sip:a@h", "sip:a@h?Route=x", '"'),
        *("<sip:a@h>, <sip:b@h>", "<sip:a@h>\r\nm: <sip:a@h>"),
    ],
)
def test_a_contact_that_cannot_be_a_target_is_refused_and_the_old_one_stays(row: str) -> None:
    made = dialog()
    for _ in range(2):
        with pytest.raises(ParseError) as caught:
            made.refresh_target(message(f"Contact: {row}\r\n"))
        assert caught.value.status == 400
    assert made.target == TARGET


@pytest.mark.parametrize("row", ["<sip:a@h>, <sip:b@h>", "<sip:a@h>\r\nContact: <sip:b@h>"])
def test_of_a_responses_contacts_the_first_counts(row: str) -> None:
    response = parse(f"SIP/2.0 200 OK\r\nContact: {row}\r\n\r\n".encode())
    made = dialog()
    made.refresh_target(response)
    assert made.target == "sip:a@h"
