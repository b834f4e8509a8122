"""What becomes of each message: whose it is, and what is answered when it is nobody's."""

import pytest
from support.rig import BRANCH, PEER, US, Heard, Rig, Sent, one, request, starts
from support.wire import left_over

from callrouter.errors import ParseError, SipError
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack
from callrouter.sip.uas import RefusedError

OTHER_VIA = "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKother"
OLD_VIA = "SIP/2.0/UDP 192.0.2.1"
STRANGER = Flow("UDP", *US, "203.0.113.9", 5060, None)


class Raises:
    """A core that refuses everything with one error."""

    def __init__(self, error: SipError) -> None:
        self._error = error

    def on_request(self, request: Request, flow: Flow) -> None:
        raise self._error


# Retransmissions, merged requests.


def test_a_repeated_request_is_absorbed_and_never_served_twice(rig: Rig) -> None:
    rig.serve(request("OPTIONS"))
    assert rig.hear(request("OPTIONS")) == []
    assert (len(rig.core.served), rig.stack.absorbed) == (1, 1)


def test_a_request_repeated_from_elsewhere_is_answered_only_where_it_first_came_from(
    rig: Rig,
) -> None:
    rig.serve(request()).respond(180)
    rig.taken()
    assert one(rig.hear(request(), STRANGER)).flow.address == PEER


@pytest.mark.parametrize(
    "other",
    [
        {"via": OTHER_VIA},
        {"via": f"SIP/2.0/UDP 192.0.2.9;branch={BRANCH}"},
        {"via": f"SIP/2.0/UDP 192.0.2.1:5061;branch={BRANCH}"},
        {"method": "OPTIONS"},
    ],
)
def test_another_branch_sent_by_or_method_is_another_transaction(
    rig: Rig, other: dict[str, str]
) -> None:
    rig.serve(request("INFO"))
    rig.hear(request(**({"method": "INFO"} | other)))
    assert len(rig.core.served) == 2
    assert rig.stack.absorbed == 0


def test_an_invite_that_came_by_two_ways_is_served_once_and_refused_with_482(rig: Rig) -> None:
    tx = rig.serve(request())
    assert starts(rig.hear(request(via=OTHER_VIA))) == ["482"]
    assert len(rig.core.served) == 1
    # The first goes on, and is forgotten at its end.
    tx.respond(200)
    rig.run(32.0)
    assert left_over(rig.stack) == {}
    rig.hear(request(via=OTHER_VIA))
    assert len(rig.core.served) == 2


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_second_invite_is_merged_until_the_refusal_of_the_first_is_acknowledged(
    transport: str,
) -> None:
    rig = Rig(transport)
    rig.serve(request()).respond(486)
    rig.taken()
    assert starts(rig.hear(request(via=OTHER_VIA))) == ["482"]
    rig.hear(request("ACK"))
    assert rig.hear(request(via=OTHER_VIA, uri="sip:4001@192.0.2.2")) == []
    assert len(rig.core.served) == 2
    # The end of the first, after Timer I, does not open the door to copies of the second.
    rig.run(6.0)
    assert starts(rig.hear(request(via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKthird"))) == ["482"]
    assert len(rig.core.served) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"call_id": "another"},
        {"from_": "<sip:peer@192.0.2.1>;tag=another"},
        {"cseq": "2 INVITE"},
    ],
)
def test_an_invite_that_only_resembles_another_is_no_merged_one(
    rig: Rig, other: dict[str, str]
) -> None:
    rig.serve(request())
    assert rig.hear(request(via=OTHER_VIA, **other)) == []
    assert len(rig.core.served) == 2


# RFC 2543: no branch that means anything.


@pytest.mark.parametrize("via", [OLD_VIA, f"{OLD_VIA};branch=z9hG4bK", f"{OLD_VIA};branch=1"])
def test_without_a_magic_cookie_the_whole_request_is_what_it_is_known_by(
    rig: Rig, via: str
) -> None:
    rig.serve(request(via=via))
    assert rig.hear(request(via=via)) == []
    assert rig.stack.absorbed == 1
    changes: tuple[dict[str, str], ...] = (
        {"call_id": "another"},
        {"cseq": "2 INVITE"},
        {"from_": "<sip:peer@192.0.2.1>;tag=another"},
        {"uri": "sip:4001@192.0.2.2", "cseq": "3 INVITE"},
        {"via": f"{via};x", "cseq": "4 INVITE"},
    )
    for change in changes:
        rig.hear(request(**({"via": via} | change)))
    assert len(rig.core.served) == 1 + len(changes)
    assert rig.stack.absorbed == 1


def test_without_a_branch_the_ack_to_a_refusal_finds_its_invite(rig: Rig) -> None:
    tx = rig.serve(request(via=OLD_VIA))
    tx.respond(486)
    rig.hear(request("ACK", via=OLD_VIA, to=f"<sip:4000@192.0.2.2>;tag={tx.tag}"))
    rig.run(5.0)
    assert left_over(rig.stack) == {}


@pytest.mark.parametrize("via", [OLD_VIA, f"{OLD_VIA};branch=z9hG4bKpeer1"])
def test_the_ack_to_a_2xx_reaches_the_dialog_even_with_the_branch_of_its_invite(
    rig: Rig, via: str
) -> None:
    tx = rig.serve(request(via=via))
    user = Heard("call-of-theirs")
    rig.stack.dialogs[tx.tag] = user
    tx.respond(200)
    rig.hear(request("ACK", via=via, to=f"<sip:4000@192.0.2.2>;tag={tx.tag}"))
    rig.hear(request("ACK", via=OTHER_VIA, to=f"<sip:4000@192.0.2.2>;tag={tx.tag}"))
    assert user.told() == ["ACK", "ACK"]
    assert rig.stack.stray == 0


# CANCEL.


def test_a_cancel_is_answered_with_the_invites_tag_and_told_while_it_is_pending(rig: Rig) -> None:
    tx = rig.serve(request())
    first, second = (one(rig.hear(request("CANCEL"))) for _ in range(2))
    assert first.data == second.data
    assert (first.what, first.message["CSeq"], first.message.tag("To")) == (
        "200",
        "1 CANCEL",
        tx.tag,
    )
    assert rig.user.told() == ["cancelled", "cancelled"]
    tx.respond(487)
    rig.taken()
    assert starts(rig.hear(request("CANCEL"))) == ["200"]
    assert rig.user.told() == []


def test_a_cancel_after_the_answer_gets_200_and_changes_nothing(rig: Rig) -> None:
    tx = rig.serve(request())
    tx.respond(200)
    rig.taken()
    assert starts(rig.hear(request("CANCEL"))) == ["200"]
    assert rig.user.told() == []
    rig.run(32.0)
    assert starts(rig.hear(request("CANCEL"))) == ["481"]


@pytest.mark.parametrize("via", [OTHER_VIA, OLD_VIA, "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKpeer1"])
def test_a_cancel_with_another_branch_gets_481_and_the_call_lives(rig: Rig, via: str) -> None:
    tx = rig.serve(request())
    assert starts(rig.hear(request("CANCEL", via=via))) == ["481"]
    assert rig.user.told() == []
    assert tx.pending


def test_a_cancel_whose_to_has_a_tag_gets_no_second_one(rig: Rig) -> None:
    rig.serve(request())
    answer = one(rig.hear(request("CANCEL", to="<sip:4000@192.0.2.2>;tag=odd")))
    assert answer.message["To"] == "<sip:4000@192.0.2.2>;tag=odd"


def test_a_cancel_with_require_is_not_refused(rig: Rig) -> None:
    rig.serve(request())
    assert starts(rig.hear(request("CANCEL", extra="Require: foo\r\n"))) == ["200"]


def test_a_cancel_does_not_cancel_another_request_of_that_branch(rig: Rig) -> None:
    rig.serve(request("OPTIONS"))
    assert starts(rig.hear(request("CANCEL"))) == ["481"]


# Answers without state.


def test_a_stateless_answer_has_the_same_tag_each_time_and_another_for_another_request(
    rig: Rig,
) -> None:
    answers = [
        one(rig.hear(request("CANCEL", call_id=call_id))) for call_id in ("one", "one", "two")
    ]
    assert answers[0].data == answers[1].data
    tags = {answer.message.tag("To") for answer in answers}
    assert len(tags) == 2
    assert all(len(tag) == 16 for tag in tags)
    assert Rig().hear(request("CANCEL", call_id="one"))[0].message.tag("To") in tags
    assert left_over(rig.stack) == {}


def test_the_tag_of_a_stateless_answer_cannot_be_foretold(rig: Rig) -> None:
    other = Stack(lambda: "another salt", rig.stack.connect)
    other.receive(request("CANCEL"), rig.flow, 0.0)
    tag = one(rig.hear(request("CANCEL"))).message.tag("To")
    assert Sent(0.0, *other.outgoing[0]).message.tag("To") != tag


@pytest.mark.parametrize("to", ["<sip:a@h>;tag=x", "sip:a@h ; tag = x", "<sip:a@h>;TAG=x"])
def test_who_has_a_to_tag_without_a_dialog_gets_481_and_no_second_tag(rig: Rig, to: str) -> None:
    for method in ("INVITE", "BYE", "OPTIONS"):
        answer = one(rig.hear(request(method, to=to)))
        assert (answer.what, answer.message["To"]) == ("481", to)
    assert rig.core.served == []
    assert left_over(rig.stack) == {}


def test_a_display_name_that_looks_like_a_tag_is_none(rig: Rig) -> None:
    rig.stack.core = Raises(SipError("no", 403))
    answer = one(rig.hear(request("OPTIONS", to='"x;tag=no" <sip:a@h;tag=uri>')))
    assert answer.message["To"].startswith('"x;tag=no" <sip:a@h;tag=uri>;tag=')


@pytest.mark.parametrize(
    ("error", "status", "row"),
    [
        (SipError("no", 403), "403", ""),
        (ParseError("bad", 400), "400", ""),
        (RefusedError("not so", 420, "Unsupported: x\r\n"), "420", "x"),
    ],
)
def test_what_the_core_refuses_is_answered_without_state(
    rig: Rig, error: SipError, status: str, row: str
) -> None:
    rig.stack.core = Raises(error)
    answer = one(rig.hear(request()))
    assert (answer.what, answer.message["Unsupported"]) == (status, row)
    assert left_over(rig.stack) == {}
    assert starts(rig.hear(request("ACK", to=answer.message["To"]))) == []
    assert rig.stack.stray == 1


# Inside dialogs.


def dialog(rig: Rig) -> Heard:
    user = Heard("call-of-theirs")
    rig.stack.dialogs["ours"] = user
    return user


OURS = "<sip:4000@192.0.2.2>;tag=ours"


def test_a_request_with_the_tag_and_call_id_of_a_dialog_is_its_owners(rig: Rig) -> None:
    user = dialog(rig)
    rig.hear(request("BYE", to=OURS))
    assert user.told() == ["BYE"]
    data = user.served[0].respond(200)
    assert Sent(0.0, rig.flow, data).message["To"] == OURS
    rig.taken()
    assert [again.data for again in rig.hear(request("BYE", to=OURS))] == [data]
    assert rig.core.served == []


def test_the_tag_of_a_dialog_with_another_call_id_gets_481(rig: Rig) -> None:
    user = dialog(rig)
    assert starts(rig.hear(request("BYE", to=OURS, call_id="guessed"))) == ["481"]
    assert rig.hear(request("ACK", to=OURS, call_id="guessed")) == []
    assert (user.told(), rig.stack.stray) == ([], 1)


def test_an_ack_inside_a_dialog_is_told_and_never_answered(rig: Rig) -> None:
    user = dialog(rig)
    assert rig.hear(request("ACK", to=OURS, extra="Require: foo\r\n")) == []
    assert user.told() == ["ACK"]


def test_an_ack_of_nothing_is_dropped(rig: Rig) -> None:
    assert rig.hear(request("ACK")) == []
    assert rig.hear(request("ACK", to="<sip:a@h>;tag=x")) == []
    assert rig.hear(request("ACK", via="garbage")) == []
    assert rig.hear(request("ACK", cseq="1 BYE")) == []
    assert (rig.stack.stray, rig.stack.malformed) == (2, 2)


def test_what_no_uas_takes_is_refused_inside_a_dialog_as_well(rig: Rig) -> None:
    user = dialog(rig)
    answer = one(rig.hear(request("INVITE", to=OURS, extra="Require: foo\r\n")))
    assert (answer.what, answer.message["Unsupported"]) == ("420", "foo")
    assert answer.message["To"] == OURS
    assert starts(rig.hear(request("PUBLISH", to=OURS, via=OTHER_VIA))) == ["405"]
    assert user.told() == []
    assert left_over(rig.stack) == {"dialogs": 1}


@pytest.mark.parametrize("from_", ["", "<sip:a@h", '"open <sip:a@h', "From"])
@pytest.mark.parametrize("method", ["BYE", "CANCEL", "INVITE"])
def test_a_broken_from_inside_a_dialog_gets_400_and_opens_nothing(
    rig: Rig, method: str, from_: str
) -> None:
    user = dialog(rig)
    rig.serve(request())
    data = request(method, to=OURS, from_=from_, via=OTHER_VIA)
    if from_ == "From":
        data = data.replace(b"From: From\r\n", b"")
    assert starts(rig.hear(data)) == ["400"]
    assert user.told() == rig.user.told() == []
    assert len(rig.stack.servers) == 1


def test_inside_a_dialog_the_tags_are_enough_and_a_broken_name_ends_no_call(rig: Rig) -> None:
    user = dialog(rig)
    answer = rig.hear(request("BYE", to=OURS, from_='"open <sip:a@h>;tag=theirs'))
    assert (answer, user.told()) == ([], ["BYE"])
    assert user.requests[0].from_tag() == "theirs"


def test_a_cancel_without_from_is_refused_though_its_invite_is_known(rig: Rig) -> None:
    rig.serve(request())
    data = request("CANCEL", to=OURS).replace(b"From: <sip:peer@192.0.2.1>;tag=theirs\r\n", b"")
    assert starts(rig.hear(data)) == ["400"]
    assert rig.user.told() == []
