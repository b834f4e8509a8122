"""Each datagram of the basic call lost in turn, then each pair: both ends converge (issue 2)."""

from itertools import combinations

import pytest
from support.wire import Caller, Router, Target, Wire, left_over, talk_and_hang_up

DATAGRAMS = 13
"""INVITE, 100, INVITE, 180, 180, 200, 200, ACK, ACK, BYE, 200, BYE, 200."""


def place_call(lost: frozenset[int]) -> tuple[Wire, Caller, Router, Target]:
    wire = Wire(lambda number: number in lost)
    router, target, caller = Router(wire), Target(wire), Caller(wire)
    caller.call(talk_and_hang_up)
    wire.run()
    return wire, caller, router, target


def check(lost: frozenset[int]) -> None:
    wire, caller, router, target = place_call(lost)
    story = wire.story()
    assert router.noted.bugs == [], story
    assert caller.outcome == "answered", story
    assert caller.over, story
    assert target.calls == 1, story
    for stack in (caller.stack, router.stack, target.stack):
        assert left_over(stack) == {}, story
    (record,) = router.noted.ended
    assert record.disposition == "ANSWERED", story
    assert (record.status, record.cause, record.hung_up_by) == (200, 16, "caller"), story
    assert [leg.result for leg in record.legs] == ["answered"], story


def test_without_loss_the_call_takes_thirteen_datagrams() -> None:
    wire, *_ = place_call(frozenset())
    assert len(wire.sent) == DATAGRAMS, wire.story()


@pytest.mark.parametrize("number", range(DATAGRAMS))
def test_one_datagram_lost_and_the_call_goes_through(number: int) -> None:
    check(frozenset((number,)))


def test_any_two_datagrams_lost_and_the_call_goes_through() -> None:
    # Up to 17: what is sent again because of the first loss may be the second one.
    for pair in combinations(range(DATAGRAMS + 4), 2):
        check(frozenset(pair))


def test_everything_lost_after_the_answer_and_both_legs_end() -> None:
    wire, caller, router, target = place_call(frozenset(range(7, 200)))
    assert router.noted.bugs == []
    (record,) = router.noted.ended
    assert record.disposition == "ANSWERED"
    assert record.hung_up_by in {"caller", "callee"}, wire.story()
    for stack in (caller.stack, router.stack, target.stack):
        assert left_over(stack) == {}, wire.story()
