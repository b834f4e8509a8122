"""What has too many header rows, too long a row or too large a body is refused and counted."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rig import PEER, US, Rig, one, request

from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, parse
from callrouter.sip.sizes import BODY_SIZE, HEADER_SIZE, HEADERS, Sizes, TooLargeError
from callrouter.sip.stack import Stack

SIZES = Sizes(headers=100, header_size=1024, body_size=2048)
OWN_ROWS = 7
"""Header rows of a request of the tests."""


def rows(count: int) -> str:
    return "".join(f"X-{number}: y\r\n" for number in range(count))


def row(size: int, fill: str = "y") -> str:
    """A row of so many bytes, without its line break."""
    return f"Subject: {fill * ((size - 9) // len(fill.encode()))}\r\n"


WITHIN = {
    "rows": request(extra=rows(100 - OWN_ROWS)),
    "folded rows": request(extra="Subject: a\r\n" + " b\r\n" * 200),
    "long row": request(extra=row(1024)),
    "long foreign row": request(extra=row(1024, "é")),
    "body": request(body=b"x" * 2048),
}
OVER = {
    "rows": (HEADERS, 513, request(extra=rows(101 - OWN_ROWS))),
    "twice the same row": (HEADERS, 513, request(extra="Subject: y\r\n" * 101)),
    "long row": (HEADER_SIZE, 513, request(extra=row(1025))),
    "long foreign row": (HEADER_SIZE, 513, request(extra=row(1027, "é"))),
    "long folded row": (HEADER_SIZE, 513, request(extra="Subject: a\r\n" + " bcd\r\n" * 300)),
    "long row that an answer repeats": (HEADER_SIZE, 513, request(from_=f"<sip:{'a' * 1024}@h>")),
    "body": (BODY_SIZE, 413, request(body=b"x" * 2049)),
}


@pytest.fixture
def bounded() -> Rig:
    return rig_with_limits()


def rig_with_limits() -> Rig:
    """A stack that takes no more than `SIZES`."""
    rig = Rig()
    rig.stack = Stack(lambda: "t0", rig.stack.connect, SIZES)
    rig.stack.core = rig.core
    return rig


@pytest.mark.parametrize("data", WITHIN.values(), ids=WITHIN.keys())
def test_what_is_just_within_the_limits_is_read(data: bytes) -> None:
    assert isinstance(parse(data, SIZES), Request)


@pytest.mark.parametrize(("limit", "status", "data"), OVER.values(), ids=OVER.keys())
def test_what_is_over_a_limit_is_refused_and_counted_by_it(
    bounded: Rig, limit: str, status: int, data: bytes
) -> None:
    stack = bounded.stack
    answer = one(bounded.hear(data)).message
    assert answer.status == status
    assert (answer["Call-ID"], answer["CSeq"]) == ("call-of-theirs", "1 INVITE")
    assert stack.over == {HEADERS: 0, HEADER_SIZE: 0, BODY_SIZE: 0} | {limit: 1}
    assert stack.malformed == 1
    assert bounded.core.requests == []
    assert len(answer.render()) < len(data) + 100


@pytest.mark.parametrize("method", ["ACK", "SIP/2.0 200 OK"])
def test_ack_or_response_over_a_limit_is_dropped_and_counted(bounded: Rig, method: str) -> None:
    data = request("ACK", body=b"x" * 2049)
    if method != "ACK":
        data = data.replace(b"ACK sip:4000@192.0.2.2 SIP/2.0", method.encode())
    assert bounded.hear(data) == []
    assert bounded.stack.over[BODY_SIZE] == 1


def test_request_whose_branch_is_in_a_row_too_long_cannot_be_answered(bounded: Rig) -> None:
    data = request(via=f"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{'x' * 1024}")
    assert bounded.hear(data) == []
    assert bounded.stack.over[HEADER_SIZE] == 1


def test_vias_past_the_last_row_that_is_read_are_not_repeated(bounded: Rig) -> None:
    data = request(extra="Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\r\n" * 300)
    assert one(bounded.hear(data)).data.count(b"\r\nVia:") == 100 - OWN_ROWS + 2


def test_usual_limits_are_far_above_what_any_call_needs() -> None:
    whole = request(extra=rows(256 - OWN_ROWS), body=b"x" * 16_384)
    assert isinstance(parse(whole), Request)
    for data in (request(extra=rows(257 - OWN_ROWS)), request(body=b"x" * 16_385)):
        with pytest.raises(TooLargeError):
            parse(data)
    stack = Stack(lambda: "t0", lambda *_: Flow("UDP", *US, *PEER, None))
    assert stack.over == {HEADERS: 0, HEADER_SIZE: 0, BODY_SIZE: 0}


@given(st.integers(0, 2**32))
def test_nothing_over_a_limit_makes_the_stack_raise(seed: int) -> None:
    bounded, dice = rig_with_limits(), random.Random(seed)
    for _ in range(30):
        _, _, data = dice.choice(list(OVER.values()))
        broken = bytearray(data)
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(min(len(broken), 400))
            broken[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
        bounded.hear(bytes(broken))
    assert sum(bounded.stack.over.values()) > 0
