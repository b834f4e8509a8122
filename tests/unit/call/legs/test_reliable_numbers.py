"""RSeq of a target's reliable responses: which is acknowledged, by fork (RFC 3262 section 4)."""

import pytest
from support.requests import response

from callrouter.call.legs.provisional import Received, is_reliable
from callrouter.errors import SipError


def rows(number: str, tag: str = "a") -> str:
    return f"To: <sip:4000@192.0.2.2>;tag={tag}\nRequire: 100rel\nRSeq: {number}"


def test_each_is_acknowledged_once_and_none_before_the_one_that_is_missing() -> None:
    received = Received()
    said = [(7, "7"), (7, ""), (8, "8"), (10, ""), (9, "9"), (10, "10"), (8, "")]
    for number, wanted in said:
        rack = received.next(response(183, rows(str(number))))
        assert rack == (f"{wanted} 1 INVITE" if wanted else "")


def test_each_fork_counts_by_itself() -> None:
    received = Received()
    assert received.next(response(183, rows("7", "a"))) == "7 1 INVITE"
    assert received.next(response(183, rows("100", "b"))) == "100 1 INVITE"
    assert received.next(response(183, rows("8", "a"))) == "8 1 INVITE"


@pytest.mark.parametrize("number", ["", "x", "-1", "12345678901", "1 2"])
def test_number_that_is_none(number: str) -> None:
    with pytest.raises(SipError):
        Received().next(response(183, rows(number)))


@pytest.mark.parametrize(
    ("said", "reliable"),
    [
        ("Require: 100rel\nRSeq: 1", True),
        ("Require: timer, 100rel\nRSeq: 1", True),
        ("RSeq: 1", False),
        ("Require: 100rel", False),
        ("Supported: 100rel\nRSeq: 1", False),
    ],
)
def test_what_has_to_be_acknowledged(said: str, reliable: bool) -> None:
    assert is_reliable(response(183, said)) == reliable
