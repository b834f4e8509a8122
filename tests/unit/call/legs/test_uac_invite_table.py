"""Every cell of the table of a target's INVITE, driven on a real stack.

Into the state at 0 s, the event at 0.25 s, or when its timer is due.
"""

import gc
from collections.abc import Callable
from itertools import product
from typing import Final, NamedTuple

from support.one_leg import TargetLeg
from support.tables import each
from support.wire import SDP

from callrouter.call.legs import uac_leg
from callrouter.call.legs.leg import ENDED
from callrouter.call.legs.uac_leg import (
    ACCEPTED,
    CALLING,
    CANCELLED,
    INVITE_TABLE,
    NOTHING,
    OVER,
    RINGING,
    STAY,
    TO_CANCEL,
)

EVENTS: Final = ("1xx", "2xx", "3xx-6xx", "no response", "cancel", "give up")


class Target(TargetLeg):
    """One target that is called, and what the peer responds."""

    def responds(self, status: int, tag: str = "theirs") -> list[str]:
        """The peer responds; what is sent because of it."""
        return self.says(self.invite, status, SDP if status == 200 else b"", tag)

    def cancel(self) -> list[str]:
        """Nobody wants it any more."""
        self.leg.cancel()
        return self.sent()

    def answered(self) -> list[str]:
        """It answers, and the call takes it."""
        self.responds(200)
        self.leg.ack()
        return self.sent()


INTO: Final[dict[int, tuple[Callable[[Target], object], ...]]] = {
    CALLING: (),
    RINGING: (lambda target: target.responds(180),),
    TO_CANCEL: (Target.cancel,),
    CANCELLED: (lambda target: target.responds(180), Target.cancel),
    ACCEPTED: (Target.answered,),
    OVER: (lambda target: target.responds(486),),
}


class Cell(NamedTuple):
    """What comes of an event: the next state, what is sent, what the call hears."""

    state: int
    sent: list[str]
    heard: list[str]


WANTED: Final = {
    CALLING: {
        "1xx": Cell(RINGING, [], ["Progress"]),
        "2xx": Cell(ACCEPTED, [], ["Answered"]),
        "3xx-6xx": Cell(OVER, ["ACK"], ["Failed"]),
        "no response": Cell(OVER, [], ["Failed"]),
        "cancel": Cell(TO_CANCEL, [], []),
    },
    RINGING: {
        "1xx": Cell(RINGING, [], ["Progress"]),
        "2xx": Cell(ACCEPTED, [], ["Answered"]),
        "3xx-6xx": Cell(OVER, ["ACK"], ["Failed"]),
        "no response": Cell(OVER, [], ["Failed"]),
        "cancel": Cell(CANCELLED, ["CANCEL"], []),
    },
    TO_CANCEL: {
        "1xx": Cell(CANCELLED, ["CANCEL"], []),
        "2xx": Cell(ACCEPTED, ["ACK", "BYE"], []),
        "3xx-6xx": Cell(OVER, ["ACK"], []),
        "no response": Cell(OVER, [], []),
        "cancel": Cell(TO_CANCEL, [], []),
    },
    CANCELLED: {
        "1xx": Cell(CANCELLED, [], []),
        "2xx": Cell(ACCEPTED, ["ACK", "BYE"], []),
        "3xx-6xx": Cell(OVER, ["ACK"], []),
        "no response": Cell(OVER, [], []),
        "cancel": Cell(CANCELLED, [], []),
        "give up": Cell(OVER, [], []),
    },
    ACCEPTED: {
        "1xx": Cell(ACCEPTED, [], []),
        "2xx": Cell(ACCEPTED, ["ACK"], []),
        "3xx-6xx": Cell(ACCEPTED, [], []),
        "cancel": Cell(ACCEPTED, [], []),
    },
    OVER: {
        "1xx": Cell(OVER, [], []),
        "2xx": Cell(OVER, [], []),
        "3xx-6xx": Cell(OVER, ["ACK"], []),  # by the transaction
        "cancel": Cell(OVER, [], []),
    },
}
# What no stack can bring about: a timer that only a CANCEL starts, a second end of a transaction.
UNHEARD_OF: Final = {
    *((state, "give up") for state in WANTED if state != CANCELLED),
    (ACCEPTED, "no response"),
    (OVER, "no response"),
}


def happens(target: Target, event: str) -> list[str]:
    """Let an event happen; what is sent because of it."""
    statuses = {"1xx": 183, "2xx": 200, "3xx-6xx": 486}
    if event in statuses:
        return target.responds(statuses[event])
    if event == "cancel":
        return target.cancel()
    if event == "no response":
        target.leg.on_failure(target.leg._tx, 408)
        return target.sent()
    target.rig.run(33.0)
    return []


@each(("state", "event"), list(product(WANTED, EVENTS)))
def test_cell(state: int, event: str) -> None:
    if (state, event) in UNHEARD_OF:
        assert INVITE_TABLE[state][EVENTS.index(event)] == (STAY, NOTHING)
        return
    target = Target(SDP)
    for step in INTO[state]:
        step(target)
    assert target.leg.invite == state
    target.heard.clear()
    target.rig.run(0.25)
    wanted = WANTED[state][event]
    sent = happens(target, event)
    assert Cell(target.leg.invite, sent, target.heard) == wanted
    if wanted.state == OVER:
        assert target.leg.state == ENDED


def test_second_fork_that_answers_is_acknowledged_and_hung_up() -> None:
    target = Target(SDP)
    target.answered()
    assert target.responds(200, tag="other") == ["ACK", "BYE"]
    assert target.heard == ["Answered"]


@each("offer", [SDP, b""])
def test_leg_that_has_ended_still_acknowledges_for_32_seconds(offer: bytes) -> None:
    target = Target(offer)
    target.answered()
    target.asks("BYE")
    assert target.leg.state == ENDED
    assert target.responds(200) == ["ACK"]
    assert target.responds(200, tag="other") == ["ACK", "BYE"]
    target.rig.run(33.0)
    assert target.responds(200) == []


def test_leg_that_has_ended_is_not_what_waits_for_other_answers() -> None:
    target = Target(SDP)
    target.answered()
    leg = target.leg
    assert leg in gc.get_referents(leg._tx)
    target.asks("BYE")
    assert leg not in gc.get_referents(leg._tx)


def test_table_has_a_cell_for_each_state_and_event() -> None:
    assert len(INVITE_TABLE) == len(WANTED)
    assert {len(row) for row in INVITE_TABLE} == {len(EVENTS)}
    assert EVENTS.index("give up") == uac_leg.GIVE_UP
