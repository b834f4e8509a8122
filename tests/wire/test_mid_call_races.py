"""Requests that cross inside a call: both legs end, one record is left, and nothing else.

Each race is run with datagrams that take 1 to 60 ms, so that they overtake each other, and at
moments drawn by chance around the one where it hurts.
"""

from collections.abc import Callable
from random import Random

import pytest
from mid_dialog import DIALPLAN, SDP_ROW, Party
from support.wire import CALLER, Router, Wire, left_over

RUNS = 250
FULL_RUNS = 10_000
FOURTH = "192.0.2.4"
LONGEST = 40.0
"""Seconds from the race to the end of both legs."""

Move = Callable[[Party], None]


def bye(party: Party) -> None:
    """Hang up, whatever the state."""
    if party.leg is not None:
        party.leg.hang_up()


def reinvite(party: Party) -> None:
    """Put the other on hold, if the dialog allows it now."""
    if party.leg is not None and party.leg.reachable() and party.leg.may_offer():
        party.ask("INVITE", SDP_ROW, party.body + b"a=sendonly\r\n")


def update(party: Party) -> None:
    """Change the session by UPDATE, if the dialog allows it now."""
    if party.leg is not None and party.leg.reachable() and party.leg.may_offer():
        party.ask("UPDATE", SDP_ROW, party.body)


def refer(party: Party) -> None:
    """Transfer the other one."""
    if party.leg is not None and party.leg.reachable():
        party.ask("REFER", "Refer-To: <sip:4001@192.0.2.2>\r\n")


def pick_up(party: Party) -> None:
    """Answer, unless that is too late."""
    if party.outcome != "cancelled":
        party.answer()


RACES: dict[str, tuple[bool, Move, Move]] = {
    "cancel and 200": (False, bye, pick_up),
    "bye and bye": (True, bye, bye),
    "reinvite and bye": (True, reinvite, bye),
    "bye and reinvite": (True, bye, reinvite),
    "update and reinvite": (True, update, reinvite),
    "reinvite and reinvite": (True, reinvite, reinvite),
    "bye and refer": (True, bye, refer),
    "reinvite and refer": (True, reinvite, refer),
}
"""Whether the call is answered before, what the caller does, and what the callee does."""


def race(name: str, seed: int) -> None:
    """Run one race to its end."""
    answered, first, second = RACES[name]
    dice = Random(seed)
    wire = Wire(delay=lambda: dice.uniform(0.001, 0.060))
    router = Router(wire, DIALPLAN % ("", ""))
    desk = Party(wire, "192.0.2.3", answers=answered)
    desk.ringing = None if answered else lambda leg: leg.ring(180, "", "", b"")
    other = Party(wire, FOURTH)
    caller = Party(wire, CALLER[0])
    caller.call("4000")
    at = 1.0
    caller.stack.timers.start(at + dice.uniform(0.0, 0.1), lambda _now: first(caller))
    desk.stack.timers.start(at + dice.uniform(0.0, 0.1), lambda _now: second(desk))
    # Whoever is still there a little later hangs up.
    for party in (caller, desk, other):
        moment = at + dice.uniform(2.0, 4.0)
        party.stack.timers.start(moment, lambda _now, party=party: bye(party))
    wire.run(at + LONGEST)
    story = f"{name}, seed {seed}\n{wire.story()}"
    assert router.noted.bugs == [], story
    assert len(router.noted.ended) == len(router.noted.started) == 1, story
    assert router.calls.active == 0, story
    assert router.stack.dialogs == {}, story
    wire.run()
    for stack in (router.stack, caller.stack, desk.stack, other.stack):
        assert left_over(stack) == {}, story


@pytest.mark.parametrize("name", RACES)
def test_requests_that_cross_leave_one_record_and_nothing_else(name: str, full: bool) -> None:
    for seed in range(FULL_RUNS if full else RUNS):
        race(name, seed)
