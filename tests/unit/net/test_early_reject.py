"""Which messages are refused before they are read, and what they get."""

from collections.abc import Iterator
from itertools import count

import pytest

from callrouter.net.overload.early_reject import EarlyReject
from callrouter.net.overload.overload_control import Overload
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, parse
from callrouter.sip.stack import Stack

FLOW = Flow("UDP", "192.0.2.2", 5060, "192.0.2.1", 5062, None)
INVITE = (
    "INVITE sip:4000@192.0.2.2 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKone;rport\r\n"
    "Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKbefore\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:1001@192.0.2.1>;tag=from\r\n"
    "To: <sip:4000@192.0.2.2>\r\n"
    "Call-ID: a@192.0.2.1\r\n"
    "CSeq: 1 INVITE\r\n"
    "Contact: <sip:1001@192.0.2.1:5062>\r\n"
    "Supported: replaces, timer\r\n"
    "User-Agent: carrier\r\n"
    "Content-Length: 0\r\n\r\n"
)


class Taken:
    """A core that takes every call."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def on_request(self, request: Request, flow: Flow) -> None:
        self._stack.accept(request, flow)


class Door:
    """A `Shed` under the hardest overload there is, and what it says."""

    def __init__(self) -> None:
        numbers: Iterator[int] = count(1)
        self.stack = Stack(lambda: f"{next(numbers):016x}", lambda *_: FLOW)
        self.stack.core = Taken(self.stack)
        self.overload = Overload(0.05, 0, 1000, lambda: 0)
        self.overload.share = 1.0
        self.trunk = True
        self.early_reject = EarlyReject(
            self.stack,
            self.overload,
            lambda _flow: self.trunk,
            lambda agent: agent == "friendly-scanner",
            "Retry-After: 5\r\n",
        )

    def says(self, text: str) -> bytes | None:
        """The answer; None when the message was left to be read."""
        taken = self.early_reject.takes(text.encode(), FLOW)
        sent = [data for _, data in self.stack.outgoing]
        self.stack.outgoing.clear()
        assert len(sent) == taken
        return sent[0] if sent else None


def test_new_call_gets_503_with_retry_after_and_leaves_nothing_behind() -> None:
    door = Door()
    said = door.says(INVITE)
    assert said is not None
    answer = parse(said)
    assert said.startswith(b"SIP/2.0 503 ")
    assert answer.get("retry-after") == "5"
    assert answer.rows("via") == [
        "SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKone;rport=5062;received=192.0.2.1",
        "SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKbefore",
    ]
    assert answer.from_tag() == "from"
    assert answer.to_tag()
    assert (answer.get("call-id"), answer.cseq()) == ("a@192.0.2.1", (1, "INVITE"))
    assert (door.early_reject.refused, door.overload.late) == (1, 1)
    assert not door.stack.servers
    assert door.stack.deadline() is None


def test_same_call_gets_the_same_tag_when_it_comes_again() -> None:
    door = Door()
    assert door.says(INVITE) == door.says(INVITE)
    assert door.says(INVITE) != door.says(INVITE.replace("Kone", "Ktwo"))


def test_ack_to_the_refusal_is_dropped_and_no_other_is() -> None:
    door = Door()
    said = door.says(INVITE)
    assert said is not None
    tag = parse(said).to_tag()
    ack = INVITE.replace("INVITE", "ACK").replace("4000@192.0.2.2>", f"4000@192.0.2.2>;tag={tag}")
    door.overload.share = 0.0
    assert door.early_reject.takes(ack.encode(), FLOW)
    assert not door.early_reject.takes(ack.replace(tag, "another").encode(), FLOW)
    assert door.stack.stray == 1


@pytest.mark.parametrize(
    ("usual", "unusual"),
    [
        ("INVITE ", "BYE "),
        ("To: <sip:4000@192.0.2.2>", "To: <sip:4000@192.0.2.2>;tag=dialog"),
        ("To: ", "t: "),
        ("From: ", "FROM: "),
        ("CSeq: 1", "CSeq:1"),
        ("Call-ID: ", "Call-ID: twice\r\nCall-ID: "),
        ("Max-Forwards: 70", "Replaces: x;from-tag=y;to-tag=z"),
        ("Max-Forwards: 70", "REPLACES : x;from-tag=y;to-tag=z"),
        ("Max-Forwards: 70", "Subject: a\r\n b"),
        ("Max-Forwards: 70", "Subject: a\nb"),
        ("Max-Forwards: 70", f"Subject: {'a' * 4096}"),
        ("z9hG4bKone", "one"),
        ("SIP/2.0/UDP 192.0.2.1:5062", "rubbish"),
        ("User-Agent: carrier", "User-Agent: friendly-scanner"),
        ("\r\n\r\n", "\r\n"),
    ],
)
def test_what_is_unusual_is_left_to_be_read(usual: str, unusual: str) -> None:
    door = Door()
    assert door.says(INVITE.replace(usual, unusual)) is None
    assert door.overload.late == 0


def test_invite_that_is_being_served_is_no_new_call() -> None:
    door = Door()
    door.stack.receive(INVITE.encode(), FLOW, 1.0)
    assert door.stack.servers
    assert door.says(INVITE) is None
    assert door.overload.late == 0


def test_who_is_no_trunk_is_left_to_the_long_way() -> None:
    door = Door()
    door.trunk = False
    assert door.says(INVITE) is None


def test_call_that_is_let_in_is_let_in_by_the_calls_too() -> None:
    door = Door()
    door.overload.share = 0.4
    assert [door.says(INVITE) is None for _ in range(2)] == [True, True]
    door.overload.share = 1.0
    assert not door.overload.refuses()
    assert door.overload.refuses()


def test_nothing_is_looked_at_while_there_is_room() -> None:
    door = Door()
    door.overload.share = 0.0
    assert not door.overload.is_busy
    assert door.says(INVITE) is None
