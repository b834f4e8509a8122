"""What is sent: responses and where they go, requests, an INVITE's ACK and CANCEL."""

import pytest
from support.rig import PEER, US, Rig, Sent, request, starts

from callrouter.sip.flow import Flow
from callrouter.sip.grammar import REASONS
from callrouter.sip.message import Request, Response, check_response, parse
from callrouter.sip.render import (
    ack_of,
    cancel_of,
    render_request,
    render_response,
    response_flow,
    response_head,
)

SENT_BY = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx"
FAR = "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx"


def asked(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def invite(extra: str = "", transport: str = "UDP") -> bytes:
    head = (
        f"{extra}Max-Forwards: 69\r\nFrom: \u0410\u043d\u043d\u0430 <sip:a@h>;tag=ours\r\n"
        "To: <sip:peer@h>\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\nContact: <sip:us@h>\r\n"
        "Reason: Q.850;cause=16\r\nRecord-Route: <sip:no@h;lr>\r\nContent-Type: application/sdp\r\n"
    )
    flow = Flow(transport, *US, *PEER, None)
    return render_request("INVITE", "sip:peer@h:5070;x=y", flow, "z9hG4bKours", head, b"v=0\r\n")


def answer(via: str, flow: Flow, extra: str = "") -> tuple[Flow, list[str]]:
    """Where a response to a request goes, and its Via rows."""
    message = asked(request("OPTIONS", via=via, extra=extra))
    data = render_response(200, response_head(message, flow), "<sip:x@h>", "t", "", b"")
    return response_flow(message, flow), Sent(0.0, flow, data).message.all("Via")


@pytest.mark.parametrize(
    ("via", "port", "echoed"),
    [
        # Sent-by is the source: the Via comes back as it was.
        (SENT_BY, 5060, SENT_BY),
        (f"{SENT_BY};maddr=203.0.113.9", 5060, f"{SENT_BY};maddr=203.0.113.9"),
        # It is not: received is added, and the answer goes to the source, at the port of sent-by.
        (FAR, 5070, f"{FAR};received=192.0.2.1"),
        (FAR.replace(":5070", ""), 5060, f"{FAR.replace(':5070', '')};received=192.0.2.1"),
        ("SIP/2.0/UDP client.example", 5060, "SIP/2.0/UDP client.example;received=192.0.2.1"),
        (f"{FAR};maddr=203.0.113.9", 5070, f"{FAR};maddr=203.0.113.9;received=192.0.2.1"),
        # rport: back to where it came from.
        (f"{FAR};rport", 40123, f"{FAR};rport=40123;received=192.0.2.1"),
        (f"{SENT_BY};rport", 40123, f"{SENT_BY};rport=40123;received=192.0.2.1"),
        (f"{FAR};rport=9;x", 40123, f"{FAR};rport=40123;x;received=192.0.2.1"),
        (f"{FAR};RPORT= ;x", 40123, f"{FAR};rport=40123;x;received=192.0.2.1"),
        (f"{FAR};xrport;rport", 40123, f"{FAR};xrport;rport=40123;received=192.0.2.1"),
    ],
)
def test_a_response_goes_where_the_top_via_and_the_source_say(
    via: str, port: int, echoed: str
) -> None:
    flow, vias = answer(via, Flow("UDP", *US, "192.0.2.1", 40123, None))
    assert flow.address == ("192.0.2.1", port)
    assert vias == [echoed]


def test_only_the_top_via_is_touched_and_all_others_come_back_in_order() -> None:
    more = "Via: SIP/2.0/TCP two;rport\r\nv: SIP/2.0/UDP three;branch=3, SIP/2.0/UDP four\r\n"
    flow = Flow("UDP", *US, "192.0.2.1", 40123, None)
    _, vias = answer(f"{FAR};rport ,SIP/2.0/UDP one;rport", flow, more)
    assert vias == [
        f"{FAR};rport=40123;received=192.0.2.1,SIP/2.0/UDP one;rport",
        "SIP/2.0/TCP two;rport",
        "SIP/2.0/UDP three;branch=3, SIP/2.0/UDP four",
    ]


def test_an_ipv6_source_is_known_in_its_brackets() -> None:
    flow = Flow("UDP", "2001:db8::2", 5060, "2001:db8::1", 5070, None)
    goal, vias = answer("SIP/2.0/UDP [2001:db8::1]:5070;branch=x", flow)
    assert (goal.address, vias) == (
        ("2001:db8::1", 5070),
        ["SIP/2.0/UDP [2001:db8::1]:5070;branch=x"],
    )
    assert (flow.sent_by, flow.contact) == ("[2001:db8::2]:5060", "<sip:[2001:db8::2]:5060>")


def test_a_response_on_a_stream_goes_back_on_it_whatever_the_via_says() -> None:
    flow = Flow("TCP", *US, "192.0.2.1", 40123, None)
    goal, _ = answer(FAR.replace("UDP", "TCP"), flow)
    assert goal is flow


def test_a_response_repeats_what_identifies_the_request() -> None:
    routes = "Record-Route: <sip:p1;lr>, <sip:p2>\r\nRecord-Route: <sip:p3;lr>;x\r\n"
    message = asked(
        request(
            from_='"\\"q" <sip:a@h> ; tag = 1', to="<sip:b@h>", cseq="0009 INVITE", extra=routes
        )
    )
    flow = Flow("UDP", *US, *PEER, None)
    data = render_response(
        180, response_head(message, flow), message.get("to"), "t", "A: b\r\n", b""
    )
    rendered = Sent(0.0, flow, data).message
    assert rendered.start == "SIP/2.0 180 Ringing"
    assert rendered.all("Record-Route") == ["<sip:p1;lr>, <sip:p2>", "<sip:p3;lr>;x"]
    assert rendered["From"] == '"\\"q" <sip:a@h> ; tag = 1'
    assert (rendered["To"], rendered["CSeq"]) == ("<sip:b@h>;tag=t", "0009 INVITE")
    assert (rendered["Call-ID"], rendered["A"]) == ("call-of-theirs", "b")
    assert rendered["Content-Length"] == "0"


def test_every_status_line_can_be_read_back() -> None:
    head = response_head(asked(request()), Flow("UDP", *US, *PEER, None))
    for status in (*REASONS, 299, 499, 699):
        message = parse(render_response(status, head, "<sip:a@h>", "t", "", b"body"))
        assert isinstance(message, Response)
        check_response(message)
        assert (message.status, message.body) == (status, b"body")
        assert message.phrase, status


def test_the_ack_of_a_refusal_is_the_invites_own() -> None:
    route = "Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\n"
    sent = Sent(0.0, Flow("UDP", *US, *PEER, None), invite(route)).message
    ack = Sent(
        0.0, Flow("UDP", *US, *PEER, None), ack_of(invite(route), "<sip:peer@h>;tag=9")
    ).message
    assert ack.start == "ACK sip:peer@h:5070;x=y SIP/2.0"
    assert ack.rows == [
        ("Via", sent["Via"]),
        ("Route", "<sip:p1;lr>"),
        ("Route", "<sip:p2;lr>"),
        ("Max-Forwards", "69"),
        ("From", sent["From"]),
        ("Call-ID", "x"),
        ("To", "<sip:peer@h>;tag=9"),
        ("CSeq", "7 ACK"),
        ("Content-Length", "0"),
    ]


@pytest.mark.parametrize("reason", ["", "SIP;cause=200"])
def test_the_cancel_has_the_invites_branch_uri_route_to_and_number(reason: str) -> None:
    route = "Route: <sip:p1;lr>\r\n"
    sent = Sent(0.0, Flow("UDP", *US, *PEER, None), invite(route)).message
    cancel = Sent(0.0, Flow("UDP", *US, *PEER, None), cancel_of(invite(route), reason)).message
    assert cancel.start == "CANCEL sip:peer@h:5070;x=y SIP/2.0"
    assert cancel.all("Via") == [sent["Via"]]
    assert cancel.branch == "z9hG4bKours"
    assert cancel.all("Route") == ["<sip:p1;lr>"]
    assert (cancel["From"], cancel["To"]) == (sent["From"], "<sip:peer@h>")
    assert (cancel["Call-ID"], cancel["CSeq"]) == ("x", "7 CANCEL")
    assert cancel.all("Reason") == ([reason] if reason else [])
    assert cancel["Content-Length"] == "0"
    assert not {"Contact", "Record-Route", "Content-Type"} & {name for name, _ in cancel.rows}


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_request_asks_for_its_answer_at_the_port_it_comes_from(transport: str) -> None:
    sent = Sent(0.0, Flow(transport, *US, *PEER, None), invite(transport=transport)).message
    assert sent.all("Via") == [f"SIP/2.0/{transport} 192.0.2.2:5060;branch=z9hG4bKours;rport"]
    assert (sent["Content-Length"], sent.body) == ("5", "v=0\r\n")


def test_two_stacks_understand_each_others_ack_and_cancel(rig: Rig) -> None:
    other = Rig()
    other.call()
    data = other.taken()[0].data
    tx = rig.serve(data)
    tx.respond(100)
    rig.taken()
    assert starts(rig.hear(cancel_of(data, ""))) == ["200"]
    assert rig.user.told() == ["cancelled"]
    refusal = tx.respond(487)
    rig.taken()
    (ack,) = other.hear(refusal)
    assert rig.hear(ack.data) == []
    assert rig.run(5.0) == []
    assert rig.stack.servers == {}
