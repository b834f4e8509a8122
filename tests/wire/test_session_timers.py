"""Session timers of each leg: who asks, who refreshes, and who has vanished (RFC 4028)."""

import pytest
from mid_dialog import DIALPLAN, SDP_ROW, Party, between
from support.wire import CALLER, Router, Wire, left_over

ASKED = "session_timer: {expires: 90s}"


def sent_to(wire: Wire, host: str, method: str) -> list[float]:
    return [one.at for one in wire.sent if one.goal[0] == host and one.start.startswith(method)]


def particular(wire: Wire, least: int, refresher: str) -> Party:
    """A desk that takes no session without an interval of so many seconds."""
    desk = Party(wire, "192.0.2.3", answers=False)
    timer = f"Session-Expires: {least};refresher={refresher}\r\n"
    desk.ringing = lambda leg: (
        leg.reject(422, f"Min-SE: {least}\r\n")
        if len(desk.invites) == 1
        else leg.answer(200, "", SDP_ROW + timer, desk.body)
    )
    return desk


def answers_to(wire: Wire, host: str) -> list[bytes]:
    return [one.data for one in wire.sent if one.goal[0] == host and one.start.endswith("200 OK")]


def test_who_knows_no_timers_is_asked_now_and_then_by_update_or_options() -> None:
    wire, router, caller, desk = between()
    wire.run(3500.0)
    assert desk.invites[0].get("session-expires") == "1800"
    assert b"Session-Expires" not in answers_to(wire, caller.host)[0]
    # The desk's answer allows UPDATE; of the caller nothing is known.
    asked = sent_to(wire, desk.host, "UPDATE")
    assert asked == pytest.approx([300.0 * count for count in range(1, 12)], abs=3.0)
    assert len(sent_to(wire, caller.host, "OPTIONS")) == 11
    assert not sent_to(wire, caller.host, "UPDATE") + sent_to(wire, desk.host, "OPTIONS")
    assert (caller.bodies, [one for one in desk.bodies if one]) == ([], [])
    assert router.noted.ended == []
    caller.vanish()
    wire.run()
    (bye,) = sent_to(wire, desk.host, "BYE")
    assert 3600.0 + 31.0 < bye < 3600.0 + 36.0
    record = router.noted.ended[0]
    assert (record.reason, record.cause, record.hung_up_by) == ("peer_gone", 102, "caller")
    assert left_over(router.stack) == {}


@pytest.mark.parametrize("side", ["caller", "desk"])
def test_who_says_that_there_is_no_such_call_ends_it(side: str) -> None:
    wire, router, caller, desk = between("session_timer: {ask_every: 20s}", "")
    party, other = (caller, desk) if side == "caller" else (desk, caller)
    assert party.leg is not None
    # It has forgotten the call: what comes inside the dialog finds nothing.
    del party.stack.dialogs[party.leg.dialog.local_tag]
    wire.run()
    assert other.outcome == "over"
    record = router.noted.ended[0]
    by = "caller" if side == "caller" else "callee"
    assert (record.reason, record.cause, record.hung_up_by) == ("peer_gone", 102, by)
    assert record.ended_ms < 330_000
    assert left_over(router.stack) == {}


def test_who_takes_neither_update_nor_options_is_there_all_the_same() -> None:
    wire, router, _, desk = between("", "session_timer: {ask_every: 10s}")
    desk.refuses = "UPDATE"
    wire.run(200.0)
    assert len(sent_to(wire, desk.host, "UPDATE")) == 1  # it was refused, and is not tried again
    assert len(sent_to(wire, desk.host, "OPTIONS")) == 19
    assert router.noted.ended == []


def test_the_longest_call_ends_at_both_sides_with_its_reason() -> None:
    wire = Wire()
    plan = (DIALPLAN % ("", "")).replace("numbers:", "longest_call: 90s\nnumbers:", 1)
    router = Router(wire, plan)
    desk = Party(wire, "192.0.2.3")
    caller = Party(wire, CALLER[0])
    caller.call("4000")
    wire.run()
    assert (caller.outcome, desk.outcome) == ("over", "over")
    for host in (caller.host, desk.host):
        assert sent_to(wire, host, "BYE") == pytest.approx([90.0], abs=0.2)
    record = router.noted.ended[0]
    assert (record.reason, record.hung_up_by, record.disposition) == (
        "too_long",
        "callrouter",
        "ANSWERED",
    )
    assert left_over(router.stack) == {}


def test_a_callers_min_se_is_the_least_that_it_is_told_and_stays_so() -> None:
    rows = "Supported: timer\r\nMin-SE: 2400\r\nAllow: INVITE, UPDATE\r\n"
    wire, _, caller, _ = between("", "", rows)
    assert b"Session-Expires: 2400;refresher=uas\r\n" in answers_to(wire, caller.host)[0]
    wire.run(1300.0)
    refresh = next(
        one for one in wire.sent if one.goal[0] == caller.host and one.start.startswith("UPDATE")
    )
    assert b"Session-Expires: 2400;refresher=uac\r\n" in refresh.data
    assert b"Min-SE: 2400\r\n" in refresh.data


def test_an_interval_below_the_min_se_beside_it_is_raised_to_that() -> None:
    rows = "Supported: timer\r\nMin-SE: 900\r\nSession-Expires: 600\r\n"
    wire, _, caller, _ = between("", "", rows)
    assert b"Session-Expires: 900;refresher=uac\r\n" in answers_to(wire, caller.host)[0]
    assert caller.leg is not None
    caller.ask("UPDATE", "Supported: timer\r\nMin-SE: 1200\r\nSession-Expires: 900\r\n")
    wire.run(5.0)
    assert caller.responses[0].get("session-expires") == "1200;refresher=uac"


def test_a_422_to_an_invite_without_a_timer_is_answered_with_one_once() -> None:
    wire = Wire()
    router = Router(wire, DIALPLAN % ("", ", session_timer: off"))
    desk = particular(wire, 3600, "uac")
    caller = Party(wire, CALLER[0])
    caller.call("4000")
    wire.run(1805.0)
    first, second = desk.invites
    assert "session-expires" not in first.headers
    assert second.get("session-expires") == second.get("min-se") == "3600"
    assert caller.outcome == "answered"
    assert desk.asked == ["UPDATE"]  # the refresh that was agreed
    assert router.noted.ended == []


def test_a_callers_own_timer_is_agreed_on_its_leg_alone() -> None:
    rows = "Supported: timer\r\nSession-Expires: 120\r\n"
    wire, _, caller, desk = between("", "", rows)
    assert b"Session-Expires: 120;refresher=uac\r\n" in answers_to(wire, caller.host)[0]
    assert b"Require: timer\r\n" in answers_to(wire, caller.host)[0]
    assert desk.invites[0].get("session-expires") == "1800"


def test_an_interval_that_is_too_short_is_422_and_no_call() -> None:
    wire, router, caller, desk = between(
        "", "", "Supported: timer\r\nSession-Expires: 60;refresher=uac\r\n"
    )
    assert caller.outcome == "422"
    refusals = [one.data for one in wire.sent if one.start.startswith("SIP/2.0 422")]
    assert b"Min-SE: 90\r\n" in refusals[0]
    assert desk.invites == router.noted.started == []


@pytest.mark.parametrize("role", ["uac", "uas"])
def test_a_caller_that_refreshes_no_more_is_hung_up_on_with_a_record(role: str) -> None:
    rows = f"Supported: timer\r\nSession-Expires: 90;refresher={role}\r\nAllow: INVITE, UPDATE\r\n"
    wire, router, caller, desk = between("", "", rows)
    caller.vanish()
    wire.run()
    refreshes = sent_to(wire, caller.host, "UPDATE")
    assert bool(refreshes) == (role == "uas")
    if refreshes:
        assert refreshes[0] == pytest.approx(45.0, abs=0.2)
    (bye,) = sent_to(wire, desk.host, "BYE")
    assert 57.0 < bye < 60.0
    assert desk.outcome == "over"
    record = router.noted.ended[0]
    assert (record.cause, record.hung_up_by) == (102, "caller")
    assert left_over(router.stack) == {}


def test_a_refresh_of_the_caller_is_answered_here_and_holds_the_call() -> None:
    rows = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n"
    wire, router, caller, desk = between("", "", rows)
    for at in range(45, 400, 45):
        caller.stack.timers.start(at, lambda _now: caller.ask("UPDATE", rows))
    wire.run(400.0)
    assert router.noted.ended == []
    assert desk.asked == ["UPDATE"]  # once in 300 s, for it has agreed to no timer
    assert {response.status for response in caller.responses} == {200}
    wire.run()  # it refreshes no more
    assert len(router.noted.ended) == 1
    assert left_over(router.stack) == {}


def test_a_gateway_that_knows_no_timers_is_refreshed_by_the_same_offer() -> None:
    wire, router, caller, desk = between("", ASKED)
    invite = desk.invites[0]
    assert invite.get("session-expires") == "90"
    assert invite.get("min-se") == "90"
    assert "timer" in invite.get("supported")
    desk.asked.clear()
    wire.run(400.0)
    # The desk's answer allows UPDATE, so that nothing is offered again.
    assert len(sent_to(wire, desk.host, "UPDATE")) == 8
    assert router.noted.ended == []
    desk.vanish()
    wire.run()
    assert caller.outcome == "over"
    assert router.noted.ended[0].hung_up_by == "callee"
    assert left_over(router.stack) == {}


def test_a_refresh_by_reinvite_offers_what_was_offered_before() -> None:
    wire, router, caller, desk = between("", ASKED)
    desk.refuses = "UPDATE"
    wire.run(200.0)
    offers = [
        one.data.partition(b"\r\n\r\n")[2]
        for one in wire.sent
        if one.goal[0] == desk.host and one.start.startswith("INVITE")
    ]
    assert (len(offers), set(offers)) == (5, {caller.body})
    assert desk.asked == ["UPDATE", *["INVITE"] * 4]
    assert caller.asked == router.noted.bugs == router.noted.ended == []


def test_a_gateway_that_wants_longer_intervals_is_called_again_with_its_own() -> None:
    wire = Wire()
    router = Router(wire, DIALPLAN % ("", f", {ASKED}"))
    desk = particular(wire, 600, "uas")
    caller = Party(wire, CALLER[0])
    caller.call("4000")
    wire.run(2.0)
    assert caller.outcome == "answered"
    first, second = desk.invites
    assert second.get("min-se") == second.get("session-expires") == "600"
    assert first.get("call-id") == second.get("call-id")
    assert (first.cseq()[0], second.cseq()[0]) == (1, 2)
    wire.run()
    # The desk was to refresh, and did not.
    (bye,) = sent_to(wire, caller.host, "BYE")
    assert 399.0 < bye < 402.0
    assert router.noted.ended[0].hung_up_by == "callee"
    assert left_over(router.stack) == {}


@pytest.mark.parametrize("named", ["refresher=uac", ""])
def test_a_gateway_that_refreshes_by_update_holds_the_call_until_it_stops(named: str) -> None:
    agreed = "Require: timer\r\nSession-Expires: 90;refresher=uas\r\n"
    wire, router, caller, desk = between("", ASKED, "", agreed)
    value = f"90;{named}" if named else "90"
    rows = f"Supported: timer\r\nSession-Expires: {value}\r\n"
    for at in range(40, 400, 40):
        desk.stack.timers.start(at, lambda _now: desk.ask("UPDATE", rows))
    wire.run(400.0)
    assert router.noted.ended == []
    assert (caller.asked, desk.asked) == ([], [])
    assert [response.status for response in desk.responses] == [200] * 9
    for response in desk.responses:
        assert response.get("session-expires") == "90;refresher=uac"
        assert response.get("require") == "timer"
    wire.run()  # it refreshes no more
    assert desk.asked == []
    (bye,) = sent_to(wire, caller.host, "BYE")
    assert 360.0 + 57.0 < bye < 360.0 + 60.0
    assert router.noted.ended[0].hung_up_by == "callee"
    assert left_over(router.stack) == {}


@pytest.mark.parametrize("who", ["caller", "desk"])
def test_an_update_of_who_does_not_refresh_is_taken_and_may_make_it_the_refresher(
    who: str,
) -> None:
    rows = "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\nAllow: INVITE, UPDATE\r\n"
    wire, router, caller, desk = between("", ASKED, rows)
    party = caller if who == "caller" else desk
    # We refresh both at 45 s; from its own UPDATE on one of them does.
    wire.run(50.0)
    first = party.asked.count("UPDATE")
    assert first == 1
    rows = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n"
    for at in range(60, 400, 45):
        party.stack.timers.start(at, lambda _now: party.ask("UPDATE", rows))
    wire.run(400.0)
    assert router.noted.ended == []
    assert party.asked.count("UPDATE") == first
    assert {response.get("session-expires") for response in party.responses} == {"90;refresher=uac"}
    wire.run()
    assert len(router.noted.ended) == 1
    assert left_over(router.stack) == {}


def test_an_update_that_refreshes_and_offers_goes_through_and_is_each_legs_own_refresh() -> None:
    rows = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n"
    wire, router, caller, desk = between("", ASKED, rows)
    for at in range(45, 400, 45):
        caller.stack.timers.start(
            at, lambda _now: caller.ask("UPDATE", rows + SDP_ROW, caller.body)
        )
    wire.run(400.0)
    assert router.noted.ended == []
    assert {response.status for response in caller.responses} == {200}
    for response in caller.responses:
        assert response.body == desk.body
        assert response.get("session-expires") == "90;refresher=uac"
    assert caller.body in desk.bodies
    wire.run()
    assert len(router.noted.ended) == 1
    assert left_over(router.stack) == {}
