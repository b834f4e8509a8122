"""Parties that leave while the other side is being connected: nobody is left alone."""

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, DIALPLAN, OTHER, Party, Table, connected, hang_up

PLAN = (
    DIALPLAN.replace("192.0.2.2/32]", "192.0.2.2/32], transfer: both")
    + '  "4006": {route: [{hunt: [other]}]}\n'
    + '  "4010": {route: [{hunt: [desk], greet: {prompts: m, answer: true}}]}\n'
    + "prompts: {m: {tone: {hertz: 440, for: 2s}}}\n"
)


def transferring(table: Table) -> tuple[Party, Party, Party, Message]:
    """The desk has transferred the caller; the new target has answered, the caller not yet."""
    caller, desk = connected(table)
    other = table.party(OTHER)
    desk.request("REFER", "", ("Refer-To", "<sip:4006@192.0.2.2>"))
    desk.hears(202)
    desk.reply(desk.hears("NOTIFY"), 200)
    other.reply(other.hears("INVITE"), 200, SDP)
    other.hears("ACK")
    return caller, desk, other, caller.hears("INVITE")


@pytest.mark.parametrize("status", [200, 487, 488])
@pytest.mark.parametrize("leaves", ["both", "transferor", "target"])
def test_caller_is_hung_up_on_when_nobody_is_left_by_its_answer(leaves: str, status: int) -> None:
    table = Table(PLAN)
    caller, desk, other, invite = transferring(table)
    if leaves != "target":
        desk.request("BYE")
        desk.hears(200)
    if leaves != "transferor":
        other.request("BYE")
        other.hears(200)
    caller.reply(invite, status, SDP if status == 200 else "")
    caller.hears("ACK")
    alone = status == 200 if leaves == "target" else leaves == "both" or status != 200
    if alone:
        caller.reply(caller.hears("BYE"), 200)
    else:
        caller.request("BYE")
        caller.hears(200)
    table.wait(5.0)
    for party in (desk, other):
        for told in party.rest():
            party.reply(told, 200)
    table.is_clear()
    (record,) = table.router.noted.ended
    assert record.ended_ms < 40_000


def test_callee_who_leaves_before_the_caller_has_moved_to_it_ends_the_call() -> None:
    table = Table(PLAN)
    table.with_workers()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4010", SDP)
    caller.ack(caller.hears(200))
    desk.reply(desk.hears("INVITE"), 200, SDP)
    desk.hears("ACK")
    invite = caller.hears("INVITE")
    desk.request("BYE")
    desk.hears(200)
    caller.reply(invite, 200, SDP)
    caller.hears("ACK")
    caller.reply(caller.hears("BYE"), 200)
    table.is_clear()


def pracking(table: Table) -> tuple[Party, Party]:
    """The desk has answered; the caller has not acknowledged what it described before."""
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", SDP, ("Supported", "100rel"))
    invite = desk.hears("INVITE")
    desk.reply(invite, 183, SDP, Require="100rel", RSeq="1")
    caller.learn(caller.hears(183))
    desk.reply(invite, 200, SDP)
    desk.hears("ACK")
    return caller, desk


def test_bye_of_a_caller_whose_answer_waits_for_its_prack_ends_both_legs() -> None:
    table = Table(PLAN)
    caller, desk = pracking(table)
    caller.request("BYE")
    assert {caller.hears(200).method, caller.hears(487).method} == {"BYE", "INVITE"}
    desk.reply(desk.hears("BYE"), 200)
    table.is_clear()
    (record,) = table.router.noted.ended
    assert (record.hung_up_by, record.status, record.answered_ms) == ("caller", 487, None)


def test_caller_that_never_acknowledges_what_it_was_sent_was_not_answered() -> None:
    table = Table(PLAN)
    caller, desk = pracking(table)
    caller.ack(caller.hears(504))
    desk.reply(desk.hears("BYE"), 200)
    table.is_clear()
    (record,) = table.router.noted.ended
    assert (record.disposition, record.status, record.answered_ms) == ("REJECTED", 504, None)


@pytest.mark.parametrize("method", ["INVITE", "REFER"])
def test_no_invite_goes_to_a_caller_whose_own_has_no_final_answer(method: str) -> None:
    # RFC 3261 section 14.1.
    table = Table(PLAN)
    caller, desk = pracking(table)
    if method == "INVITE":
        desk.request("INVITE", SDP)
        desk.ack_refusal(desk.hears(491))
    else:
        desk.request("REFER", "", ("Refer-To", "<sip:4006@192.0.2.2>"))
        desk.hears(500)
    early = caller.got(183)[0]
    caller.request("PRACK", "", ("RAck", f"{early['RSeq']} 1 INVITE"))
    prack = desk.hears("PRACK")
    desk.reply(prack, 200)
    assert {caller.hears(200).method, caller.hears(200).method} == {"PRACK", "INVITE"}
    assert caller.got("INVITE") == []


def test_who_gives_up_to_take_a_place_in_a_call_does_not_end_it() -> None:
    # RFC 3891: until it is answered, the call that it names is none of its affair.
    table = Table(PLAN)
    caller, desk = connected(table)
    other = table.party((CALLER[0], 5080))
    answer = caller.got(200)[0]
    tags = [answer[name].partition(";tag=")[2] for name in ("To", "From")]
    replaces = f"{caller.call_id};to-tag={tags[0]};from-tag={tags[1]}"
    other.invite("4000", SDP, ("Replaces", replaces))
    invite = desk.hears("INVITE")
    other.cancel()
    assert other.hears(200).method == "CANCEL"
    desk.reply(invite, 488)
    desk.hears("ACK")
    other.ack(other.hears(488))
    hang_up(caller, desk)
    table.is_clear()
