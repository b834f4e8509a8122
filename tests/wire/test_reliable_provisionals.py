"""PRACK from end to end, and on one leg only (RFC 3262)."""

import re

import pytest
from mid_dialog import DIALPLAN, NO_TIMERS, SDP_ROW, Party
from support.compiled import replaced
from support.wire import CALLER, ROUTER, Router, Wire, left_over

from callrouter.call.legs.provisional import named_in
from callrouter.call.legs.uas_leg import ALeg

RELIABLE = "Require: 100rel\r\nRSeq: 77\r\n"


def ringing(
    rows: str = "", *, reliable: bool, body: bytes | None = None, gateway: str = ""
) -> tuple[Wire, Router, Party, Party]:
    """A caller whose target rings with early media, reliably or not."""
    wire = Wire()
    router = Router(wire, DIALPLAN % ("", gateway))
    desk = Party(wire, "192.0.2.3", answers=False)

    def ring(leg: ALeg) -> None:
        leg.ring(183, "", f"{RELIABLE if reliable else ''}{SDP_ROW}", desk.body)

    desk.ringing = ring
    caller = Party(wire, CALLER[0])
    caller.call("4000", rows, body)
    return wire, router, caller, desk


def heard(wire: Wire, host: str, start: str) -> list[bytes]:
    return [one.data for one in wire.sent if one.goal[0] == host and one.start.startswith(start)]


def rack(data: bytes) -> str:
    match = re.search(rb"\r\nRAck: ([^\r]*)\r\n", data)
    return "" if match is None else match[1].decode()


def over(wire: Wire, router: Router, caller: Party, desk: Party) -> None:
    assert caller.leg is not None
    caller.leg.hang_up()
    wire.run()
    assert router.noted.bugs == []
    assert len(router.noted.ended) == 1
    for stack in (router.stack, caller.stack, desk.stack):
        assert left_over(stack) == {}, wire.story()


class Source:
    """Somebody behind the target whom the PRACK is for, so that the target hands it to the test."""

    unpracked = "1 1 INVITE"


def test_a_target_that_requires_it_is_acknowledged_for_a_caller_that_does_not_know_it() -> None:
    wire, router, caller, desk = ringing(reliable=True)
    wire.run(0.4)
    assert named_in(desk.invites[0], "supported")
    assert [rack(data) for data in heard(wire, desk.host, "PRACK")] == ["77 1 INVITE"]
    (early,) = heard(wire, caller.host, "SIP/2.0 183")
    assert b"RSeq" not in early
    assert b"100rel" not in early
    desk.answer()
    wire.run(2.0)
    assert caller.outcome == "answered"
    over(wire, router, caller, desk)


def test_a_repeated_reliable_response_is_acknowledged_once_and_a_gap_never() -> None:
    wire, router, caller, desk = ringing(reliable=True)
    wire.run(0.3)
    assert isinstance(desk.leg, ALeg)
    for number in (77, 79, 78):
        rows = f"Require: 100rel\r\nRSeq: {number}\r\n"
        desk.leg.ring(180, "", rows, b"")
    wire.run(1.0)
    pracks = [rack(data) for data in heard(wire, desk.host, "PRACK")]
    assert list(dict.fromkeys(pracks)) == ["77 1 INVITE", "78 1 INVITE"]
    desk.answer()
    wire.run(2.0)
    over(wire, router, caller, desk)


def test_both_sides_want_it_and_the_numbers_are_each_legs_own() -> None:
    wire, router, caller, desk = ringing("Supported: 100rel\r\n", reliable=True)

    def ring(leg: ALeg) -> None:
        leg.meet(NO_TIMERS, desk.invites[0])
        leg.ring(183, "", SDP_ROW, desk.body, Source())

    desk.ringing = ring
    wire.run(0.4)
    early = heard(wire, caller.host, "SIP/2.0 183")[0]
    assert b"Require: 100rel\r\n" in early
    theirs = re.search(rb"RSeq: ([0-9]+)", early)
    assert theirs is not None
    (second,) = (rack(data) for data in heard(wire, desk.host, "PRACK"))
    (first,) = (rack(data) for data in heard(wire, ROUTER[0], "PRACK"))
    assert first == f"{theirs[1].decode()} 1 INVITE" != second
    assert desk.asked == ["PRACK"]
    desk.answer()
    wire.run(2.0)
    assert caller.outcome == "answered"
    over(wire, router, caller, desk)


def test_a_caller_that_requires_it_is_acknowledged_here() -> None:
    wire, router, caller, desk = ringing("Require: 100rel\r\n", reliable=False)
    wire.run(0.4)
    assert b"Require: 100rel\r\n" in heard(wire, caller.host, "SIP/2.0 183")[0]
    assert heard(wire, desk.host, "PRACK") == []
    assert len(heard(wire, caller.host, "SIP/2.0 200")) == 1
    desk.answer()
    wire.run(2.0)
    over(wire, router, caller, desk)


def test_a_caller_that_never_acknowledges_gets_504_after_32_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replaced(monkeypatch, "callrouter.call.legs.uac_leg.is_reliable", lambda _response: False)
    wire, router, caller, desk = ringing("Require: 100rel\r\n", reliable=False)
    wire.run(60.0)
    assert caller.outcome == "504"
    copies = [one.at for one in wire.sent if one.start.startswith("SIP/2.0 183")]
    assert len(copies) >= 7
    wire.run()
    assert router.noted.bugs == []
    assert desk.outcome == "cancelled"


@pytest.mark.parametrize(
    ("wrong", "status"), [("RAck: 1 1 INVITE\r\n", 481), ("RAck: x\r\n", 400), ("", 400)]
)
def test_a_prack_for_nothing_is_481_and_one_that_names_nothing_400(wrong: str, status: int) -> None:
    wire, router, caller, desk = ringing("Supported: 100rel\r\n", reliable=False)
    wire.run(0.4)
    caller.ask("PRACK", wrong)
    wire.run(1.0)
    assert caller.responses[-1].status == status
    desk.answer()
    wire.run(2.0)
    over(wire, router, caller, desk)


def test_a_trunk_that_is_not_to_have_it_is_refused_and_a_gateway_not_offered_it() -> None:
    off = ", reliable_provisionals: off"
    wire, router, caller, desk = ringing(reliable=False, gateway=off)
    wire.run(0.4)
    assert not named_in(desk.invites[0], "supported")
    desk.answer()
    wire.run(2.0)
    over(wire, router, caller, desk)
    wire = Wire()
    Router(wire, DIALPLAN % (off, ""))
    caller = Party(wire, CALLER[0])
    caller.call("4000", "Require: 100rel\r\n")
    wire.run(1.0)
    assert caller.outcome == "420"


@pytest.mark.parametrize("who", ["caller", "desk"])
def test_who_leaves_while_the_answer_waits_for_a_prack_ends_the_call(
    who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced(monkeypatch, "callrouter.call.legs.uac_leg.is_reliable", lambda _response: False)
    wire, router, caller, desk = ringing("Require: 100rel\r\n", reliable=False)
    wire.run(0.4)
    desk.answer()
    wire.run(1.0)
    assert caller.outcome == ""  # its 200 waits (RFC 3262 section 3)
    leaving = caller.leg if who == "caller" else desk.leg
    assert leaving is not None
    leaving.hang_up()
    wire.run()
    assert router.noted.bugs == []
    assert desk.outcome == ("over" if who == "caller" else "")
    assert len(router.noted.ended) == 1
    for stack in (router.stack, caller.stack, desk.stack):
        assert left_over(stack) == {}, wire.story()
