"""What belongs to what: matching, CANCEL, merged requests, loops (RFC 3261 sections 8, 9, 17)."""

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, OTHER, Party, Table, connected, hang_up, request, ringing

WITHOUT_BRANCH = ("Via", "SIP/2.0/UDP 192.0.2.1:5060")
COOKIE_ALONE = ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK")


def with_branch(caller: Party, branch: str) -> Message:
    """The INVITE that was sent, by another branch."""
    sent = caller.invite_sent
    assert sent is not None
    rows = [(name, value.replace(sent.branch, branch)) for name, value in sent.rows]
    return Message(sent.start, rows, sent.body)


@pytest.mark.parametrize("via", [WITHOUT_BRANCH, COOKIE_ALONE])
def test_row_14_without_a_branch_the_whole_request_is_what_it_is_known_by(
    via: tuple[str, str],
) -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    for call_id in ("one", "two", "one"):
        caller.send(request("INVITE", via, ("Call-ID", call_id), body=SDP))
    assert len(desk.got("INVITE")) == 2
    assert table.ours.absorbed == 1
    # Options with the cookie alone, of two calls: neither is taken for the other.
    for call_id in ("three", "four"):
        caller.send(request("OPTIONS", via, ("Call-ID", call_id)))
    assert [answer["Call-ID"] for answer in caller.got(200)] == ["three", "four"]
    table.is_clear()


def test_row_14_branch_sent_by_and_method_together_are_a_transaction() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    for host in ("192.0.2.1:5060", "192.0.2.1:5062", "192.0.2.1:5060"):
        via = ("Via", f"SIP/2.0/UDP {host};branch=z9hG4bKsame;rport")
        caller.send(request("INVITE", via, ("Call-ID", host), body=SDP))
    assert len(desk.got("INVITE")) == 2
    assert table.ours.absorbed == 1
    table.is_clear()


def test_row_15_cancel_with_another_branch_is_481_and_the_call_lives() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    sent = caller.invite_sent
    caller.invite_sent = with_branch(caller, "z9hG4bKanother")
    caller.cancel()
    assert caller.hears(481).method == "CANCEL"
    caller.invite_sent = sent
    assert desk.got("CANCEL") == []
    desk.reply(invite, 200, SDP)
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_row_16_cancel_gets_200_and_its_invite_487() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    caller.cancel()
    assert caller.hears(200).method == "CANCEL"
    ended = caller.hears(487)
    assert ended.method == "INVITE"
    caller.ack(ended)
    desk.reply(desk.hears("CANCEL"), 200)
    desk.reply(invite, 487)
    desk.hears("ACK")
    table.is_clear()


def test_row_16_cancel_that_crosses_the_200_has_no_effect() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(invite, 200, SDP)
    answer = caller.hears(200)
    caller.cancel()
    assert caller.hears(200).method == "CANCEL"
    caller.ack(answer)
    desk.hears("ACK")
    table.wait(40.0)
    assert caller.quiet()
    assert desk.quiet()
    hang_up(caller, desk)
    table.is_clear()


def test_row_17_no_cancel_goes_out_before_a_provisional_response() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000")
    invite = desk.hears("INVITE")
    caller.cancel()
    assert caller.hears(200).method == "CANCEL"
    caller.ack(caller.hears(487))
    table.wait(5.0)
    assert desk.got("CANCEL") == []
    desk.reply(invite, 180)
    desk.reply(desk.hears("CANCEL"), 200)
    desk.reply(invite, 487)
    desk.hears("ACK")
    table.is_clear()


def test_row_17_who_never_says_anything_is_never_cancelled_and_forgotten_by_timer_b() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000")
    caller.cancel()
    table.is_clear()
    assert {message.method for message in desk.seen} == {"INVITE"}
    assert len(desk.seen) == 7


@pytest.mark.parametrize("status", [200, 486, 487])
def test_cancel_that_nobody_answers_is_not_sent_again_once_its_invite_is(status: int) -> None:
    # The targets of a parallel hunt answer at the same time (RFC 3261 section 9.1).
    table = Table()
    caller, desk, other = table.party(CALLER), table.party(DESK), table.party(OTHER)
    caller.invite("4004", SDP)
    first, second = desk.hears("INVITE"), other.hears("INVITE")
    desk.reply(first, 180)
    other.reply(second, 180)
    desk.reply(first, 200, SDP)
    other.hears("CANCEL")
    table.wait(1.0)
    assert len(other.times("CANCEL")) == 2  # it may be lost
    other.reply(second, status, SDP if status == 200 else "")
    other.hears("ACK")
    if status == 200:
        other.reply(other.hears("BYE"), 200)
    table.wait(40.0)
    assert len(other.times("CANCEL")) == 2
    table.wait(100.0)
    assert table.router.noted.bugs == []


def test_row_18_cancel_is_of_the_invite_row_by_row() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    caller.cancel()
    cancel = desk.hears("CANCEL")
    assert cancel.uri == invite.uri
    assert (cancel.cseq, cancel.method) == (invite.cseq, "CANCEL")
    assert cancel.all("Via") == invite.all("Via")[:1]
    for name in ("Route", "To", "From", "Call-ID"):
        assert cancel.all(name) == invite.all(name)
    desk.reply(cancel, 200)
    desk.reply(invite, 487)
    table.is_clear()


def test_row_19_merged_invite_is_482() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    caller.send(with_branch(caller, "z9hG4bKanother"))
    caller.hears(482)
    assert desk.got("INVITE") == [invite]
    desk.reply(invite, 486)
    caller.ack(caller.hears(486))
    table.is_clear()


def test_row_20_no_hop_left_is_483_and_each_leg_takes_one() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", SDP, ("Max-Forwards", "0"))
    caller.ack(caller.hears(483))
    assert desk.seen == []
    for came, goes in (("12", "11"), ("1", "0")):
        caller.call_id = came
        caller.invite("4000", SDP, ("Max-Forwards", came))
        invite = desk.hears("INVITE")
        assert invite["Max-Forwards"] == goes
        desk.reply(invite, 486)
        desk.hears("ACK")
        caller.ack(caller.hears(486))
    table.is_clear()


def test_row_21_call_to_ourselves_ends_by_483_before_70_hops() -> None:
    table = Table()
    caller = table.party(CALLER)
    caller.invite("4009")
    caller.ack(caller.hears(483))
    assert 60 < len(table.router.noted.started) <= 70
    table.is_clear()


def test_row_21_spiral_of_another_call_id_each_time_is_no_longer_than_a_loop() -> None:
    table = Table()
    caller, desk, other = table.party(CALLER), table.party(DESK), table.party(OTHER)
    caller.invite("4009", SDP, ("Max-Forwards", "5"))
    caller.ack(caller.hears(483))
    assert len(table.router.noted.started) == 5
    assert desk.seen == other.seen == []
    # The next call is as good as any.
    hang_up(*connected(table))
    table.is_clear()
