"""Who is in a call asks for another party: REFER, and INVITE with Replaces (RFC 3515, RFC 3891)."""

from urllib.parse import quote

import pytest
from mid_dialog import DIALPLAN, Party, between
from support.wire import CALLER, ROUTER, Router, Wire, left_over

from callrouter.call.legs.uas_leg import ALeg
from callrouter.sip.flow import Flow

FOURTH = "192.0.2.4"
FIFTH = "192.0.2.5"


def refer(number: str, replaces: str = "", host: str = ROUTER[0]) -> str:
    return f"Refer-To: <sip:{number}@{host}{replaces}>\r\n"


def notified(wire: Wire, goal: str) -> list[str]:
    """The fragments that a party was told, in order."""
    return [
        sent.data.split(b"\r\n\r\n")[1].decode().split("\r\n")[0]
        for sent in wire.sent
        if sent.start.startswith("NOTIFY") and sent.goal[0] == goal
    ]


def settle(wire: Wire, router: Router, *parties: Party) -> None:
    """Let all timers run out: nothing may be left anywhere."""
    wire.run()
    assert router.noted.bugs == []
    assert left_over(router.stack) == {}
    for party in parties:
        assert left_over(party.stack) == {}, wire.story()
    assert len(router.noted.started) == len(router.noted.ended)


def test_blind_transfer_by_the_callee_connects_the_caller_with_the_new_target() -> None:
    wire, router, caller, desk = between()
    other = Party(wire, FOURTH)
    desk.ask("REFER", refer("4001"))
    wire.run(3.0)
    assert [response.status for response in desk.responses] == [202]
    assert notified(wire, desk.host) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    assert desk.outcome == ""  # it may hang up first
    wire.run(7.0)
    assert desk.outcome == "over"
    assert caller.asked == ["INVITE"]
    assert b"c=IN IP4 192.0.2.4" in caller.bodies[0]
    assert b"c=IN IP4 192.0.2.1" in other.invites[0].body
    assert other.invites[0].from_().uri == "sip:+8613800138000@192.0.2.2:5060"
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk, other)
    assert other.outcome == "over"
    record = router.noted.ended[0]
    assert [(leg.target, leg.result) for leg in record.legs] == [
        ("desk", "answered"),
        ("other", "answered"),
    ]
    assert record.hung_up_by == "caller"


@pytest.mark.parametrize(
    "uri",
    [
        "tel:40-01",
        "tel:(40)01;phone-context=+1-202",
        "sip:40-01@192.0.2.2;user=phone",
        "sip:4001;phone-context=example.com@192.0.2.2",
        "sip:%34001;npdi@192.0.2.2",
    ],
)
def test_number_in_a_refer_to_may_be_written_in_any_way(uri: str) -> None:
    wire, router, caller, desk = between()
    other = Party(wire, FOURTH)
    desk.ask("REFER", f"Refer-To: <{uri}>\r\n")
    wire.run(3.0)
    assert notified(wire, desk.host)[-1] == "SIP/2.0 200 OK"
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk, other)


def test_a_transfer_to_who_is_busy_leaves_the_call_as_it_was() -> None:
    wire, router, caller, desk = between()
    other = Party(wire, FOURTH, answers=False)
    other.ringing = lambda leg: leg.reject(486)
    desk.ask("REFER", refer("4001"))
    wire.run(3.0)
    assert notified(wire, desk.host)[-1] == "SIP/2.0 486 Busy Here"
    assert (caller.outcome, desk.outcome) == ("answered", "")
    caller.ask("INFO")
    wire.run(4.0)
    assert desk.asked == ["INFO"]
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk, other)
    record = router.noted.ended[0]
    answered, busy = record.legs
    assert (answered.ended_ms, answered.cause) == (record.ended_ms, 16)
    assert busy.ended_ms is not None
    assert busy.ended_ms < record.ended_ms
    assert busy.cause == 17


def test_the_caller_may_not_transfer_and_a_stranger_is_nobody_to_be_called() -> None:
    wire, router, caller, desk = between()
    caller.ask("REFER", refer("4001"))
    desk.ask("REFER", refer("4001", host="203.0.113.9"))
    wire.run(2.0)
    assert [response.status for response in caller.responses] == [603]
    assert [response.status for response in desk.responses] == [603]
    desk.ask("REFER", refer("9999"))
    wire.run(3.0)
    assert notified(wire, desk.host)[-1] == "SIP/2.0 404 Not Found"
    desk.ask("REFER", "Refer-To: <mailto:a@b>\r\n")
    wire.run(4.0)
    assert desk.responses[-1].status == 416
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk)


def test_a_caller_who_may_transfer_connects_callee_and_new_target() -> None:
    wire, router, caller, desk = between("transfer: both")
    other = Party(wire, FOURTH)
    caller.ask("REFER", refer("4001"))
    wire.run(7.0)
    assert caller.outcome == "over"
    assert desk.asked == ["INVITE"]
    assert b"c=IN IP4 192.0.2.4" in desk.bodies[0]
    assert desk.leg is not None
    desk.leg.hang_up()
    settle(wire, router, caller, desk, other)
    assert other.outcome == "over"


def consulted(trunk: str = "") -> tuple[Wire, Router, Party, Party, Party, Party]:
    """A caller talks to a desk, whose second line talks to another one."""
    text = DIALPLAN.replace("192.0.2.1/32", "192.0.2.1/32, 192.0.2.5/32") % (trunk, "")
    wire = Wire()
    router = Router(wire, text)
    desk, other = Party(wire, "192.0.2.3"), Party(wire, FOURTH)
    caller, line = Party(wire, CALLER[0]), Party(wire, FIFTH)
    caller.call("4000")
    line.call("4001")
    wire.run(1.0)
    return wire, router, caller, desk, line, other


def replaces_of(party: Party) -> str:
    assert party.leg is not None
    dialog = party.leg.dialog
    return f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"


def test_attended_transfer_connects_the_far_ends_of_both_calls() -> None:
    wire, router, caller, desk, line, other = consulted(", transfer: both")
    # The line refers its far end to the call that the caller has with the desk.
    # It may know us by another name.
    replaces = quote(replaces_of(caller), safe="")
    line.ask("REFER", refer("4000", f"?Replaces={replaces}", "pbx.example.com"))
    wire.run(4.0)
    assert notified(wire, FIFTH) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
    assert (caller.outcome, line.outcome) == ("answered", "answered")
    wire.run(8.0)
    assert (caller.outcome, line.outcome) == ("over", "over")
    assert other.asked[0] == "INVITE"
    assert b"c=IN IP4 192.0.2.3" in other.bodies[0]
    assert b"c=IN IP4 192.0.2.4" in desk.bodies[-1]
    assert len(router.noted.ended) == 1
    assert other.leg is not None
    other.leg.hang_up()
    settle(wire, router, caller, desk, line, other)
    assert desk.outcome == "over"
    taken, record = router.noted.ended
    assert [leg.target for leg in taken.legs] == ["desk"]
    # The caller's place is taken: both that are connected now are there to the end.
    assert [(leg.target, leg.ended_ms, leg.cause) for leg in record.legs] == [
        ("other", record.ended_ms, 16),
        ("transferred", record.ended_ms, 16),
    ]


@pytest.mark.parametrize("wrong", ["to-tag", "from-tag"])
def test_replaces_with_a_wrong_tag_is_no_dialog(wrong: str) -> None:
    wire, router, caller, desk, line, other = consulted(", transfer: both")
    text = replaces_of(caller).replace(f"{wrong}=", f"{wrong}=0")
    line.ask("REFER", refer("4000", f"?Replaces={quote(text, safe='')}"))
    wire.run(4.0)
    assert notified(wire, FIFTH)[-1].startswith("SIP/2.0 481")
    assert (caller.outcome, desk.outcome, line.outcome) == ("answered", "", "answered")
    for party in (caller, line):
        assert party.leg is not None
        party.leg.hang_up()
    settle(wire, router, caller, desk, line, other)


def test_an_invite_with_replaces_takes_the_place_of_its_own_trunks_leg() -> None:
    wire, router, caller, desk, line, other = consulted()
    assert line.leg is not None
    first = line.leg
    line.call("4000", f"Replaces: {replaces_of(caller)}\r\n")
    wire.run(4.0)
    assert caller.outcome == "over"
    assert line.outcome == "answered"
    assert b"c=IN IP4 192.0.2.5" in desk.bodies[-1]
    first.hang_up()
    assert line.leg is not None
    line.leg.hang_up()
    settle(wire, router, caller, desk, line, other)
    assert len(router.noted.ended) == 2


def test_replaces_of_nothing_is_481_and_a_foreign_trunk_is_403() -> None:
    wire, router, caller, desk = between()
    line = Party(wire, FIFTH)
    line.call("4000", f"Replaces: {replaces_of(caller)}\r\n")
    wire.run(2.0)
    assert line.outcome == "403"
    assert caller.leg is not None
    text = replaces_of(caller)
    caller.leg.hang_up()
    wire.run(3.0)
    caller.call("4000", f"Replaces: {text}\r\n")
    wire.run(4.0)
    assert caller.outcome == "481"
    settle(wire, router, caller, desk, line)


def slow(wire: Wire) -> Party:
    """Somebody who rings, and picks up when told to."""
    other = Party(wire, FOURTH, answers=False)
    other.ringing = lambda leg: leg.ring(180, "", "", b"")
    return other


def test_who_transferred_may_leave_at_once_and_the_transfer_goes_on() -> None:
    wire, router, caller, desk = between()
    other = slow(wire)
    desk.ask("REFER", refer("4001"))
    wire.run(2.0)
    assert desk.leg is not None
    desk.leg.hang_up()
    wire.run(3.0)
    assert caller.outcome == "answered"
    other.answer()
    wire.run(4.0)
    assert caller.asked == ["INVITE"]
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk, other)
    assert other.outcome == "over"


def test_who_is_left_alone_by_a_transfer_that_fails_is_hung_up_on() -> None:
    wire, router, caller, desk = between()
    other = slow(wire)
    desk.ask("REFER", refer("4001"))
    wire.run(2.0)
    assert desk.leg is not None
    desk.leg.hang_up()
    wire.run(3.0)
    assert isinstance(other.leg, ALeg)
    other.leg.reject(486)
    wire.run(4.0)
    assert caller.outcome == "over"
    settle(wire, router, caller, desk, other)


def test_who_is_transferred_hangs_up_and_nobody_rings_on() -> None:
    wire, router, caller, desk = between()
    other = slow(wire)
    desk.ask("REFER", refer("4001"))
    wire.run(2.0)
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk, other)
    assert (desk.outcome, other.outcome) == ("over", "cancelled")


def test_callrouter_stops_while_it_transfers() -> None:
    wire, router, caller, desk = between()
    other = slow(wire)
    desk.ask("REFER", refer("4001"))
    wire.run(2.0)
    router.calls.end_all()
    settle(wire, router, caller, desk, other)
    assert {caller.outcome, desk.outcome} == {"over"}
    assert other.outcome == "cancelled"


def test_who_was_held_while_it_is_transferred_is_heard_again() -> None:
    wire, router, caller, desk = between()
    other = Party(wire, FOURTH)
    caller.body += b"a=recvonly\r\n"  # it answers the hold so
    desk.ask("INVITE", "Content-Type: application/sdp\r\n", desk.body + b"a=sendonly\r\n")
    wire.run(2.0)
    desk.ask("REFER", refer("4001"))
    wire.run(4.0)
    assert b"a=recvonly" not in other.invites[0].body
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk, other)


def test_the_same_identity_describes_the_new_target_with_the_next_version() -> None:
    wire, router, caller, desk = between()
    other = Party(wire, FOURTH)
    desk.ask("REFER", refer("4001"))
    wire.run(3.0)
    # The caller was given the desk's own description, `o=- 1 1`, before.
    assert b"o=- 1 2 IN IP4 192.0.2.3\r\n" in caller.bodies[0]
    assert caller.leg is not None
    caller.leg.hang_up()
    settle(wire, router, caller, desk, other)


@pytest.mark.parametrize(("method", "status"), [("REFER", 603), ("MESSAGE", 405)])
def test_what_belongs_into_a_dialog_is_refused_outside(method: str, status: int) -> None:
    wire = Wire()
    router = Router(wire, DIALPLAN % ("", ""))
    caller = Party(wire, CALLER[0])
    request = (
        f"{method} sip:4000@192.0.2.2 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx\r\n"
        "From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:4000@192.0.2.2>\r\nCall-ID: x\r\n"
        f"CSeq: 1 {method}\r\nRefer-To: <sip:4001@192.0.2.2>\r\nContent-Length: 0\r\n\r\n"
    )
    caller.stack.send(Flow("UDP", CALLER[0], 5060, *ROUTER, None), request.encode())
    wire.run(1.0)
    assert [sent.start.split(" ")[1] for sent in wire.sent if sent.source == ROUTER] == [
        str(status)
    ]
    settle(wire, router, caller)


def test_who_stays_refuses_the_new_target_and_talks_on_with_the_old_one() -> None:
    wire, router, caller, desk = between()
    other = Party(wire, FOURTH)
    caller.refuses = "INVITE"
    desk.ask("REFER", refer("4001"))
    wire.run(3.0)
    assert notified(wire, desk.host)[-1] == "SIP/2.0 488 Not Acceptable Here"
    assert (caller.outcome, desk.outcome, other.outcome) == ("answered", "", "over")
    caller.ask("INFO")
    wire.run(4.0)
    assert desk.asked == ["INFO"]
    assert desk.leg is not None
    desk.leg.hang_up()
    settle(wire, router, caller, desk, other)
    assert caller.outcome == "over"
    assert router.noted.ended[0].hung_up_by == "callee"
