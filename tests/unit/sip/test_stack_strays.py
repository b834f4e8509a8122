"""Responses to nothing, and bytes that are no message or not a well said one."""

import pytest
from support.rig import Rig, one, request
from support.wire import left_over


@pytest.mark.parametrize(
    "changes",
    [
        {"Via": "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKunknown"},
        {"Via": "SIP/2.0/UDP 192.0.2.2:5060"},
        {"CSeq": "1 OPTIONS"},
        {"CSeq": "1 ACK"},
        {"CSeq": "1 CANCEL"},
    ],
)
def test_a_response_to_nothing_is_dropped(rig: Rig, changes: dict[str, str]) -> None:
    tx = rig.call()
    asked = rig.taken()[0]
    assert rig.hear(rig.respond(asked, 200, **changes)) == []
    assert (rig.user.told(), rig.stack.stray, tx.state) == ([], 1, 0)


def test_a_peer_that_answers_our_ack_gets_no_further_one(rig: Rig) -> None:
    rig.call()
    asked = rig.taken()[0]
    ack = one(rig.hear(rig.respond(asked, 486)))
    assert rig.hear(rig.respond(ack, 481, tag="")) == []
    assert rig.stack.stray == 1


def test_a_response_to_our_cancel_is_not_one_to_our_invite(rig: Rig) -> None:
    rig.call()
    asked = rig.taken()[0]
    rig.hear(rig.respond(asked, 180))
    branch = asked.message.branch
    rig.stack.cancel(rig.flow, branch, asked.data.replace(b"INVITE", b"CANCEL"))
    cancel = one(rig.taken())
    rig.hear(rig.respond(cancel, 200))
    assert rig.user.told() == ["180"]
    # It is one to the CANCEL, which is not sent again.
    assert (rig.run(20.0), rig.stack.stray) == ([], 0)
    rig.hear(rig.respond(asked, 487))
    assert rig.user.told() == ["487"]
    rig.run(60.0)
    assert left_over(rig.stack) == {}


@pytest.mark.parametrize("before", [b"\r\nVia: ", b", ", b",\t"])
def test_a_response_with_the_via_of_another_below_ours_is_dropped(rig: Rig, before: bytes) -> None:
    rig.call()
    data = rig.respond(rig.taken()[0], 200, tag="")
    more = before + b"SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK7\r\nFrom"
    assert rig.hear(data.replace(b"\r\nFrom", more, 1)) == []
    assert (rig.user.told(), rig.stack.stray) == ([], 1)
    rig.hear(data)
    assert rig.user.told() == ["200"]


@pytest.mark.parametrize(
    "change",
    [
        (b"CSeq: 1 INVITE", b"CSeq: 99999999999 INVITE"),
        (b"CSeq: 1 INVITE", b"CSeq: INVITE"),
        (b"192.0.2.1>\r\nCall-ID", b"192.0.2.1\r\nCall-ID"),
        (b"Content-Length: 0", b"Content-Length: 5"),
        (b"Content-Length: 0", b"Content-Length: 0\r\nl: 0"),
        (b"SIP/2.0 200", b"SIP/2.0 4294967301"),
    ],
)
def test_a_broken_response_is_dropped_and_counted(rig: Rig, change: tuple[bytes, bytes]) -> None:
    rig.call()
    data = rig.respond(rig.taken()[0], 200, tag="")
    assert rig.hear(data.replace(*change)) == []
    assert (rig.user.told(), rig.stack.malformed) == ([], 1)
    rig.hear(data)
    assert rig.user.told() == ["200"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(cseq="1 BYE"), "400"),
        (request(cseq="36893488147419103232 INVITE"), "400"),
        (request(extra="CSeq: 2 INVITE\r\n"), "400"),
        (request(to='"open <sip:a@h>'), "400"),
        (request().replace(b"Content-Length: 0", b"Content-Length: 1"), "400"),
        (request().replace(b"Call-ID: call-of-theirs\r\n", b""), "400"),
        (request().replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1), "505"),
    ],
)
def test_a_request_not_well_said_is_answered_once_and_counted_once(
    rig: Rig, data: bytes, status: str
) -> None:
    answer = one(rig.hear(data))
    assert answer.what == status
    assert answer.message.start.startswith("SIP/2.0 ")
    assert (rig.stack.malformed, rig.core.served) == (1, [])
    assert left_over(rig.stack) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"\0" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        request(via="garbage"),
        request().replace(b"Via", b"X-Via"),
        request()[:-2],
        request(via="SIP/2.0/UDP 192.0.2.15;;,;,,"),
    ],
)
def test_what_cannot_be_answered_is_dropped_and_counted_once(rig: Rig, data: bytes) -> None:
    assert rig.hear(data) == []
    assert rig.stack.malformed == 1
    assert left_over(rig.stack) == {}
