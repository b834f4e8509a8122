"""Lines whose answer is still to come: granted in time, busy, too late, or when nobody waits."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from support.wire import CALLER, EPOCH, ROUTER, TARGET, Books, Noted, Wire, left_over

from callrouter.call.admission.admitted_calls import Calls
from callrouter.call.services.media_services import MediaServices
from callrouter.call.services.record import CallRecord
from callrouter.call.services.shared_state import Busy, Granted
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.pending import Later, Pending, Unavailable
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Hold
from callrouter.simulate.caller import SimulatedCaller
from callrouter.simulate.target_script import Legs, read_legs
from callrouter.sip.flow import Flow
from callrouter.state.memory import Memory
from callrouter.yamlfile.reader import parse

DIALPLAN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
targets:
  desk: {uri: "sip:desk@192.0.2.3:5060"}
  other: {uri: "sip:other@192.0.2.3:5060"}
numbers:
  "4000": {lines: 1, route: [{hunt: [desk], ring: 20s}], overflow: [{hunt: [other]}]}
"""


class Lines:
    """Lines of a memory, whose answers wait until the test gives them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.asked: list[tuple[tuple[Hold, ...], Pending[Granted | Unavailable]]] = []

    def reserve(self, holds: tuple[Hold, ...]) -> Later[Granted]:
        pending = Pending[Granted | Unavailable]()
        self.asked.append((holds, pending))
        return pending

    def count(self, names: Iterable[str]) -> Later[Mapping[str, int]]:
        return self._memory.lines.count(names)

    def arrived(self, trunk: str, at: float, most: int) -> None:
        raise AssertionError("its trunk has no pace")


class World:
    """One call whose lines are asked for far away."""

    def __init__(self, cancel_after: float | None = None) -> None:
        self.wire = Wire()
        self.stack = self.wire.stack(ROUTER)
        self.noted = Noted()
        self.memory = Memory(lambda *_: None, seed=1)
        self.lines = Lines(self.memory)
        self.shared = replace(self.memory.ports, lines=self.lines)
        dialplan = compile_dialplan(parse(DIALPLAN, "late.yaml"))
        services = MediaServices()
        books = Books({})
        Calls(
            stack=self.stack,
            dialplan=dialplan,
            events=self.noted.events,
            limit=10,
            epoch=EPOCH,
            shared=self.shared,
            directory=books,
            media=services,
        )
        self.legs = Legs(self.wire.stack(TARGET), read_legs(()), self._dialled)
        facts = Facts("lab", CALLER[0], "+8613800138000", "4000", at=EPOCH)
        flow = Flow("UDP", *CALLER, *ROUTER, None)
        SimulatedCaller(self.wire.stack(CALLER), flow, facts, cancel_after)

    def _dialled(self, index: int) -> str:
        return self.noted.started[0].legs[index].target

    def answer(self, after: float, refusal: Busy | Unavailable | None = None) -> None:
        """Answer what was asked last, so many seconds after the INVITE."""
        self.wire.run(after)
        self.stack.now = self.wire.now
        holds, pending = self.lines.asked[-1]
        pending.settle(refusal or self.memory.lines.reserve(holds))

    def end(self) -> CallRecord:
        self.wire.run()
        assert self.noted.bugs == []
        (record,) = self.noted.ended
        assert self.memory.snapshot().lines == {}
        assert left_over(self.stack) == {}
        return record

    @property
    def unanswered(self) -> int:
        return self.shared.failures.counts["lines"]


def targets(record: CallRecord) -> list[str]:
    return [leg.target for leg in record.legs]


def test_nothing_is_rung_before_the_lines_are_granted_and_they_are_held() -> None:
    world = World()
    world.wire.run(0.1)
    assert world.noted.started[0].legs == []
    world.answer(0.15)
    world.wire.run(1.0)
    assert world.memory.snapshot().lines == {"number 4000": 1, "trunk lab": 1}
    record = world.end()
    assert targets(record) == ["desk"]
    assert world.unanswered == 0


def test_busy_leads_to_the_overflow_whose_lines_are_asked_for_then() -> None:
    world = World()
    world.answer(0.1, Busy("number 4000"))
    assert [hold.name for hold in world.lines.asked[-1][0]] == ["trunk lab"]
    world.answer(0.2)
    record = world.end()
    assert targets(record) == ["other"]
    assert [one.value for one in record.trace if one.rule == "lines of number 4000"] == ["1 of 1"]


@pytest.mark.parametrize("refusal", [Unavailable("away"), Busy("trunk lab")])
def test_a_state_that_cannot_say_refuses_no_call(refusal: Busy | Unavailable) -> None:
    world = World()
    world.answer(0.1, refusal)
    record = world.end()
    assert (targets(record), record.disposition) == (["desk"], "ANSWERED")
    assert world.unanswered == 1


def test_lines_that_are_granted_too_late_are_given_back_and_the_call_goes_on() -> None:
    world = World()
    world.wire.run(0.3)
    assert targets(world.noted.started[0]) == ["desk"]
    world.answer(0.4)
    assert world.memory.snapshot().lines == {}
    assert world.end().disposition == "ANSWERED"
    assert world.unanswered == 1


def test_lines_that_are_granted_after_the_caller_has_left_are_given_back() -> None:
    world = World(cancel_after=0.1)
    world.answer(0.15)
    record = world.end()
    assert (record.disposition, record.legs) == ("CANCELLED", [])
    assert world.unanswered == 0
