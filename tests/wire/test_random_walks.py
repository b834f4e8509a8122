"""Calls whose every step is drawn by chance: one record each, one disposition, nothing left over.

Hunts of any shape, loss up to 10 %, jitter that reorders datagrams, a caller who cancels or hangs
up at any moment, targets that answer, refuse, redirect, die or stay silent, re-INVITEs from both
sides at once, a server that is told to stop.
"""

from collections.abc import Generator
from functools import partial
from math import inf
from random import Random

import pytest
from hunted import HOLDS, decided, hunt, target
from support.wire import (
    SDP,
    TARGET,
    Router,
    Wire,
    concluded,
    left_over,
    placed,
)

from callrouter.call.legs.events import Answered, Asked, Cancelled, Deadline, Failed, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.uas_leg import ALeg
from callrouter.call.services.record import Disposition
from callrouter.route.values.plan import Hunt
from callrouter.sip.dialog import contact_uri
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request, Response

BODY = "Content-Type: application/sdp\r\n"


class Asker:
    """Asks in a dialog and acknowledges what is accepted."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.cseq = leg.ask("INVITE", BODY, SDP, self)

    def on_response(self, _tx: object, response: Response) -> None:
        if response.status >= 200:
            concluded(self.leg, response)
        if 200 <= response.status < 300:
            self.leg.send_ack(self.cseq)

    def on_failure(self, _tx: object, _status: int) -> None:
        self.leg.unanswered()


class Party:
    """One end whose every move is drawn."""

    def __init__(self, wire: Wire, address: tuple[str, int], dice: Random) -> None:
        self.stack = wire.stack(address)
        self.stack.core = self
        self.dice = dice
        self.inbox = Inbox(self.stack.timers)

    def moment(self, most: float) -> float:
        """Some time from now."""
        return self.stack.now + self.dice.uniform(0.001, most)

    async def talk(self, leg: Leg, inbox: Inbox) -> None:
        """Talk, perhaps re-INVITE, hang up or wait to be hung up on."""
        until = self.moment(2.0)
        while True:
            match await inbox.event(until):
                case Deadline():
                    if self.dice.random() < 0.4 and leg.may_offer():
                        Asker(leg)
                        until = self.moment(1.0)
                    else:
                        leg.hang_up()
                        return
                case Asked() as asked:
                    status = self.dice.choice((200, 200, 200, 488))
                    body = SDP if status == 200 else b""
                    asked.leg.respond(asked.tx, status, BODY if body else "", body)
                case HungUp() | Lost():
                    return

    async def place_call(self) -> None:
        leg = placed(self.stack, self.inbox, "4000", SDP, user="me")
        impatient = self.dice.random() < 0.4
        until = self.moment(6.0) if impatient else 0.0
        while True:
            match await self.inbox.event(until):
                case Deadline():
                    leg.cancel()
                    return
                case Answered():
                    leg.ack()
                    await self.talk(leg, self.inbox)
                    return
                case Failed():
                    return

    def on_request(self, request: Request, flow: Flow) -> None:
        tx = self.stack.accept(request, flow)
        leg = ALeg(self.stack, Inbox(self.stack.timers), tx, request, contact_uri(request))
        callee = Callee(self, leg)
        assert leg.inbox is not None
        leg.inbox.start(callee.take(leg.inbox))


class Callee:
    """One call at the target."""

    def __init__(self, party: Party, leg: ALeg) -> None:
        self.party = party
        self.leg = leg

    async def take(self, inbox: Inbox) -> None:
        dice = self.party.dice
        move = dice.choice(("answer", "answer", "answer", "refuse", "silent", "redirect"))
        for status in dice.choices((180, 183, 180), k=dice.randrange(3)):
            media = status == 183 and dice.random() < 0.7
            self.leg.ring(status, "", BODY if media else "", SDP if media else b"")
        # Who says nothing at all cannot be cancelled either, and gives up by itself.
        until = self.party.stack.now + 70.0 if move == "silent" else self.party.moment(5.0)
        while True:
            match await inbox.event(until):
                case Deadline():
                    break
                case Cancelled():
                    self.leg.reject(487)
                    return
                case HungUp() | Lost():
                    return
        if move == "answer":
            self.leg.answer(200, "", BODY, SDP)
            await self.party.talk(self.leg, inbox)
        elif move == "redirect":
            self.leg.reject(302, "Contact: <sip:three@192.0.2.3:5060>\r\n")
        else:
            self.leg.reject(dice.choice((404, 486, 480, 500, 503, 600, 603)))


def delays(dice: Random) -> Generator[float, None, None]:
    """5 ms, or jitter of up to 300 ms."""
    while True:
        yield 0.005 if dice.random() < 0.7 else dice.uniform(0.0, 0.3)


def drawn_hunt(dice: Random) -> Hunt:
    """One to three rounds of one to three targets, together, staggered or alone."""
    rounds = []
    for _ in range(dice.choice((1, 1, 2, 3))):
        every = dice.choice((0.0, 0.0, 0.5, 2.0))
        count = dice.choice((1, 1, 2, 3))
        names = range(count)
        rounds.append(tuple(target(f"t{n}", 3.0, n * every, progress=2.0) for n in names))
    results = ("busy", "no_answer", "unreachable", "rejected")
    on = frozenset(dice.sample(results, 2)) if dice.random() < 0.3 else frozenset()
    total = dice.choice((0.0, 0.0, 4.0))
    return hunt(*rounds, total=total, redirects=dice.choice((0, 2)), on=on, rotation="turn")


def lose(dice: Random, loss: float, cut: float, number: int) -> bool:
    """From the datagram `cut` on nothing arrives any more."""
    return number >= cut or dice.random() < loss


@pytest.mark.parametrize("block", range(10))
def test_any_call_ends_with_one_record_and_nothing_left(
    block: int, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 2000 if full else 100
    for seed in range(block * runs, (block + 1) * runs):
        dice = Random(seed)
        loss = dice.choice((0.0, 0.0, 0.02, 0.1))
        cut = dice.randrange(3, 30) if dice.random() < 0.05 else inf
        late = delays(dice)
        wire = Wire(partial(lose, dice, loss, cut), partial(next, late))
        decided(monkeypatch, *(drawn_hunt(dice) for _ in range(dice.choice((1, 1, 2)))))
        router = Router(wire)
        caller = Party(wire, ("192.0.2.1", 5060), dice)
        place = Party(wire, TARGET, dice)
        caller.inbox.start(caller.place_call())
        if dice.random() < 0.1:
            wire.run(dice.uniform(0.0, 6.0))
            assert dict(router.shared.snapshot().lines) in ({}, dict.fromkeys(HOLDS, 1))
            router.calls.end_all()
        wire.run()
        if cut != inf:
            # Nobody hears of the other any more, and a call that is up would be so for ever.
            router.calls.end_all()
            wire.run()
        story = f"seed {seed}\n" + wire.story()
        assert dict(router.shared.snapshot().lines) == {}, story
        assert router.noted.bugs == [], (story, router.noted.bugs)
        assert len(router.noted.started) <= 1, story
        assert router.noted.ended == router.noted.started, story
        there = (router.stack, caller.stack, place.stack) if cut == inf else (router.stack,)
        for stack in there:
            assert left_over(stack) == {}, story
        for record in router.noted.ended:
            assert record.disposition in set(Disposition), story
            assert (record.disposition == Disposition.ANSWERED) == (record.status == 200), story
            assert all(leg.result and leg.ended_ms is not None for leg in record.legs), story
            answered = sum(leg.answered_ms is not None for leg in record.legs)
            assert answered == (record.disposition == Disposition.ANSWERED), story
