"""Lines are counted exactly while calls are cancelled, time out, crash and lose their legs.

Many calls at the same time share a trunk, two numbers and an extension, all with few lines. At any
moment the lines in use are those of the calls in progress, never more than there are; whoever is
refused came when none was free; and in the end none is in use.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, Final

import pytest
from support.wire import (
    CALLER,
    SDP,
    TARGET,
    Router,
    Wire,
    left_over,
    placed,
)

from callrouter.call.call import Call
from callrouter.call.legs.events import Answered, Asked, Cancelled, Deadline, Failed, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.uas_leg import ALeg
from callrouter.call.services.record import CallRecord
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request

LIMITS: Final = {"trunk lab": 6, "number 4000": 3, "number 101": 4, "extension 101": 1}
DIALPLAN: Final = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32], lines: 6}}
targets:
  one: {uri: "sip:one@192.0.2.3:5060"}
  two: {uri: "sip:two@192.0.2.3:5060"}
  dead: {uri: "sip:dead@192.0.2.9:5060"}
extensions: {"101": {targets: [one], lines: 1}}
numbers:
  "4000": {lines: 3, route: [{hunt: [one, two], ring: 2s, strategy: parallel}]}
  "101":
    lines: 4
    to_header: extensions
    route: [{hunt: [dead, two], ring: 2s, progress: 1s}]
    overflow: [{hunt: [two], ring: 1s}]
"""
BODY: Final = "Content-Type: application/sdp\r\n"
CALLS: Final = 100
"""In one world."""
SPAN: Final = 40.0
"""Seconds in which they begin."""


class Callers:
    """All callers, at one place; each cancels, talks and hangs up when it likes."""

    def __init__(self, wire: Wire, dice: Random) -> None:
        self.stack = wire.stack(CALLER)
        self._dice = dice
        for _ in range(CALLS):
            self.stack.timers.start(dice.uniform(0.0, SPAN), self._call)

    def _call(self, _now: float) -> None:
        inbox = Inbox(self.stack.timers)
        inbox.start(self._story(inbox))

    async def _story(self, inbox: Inbox) -> None:
        dice = self._dice
        leg = placed(self.stack, inbox, dice.choice(("4000", "101")), SDP, user="me")
        until = self.stack.now + dice.uniform(0.1, 4.0) if dice.random() < 0.4 else 0.0
        while True:
            match await inbox.event(until):
                case Answered():
                    leg.ack()
                    until = self.stack.now + dice.uniform(0.1, 5.0)
                case Deadline():
                    leg.hang_up()
                    return
                case Failed() | HungUp() | Lost():
                    return


class Callees:
    """All targets, at one place. Some die while they ring, or while they talk."""

    def __init__(self, wire: Wire, dice: Random) -> None:
        self.stack = wire.stack(TARGET)
        self.stack.core = self
        self._dice = dice

    def on_request(self, request: Request, flow: Flow) -> None:
        move = self._dice.choice(("answer", "answer", "busy", "rings", "silent", "dies"))
        if move == "silent":
            return
        tx = self.stack.accept(request, flow)
        inbox = Inbox(self.stack.timers)
        leg = ALeg(self.stack, inbox, tx, request, contact_uri(request))
        inbox.start(self._story(leg, inbox, move))

    async def _story(self, leg: ALeg, inbox: Inbox, move: str) -> None:
        leg.ring(180, "", "", b"")
        until = self.stack.now + (self._dice.uniform(0.0, 2.0) if move != "rings" else 60.0)
        while True:
            match await inbox.event(until):
                case Deadline():
                    if move == "busy":
                        leg.reject(486)
                        return
                    until = 0.0
                    leg.answer(200, "", BODY, SDP)
                    if move == "dies":
                        return
                case Cancelled():
                    leg.reject(487)
                    return
                case HungUp() | Lost():
                    return
                case Asked() as asked:
                    leg.respond(asked.tx, 488)


class Faults:
    """Makes the verbs of calls raise now and then, as a bug of ours would. count: how often."""

    def __init__(self, dice: Random, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._dice = dice
        for name in ("dial", "ring", "answer", "leg_failed", "refuse_last"):
            patch.setattr(Call, name, self._faulty(getattr(Call, name)))

    def _faulty(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        def perhaps(*arguments: Any, **named: Any) -> Any:
            if self._dice.random() < 0.02:
                self.count += 1
                raise RuntimeError("a bug of ours")
            return verb(*arguments, **named)

        return perhaps


def refused_when_full(record: CallRecord) -> bool:
    """A call that was refused for want of a line met a limit with all of its lines in use."""
    rules = {f"lines of {hold}": f"{most} of {most}" for hold, most in LIMITS.items()}
    return any(one.matched and rules.get(one.rule) == one.value for one in record.trace)


@pytest.mark.parametrize("block", range(10))
def test_lines_are_exact_whatever_becomes_of_calls(block: int, full: bool) -> None:
    worlds = 10 if full else 1
    for seed in range(block * worlds, (block + 1) * worlds):
        dice = Random(seed)
        loss = dice.choice((0.0, 0.02, 0.1))
        wire = Wire(lambda _: dice.random() < loss)  # noqa: B023  # the wire ends with its turn
        router = Router(wire, DIALPLAN)
        callers, callees = Callers(wire, dice), Callees(wire, dice)
        lines = router.shared.snapshot().lines
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(dice, patch)
            for step in range(1, 200):
                wire.run(step * 0.5)
                calls = router.calls.in_progress.values()
                held = Counter(name for call in calls for name in call.lines.names)
                assert dict(lines) == dict(held), seed
                assert all(lines.get(hold, 0) <= most for hold, most in LIMITS.items()), seed
            wire.run()
            # Whose parties both died without a word is up for ever.
            router.calls.end_all()
            wire.run()
        assert dict(lines) == {}, seed
        assert len(router.noted.bugs) == faults.count, seed
        assert router.noted.started, seed
        assert len(router.noted.ended) == len(router.noted.started), seed
        refused = [one for one in router.noted.ended if one.reason == "over_limit"]
        assert all(map(refused_when_full, refused)), seed
        assert left_over(router.stack) == {}, seed
        assert (callers.stack.clients, callees.stack.clients) == ({}, {}), seed


@pytest.mark.parametrize("block", range(5))
def test_no_line_stays_reserved_while_the_state_is_slow_refuses_and_loses_answers(
    block: int, full: bool
) -> None:
    worlds = 10 if full else 1
    for seed in range(block * worlds, (block + 1) * worlds):
        dice = Random(seed)
        loss = dice.choice((0.0, 0.02, 0.1))
        wire = Wire(lambda _: dice.random() < loss)  # noqa: B023  # the wire ends with its turn
        router = Router(wire, DIALPLAN, far=Random(seed))
        callers, callees = Callers(wire, dice), Callees(wire, dice)
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(dice, patch)
            wire.run(100.0)
            router.calls.end_all()
            wire.run()
        assert dict(router.shared.snapshot().lines) == {}, seed
        assert len(router.noted.bugs) == faults.count, seed
        assert router.noted.started, seed
        assert len(router.noted.ended) == len(router.noted.started), seed
        assert left_over(router.stack) == {}, seed
        assert (callers.stack.clients, callees.stack.clients) == ({}, {}), seed
