"""Inside a dialog: order, overlap, tags, targets and routes (RFC 3261 sections 12 and 14)."""

import re

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, Table, answer_to, connected, hang_up, request, ringing

LOOSE = "<sip:192.0.2.31:5070;lr>"
STRICT = "<sip:192.0.2.32:5080>"
DESK_AT = "<sip:desk@192.0.2.3:5060>"


def test_row_30_older_cseq_is_500_and_a_gap_is_allowed() -> None:
    table = Table()
    caller, desk = connected(table)
    caller.cseq += 10
    caller.request("INFO")
    desk.reply(desk.hears("INFO"), 200)
    assert caller.hears(200).cseq == 12
    caller.cseq = 4
    caller.request("INVITE", SDP)
    refusal = caller.hears(500)
    caller.ack_refusal(refusal)
    assert desk.quiet()
    caller.cseq = 12
    # An ACK has the number of its INVITE, lower than the last request's.
    invite = caller.request("INVITE", SDP)
    desk.reply(desk.hears("INVITE"), 200, SDP)
    answer = caller.hears(200)
    caller.request("INFO")
    desk.hears("ACK")
    desk.reply(desk.hears("INFO"), 200)
    caller.hears(200)
    assert answer.cseq == invite.cseq < caller.cseq
    caller.ack(answer)
    table.wait(40.0)
    assert len(caller.got(200)) == 4
    hang_up(caller, desk)
    table.is_clear()


def test_row_31_reinvite_over_our_own_is_491_and_over_the_peers_500_with_retry_after() -> None:
    table = Table()
    caller, desk = connected(table)
    caller.request("INVITE", SDP)
    asked = desk.hears("INVITE")
    # Ours waits at the desk: its own is 491. The caller's waits: another is 500.
    desk.request("INVITE", SDP)
    desk.ack_refusal(desk.hears(491))
    caller.request("INVITE", SDP)
    overlapping = caller.hears(500)
    assert 0 <= int(overlapping["Retry-After"]) <= 10
    caller.ack_refusal(overlapping)
    desk.reply(asked, 200, SDP)
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    # Afterwards either may.
    desk.request("INVITE", SDP)
    caller.reply(caller.hears("INVITE"), 200, SDP)
    desk.ack(desk.hears(200))
    caller.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize("method", ["BYE", "INFO", "UPDATE", "INVITE"])
def test_row_32_request_of_no_dialog_is_481_and_its_ack_ignored(method: str) -> None:
    to = ("To", "<sip:4000@192.0.2.2>;tag=unknown")
    body = SDP if method == "INVITE" else ""
    assert answer_to(request(method, to, body=body)).status == 481
    table = Table()
    caller = table.party(CALLER)
    caller.send(request("ACK", to))
    assert caller.seen == []
    table.is_clear()


def test_row_33_invite_with_a_tag_of_no_dialog_is_481_and_nobody_rings() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", to="<sip:4000@192.0.2.2>;tag=1918181833n")
    refusal = caller.hears(481)
    assert refusal["To"] == "<sip:4000@192.0.2.2>;tag=1918181833n"
    assert desk.seen == []
    table.is_clear()


def test_row_34_each_answer_but_100_has_a_tag_that_no_other_call_has() -> None:
    table = Table()
    tags = set()
    caller, desk = table.party(CALLER), table.party(DESK)
    for number in range(1000):
        caller.call_id = f"{number}@192.0.2.1"
        caller.invite("4000" if number % 2 else "4999")
        if number % 2:
            invite = desk.hears("INVITE")
            tags.add(invite.tag("From"))
            desk.reply(invite, 180)
            desk.reply(invite, 486)
            ringing_tag = caller.hears(180).tag("To")
            refusal = caller.hears(486)
            assert refusal.tag("To") == ringing_tag
            desk.hears("ACK")
        else:
            refusal = caller.hears(404)
        assert caller.got(100)[-1].tag("To") == ""
        tags.add(refusal.tag("To"))
        caller.ack(refusal)
        caller.seen.clear()
        caller.at.clear()
    # 64 bits as hex; 1,000 of the caller's side and 500 of the desk's.
    assert len(tags) == 1500
    assert all(re.fullmatch("[0-9a-f]{16}", tag) for tag in tags)
    # What is refused without state has one, too.
    assert answer_to(request("INVITE", ("Require", "x"), body=SDP)).tag("To")
    table.is_clear()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_row_35_new_contact_of_a_request_is_where_the_bye_goes(method: str) -> None:
    table = Table()
    caller, desk = connected(table)
    moved = table.party(("192.0.2.1", 5099))
    caller.request(method, SDP, contact=5099)
    desk.reply(desk.hears(method), 200, SDP)
    if method == "INVITE":
        caller.ack(caller.hears(200))
        desk.hears("ACK")
    else:
        caller.hears(200)
    desk.request("BYE")
    desk.hears(200)
    bye = moved.hears("BYE")
    assert bye.uri == "sip:1001@192.0.2.1:5099"
    moved.reply(bye, 200)
    table.is_clear()


def test_row_35_contact_of_a_2xx_is_where_the_bye_goes() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    moved = table.party(("192.0.2.3", 5098))
    desk.reply(invite, 200, SDP, Contact="<sip:new@192.0.2.3:5098>")
    caller.ack(caller.hears(200))
    assert moved.hears("ACK").uri == "sip:new@192.0.2.3:5098"
    # And of the 2xx to a re-INVITE.
    again = table.party(("192.0.2.3", 5097))
    caller.request("INVITE", SDP)
    moved.reply(moved.hears("INVITE"), 200, SDP, Contact="<sip:newer@192.0.2.3:5097>")
    caller.ack(caller.hears(200))
    again.hears("ACK")
    caller.request("BYE")
    caller.hears(200)
    bye = again.hears("BYE")
    assert bye.uri == "sip:newer@192.0.2.3:5097"
    again.reply(bye, 200)
    table.is_clear()


def test_row_36_routes_of_the_callee_are_taken_in_reverse_order() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    first = table.party(("192.0.2.31", 5070))
    desk.reply(invite, 200, SDP, **{"Record-Route": f"{DESK_AT[:-1]};lr>, {LOOSE}"})
    caller.ack(caller.hears(200))
    ack = first.hears("ACK")
    assert ack.uri == "sip:192.0.2.3:5060"
    assert ack.all("Route") == [LOOSE, f"{DESK_AT[:-1]};lr>"]
    caller.request("BYE")
    caller.hears(200)
    bye = first.hears("BYE")
    assert bye.all("Route") == ack.all("Route")
    first.reply(bye, 200)
    table.is_clear()


def test_row_36_strict_router_is_the_request_uri_and_the_target_stands_last() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    strict = table.party(("192.0.2.32", 5080))
    desk.reply(invite, 200, SDP, **{"Record-Route": f"{LOOSE}, {STRICT}", "Contact": DESK_AT})
    caller.ack(caller.hears(200))
    ack = strict.hears("ACK")
    assert ack.uri == STRICT.strip("<>")
    assert ack.all("Route") == [LOOSE, DESK_AT]
    table.router.calls.end_all()
    strict.reply(strict.hears("BYE"), 200)
    caller.reply(caller.hears("BYE"), 200)
    table.is_clear()


def test_row_36_routes_of_the_caller_are_taken_in_their_order() -> None:
    table = Table()
    first = table.party(("192.0.2.31", 5070))
    routes = [("Record-Route", LOOSE), ("Record-Route", f"{STRICT[:-1]};lr>")]
    _, desk = connected(table, *routes)
    desk.request("BYE")
    desk.hears(200)
    bye = first.hears("BYE")
    assert bye.uri == "sip:1001@192.0.2.1:5060"
    assert bye.all("Route") == [LOOSE, f"{STRICT[:-1]};lr>"]
    first.reply(bye, 200)
    table.is_clear()


def test_row_37_record_route_stays_on_its_leg_and_comes_back_with_all_vias() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    vias = [f"SIP/2.0/TLS h{index}.example.com;branch=z9hG4bK{index};x=y" for index in range(34)]
    rows = [("Via", via) for via in vias]
    caller.invite("4000", SDP, *rows, ("Record-Route", LOOSE), ("Record-Route", STRICT))
    sent = caller.invite_sent
    assert isinstance(sent, Message)
    invite = desk.hears("INVITE")
    assert invite.all("Record-Route") == []
    assert len(invite.all("Via")) == 1
    desk.reply(invite, 180, **{"Record-Route": "<sip:192.0.2.99;lr>"})
    desk.reply(invite, 486)
    answers = [*caller.got(100), caller.hears(180), caller.hears(486)]
    for answer in answers:
        assert answer.all("Via")[1:] == vias
        top = answer["Via"].replace(";rport=5060", ";rport").partition(";received=")[0]
        assert top == sent["Via"]
    assert answers[1].all("Record-Route") == [LOOSE, STRICT]
    caller.ack(answers[-1])
    table.is_clear()
