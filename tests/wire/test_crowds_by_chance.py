"""A crowd in a queue, by chance: many callers, agents who answer late, refuse, vanish or hang up.

Whatever happens, nobody is stuck, each call leaves one record, and the counters add up.
"""

from random import Random
from typing import Final

import pytest
from spoken import Callee, Caller, Habits, SpokenRouter
from support.wire import Wire, compiled, left_over

from callrouter.call.legs.events import Asked, Deadline, HungUp, Lost
from callrouter.call.legs.inbox import Inbox
from callrouter.call.legs.uas_leg import ALeg
from callrouter.simulate import virtual_workers
from callrouter.sip.body import SDP_ROW
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request

AGENTS: Final = 5
CALLS: Final = 40
_TARGETS: Final = "".join(
    f'  at{number}: {{uri: "sip:agent@192.0.2.{100 + number}:5060"}}\n' for number in range(AGENTS)
)
_EXTENSIONS: Final = "".join(
    f'  "3{number:02}": {{targets: [at{number}]}}\n' for number in range(AGENTS)
)
_NAMES: Final = ", ".join(f'"3{number:02}"' for number in range(AGENTS))
_DIALPLAN: Final = f"""
country: CN
trunks: {{lab: {{addresses: [192.0.2.1/32, 192.0.2.200/29]}}}}
targets:
{_TARGETS}
extensions:
{_EXTENSIONS}
queues:
  idle: {{agents: [{_NAMES}], ring: 3s, wrap_up: 2s, max_wait: 30s, after_no_answer: 1s}}
  all: {{agents: [{_NAMES}], strategy: ring_all, ring: 4s, max_wait: 40s, max_length: 12}}
numbers:
  "1": {{route: [{{queue: idle}}]}}
  "2": {{route: [{{queue: all}}]}}
"""


class Desk(Callee):
    """An agent's telephone. gone: it answers nothing any more."""

    gone = False

    def on_request(self, request: Request, flow: Flow) -> None:
        if not self.gone:
            super().on_request(request, flow)

    async def called(self, leg: ALeg, inbox: Inbox, request: Request) -> None:
        voice = self.voice()
        body = voice.answer(request.body)
        move = self.dice.choice(("answer", "answer", "answer", "late", "flees", "busy", "rings"))
        leg.ring(180, "", "", b"")
        wait = {"answer": 1.0, "late": 4.2, "flees": 1.0, "busy": 0.5, "rings": 60.0}[move]
        until = self.stack.now + (wait if move in {"late", "rings"} else self.dice.uniform(0, wait))
        if not await self.waits(leg, inbox, voice, until):
            return
        if move == "busy":
            leg.reject(486)
            return
        leg.answer(200, "", SDP_ROW, body)
        until = self.stack.now + (0.02 if move == "flees" else self.dice.uniform(0.05, 20.0))
        while True:
            match await inbox.event(until):
                case Deadline():
                    leg.hang_up()
                    return
                case Asked() as asked:
                    self.take(asked, voice)
                case HungUp() | Lost():
                    return


class Crowd:
    """Many calls to two queues of the same agents."""

    def __init__(self, seed: int) -> None:
        self.dice = dice = Random(seed)
        loss = dice.choice((0.0, 0.0, 0.01))
        self.wire = Wire(lambda _number: dice.random() < loss)
        self.router = SpokenRouter(self.wire, compiled(_DIALPLAN))
        habits = Habits(talks=90.0, busy=1e9)
        self.callers = [
            Caller(self.wire, ("192.0.2.1", 6000 + number), dice, habits) for number in range(CALLS)
        ]
        self.desks = [
            Desk(self.wire, (f"192.0.2.{100 + number}", 5060), dice, habits)
            for number in range(AGENTS)
        ]

    def run(self) -> None:
        dice, timers = self.dice, self.router.stack.timers
        for caller in self.callers:
            number, patience = dice.choice("12"), dice.choice((0.0, 0.0, 2.0))
            timers.start(
                dice.uniform(0.0, 40.0),
                lambda _, caller=caller, number=number, patience=patience: caller.call(
                    number, patience
                ),
            )
        for _ in range(3):
            timers.start(dice.uniform(0.0, 40.0), self._vanish)
        for _ in range(6):
            timers.start(dice.uniform(0.0, 40.0), self._break)
        self.wire.run()

    def _vanish(self, _now: float) -> None:
        self.dice.choice(self.desks).gone = True

    def _break(self, _now: float) -> None:
        presence = self.router.shared.presence
        name = f"3{self.dice.randrange(AGENTS):02}"
        if name in presence.reasons:
            presence.come_back(name)
        else:
            presence.leave(name, "break")


@pytest.mark.parametrize("block", range(4))
def test_crowd_leaves_nobody_stuck_and_the_counters_add_up(
    block: int, full: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In every second block most callers find no slot of a worker, and wait without music.
    monkeypatch.setattr(virtual_workers, "SLOTS", 4 if block % 2 else CALLS)
    runs = 100 if full else 5
    for seed in range(block * runs, (block + 1) * runs):
        crowd = Crowd(seed)
        crowd.run()
        router = crowd.router
        assert router.noted.bugs == [], seed
        assert len(router.noted.ended) == CALLS
        centre = router.shared.queues.centre
        assert not centre.callers, seed
        assert centre.deadline() is None, seed
        for agent in centre.agents.values():
            assert (agent.offer, agent.talk, agent.calls) == (None, "", set()), (seed, agent.name)
        waits = [wait for record in router.noted.ended for wait in record.queues]
        totals = [queue.totals for queue in centre.queues.values()]
        assert sum(it.offered for it in totals) == len(waits) == CALLS
        answered = sum(wait.outcome == "answered" for wait in waits)
        assert sum(it.answered for it in totals) == answered
        for record in router.noted.ended:
            kept = [leg for leg in record.legs if leg.result == "answered"]
            assert len(kept) <= 1, (seed, record.id)
            assert len(kept) == (record.queues[0].outcome == "answered"), (seed, record.id)
        assert left_over(router.stack) == {}, seed
        assert dict(router.shared.snapshot().lines) == {}, seed
        assert not router.pool.worker.held, seed
