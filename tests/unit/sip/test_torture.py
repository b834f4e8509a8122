"""RFC 4475's messages through a stack and the calls behind it: what may come of each."""

import re
from collections.abc import Iterable

import pytest
from support.rig import Sent, one, starts
from support.stack_edge import SENDER, TARGET, Edge
from support.tables import each
from support.torture import MESSAGES, Torture
from support.wire import left_over

REQUESTS = [one for one in MESSAGES.values() if not one.data.startswith(b"SIP/")]
RESPONSES = [one for one in MESSAGES.values() if one.data.startswith(b"SIP/")]
INVITES = [one for one in REQUESTS if one.data.startswith(b"INVITE ")]
IDLE = 40.0
"""Seconds after which no transaction knows anything any more."""


def hear(edge: Edge, message: Torture, transport: str = "") -> list[Sent]:
    """The message comes, over UDP or cut from a stream; returns what is sent."""
    return edge.hear(message.data, transport or message.transport)


def final(sent: list[Sent]) -> int:
    """The status of the final answer, 0 for silence; there is never more than one."""
    statuses = [int(what) for what in starts(sent) if what != "100"]
    assert len(statuses) <= 1
    return statuses[0] if statuses else 0


def vias(data: bytes) -> list[str]:
    """All Via values as they came, unfolded."""
    head = re.sub(rb"\r\n[ \t]+", b" ", data.partition(b"\r\n\r\n")[0]).decode("utf-8", "replace")
    rows = re.findall(r"(?im)^(?:via|v)\s*:\s*(.*?)\s*$", head)
    return [value.strip() for row in rows for value in row.split(",")]


def check(message: Torture, sent: list[Sent], transport: str = "") -> None:
    over = transport or message.transport
    if message.name == "dblreq.dat" and over == "TCP":
        # On a stream what follows is another request: an INVITE, without Contact.
        assert starts(sent).pop() == "400"
        sent = sent[:1]
    assert message.over(over).allows(final(sent)), starts(sent)
    for answer in sent:
        port = message.over(over).reply_port if over == "UDP" else 0
        assert answer.flow.address == (SENDER[0], port or SENDER[1])
        # As bytes: what came in need not be text.
        assert answer.data.startswith(b"SIP/2.0 ")
        assert answer.data.count(b"\r\nTo:") == 1
        tags = re.findall(rb"(?i);\s*tag\s*=", answer.data.partition(b"\r\nTo:")[2])
        assert len(tags) == (answer.what != "100")


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@each("name", MESSAGES)
def test_the_answer_is_one_that_the_rfc_allows(name: str, transport: str) -> None:
    edge = Edge()
    check(MESSAGES[name], hear(edge, MESSAGES[name], transport), transport)
    later = edge.wait(IDLE)
    assert {sent.flow.address[0] for sent in later} <= {SENDER[0]}
    assert edge.noted.bugs == []
    assert left_over(edge.stack) == {}


@pytest.mark.parametrize("order", [list(MESSAGES), list(reversed(MESSAGES))], ids=["to", "fro"])
def test_one_after_the_other_each_is_answered_as_if_alone(order: list[str]) -> None:
    edge = Edge()
    for name in order:
        check(MESSAGES[name], hear(edge, MESSAGES[name]))
        edge.wait(IDLE)
        assert left_over(edge.stack) == {}, name
    assert edge.noted.bugs == []


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
@pytest.mark.parametrize("order", [list(MESSAGES), list(reversed(MESSAGES))], ids=["to", "fro"])
def test_all_at_once_over_any_transport_leave_nothing(order: list[str], transport: str) -> None:
    # Many share a branch, so some are taken for copies of others; that must hurt nobody.
    edge = Edge()
    for name in (*order, *order):
        hear(edge, MESSAGES[name], transport)
    assert edge.stack.servers
    edge.wait(IDLE)
    assert edge.noted.bugs == []
    assert left_over(edge.stack) == {}
    assert len(edge.noted.ended) == len(edge.noted.started)


@pytest.mark.parametrize("message", RESPONSES, ids=lambda message: message.name)
def test_a_response_to_nothing_goes_nowhere(message: Torture) -> None:
    for transport in ("UDP", "TCP"):
        edge = Edge()
        assert hear(edge, message, transport) == edge.wait(IDLE) == []
        assert edge.stack.stray + edge.stack.malformed == 1


@pytest.mark.parametrize(
    ("name", "count"), [("longreq.dat", 34), ("wsinv.dat", 3), ("transports.dat", 5)]
)
def test_every_via_comes_back_in_order(name: str, count: int) -> None:
    sent = edge_answer(name)
    came, went = vias(MESSAGES[name].data), vias(sent.data)
    assert len(came) == count
    assert went[1:] == came[1:]
    assert went[0] == f"{came[0]};received=127.0.0.2"


def edge_answer(name: str) -> Sent:
    """The final answer to a message."""
    return hear(Edge(), MESSAGES[name])[-1]


def test_long_values_come_back_whole() -> None:
    data, answer = MESSAGES["longreq.dat"].data, edge_answer("longreq.dat").data
    for name in (b"Call-ID", b"F", b"From"):
        for row in re.findall(rb"(?m)^%s: [^\r]*" % name, data):
            assert row.partition(b": ")[2] in answer


def test_octets_that_follow_a_request_are_no_request() -> None:
    edge = Edge()
    sent = one(hear(edge, MESSAGES["dblreq.dat"]))
    assert sent.what == "405"
    assert b"dblreq.0ha0isnda977644900765" not in sent.data
    assert edge.noted.started == []
    # On a stream they are the next message.
    assert starts(hear(Edge(), MESSAGES["dblreq.dat"], "TCP")) == ["405", "400"]


def test_a_cookie_alone_identifies_nothing() -> None:
    edge = Edge()
    message = MESSAGES["badbranch.dat"]
    (call_id,) = re.findall(rb"Call-ID: ([^\r]*)", message.data)
    other = message._replace(data=message.data.replace(call_id, b"another"))
    assert final(hear(edge, message)) == final(hear(edge, other)) == 200
    assert edge.stack.absorbed == 0


def test_an_invite_of_rfc_2543_is_known_again_without_a_branch() -> None:
    edge = Edge()
    message = MESSAGES["inv2543.dat"]
    assert final(hear(Edge(), message)) == 400  # it has no Contact
    contact = b"Contact: <sip:iftgw.example.com>\r\nCSeq:"
    message = message._replace(data=message.data.replace(b"CSeq:", contact))
    first, again = hear(edge, message), hear(edge, message)
    assert again == first[-1:]
    (call_id,) = re.findall(rb"Call-ID: ([^\r]*)", message.data)
    hear(edge, message._replace(data=message.data.replace(call_id, b"another")))
    assert (edge.stack.absorbed, len(edge.noted.started)) == (1, 2)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (
            "bext01.dat",
            b"Unsupported: nothingSupportsThis,nothingSupportsThisEither,"
            b"noProxiesSupportThis,norDoAnyProxiesSupportThis",
        ),
        ("invut.dat", b"Accept: application/sdp"),
        ("sdp01.dat", b"Accept: application/sdp"),
        ("mpart01.dat", b"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK"),
        ("esc02.dat", b"CSeq: 29344 RE%47IST%45R"),
        ("intmeth.dat", b"CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~"),
        ("wsinv.dat", b"CSeq: 0009 INVITE"),
        ("wsinv.dat", b"To: sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n"),
    ],
)
def test_the_answer_carries_what_it_has_to(name: str, row: bytes) -> None:
    assert row in edge_answer(name).data.split(b"\r\n")


@pytest.mark.parametrize(
    ("name", "statuses"),
    [("clerr.dat", []), ("ncl.dat", ["400"]), ("mcl01.dat", ["400"]), ("trws.dat", ["400"])],
)
def test_a_wrong_length_on_a_stream_waits_or_is_refused(name: str, statuses: list[str]) -> None:
    edge = Edge()
    assert starts(hear(edge, MESSAGES[name], "TCP")) == statuses
    assert edge.noted.started == []


def aimed(messages: Iterable[Torture]) -> list[Torture]:
    """INVITEs that would be refused only for their number, with one that rings."""
    pattern = re.compile(rb"\AINVITE (sips?):[^@ ]*@")
    return [one._replace(data=pattern.sub(rb"INVITE \1:4000@", one.data)) for one in messages]


@pytest.mark.parametrize("message", aimed(INVITES), ids=lambda message: message.name)
def test_nothing_hidden_in_an_invite_reaches_the_target(message: Torture) -> None:
    edge = Edge()
    sent = [one for one in hear(edge, message) if one.flow.address == TARGET]
    for invite in sent:
        head = invite.data.partition(b"\r\n\r\n")[0]
        names = [row.partition(b":")[0].decode() for row in head.split(b"\r\n")[1:]]
        assert head.startswith(b"INVITE sip:desk@127.0.0.3:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 192.")
        assert sorted(set(names)) == sorted(names)
        assert set(names) <= {
            "Via",
            "From",
            "To",
            "Call-ID",
            "CSeq",
            "Contact",
            "Max-Forwards",
            "Allow",
            "Supported",
            "Session-Expires",
            "Min-SE",
            "Subject",
            "Content-Type",
            "Content-Length",
        }
        assert not re.search(rb"[\x00-\x1f\x7f?]", head.replace(b"\r\n", b""))
    called = {"escruri.dat", "longreq.dat", "esc01.dat", "baddate.dat"}
    assert bool(sent) == (message.name in called)
    # Whatever came of it, the call ends, and leaves nothing.
    edge.wait(120.0)
    assert edge.noted.bugs == []
    assert left_over(edge.stack) == {}
    assert len(edge.noted.ended) == len(edge.noted.started) == len(sent)


def test_an_invite_without_a_hop_left_gets_483_and_an_options_200() -> None:
    options = MESSAGES["zeromf.dat"]
    invite = options._replace(
        data=re.sub(rb"OPTIONS sip:[^@]*@", b"INVITE sip:4000@", options.data).replace(
            b"OPTIONS", b"INVITE"
        )
    )
    assert final(hear(Edge(), options)) == 200
    assert final(hear(Edge(), invite)) == 483
