"""Calls that are spoken to, whose every step is drawn by chance.

Callers who press keys, hold, cancel or hang up at any moment; targets that answer, refuse, hold and
hang up; workers that die, refuse or stay silent, or have no slot left; loss and jitter. Each call
leaves one record, every file is reported once, and nothing is left over.
"""

from collections.abc import Callable, Generator
from functools import partial
from math import inf
from random import Random

import pytest
from descriptions import contradictions
from spoken import Caller, Habits, Place, SpokenRouter, compiled
from support.wire import CALLER, TARGET, Wire, left_over

from callrouter.call.services.media import Digit
from callrouter.call.services.record import Disposition
from callrouter.errors import SipError
from callrouter.simulate.virtual_workers import VirtualWorker
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request

BLOCKS = 10
_TAKES = VirtualWorker.on_request


def delays(dice: Random) -> Generator[float, None, None]:
    """5 ms, or jitter of up to 300 ms."""
    while True:
        yield 0.005 if dice.random() < 0.8 else dice.uniform(0.0, 0.3)


def lose(dice: Random, loss: float, cut: float, number: int) -> bool:
    """From the datagram `cut` on nothing arrives any more."""
    return number >= cut or dice.random() < loss


def moody(dice: Random, mood: str) -> Callable[[VirtualWorker, Request, Flow], None]:
    """How workers take INVITEs."""

    def on_request(worker: VirtualWorker, request: Request, flow: Flow) -> None:
        if mood and dice.random() < 0.3:
            if mood == "refuses":
                raise SipError("no", 503)
            return
        _TAKES(worker, request, flow)

    return on_request


class Walk:
    """One call."""

    def __init__(
        self, seed: int, monkeypatch: pytest.MonkeyPatch, far: Random | None = None
    ) -> None:
        self.dice = dice = Random(seed)
        loss = dice.choice((0.0, 0.0, 0.02, 0.1))
        self.cut = dice.randrange(3, 60) if dice.random() < 0.05 else inf
        self.wire = Wire(partial(lose, dice, loss, self.cut), partial(next, delays(dice)))
        dialplan = compiled()
        self.router = SpokenRouter(self.wire, dialplan, media=dice.random() < 0.97, far=far)
        mood = dice.choice(("", "", "", "", "refuses", "silent"))
        monkeypatch.setattr(VirtualWorker, "on_request", moody(dice, mood))
        self.number = dice.choice(list(dialplan.numbers))
        keys = dice.choice(("", "1", "2", "12", "#", "1234#", "101#"))
        habits = Habits(keys, dice.choice((2.0, 10.0, 20.0)), dice.choice((0.3, 2.0)))
        self.caller = Caller(self.wire, CALLER, dice, habits)
        keys = dice.choice(("", "1", "5", "*1", "*1*1"))
        self.place = Place(self.wire, TARGET, dice, Habits(keys, dice.choice((1.0, 6.0))))
        timers = self.router.stack.timers
        for _ in range(dice.choice((0, 0, 0, 1, 2))):
            timers.start(dice.uniform(0.0, 8.0), lambda _: self.router.pool.lose())
        for _ in range(dice.choice((0, 0, 5, 20))):
            timers.start(dice.uniform(0.0, 8.0), self._press)
        # Slots that other calls have.
        taken = dice.choice((0, 0, 0, 0, 2, 3, 4))
        if taken:
            others = self.router.pool.reserve(taken, lambda _: None)
            assert others is not None
            timers.start(dice.uniform(0.0, 20.0), lambda _: others.release())
        self.caller.call(self.number, dice.choice((0.0, 0.0, 0.0, 8.0)))

    def _press(self, _now: float) -> None:
        for slots in list(self.router.pool.worker.held):
            for session in slots.sessions:
                if slots.post is not None:
                    slots.post(
                        Digit(session=session, digit=self.dice.choice("0123*#"), method="rfc4733")
                    )

    def run(self) -> None:
        dice, wire, router = self.dice, self.wire, self.router
        if dice.random() < 0.1:
            wire.run(dice.uniform(0.0, 10.0))
            router.calls.end_all()
        wire.run()
        if self.cut != inf:
            # Nobody hears of the other any more, and a call that is up would be so for ever.
            router.calls.end_all()
            wire.run()

    def check(self, story: str) -> None:
        router = self.router
        assert router.noted.bugs == [], (story, router.noted.bugs)
        assert dict(router.shared.snapshot().lines) == {}, story
        assert len(router.noted.started) <= 1, story
        assert router.noted.ended == router.noted.started, story
        there = [router.stack, router.pool.worker.stack]
        if self.cut == inf:
            there += [self.caller.stack, self.place.stack]
        for stack in there:
            assert left_over(stack) == {}, story
        assert not router.pool.worker.held, story
        for file, reports in router.archive.placed.items():
            assert len(reports) == 1, (story, file, reports)
        for party in (self.caller, self.place):
            for voice in party.voices:
                assert voice.faults == [], (story, voice.faults)
        for place in (CALLER, TARGET):
            wrong = contradictions(self.wire, place)
            assert wrong == [], (story, wrong)
        for record in router.noted.ended:
            assert record.disposition in set(Disposition), story
            assert (record.disposition == Disposition.ANSWERED) == (record.status == 200), story
            assert (record.answered_ms is not None) == (record.status == 200), story
            assert all(leg.result and leg.ended_ms is not None for leg in record.legs), story


@pytest.mark.parametrize("block", range(BLOCKS))
def test_any_spoken_call_ends_with_one_record_and_nothing_left(
    block: int, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 1000 if full else 200
    for seed in range(block * runs, (block + 1) * runs):
        walk = Walk(seed, monkeypatch)
        walk.run()
        walk.check(f"seed {seed}, {walk.number}\n{walk.wire.story()}")


@pytest.mark.parametrize("block", range(2))
def test_the_same_holds_while_the_shared_state_is_slow_refuses_and_loses_answers(
    block: int, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = 1000 if full else 100
    for seed in range(block * runs, (block + 1) * runs):
        walk = Walk(seed, monkeypatch, Random(seed))
        walk.run()
        walk.check(f"seed {seed}, {walk.number}\n{walk.wire.story()}")
