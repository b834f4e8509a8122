"""Every cell of the table of a target's INVITE, driven on a real stack.

Into the state at 0 s, the event at 0.25 s, or when its timer is due.
"""

from collections.abc import Callable
from itertools import product
from typing import Final, NamedTuple

import pytest
from support.rig import PEER, US, Rig
from support.wire import SDP

from callrouter.call.legs import uac_leg
from callrouter.call.legs.events import Event
from callrouter.call.legs.inbox import Inbox
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
    BLeg,
)
from callrouter.route.rules.peer_profile import UNTIMED
from callrouter.sip.flow import Flow

EVENTS: Final = ("1xx", "2xx", "3xx-6xx", "no response", "cancel", "give up")


class Target:
    """One target that is called, what the peer says of it, and what its call hears."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.heard: list[str] = []
        inbox = Inbox(self.rig.stack.timers)
        flow = Flow("UDP", *US, *PEER, None)
        head = "Max-Forwards: 70\r\nContent-Type: application/sdp\r\n"
        uri = "sip:desk@192.0.2.1"
        me = "<sip:us@192.0.2.2>"
        self.leg = BLeg(
            self.rig.stack,
            inbox,
            flow,
            number=1,
            uri=uri,
            from_value=me,
            extra=head,
            body=SDP,
            peer=UNTIMED,
        )
        (self.invite,) = self.rig.taken()
        inbox.start(self._listen(inbox))

    async def _listen(self, inbox: Inbox) -> None:
        while True:
            event: Event = await inbox.next()
            self.heard.append(type(event).__name__)

    def says(self, status: int, tag: str = "theirs") -> list[str]:
        """The peer responds; what is sent because of it."""
        session = {"body": SDP.decode(), "Content_Type": "application/sdp"} if status == 200 else {}
        contact = "<sip:desk@192.0.2.1>"
        data = self.rig.respond(self.invite, status, tag, Contact=contact, **session)
        return [sent.what for sent in self.rig.hear(data)]

    def cancel(self) -> list[str]:
        """Nobody wants it any more."""
        self.leg.cancel()
        return [sent.what for sent in self.rig.taken()]

    def answered(self) -> list[str]:
        """It answers, and the call takes it."""
        self.says(200)
        self.leg.ack()
        return [sent.what for sent in self.rig.taken()]


INTO: Final[dict[int, tuple[Callable[[Target], object], ...]]] = {
    CALLING: (),
    RINGING: (lambda target: target.says(180),),
    TO_CANCEL: (Target.cancel,),
    CANCELLED: (lambda target: target.says(180), Target.cancel),
    ACCEPTED: (Target.answered,),
    OVER: (lambda target: target.says(486),),
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
        return target.says(statuses[event])
    if event == "cancel":
        return target.cancel()
    if event == "no response":
        target.leg.on_failure(target.leg._tx, 408)
        return [sent.what for sent in target.rig.taken()]
    target.rig.run(33.0)
    return []


@pytest.mark.parametrize(("state", "event"), list(product(WANTED, EVENTS)))
def test_cell(state: int, event: str) -> None:
    if (state, event) in UNHEARD_OF:
        assert INVITE_TABLE[state][EVENTS.index(event)] == (STAY, NOTHING)
        return
    target = Target()
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
    target = Target()
    target.answered()
    assert target.says(200, tag="other") == ["ACK", "BYE"]
    assert target.heard == ["Answered"]


def test_table_has_a_cell_for_each_state_and_event() -> None:
    assert len(INVITE_TABLE) == len(WANTED)
    assert {len(row) for row in INVITE_TABLE} == {len(EVENTS)}
    assert EVENTS.index("give up") == uac_leg.GIVE_UP
