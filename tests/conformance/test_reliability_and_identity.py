"""Reliable responses, UPDATE, session timers, identity, transfer (RFC 3262, 3311, 4028, 3325)."""

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, DIALPLAN, OTHER, Party, Table, connected, hang_up, request, ringing

RELIABLE = ("Require", "100rel")
TRUSTING = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32], trusted: %s}}
gateways: {desk: {address: "192.0.2.3:5060", trusted: %s}}
targets: {desk: {number: "501", via: desk}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""
ASSERTED = ("P-Asserted-Identity", "<sip:+8675512345678@10.9.8.7>")


def early(*rows: tuple[str, str]) -> tuple[Table, Party, Party, Message, Message]:
    """A caller that takes reliable responses only, and the first one."""
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", SDP, RELIABLE, *rows)
    invite = desk.hears("INVITE")
    desk.reply(invite, 180)
    response = caller.hears(180)
    caller.learn(response)
    return table, caller, desk, invite, response


def test_row_47_provisional_is_numbered_sent_again_and_acknowledged_by_its_number() -> None:
    table, caller, desk, invite, first = early()
    assert first["Require"] == "100rel"
    number = int(first["RSeq"])
    table.wait(1.6)
    assert [round(at, 1) for at in caller.times(180)] == [0.0, 0.5, 1.5]
    for wrong in (f"{number + 1} 1 INVITE", f"{number} 2 INVITE", f"{number} 1 UPDATE"):
        caller.request("PRACK", "", ("RAck", wrong))
        assert caller.hears(481).method == "PRACK"
    caller.request("PRACK", "", ("RAck", f"{number} 1 INVITE"))
    assert caller.hears(200).method == "PRACK"
    count = len(caller.got(180))
    table.wait(10.0)
    assert len(caller.got(180)) == count
    desk.reply(invite, 183)
    second = caller.hears(183)
    assert int(second["RSeq"]) == number + 1
    caller.request("PRACK", "", ("RAck", f"{number + 1} 1 INVITE"))
    caller.hears(200)
    desk.reply(invite, 200, SDP)
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()


def test_row_47_provisional_never_acknowledged_ends_the_call_after_32_seconds() -> None:
    table, caller, desk, invite, _ = early()
    table.wait(31.0)
    assert [one.status for one in caller.seen if one.status >= 300] == []
    table.wait(2.0)
    finals = {one.status for one in caller.seen if one.status >= 300}
    assert finals in ({500}, {504})
    desk.reply(desk.hears("CANCEL"), 200)
    desk.reply(invite, 487)
    table.is_clear()


def test_row_48_update_before_the_answer_is_relayed_or_refused_for_now() -> None:
    table, caller, desk, invite, first = early()
    caller.request("PRACK", "", ("RAck", f"{first['RSeq']} 1 INVITE"))
    caller.hears(200)
    # The offer of its INVITE has no answer yet (RFC 3311 section 5.2).
    caller.request("UPDATE", SDP)
    table.wait(1.0)
    answers = [one for one in caller.seen if one.method == "UPDATE"]
    relayed = desk.got("UPDATE")
    assert relayed or answers[0].status in {491, 500, 504}
    desk.reply(invite, 486)
    table.is_clear()


@pytest.mark.parametrize("crossing", [True, False])
def test_row_48_overlapping_updates_are_491_and_500(crossing: bool) -> None:
    table = Table()
    caller, desk = connected(table)
    caller.request("UPDATE", SDP)
    asked = desk.hears("UPDATE")
    if crossing:
        desk.request("UPDATE", SDP)
        assert desk.hears(491).method == "UPDATE"
    else:
        caller.request("UPDATE", SDP)
        refusal = caller.hears(500)
        assert 0 <= int(refusal["Retry-After"]) <= 10
    desk.reply(asked, 200, SDP)
    assert caller.hears(200).body == SDP
    hang_up(caller, desk)
    table.is_clear()


def test_row_49_interval_below_the_least_is_422_with_min_se() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", SDP, ("Supported", "timer"), ("Session-Expires", "60"))
    refusal = caller.hears(422)
    assert refusal["Min-SE"] == "90"
    caller.ack(refusal)
    assert desk.seen == []
    table.is_clear()


@pytest.mark.parametrize("refresher", ["uas", "uac"])
def test_row_49_who_vanishes_is_refreshed_at_half_the_interval_and_byed_before_its_end(
    refresher: str,
) -> None:
    table = Table()
    rows = [
        *(("Supported", "timer"), ("Allow", "INVITE, ACK, BYE, UPDATE")),
        ("Session-Expires", f"90;refresher={refresher}"),
    ]
    caller, desk = connected(table, *rows)
    answer = caller.got(200)[0]
    assert answer["Session-Expires"] == f"90;refresher={refresher}"
    if refresher == "uas":
        caller.hears("UPDATE")
        assert table.now == pytest.approx(45.0, abs=0.2)
    bye = caller.hears("BYE")
    assert 57.0 < table.now < 60.0
    caller.reply(bye, 200)
    desk.reply(desk.hears("BYE"), 200)
    table.is_clear()


@pytest.mark.parametrize(("trunk", "gateway"), [(False, True), (True, False), (True, True)])
def test_row_53_asserted_identity_passes_from_trusted_to_trusted_only(
    trunk: bool, gateway: bool
) -> None:
    for private in (False, True):
        table = Table(TRUSTING % (str(trunk).lower(), str(gateway).lower()))
        caller, desk = table.party(CALLER), table.party(DESK)
        caller.invite("4000", SDP, ASSERTED, *([("Privacy", "id")] if private else []))
        invite = desk.hears("INVITE")
        assert ("+8675512345678" in invite.render().decode()) == (trunk and gateway)
        assert "10.9.8.7" not in invite.render().decode()
        if private and not gateway:
            assert "anonymous" in invite["From"]
        if private and trunk and gateway:
            assert invite["Privacy"] == "id"
        desk.reply(invite, 486)
        caller.ack(caller.hears(486))
        table.is_clear()


@pytest.mark.parametrize(("trunk", "gateway"), [(False, True), (True, False), (True, True)])
def test_row_53_asserted_identity_of_who_answers_passes_from_trusted_to_trusted_only(
    trunk: bool, gateway: bool
) -> None:
    table = Table(TRUSTING % (str(trunk).lower(), str(gateway).lower()))
    caller, desk = table.party(CALLER), table.party(DESK)
    caller.invite("4000", SDP)
    invite = desk.hears("INVITE")
    rows = {ASSERTED[0]: ASSERTED[1], "Privacy": "id"}
    desk.reply(invite, 180, "", **rows)
    desk.reply(invite, 200, SDP, **rows)
    told = [caller.hears(180), caller.hears(200)]
    caller.ack(told[1])
    desk.hears("ACK")
    # Who it is may change inside the call, by request and by response.
    desk.request("UPDATE", SDP, *rows.items())
    asked = caller.hears("UPDATE")
    caller.reply(asked, 200, SDP, **rows)
    back = desk.hears(200)
    caller.request("INVITE", SDP)
    again = desk.hears("INVITE")
    desk.reply(again, 200, SDP, **rows)
    told += [asked, caller.hears(200)]
    caller.ack(told[-1])
    desk.hears("ACK")
    for message in (*told, back):
        passes = trunk and gateway
        ours = "<sip:+8675512345678@192.0.2.2:5060>" if passes else ""
        assert (message[ASSERTED[0]], message["Privacy"]) == (ours, "id" if passes else "")
        assert "10.9.8.7" not in message.render().decode()
    hang_up(caller, desk)
    table.is_clear()


def test_row_53_anonymous_caller_stays_anonymous() -> None:
    table = Table()
    caller, desk = table.party(CALLER), table.party(DESK)
    name = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    caller.send(request("INVITE", ("From", f"{name};tag=1"), body=SDP))
    invite = desk.hears("INVITE")
    assert invite["From"].startswith(f"{name};tag=")
    desk.reply(invite, 486)
    table.is_clear()


def test_row_58_transfer_is_202_and_told_by_sipfrag_until_it_is_terminated() -> None:
    table = Table(DIALPLAN.replace('"4002"', '"4010": {route: [{hunt: [other]}]}\n  "4002"'))
    caller, desk = connected(table)
    other = table.party(OTHER)
    desk.request("REFER", "", ("Refer-To", "<sip:4010@192.0.2.2>"))
    assert desk.hears(202).method == "REFER"
    trying = desk.hears("NOTIFY")
    assert trying["Content-Type"].startswith("message/sipfrag")
    assert trying["Event"].startswith("refer")
    assert trying.body.startswith("SIP/2.0 100")
    assert trying["Subscription-State"].startswith("active")
    desk.reply(trying, 200)
    invite = other.hears("INVITE")
    other.reply(invite, 200, SDP)
    other.hears("ACK")
    # The two that are left agree on a session before it is said to have gone well.
    asked = caller.hears("INVITE")
    assert asked.body
    caller.reply(asked, 200, SDP)
    caller.hears("ACK")
    final = desk.hears("NOTIFY")
    assert final.body.startswith("SIP/2.0 200")
    assert final["Subscription-State"].startswith("terminated")
    desk.reply(final, 200)
    desk.reply(desk.hears("BYE"), 200)
    hang_up(caller, other)
    table.is_clear()


def test_row_58_who_may_not_transfer_gets_603_and_outside_a_call_nobody_may() -> None:
    table = Table()
    caller, desk = connected(table)
    caller.request("REFER", "", ("Refer-To", "<sip:4001@192.0.2.2>"))
    assert caller.hears(603).method == "REFER"
    desk.request("REFER", "", ("Refer-To", "<sip:x@203.0.113.9>"))
    assert desk.hears(603).method == "REFER"
    assert table.strays == []
    hang_up(caller, desk)
    stranger = table.party((CALLER[0], 5099))
    stranger.target, stranger.remote = "sip:4000@192.0.2.2", "<sip:4000@192.0.2.2>"
    stranger.local = "<sip:x@192.0.2.1>;tag=1"
    stranger.request("REFER", "", ("Refer-To", "<sip:4001@192.0.2.2>"))
    assert stranger.seen[-1].status in {403, 405, 603}
    table.is_clear()


def test_row_58_replaces_is_matched_by_both_tags() -> None:
    table = Table()
    caller, desk = connected(table)
    ours, theirs = caller.remote.partition(";tag=")[2], caller.local.partition(";tag=")[2]
    second = table.party((CALLER[0], 5099))
    for to_tag, from_tag in ((ours, "wrong"), ("wrong", theirs), (theirs, ours)):
        value = f"{caller.call_id};to-tag={to_tag};from-tag={from_tag}"
        second.call_id += "x"
        second.invite("4000", SDP, ("Replaces", value))
        second.ack(second.hears(481))
    second.call_id += "x"
    second.invite("4000", SDP, ("Replaces", f"{caller.call_id};to-tag={ours};from-tag={theirs}"))
    table.wait(0.5)
    asked = desk.got("INVITE")[1:]
    for invite in asked:
        desk.reply(invite, 200, SDP)
    table.wait(0.5)
    assert second.got(200)
    second.ack(second.got(200)[0])
    caller.reply(caller.hears("BYE"), 200)
    table.router.calls.end_all()
    table.is_clear()


def test_row_58_transfer_of_a_call_that_is_over_is_481() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(invite, 486)
    caller.ack(caller.hears(486))
    desk.request("REFER", "", ("Refer-To", "<sip:4001@192.0.2.2>"))
    desk.hears("ACK")
    assert desk.hears(481).method == "REFER"
    table.is_clear()
