"""Calls that wait for a look-up: answered, late, given up; nothing is left over of any."""

import pytest
from support.wire import CALLER, EPOCH, ROUTER, TARGET, Books, Router, Wire, left_over

from callrouter.call.services.record import CallRecord
from callrouter.route.values.external_lookup import said
from callrouter.route.values.facts import Facts
from callrouter.simulate.caller import SimulatedCaller
from callrouter.simulate.target_script import Legs, read_legs
from callrouter.sip.flow import Flow

NUMBER = "+8613800138000"
DIALPLAN = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32], lines: 5, calls_per_second: 2}}
targets:
  desk: {uri: "sip:desk@192.0.2.3:5060"}
  owner: {uri: "sip:owner@192.0.2.3:5060"}
extensions: {"101": {targets: [owner], lines: 1}}
lookups: {crm: {url: "http://192.0.2.9/?caller={caller}", timeout: 2s}}
numbers:
  "4000": {lines: 1, lookup: crm, route: [{hunt: [desk], ring: 5s}]}
"""


class World:
    """One call to a number with a look-up."""

    def __init__(
        self,
        *scripts: str,
        owners: dict[str, str] | None = None,
        cancel_after: float | None = None,
        dialplan: str = DIALPLAN,
        to_user: str = "",
    ) -> None:
        self.wire = Wire()
        self.books = Books(owners or {})
        self.router = Router(self.wire, dialplan, self.books)
        self.legs = Legs(self.wire.stack(TARGET), read_legs(scripts), self._dialled)
        self.callers = self.wire.stack(CALLER)
        self.call(cancel_after, to_user)

    def call(self, cancel_after: float | None = None, to_user: str = "") -> None:
        facts = Facts("lab", CALLER[0], NUMBER, "4000", to_user, at=EPOCH)
        flow = Flow("UDP", *CALLER, *ROUTER, None)
        SimulatedCaller(self.callers, flow, facts, cancel_after)

    def _dialled(self, index: int) -> str:
        return self.router.noted.started[0].legs[index].target

    def answer(self, owner: str) -> None:
        """The other system answers what it was asked first."""
        self.router.stack.now = self.wire.now
        self.books.asked[0][1].settle(said(owner))

    @property
    def lines(self) -> dict[str, int]:
        return dict(self.router.shared.snapshot().lines)

    def play(self) -> CallRecord:
        self.wire.run()
        assert self.router.noted.bugs == []
        (record,) = self.router.noted.ended
        assert left_over(self.router.stack) == {}
        assert self.lines == {}
        return record


def ends(record: CallRecord) -> list[tuple[str, str]]:
    return [(leg.target, leg.result) for leg in record.legs]


def why(record: CallRecord) -> str:
    (verdict,) = [verdict for verdict in record.trace if verdict.rule == "lookup crm"]
    return verdict.why


def test_owner_in_the_answer_rings_first_and_has_the_call() -> None:
    world = World("owner: 200 after 1s")
    world.wire.run(until=0.5)
    assert world.books.asked[0][0] == NUMBER
    assert world.lines == {"number 4000": 1, "trunk lab": 1}
    world.answer("101")
    world.wire.run(until=0.6)
    assert world.lines == {"number 4000": 1, "trunk lab": 1, "extension 101": 1}
    record = world.play()
    assert ends(record) == [("owner", "answered")]
    assert why(record) == "names extension 101"


def test_owner_who_does_not_answer_leaves_the_call_to_the_route() -> None:
    world = World("owner: 180", "desk: 200 after 1s", owners={NUMBER: "101"})
    assert ends(world.play()) == [("owner", "no_answer"), ("desk", "answered")]
    assert world.books.asked == []


def test_late_answer_is_as_if_unknown_and_changes_nothing_afterwards() -> None:
    world = World("desk: 200 after 1s")
    world.wire.run(until=1.99)
    assert not world.router.noted.started[0].legs
    world.wire.run(until=2.5)
    assert world.books.given_up == 1
    world.answer("101")  # a directory that posts though it was given up
    record = world.play()
    assert ends(record) == [("desk", "answered")]
    assert record.legs[0].started_ms in range(1990, 2030)
    assert why(record) == "no answer within 2 s"


@pytest.mark.parametrize("answers_later", [False, True])
def test_cancel_while_the_answer_is_waited_for_ends_the_call(answers_later: bool) -> None:
    world = World(cancel_after=0.5)
    world.wire.run(until=0.6)
    assert world.books.given_up == 1
    if answers_later:
        world.answer("101")
    record = world.play()
    assert (record.disposition, record.status, record.legs) == ("CANCELLED", 487, [])


def test_shutdown_while_the_answer_is_waited_for_refuses_the_call() -> None:
    world = World()
    world.wire.run(until=0.5)
    world.router.calls.end_all()
    assert world.books.given_up == 1
    record = world.play()
    assert (record.reason, record.status) == ("shutting_down", 503)


def test_line_is_held_while_the_answer_is_waited_for_and_no_second_call_gets_in() -> None:
    world = World("owner: 180, 200 after 1s")
    world.wire.run(until=0.5)
    world.call()
    world.wire.run(until=0.6)
    (refused,) = world.router.noted.ended
    assert refused.reason == "over_limit"
    world.answer("101")
    world.wire.run()
    first = world.router.noted.ended[1]
    assert (first.disposition, first.reason) == ("ANSWERED", "")
    assert world.lines == {}


def test_third_call_within_a_second_is_refused_by_the_pace_of_its_trunk() -> None:
    world = World("owner: 200 after 1s", owners={NUMBER: "101"})
    world.call()
    world.call()
    world.wire.run(until=0.1)
    trace = world.router.noted.started[2].trace
    paced = [verdict for verdict in trace if verdict.rule == "calls_per_second of trunk lab"]
    assert [(verdict.matched, verdict.value) for verdict in paced] == [(True, "2 of 2")]
    assert world.router.noted.ended[-1].reason == "over_limit"
    world.wire.run()
    assert world.lines == {}


OUTSIDE = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32], lines: 1, calls_per_second: 1}}
targets: {desk: {uri: "sip:desk@192.0.2.3:5060"}}
gateways: {one: {address: 192.0.2.3}}
lookups: {crm: {url: "http://192.0.2.9/?of={called}", timeout: 2s}}
outbound:
  {default: main, emergency: [main], permission: all, international_calls: 1, carrier_lookup: crm}
outbound_lines: {main: {via: one, caller_id: "+862012345678"}}
permissions: {all: {international: all, caller_ids: {"+8613800000001": China Mobile}}}
extensions: {"104": {targets: [desk], forward: {busy: "0084901234567"}}}
numbers: {"4000": {lines: 1, to_header: extensions, route: [{hunt: [desk], ring: 5s}]}}
"""


def test_lines_that_a_call_has_are_free_for_it_when_it_is_decided_again() -> None:
    world = World("desk: 486", "line main: 200 after 1s", dialplan=OUTSIDE, to_user="104")
    world.wire.run(until=0.5)
    assert world.lines["international calls of all extensions"] == 1
    world.answer("China Mobile")
    assert ends(world.play()) == [("desk", "busy"), ("line main", "answered")]
