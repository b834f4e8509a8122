"""Offers inside a call: late ones, T.38, another codec, offers that cross (RFC 3264, 3261 14)."""

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, DIALPLAN, OTHER, Party, Table, connected, hang_up

from callrouter.call.legs.leg import Leg
from callrouter.call.legs.reinvite import back_off
from callrouter.sip.sdp import parse_sdp

HEAD = "v=0\r\no=p 77 %d IN IP4 192.0.2.%d\r\ns=-\r\nc=IN IP4 192.0.2.%d\r\nt=0 0\r\n"
AUDIO = "m=audio %d RTP/AVP %d\r\n"
FAX = "m=image %d udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
ANCHORED = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets: {desk: {uri: "sip:desk@192.0.2.3:5060"}}
numbers:
  "4000": {record: {start: request, notice: false}, route: [{hunt: [desk], ring: 60s}]}
"""


def said(host: int, version: int, media: str) -> str:
    """A description of a party. host: the end of its address."""
    return HEAD % (version, host, host) + media


def offered(asks: Party, asked: Party, offer: str, answer: str) -> None:
    """One party changes the session, and the other takes it."""
    asks.request("INVITE", offer)
    invite = asked.hears("INVITE")
    assert invite.body == offer
    asked.reply(invite, 200, answer)
    told = asks.hears(200)
    assert told.body == answer
    asks.ack(told)
    asked.hears("ACK")


def is_refused(ack: Message, lines: int) -> None:
    """An ACK answers an offer, and takes nothing of it."""
    assert ack["Content-Type"] == "application/sdp"
    assert [media.port for media in parse_sdp(ack.body.encode()).media] == [0] * lines


@pytest.mark.parametrize("back", [False, True])
def test_late_offer_whose_asker_hangs_up_is_refused_in_the_ack_before_the_bye(back: bool) -> None:
    table = Table()
    caller, desk = connected(table)
    asks, asked = (desk, caller) if back else (caller, desk)
    asks.request("INVITE")
    invite = asked.hears("INVITE")
    offer = said(3, 2, AUDIO % (4000, 0) + FAX % 5000)
    asked.reply(invite, 200, offer)
    assert asks.hears(200).body == offer
    asks.request("BYE")
    asks.hears(200)
    ack = asked.hears("ACK")
    is_refused(ack, 2)
    assert "o=- 1 2 IN IP4 127.0.0.1" in ack.body  # who it was described by before, once more
    asked.reply(asked.hears("BYE"), 200)
    table.is_clear()


def test_late_offer_that_is_never_acknowledged_is_refused_as_well() -> None:
    table = Table()
    caller, desk = connected(table)
    desk.request("INVITE")
    caller.reply(caller.hears("INVITE"), 200, SDP)
    desk.hears(200)
    table.wait(33.0)
    is_refused(caller.hears("ACK"), 1)
    for party in (caller, desk):
        party.reply(party.hears("BYE"), 200)
    table.is_clear()


def test_late_offer_in_the_answer_is_refused_when_the_caller_leaves_without_its_ack() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", "")
    desk.reply(desk.hears("INVITE"), 200, SDP)
    caller.learn(caller.hears(200))
    caller.request("BYE")
    caller.hears(200)
    is_refused(desk.hears("ACK"), 1)
    desk.reply(desk.hears("BYE"), 200)
    table.is_clear()


def test_late_offer_that_crosses_the_cancel_is_refused_of_every_fork() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", "")
    invite = desk.hears("INVITE")
    desk.reply(invite, 180)
    caller.hears(180)
    caller.cancel()
    desk.hears("CANCEL")
    for tag in ("a", "b"):
        desk.reply(invite, 200, SDP, tag=tag)
        is_refused(desk.hears("ACK"), 1)
        desk.reply(desk.hears("BYE"), 200)
    table.wait(130.0)
    assert table.router.noted.bugs == []


def test_late_offer_that_nobody_can_read_gets_an_empty_ack_and_ends_the_call() -> None:
    table = Table()
    caller, desk = connected(table)
    desk.request("INVITE")
    caller.reply(caller.hears("INVITE"), 200, "rubbish")
    assert caller.hears("ACK").body == ""
    refusal = desk.hears(488)
    assert refusal["Warning"] == '307 callrouter "no answer to the offer"'
    desk.ack_refusal(refusal)
    for party in (caller, desk):
        bye = party.hears("BYE")
        assert "cause=88" in bye["Reason"]
        party.reply(bye, 200)
    table.is_clear()
    (record,) = table.router.noted.ended
    assert (record.reason, record.cause) == ("unanswered_offer", 88)


@pytest.mark.parametrize("line", [AUDIO % (0, 0), ""])
def test_fax_takes_the_place_of_audio_and_gives_it_back(line: str) -> None:
    # Both ways are about: image beside audio that is refused, and image instead of it.
    table = Table()
    caller, desk = connected(table)
    offered(desk, caller, said(3, 2, line + FAX % 5000), said(1, 2, line + FAX % 5002))
    offered(caller, desk, said(1, 3, AUDIO % (4000, 0)), said(3, 3, AUDIO % (4002, 0)))
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize("status", [488, 415, 606])
def test_fax_that_is_refused_leaves_the_call_as_it_was(status: int) -> None:
    table = Table()
    caller, desk = connected(table)
    desk.request("INVITE", said(3, 2, FAX % 5000))
    asked = caller.hears("INVITE")
    caller.reply(asked, status)
    assert caller.hears("ACK").cseq == asked.cseq
    refusal = desk.hears(status)
    desk.ack_refusal(refusal)
    assert caller.got("BYE") == desk.got("BYE") == []
    offered(desk, caller, said(3, 3, AUDIO % (4000, 0)), said(1, 3, AUDIO % (4002, 0)))
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize("back", [False, True])
def test_fax_is_refused_while_the_worker_has_the_media_and_the_audio_goes_on(back: bool) -> None:
    table = Table(ANCHORED)
    table.with_workers()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", said(1, 1, AUDIO % (4000, 0)))
    caller.hears(183)
    invite = desk.hears("INVITE")
    desk.reply(invite, 200, said(3, 1, AUDIO % (4002, 0)))
    desk.hears("ACK")
    caller.ack(caller.hears(200))
    asks, host = (desk, 3) if back else (caller, 1)
    asks.request("INVITE", said(host, 2, AUDIO % (0, 0) + FAX % 5000))
    refusal = asks.hears(488)
    asks.ack_refusal(refusal)
    # What was refused was never agreed: the next answer of ours has one line, as before.
    asks.request("INVITE")
    offer = asks.hears(200)
    assert [media.kind for media in parse_sdp(offer.body.encode()).media] == ["audio"]
    asks.ack(offer, said(host, 3, AUDIO % (4004, 0)))
    asks.request("INVITE", said(host, 4, AUDIO % (4006, 0)))
    answer = asks.hears(200)
    (media,) = parse_sdp(answer.body.encode()).media
    assert (media.kind, bool(media.port)) == ("audio", True)
    asks.ack(answer)
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize("back", [False, True])
def test_codec_is_changed_and_changed_back(back: bool) -> None:
    table = Table()
    caller, desk = connected(table)
    asks, asked = (desk, caller) if back else (caller, desk)
    for version, codec in ((2, 8), (3, 9), (4, 0)):
        offer = said(1, version, AUDIO % (4000, codec))
        offered(asks, asked, offer, said(3, version, AUDIO % (4002, codec)))
    hang_up(caller, desk)
    table.is_clear()


def test_codec_is_changed_by_update() -> None:
    table = Table()
    caller, desk = connected(table)
    desk.request("UPDATE", said(3, 2, AUDIO % (4000, 8)))
    asked = caller.hears("UPDATE")
    answer = said(1, 2, AUDIO % (4002, 8))
    caller.reply(asked, 200, answer)
    assert desk.hears(200).body == answer
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize(("stays", "least", "most"), [("caller", 0.0, 2.0), ("desk", 2.1, 4.0)])
def test_row_31_offer_of_ours_that_crossed_another_waits_as_the_owner_of_the_call_id_or_not(
    stays: str, least: float, most: float
) -> None:
    waits = set()
    for _ in range(8):
        table = Table(
            DIALPLAN.replace("192.0.2.2/32]", "192.0.2.2/32], transfer: both")
            + '  "4006": {route: [{hunt: [other]}]}\n'
        )
        caller, desk = connected(table)
        left, kept = (desk, caller) if stays == "caller" else (caller, desk)
        other = table.party(OTHER)
        left.request("REFER", "", ("Refer-To", "<sip:4006@192.0.2.2>"))
        left.hears(202)
        other.reply(other.hears("INVITE"), 200, SDP)
        other.hears("ACK")
        # We offer the one that stays a new session, while it offers one itself.
        first = kept.hears("INVITE")
        kept.reply(first, 491)
        kept.hears("ACK")
        began = table.now
        kept.reply(kept.hears("INVITE"), 200, SDP)
        waits.add(round(table.now - began, 2))
        kept.hears("ACK")
        hang_up(kept, other)
        table.wait(130.0)
        assert table.router.noted.bugs == []
    assert least <= min(waits)
    assert max(waits) <= most
    assert len(waits) > 1


def test_row_31_back_off_covers_its_whole_range_in_steps_of_ten_milliseconds() -> None:
    table = Table()
    connected(table)
    for leg in list(table.ours.dialogs.values()):
        assert isinstance(leg, Leg)
        least, most = (2.1, 4.0) if leg.number else (0.0, 2.0)
        waits = [back_off(leg) for _ in range(4000)]
        assert least <= min(waits) < least + 0.02
        assert most - 0.02 < max(waits) <= most
        assert all(wait == round(wait, 2) for wait in waits)
    table.router.calls.end_all()


@pytest.mark.parametrize("back", [False, True])
def test_what_a_reinvite_agreed_is_known_although_an_empty_update_came_between(back: bool) -> None:
    # Who is transferred is described to the new target as it is since then.
    table = Table(
        DIALPLAN.replace("192.0.2.2/32]", "192.0.2.2/32], transfer: both")
        + '  "4006": {route: [{hunt: [other]}]}\n'
    )
    caller, desk = connected(table)
    asks, asked = (desk, caller) if back else (caller, desk)
    asks.request("INVITE", said(1, 2, AUDIO % (4010, 0)))
    invite = asked.hears("INVITE")
    asks.request("UPDATE")
    asked.reply(asked.hears("UPDATE"), 200)
    assert asks.hears(200).method == "UPDATE"
    asked.reply(invite, 200, said(3, 2, AUDIO % (4012, 0)))
    asks.ack(asks.hears(200))
    asked.hears("ACK")
    other = table.party(OTHER)
    for leaves, port in ((asks, 4012), (asked, 4010)):
        leaves.request("REFER", "", ("Refer-To", "<sip:4006@192.0.2.2>"))
        leaves.hears(202)
        leaves.reply(leaves.hears("NOTIFY"), 200)
        invite = other.hears("INVITE")
        assert parse_sdp(invite.body.encode()).media[0].port == port
        other.reply(invite, 486)
        other.hears("ACK")
        leaves.reply(leaves.hears("NOTIFY"), 200)
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize("method", ["INFO", "UPDATE"])
def test_answer_to_what_offers_nothing_leaves_an_offer_in_the_way_of_others(method: str) -> None:
    table = Table()
    caller, desk = connected(table)
    caller.request("INVITE", said(1, 2, AUDIO % (4010, 0)))
    invite = desk.hears("INVITE")
    caller.request(method)
    desk.reply(desk.hears(method), 200)
    assert caller.hears(200).method == method
    desk.request("INVITE", said(3, 2, AUDIO % (4012, 0)))
    desk.ack_refusal(desk.hears(491))
    desk.reply(invite, 200, said(3, 3, AUDIO % (4014, 0)))
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize("back", [False, True])
def test_request_that_offers_nothing_keeps_no_offer_out_while_it_waits(back: bool) -> None:
    table = Table()
    caller, desk = connected(table)
    caller.request("INFO")
    info = desk.hears("INFO")
    asks, asked = (desk, caller) if back else (caller, desk)
    offered(asks, asked, said(1, 2, AUDIO % (4010, 0)), said(3, 2, AUDIO % (4012, 0)))
    desk.reply(info, 200)
    assert caller.hears(200).method == "INFO"
    hang_up(caller, desk)
    table.is_clear()


def test_offer_before_the_ack_that_is_to_answer_ours_is_491() -> None:
    # RFC 5407 section 3.1.5.
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", "")
    desk.reply(desk.hears("INVITE"), 200, SDP)
    answer = caller.hears(200)
    caller.learn(answer)
    caller.request("UPDATE", said(1, 2, AUDIO % (4010, 0)))
    assert caller.hears(491).method == "UPDATE"
    caller.ack(answer, said(1, 1, AUDIO % (4000, 0)))
    assert desk.hears("ACK").body == said(1, 1, AUDIO % (4000, 0))
    offered(caller, desk, said(1, 2, AUDIO % (4010, 0)), said(3, 2, AUDIO % (4012, 0)))
    hang_up(caller, desk)
    table.is_clear()
