"""Offers in PRACK and UPDATE while the INVITE is not answered (RFC 3262, 3311; RFC 6337)."""

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, DIALPLAN, OTHER, Party, Table, hang_up

SUPPORTED = ("Supported", "100rel")
OFFERS = {name: SDP.replace("40000", port) for name, port in (("a", "41000"), ("b", "42000"))}


def reliable(number: int = 1) -> dict[str, str]:
    """The rows of a reliable response."""
    return {"Require": "100rel", "RSeq": str(number)}


def rung(
    offer: str = SDP, *rows: tuple[str, str], described: str = SDP, **more: str
) -> tuple[Table, Party, Party, Message]:
    """A caller, a desk that has described its session in a 183, and the INVITE it has."""
    table = Table(f'{DIALPLAN}  "4006": {{route: [{{hunt: [other]}}]}}\n')
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", offer, *rows)
    invite = desk.hears("INVITE")
    desk.reply(invite, 183, described, **(more or reliable()))
    return table, caller, desk, invite


def pracked(caller: Party, desk: Party, body: str = "", answer: str = "") -> None:
    """The caller acknowledges the 183, and the desk hears of it."""
    early = caller.hears(183)
    caller.learn(early)
    caller.request("PRACK", body, ("RAck", f"{early['RSeq']} 1 INVITE"))
    prack = desk.hears("PRACK")
    assert (prack.body, prack["RAck"]) == (body, "1 1 INVITE")
    desk.reply(prack, 200, answer)
    told = caller.hears(200)
    assert (told.method, told.body) == ("PRACK", answer)


def picked_up(caller: Party, desk: Party, invite: Message, body: str = "") -> Message:
    """The desk answers; the caller's ACK says nothing of media."""
    desk.reply(invite, 200, body)
    answer = caller.hears(200)
    assert answer.method == "INVITE"
    caller.ack(answer)
    assert desk.hears("ACK").body == ""
    return answer


def over(table: Table, caller: Party, desk: Party) -> None:
    hang_up(caller, desk)
    table.is_clear()
    (record,) = table.router.noted.ended
    assert record.status == 200


def test_answer_in_a_183_that_was_acknowledged_need_not_be_in_the_200() -> None:
    table, caller, desk, invite = rung(SDP, SUPPORTED)
    pracked(caller, desk)
    answer = picked_up(caller, desk, invite)
    assert (answer.body, answer["Content-Type"]) == ("", "")
    over(table, caller, desk)


def test_caller_without_reliable_responses_gets_that_answer_in_its_200() -> None:
    table, caller, desk, invite = rung(SDP, described=OFFERS["b"])
    desk.reply(desk.hears("PRACK"), 200)
    assert "RSeq" not in caller.hears(183).render().decode()
    answer = picked_up(caller, desk, invite)
    assert (answer.body, answer["Content-Type"]) == (OFFERS["b"], "application/sdp")
    over(table, caller, desk)


def test_200_without_sdp_after_a_183_that_was_not_reliable_is_no_answer() -> None:
    table, caller, desk, invite = rung(SDP, Contact="<sip:192.0.2.3:5060>")
    caller.hears(183)
    desk.reply(invite, 200)
    desk.hears("ACK")
    desk.reply(desk.hears("BYE"), 200)
    caller.ack(caller.hears(488))
    table.is_clear()


def test_offer_in_the_183_is_answered_in_the_prack() -> None:
    table, caller, desk, invite = rung("", SUPPORTED, described=OFFERS["b"])
    pracked(caller, desk, OFFERS["a"])
    answer = picked_up(caller, desk, invite)
    assert answer.body == ""
    over(table, caller, desk)


@pytest.mark.parametrize(("offer", "answer"), [("", ""), (SDP, OFFERS["b"])])
def test_what_a_prack_said_of_media_is_told_to_who_the_caller_is_transferred_to(
    offer: str, answer: str
) -> None:
    table, caller, desk, invite = rung(offer, SUPPORTED)
    pracked(caller, desk, OFFERS["a"], answer)
    picked_up(caller, desk, invite)
    desk.request("REFER", "", ("Refer-To", "<sip:4006@192.0.2.2>"))
    desk.hears(202)
    desk.reply(desk.hears("NOTIFY"), 200)
    other = table.party(OTHER)
    asked = other.hears("INVITE")
    assert asked.body == OFFERS["a"]
    other.reply(asked, 486)
    desk.reply(desk.hears("NOTIFY"), 200)
    over(table, caller, desk)


def test_prack_to_a_183_of_ours_that_offers_anew_is_refused_and_the_call_goes_on() -> None:
    # The desk knows nothing of reliable responses, so there is nobody to ask.
    table, caller, desk, invite = rung(SDP, ("Require", "100rel"), Contact="<sip:192.0.2.3:5060>")
    early = caller.hears(183)
    caller.learn(early)
    caller.request("PRACK", OFFERS["a"], ("RAck", f"{early['RSeq']} 1 INVITE"))
    assert caller.hears(488).method == "PRACK"
    picked_up(caller, desk, invite, SDP)
    over(table, caller, desk)


@pytest.mark.parametrize("supported", [True, False])
def test_update_of_the_caller_before_its_offer_is_answered_is_500_for_a_while(
    supported: bool,
) -> None:
    rows = [SUPPORTED] if supported else []
    table, caller, desk, invite = rung(SDP, *rows, Contact="<sip:192.0.2.3:5060>")
    caller.learn(caller.hears(183))
    caller.request("UPDATE", OFFERS["a"])
    refusal = caller.hears(500)
    assert 0 <= int(refusal["Retry-After"]) <= 10
    assert desk.got("UPDATE") == []
    picked_up(caller, desk, invite, SDP)
    over(table, caller, desk)


def test_update_of_the_target_before_it_has_answered_is_491() -> None:
    table, caller, desk, invite = rung(SDP, SUPPORTED, Contact="<sip:192.0.2.3:5060>")
    caller.hears(183)
    desk.request("UPDATE", OFFERS["b"])
    assert desk.hears(491).method == "UPDATE"
    assert caller.got("UPDATE") == []
    picked_up(caller, desk, invite, SDP)
    over(table, caller, desk)


def test_update_of_the_target_for_a_caller_who_has_no_answer_yet_is_491() -> None:
    table, caller, desk, invite = rung()
    desk.reply(desk.hears("PRACK"), 200)
    caller.hears(183)
    desk.request("UPDATE", OFFERS["b"])
    assert desk.hears(491).method == "UPDATE"
    assert caller.got("UPDATE") == []
    picked_up(caller, desk, invite, SDP)
    over(table, caller, desk)


def test_update_of_the_target_before_the_caller_has_acknowledged_its_answer_is_491() -> None:
    table, caller, desk, invite = rung(SDP, SUPPORTED)
    early = caller.hears(183)
    desk.request("UPDATE", OFFERS["b"])
    assert desk.hears(491).method == "UPDATE"
    assert caller.got("UPDATE") == []
    caller.learn(early)
    caller.request("PRACK", "", ("RAck", f"{early['RSeq']} 1 INVITE"))
    desk.reply(desk.hears("PRACK"), 200)
    assert caller.hears(200).method == "PRACK"
    picked_up(caller, desk, invite)
    over(table, caller, desk)


@pytest.mark.parametrize("back", [False, True])
def test_update_after_the_reliable_answer_passes_from_end_to_end(back: bool) -> None:
    table, caller, desk, invite = rung(SDP, SUPPORTED)
    pracked(caller, desk)
    asks, asked = (desk, caller) if back else (caller, desk)
    asks.request("UPDATE", OFFERS["a"])
    update = asked.hears("UPDATE")
    assert update.body == OFFERS["a"]
    asked.reply(update, 200, OFFERS["b"])
    told = asks.hears(200)
    assert (told.method, told.body) == ("UPDATE", OFFERS["b"])
    picked_up(caller, desk, invite)
    over(table, caller, desk)


def test_updates_that_cross_before_the_answer_are_491_and_overlapping_ones_500() -> None:
    table, caller, desk, invite = rung(SDP, SUPPORTED)
    pracked(caller, desk)
    caller.request("UPDATE", OFFERS["a"])
    first = desk.hears("UPDATE")
    desk.request("UPDATE", OFFERS["b"])
    assert desk.hears(491).method == "UPDATE"
    caller.request("UPDATE", OFFERS["a"])
    assert 0 <= int(caller.hears(500)["Retry-After"]) <= 10
    desk.reply(first, 200, OFFERS["b"])
    assert caller.hears(200).body == OFFERS["b"]
    picked_up(caller, desk, invite)
    over(table, caller, desk)


def test_update_crosses_an_offer_in_a_prack() -> None:
    table, caller, desk, invite = rung(SDP, SUPPORTED)
    early = caller.hears(183)
    caller.learn(early)
    caller.request("PRACK", OFFERS["a"], ("RAck", f"{early['RSeq']} 1 INVITE"))
    prack = desk.hears("PRACK")
    desk.request("UPDATE", OFFERS["b"])
    assert desk.hears(491).method == "UPDATE"
    desk.reply(prack, 200, OFFERS["b"])
    assert caller.hears(200).body == OFFERS["b"]
    picked_up(caller, desk, invite)
    over(table, caller, desk)


@pytest.mark.parametrize("again", [SDP, OFFERS["b"]])
def test_prack_that_answers_an_offer_of_ours_is_taken_and_told_to_the_target(again: str) -> None:
    # The desk knows nothing of reliable responses: what its 183 shows is its offer to a caller who
    # takes no others, and its 200 makes it. The answer to both is the PRACK's.
    table, caller, desk, invite = rung(
        "", ("Require", "100rel"), described=SDP, Contact="<sip:192.0.2.3:5060>"
    )
    early = caller.hears(183)
    assert (early.body, early["Require"]) == (SDP, "100rel")
    caller.learn(early)
    caller.request("PRACK", OFFERS["a"], ("RAck", f"{early['RSeq']} 1 INVITE"))
    told = caller.hears(200)
    assert (told.method, told.body) == ("PRACK", "")
    desk.reply(invite, 200, again)
    answer = caller.hears(200)
    assert answer.body == ("" if again == SDP else again)
    caller.ack(answer)
    assert desk.hears("ACK").body == OFFERS["a"]
    over(table, caller, desk)
