"""Transactions: what is sent again, how long, and what is swallowed (RFC 3261 section 17)."""

import pytest
from support.message import SDP, Message
from support.wire import Books, left_over
from table import CALLER, DESK, STREAM, Table, connected, hang_up, ringing

DOUBLING = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
"""T1, doubling for ever."""

CAPPED = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
"""T1, doubling to T2."""

LOOKED_UP = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets: {desk: {uri: "sip:desk@192.0.2.3:5060"}}
lookups: {crm: {url: "http://192.0.2.9/?caller={caller}", timeout: 2s}}
numbers: {"4000": {lookup: crm, route: [{hunt: [desk], ring: 5s}]}}
"""


def since(times: list[float]) -> list[float]:
    """Times from the first, to what the slots of 10 ms allow."""
    return [round(time - times[0], 1) for time in times]


def test_row_01_invite_to_a_dead_target_has_seven_copies_and_ends_by_408() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000")
    caller.ack(caller.hears(408))
    assert table.now == pytest.approx(32.0, abs=0.1)
    assert since(desk.times("INVITE")) == DOUBLING
    table.is_clear()


def test_row_02_nothing_is_sent_again_on_tcp() -> None:
    table = Table()
    caller, stream = table.party(CALLER), table.party(STREAM, "TCP")
    caller.invite("4002")
    caller.ack(caller.hears(408))
    assert len(stream.got("INVITE")) == 1
    caller.invite("4002")
    stream.reply(stream.got("INVITE")[1], 200, SDP)
    caller.ack(caller.hears(200))
    caller.request("BYE")
    table.is_clear()
    assert [message.method for message in stream.seen] == ["INVITE", "INVITE", "ACK", "BYE"]


def test_row_03_refusal_sent_again_for_32_seconds_is_acknowledged_each_time() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    refusal = desk.reply(invite, 486)
    for _ in range(3):
        desk.send(refusal)
    table.wait(31.9)
    desk.send(refusal)
    assert len(desk.got("ACK")) == 5
    assert len({ack.render() for ack in desk.got("ACK")}) == 1
    table.wait(0.2)
    desk.send(refusal)
    assert len(desk.got("ACK")) == 5
    assert len({message.render() for message in caller.got(486)}) == 1
    table.is_clear()


def test_row_04_ack_to_a_refusal_is_the_invites_own() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    refusal = desk.reply(invite, 486)
    ack = desk.hears("ACK")
    assert (ack.uri, ack.branch, ack.cseq) == (invite.uri, invite.branch, invite.cseq)
    assert ack.all("Via") == invite.all("Via")
    assert ack.all("Route") == invite.all("Route")
    for name in ("From", "Call-ID"):
        assert ack[name] == invite[name]
    assert ack["To"] == refusal["To"]
    caller.ack(caller.hears(486))
    table.is_clear()


def test_row_05_bye_to_who_is_silent_has_eleven_copies_then_the_dialog_is_freed() -> None:
    table = Table()
    caller, desk = connected(table)
    caller.request("BYE")
    caller.hears(200)
    table.wait(40.0)
    assert since(desk.times("BYE")) == CAPPED
    assert left_over(table.ours) == {}
    table.is_clear()


def test_row_06_100_comes_at_once_though_the_route_is_still_looked_up() -> None:
    table = Table(LOOKED_UP, Books({}))
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000")
    assert caller.times(100) == [0.0]
    assert desk.seen == []
    desk.reply(desk.hears("INVITE"), 486)
    assert table.now == pytest.approx(2.0, abs=0.1)
    caller.ack(caller.hears(486))
    table.is_clear()


def test_row_07_repeated_invite_gets_the_last_provisional_and_no_second_leg() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    assert caller.invite_sent is not None
    caller.send(caller.invite_sent)
    caller.send(caller.invite_sent)
    assert len(caller.got(180)) == 3
    assert len({message.render() for message in caller.got(180)}) == 1
    assert desk.got("INVITE") == [invite]
    desk.reply(invite, 486)
    caller.ack(caller.hears(486))
    table.is_clear()


def test_row_08_refusal_never_acknowledged_is_sent_for_32_seconds_and_forgotten() -> None:
    table = Table()
    caller = table.party(CALLER)
    caller.invite("4999")
    caller.hears(404)
    table.wait(40.0)
    # The first and ten copies.
    assert since(caller.times(404)) == CAPPED
    assert left_over(table.ours) == {}


def test_row_09_2xx_is_resent_until_ack_then_bye_on_both_legs() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(invite, 200, SDP)
    answer = caller.hears(200)
    desk.hears("ACK")
    # Nobody acknowledges.
    caller.learn(answer)
    byes = [caller.hears("BYE"), desk.hears("BYE")]
    assert table.now == pytest.approx(32.0, abs=0.1)
    assert since(caller.times(200)) == CAPPED
    for party, bye in zip((caller, desk), byes, strict=True):
        party.reply(bye, 200)
    table.is_clear()
    # With the ACK it ends at once.
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(invite, 200, SDP)
    answer = caller.hears(200)
    table.wait(2.0)
    caller.ack(answer)
    count = len(caller.got(200))
    table.wait(40.0)
    assert (count, len(caller.got(200))) == (3, 3)
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_row_10_invite_after_its_2xx_is_absorbed_and_each_forked_2xx_is_taken() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(invite, 200, SDP, tag="first")
    desk.reply(invite, 200, SDP, tag="second")
    answer = caller.hears(200)
    assert caller.invite_sent is not None
    before = len(caller.seen)
    caller.send(caller.invite_sent)
    assert len(caller.seen) == before
    caller.ack(answer)
    assert desk.hears("ACK").tag("To") == "first"
    assert desk.hears("ACK").tag("To") == "second"
    bye = desk.hears("BYE")
    assert bye.tag("To") == "second"
    desk.reply(bye, 200)
    assert len(desk.got("INVITE")) == 1
    caller.request("BYE")
    caller.hears(200)
    last = desk.hears("BYE")
    assert last.tag("To") == "first"
    desk.reply(last, 200)
    table.is_clear()


@pytest.mark.parametrize("late_offer", [False, True])
def test_row_11_ack_to_a_2xx_is_a_transaction_of_its_own_along_the_route(late_offer: bool) -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", "" if late_offer else SDP)
    invite = desk.hears("INVITE")
    assert bool(invite.body) != late_offer
    route = "<sip:192.0.2.3:5060;lr>"
    contact = "<sip:mobile@192.0.2.33:5070>"
    desk.reply(invite, 200, SDP, **{"Record-Route": route, "Contact": contact})
    answer = caller.hears(200)
    caller.ack(answer, SDP if late_offer else "")
    ack = desk.hears("ACK")
    assert ack.branch != invite.branch
    assert (ack.uri, ack.all("Route")) == (contact.strip("<>"), [route])
    assert (ack.cseq, ack.tag("To")) == (invite.cseq, "5060")
    assert ack.body == (SDP if late_offer else "")
    hang_up(caller, desk)
    table.is_clear()


def test_row_12_repeated_200_is_acknowledged_again_and_the_caller_sees_only_its_own() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    answer = desk.reply(invite, 200, SDP)
    caller.ack(caller.hears(200))
    for _ in range(4):
        desk.send(answer)
    acks = desk.got("ACK")
    assert len(acks) == 5
    assert len({ack.render() for ack in acks}) == 1
    assert len(caller.got(200)) == 1
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_row_13_timers_i_j_and_k_swallow_what_comes_again() -> None:
    table = Table()
    caller, desk = connected(table)
    bye = caller.request("BYE")
    answer = caller.hears(200)
    asked = desk.hears("BYE")
    said = desk.reply(asked, 200)
    table.wait(4.9)
    # J: the BYE again gets the same answer, and the target no other BYE.
    caller.send(bye)
    assert [message.render() for message in caller.got(200)[-2:]] == [answer.render()] * 2
    # K: the answer to our BYE again is nothing new.
    stray = table.ours.stray
    desk.send(said)
    assert (len(desk.got("BYE")), table.ours.stray) == (1, stray)
    table.wait(30.0)
    assert left_over(table.ours) == {}
    # I: the ACK to a refusal again, for five seconds.
    caller.invite("4999")
    ack = caller.ack(caller.hears(404))
    assert isinstance(ack, Message)
    count, stray = len(caller.seen), table.ours.stray
    table.wait(4.9)
    caller.send(ack)
    assert (len(caller.seen), table.ours.stray) == (count, stray)
    table.is_clear()
