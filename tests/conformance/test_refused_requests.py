"""What no UAS takes: each refusal with the header that explains it (RFC 3261 section 8.2)."""

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, Table, answer_to, connected, hang_up, request, ringing


def test_row_22_unknown_extension_is_420_and_named() -> None:
    for name in ("Require", "Proxy-Require"):
        answer = answer_to(request("INVITE", (name, "holograms, smells"), body=SDP))
        assert answer.status == 420
        assert answer["Unsupported"].replace(" ", "") == "holograms,smells"


def test_row_23_cancel_and_ack_with_require_are_never_420() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    sent = caller.invite_sent
    assert sent is not None
    kept = [row for row in sent.rows if row[0] in {"Via", "From", "To", "Call-ID"}]
    extra = [("CSeq", "1 CANCEL"), ("Max-Forwards", "70"), ("Require", "holograms")]
    caller.send(Message(sent.start.replace("INVITE", "CANCEL"), [*kept, *extra]))
    assert caller.hears(200).method == "CANCEL"
    caller.ack(caller.hears(487))
    desk.reply(desk.hears("CANCEL"), 200)
    desk.reply(invite, 487)
    table.is_clear()


def test_row_23_ack_with_require_acknowledges() -> None:
    table = Table()
    caller, desk, invite = ringing(table)
    desk.reply(invite, 200, SDP)
    answer = caller.hears(200)
    caller.learn(answer)
    ack = caller._message("ACK", 1, "required", "", ("Require", "holograms"))
    caller.send(ack)
    desk.hears("ACK")
    table.wait(40.0)
    assert len(caller.got(200)) == 1
    hang_up(caller, desk)
    table.is_clear()


@pytest.mark.parametrize(("method", "status"), [("SMELL", 501), ("invite", 501), ("PUBLISH", 405)])
def test_row_24_unknown_method_is_501_and_one_not_allowed_405(method: str, status: int) -> None:
    answer = answer_to(request(method))
    assert answer.status == status
    assert "INVITE" in answer["Allow"].split(", ")
    assert method not in answer["Allow"].split(", ")


@pytest.mark.parametrize("uri", ["soap.beep://192.0.2.103:3002", "nobodyKnows:opaque", "http://h/"])
def test_row_25_unknown_scheme_is_416_and_nobody_is_called(uri: str) -> None:
    assert answer_to(request("INVITE", uri=uri, body=SDP)).status == 416


def test_row_26_unknown_body_type_is_415_with_accept() -> None:
    answer = answer_to(request("INVITE", ("Content-Type", "application/unknown"), body="what"))
    assert (answer.status, answer["Accept"]) == (415, "application/sdp")


def test_row_26_unknown_coding_is_415_with_accept_encoding() -> None:
    answer = answer_to(request("INVITE", ("Content-Encoding", "gzip"), body=SDP))
    assert (answer.status, answer["Accept-Encoding"]) == (415, "identity")


def test_row_26_any_language_is_taken_since_sdp_has_none() -> None:
    table = Table()
    connected(table, ("Content-Language", "fi"))
    table.router.calls.end_all()
    table.is_clear()


def test_row_27_who_accepts_no_sdp_gets_406() -> None:
    answer = answer_to(request("INVITE", ("Accept", "text/nobodyKnowsThis"), body=SDP))
    assert answer.status == 406


def test_row_28_other_version_is_505_and_a_cseq_of_another_method_400() -> None:
    other = request("OPTIONS")
    other.start = other.start.replace("SIP/2.0", "SIP/7.0")
    assert answer_to(other).status == 505
    assert answer_to(request("OPTIONS", ("CSeq", "1 INVITE"))).status == 400
    assert answer_to(request("SMELL", ("CSeq", "1 INVITE"))).status in {400, 501}


@pytest.mark.parametrize("name", ["To", "From", "Call-ID", "CSeq"])
def test_row_29_mandatory_header_missing_or_twice_is_400(name: str) -> None:
    message = request("INVITE", body=SDP)
    lacking = [row for row in message.rows if row[0] != name]
    twice = [*message.rows, (name, message[name])]
    for rows in (lacking, twice):
        table = Table()
        caller, desk = table.party(CALLER), table.party(DESK)
        caller.send(Message(message.start, rows, message.body))
        assert [answer.start[:11] for answer in caller.seen] == ["SIP/2.0 400"]
        assert desk.seen == []
        table.is_clear()


def test_row_29_max_forwards_twice_is_400_and_missing_is_taken() -> None:
    twice = request("OPTIONS")
    twice.rows.append(("Max-Forwards", "3"))
    assert answer_to(twice).status == 400
    lacking = request("OPTIONS")
    lacking.rows.remove(("Max-Forwards", "70"))
    assert answer_to(lacking).status == 200
