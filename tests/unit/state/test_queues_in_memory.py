"""Queues in memory: where agents are, in which calls they have part, and who is told of offers."""

import calendar
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from callrouter.call.services.call_events import CallEvents, CallTransferred, LegChanged
from callrouter.call.services.queue_port import QueueEvent, QueueOffered, QueueWithdrawn
from callrouter.call.services.record import CallRecord, LegRecord
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.register.bindings import Binding
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack
from callrouter.state.memory import Memory
from callrouter.yamlfile.reader import parse

PLAN = """
country: CN
trunks: {lab: {addresses: [192.0.2.0/24]}, inside: {phones: true}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}, at_302: {extension: "302"}}
extensions:
  "301": {targets: [desk]}
  "302": {phone: {user: "302", password_env: P}}
queues: {support: {agents: ["301", "302"], wrap_up: 10s}}
numbers: {"1": {route: [{queue: support}]}}
"""
EMPTY = PLAN.replace('queues: {support: {agents: ["301", "302"], wrap_up: 10s}}\n', "").replace(
    "queue: support", "hunt: [desk]"
)
FLOW = Flow("UDP", "192.0.2.2", 5060, "192.0.2.8", 5060, None)


def raised(error: Exception) -> None:
    raise error


def nowhere(_transport: str, _host: str, _port: int, _name: str) -> Flow:
    raise AssertionError("nothing is sent here")


@dataclass
class Centre:
    """Queues with their stack, and the events that one waiting caller got."""

    text: str = PLAN
    came: list[QueueEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.memory = Memory(lambda *_: None, seed=1)
        self.stack = Stack(lambda: "token", nowhere)
        self.events = CallEvents(raised)
        self.queues = self.memory.queues
        self.queues.start(self.stack, self.events)
        self.serve(self.text)

    def serve(self, text: str) -> None:
        plan = compile_dialplan(parse(text, "plan.yaml"))
        self.queues.serve(plan.queues, plan.agents)

    def wait(self, call: str = "waiting") -> None:
        assert self.queues.join(call, "support", self.stack.now, 0, (), self.came.append)
        self.queues.ready(call, self.stack.now)

    def register(self) -> None:
        place = ("UDP", "192.0.2.2", 5060, "192.0.2.8", 5060)
        uri = "sip:302@192.0.2.8"
        expires = self.memory.clock.now() + 3600.0
        binding = Binding(
            key=uri, uri=uri, expires=expires, call_id="", cseq=1, place=place, flow=FLOW
        )
        self.memory.bindings.bind("302", binding)

    def state(self, agent: str) -> str:
        return self.queues.centre.agents[agent].state(self.stack.now)

    def leg(self, record: CallRecord, target: str) -> LegRecord:
        """A target is rung in a call."""
        entry = LegRecord(target, "", 0)
        record.legs.append(entry)
        self.events.leg.tell(LegChanged(record, entry))
        return entry

    def over(self, record: CallRecord, entry: LegRecord) -> None:
        """A target's leg is over."""
        entry.end(1, 16)
        self.events.leg.tell(LegChanged(record, entry))

    def run(self, until: float) -> None:
        while (due := self.stack.deadline()) is not None and due <= until:
            self.stack.run_timers(due)
        self.stack.run_timers(until)


def record(call: str = "other", caller: str = "1001", trunk: str = "lab") -> CallRecord:
    made = CallRecord(call, "", 0.0)
    made.caller, made.trunk = caller, trunk
    return made


@pytest.mark.parametrize(("extension", "agent"), [("302", "302"), ("desk", "301")])
def test_agent_who_was_taken_over_from_another_call_is_on_that_one(
    extension: str, agent: str
) -> None:
    centre = Centre()
    centre.register()
    goes_on = record()
    entry = LegRecord("transferred", "", 0)
    entry.extension = extension
    goes_on.legs.append(entry)
    centre.events.leg.tell(LegChanged(goes_on, entry))
    assert centre.state(agent) == "on_call"
    centre.over(goes_on, entry)
    assert centre.state(agent) == "ready"


def test_caller_is_told_of_an_offer_and_of_its_end() -> None:
    centre = Centre()
    centre.wait()
    (offered,) = centre.came
    assert isinstance(offered, QueueOffered)
    assert (offered.agent, offered.until) == ("301", 15.0)
    centre.run(15.0)
    _, ended = centre.came
    assert isinstance(ended, QueueWithdrawn)
    assert (ended.token, ended.why) == (offered.token, "no_answer")


def test_telephone_that_registers_is_rung_and_one_that_has_not_is_unreachable() -> None:
    centre = Centre()
    centre.memory.presence.leave("301", "on leave")
    centre.wait()
    assert centre.came == []
    assert (centre.state("301"), centre.state("302")) == ("away", "unreachable")
    centre.register()
    (offered,) = centre.came
    assert isinstance(offered, QueueOffered)
    assert offered.agent == "302"


def test_telephone_that_unregisters_is_unreachable_again() -> None:
    centre = Centre()
    centre.register()
    assert centre.state("302") == "ready"
    centre.memory.bindings.remove("302", "sip:302@192.0.2.8")
    assert centre.state("302") == "unreachable"


def test_who_comes_back_is_offered_who_waits() -> None:
    centre = Centre()
    centre.memory.presence.leave("301", "lunch")
    centre.wait()
    assert centre.came == []
    centre.memory.presence.come_back("301")
    assert [type(event) for event in centre.came] == [QueueOffered]


@pytest.mark.parametrize("target", ["desk", "phones 302", "at_302"])
def test_agent_that_another_call_rings_is_on_a_call_until_that_leg_is_over(target: str) -> None:
    centre = Centre()
    centre.register()
    agent = "301" if target == "desk" else "302"
    other = record()
    entry = centre.leg(other, target)
    assert centre.state(agent) == "on_call"
    centre.over(other, entry)
    assert centre.state(agent) == "ready"


def test_agent_that_calls_is_on_a_call_until_it_has_transferred_it_or_it_ends() -> None:
    centre = Centre()
    centre.register()
    ends: tuple[Callable[[CallRecord], None], ...] = (
        lambda it: centre.events.transferred.tell(CallTransferred(it, "caller", 5)),
        centre.events.ended.tell,
    )
    for end in ends:
        made = record(caller="302", trunk="inside")
        made.extension = "302"
        centre.events.started.tell(made)
        assert centre.state("302") == "on_call"
        end(made)
        assert centre.state("302") == "ready"


def test_somebody_else_with_the_number_of_an_agent_is_not_it() -> None:
    centre = Centre()
    centre.register()
    centre.events.started.tell(record(caller="302", trunk="lab"))
    assert centre.state("302") == "ready"


def test_wrap_up_begins_when_the_agents_part_ends_though_the_call_goes_on() -> None:
    centre = Centre()
    centre.wait()
    (offered,) = centre.came
    assert isinstance(offered, QueueOffered)
    waiting = record("waiting")
    entry = centre.leg(waiting, "desk")
    assert centre.queues.picked_up(offered.token, 1.0)
    assert centre.queues.accepted(offered.token, 1.1)
    assert centre.state("301") == "talking"
    centre.stack.now = 60.0
    centre.over(waiting, entry)  # an attended transfer, say: the caller talks on with another
    assert centre.state("301") == "wrap_up"
    centre.run(69.9)
    assert centre.state("301") == "wrap_up"
    centre.run(70.1)
    assert centre.state("301") == "ready"


def test_call_that_ends_leaves_the_queue() -> None:
    centre = Centre()
    centre.wait()
    centre.events.ended.tell(record("waiting"))
    assert centre.queues.centre.callers == {}
    assert centre.queues.centre.queues["support"].totals.abandoned == 1


def test_agent_who_was_on_a_call_before_a_reload_is_on_it_after() -> None:
    centre = Centre()
    other = record()
    centre.leg(other, "desk")
    centre.serve(PLAN.replace('"301", "302"', '"302", "301"'))
    assert centre.state("301") == "on_call"


def test_nobody_listens_to_calls_where_there_are_no_queues() -> None:
    centre = Centre(EMPTY)
    topics = (centre.events.started, centre.events.leg, centre.events.ended)
    assert [topic.subscribers for topic in topics] == [(), (), ()]
    centre.serve(PLAN)
    assert all(topic.subscribers for topic in topics)
    centre.serve(EMPTY)
    assert [topic.subscribers for topic in topics] == [(), (), ()]


def test_agent_who_misses_too_many_is_away_over_a_restart() -> None:
    centre = Centre(PLAN.replace("wrap_up: 10s", "away_after: 2, after_no_answer: 1s, ring: 3s"))
    centre.wait()
    centre.run(20.0)
    assert centre.memory.presence.reasons == {"301": "missed 2 calls of queue support"}


def test_history_is_kept_with_the_time_of_day() -> None:
    centre = Centre()
    noted = []
    centre.queues.noted = noted.append
    centre.wait()
    assert [row.kind for row in noted] == ["joined", "offered"]
    assert [row.kind for row in centre.queues.history] == ["joined", "offered"]
    assert all(abs(row.at - centre.memory.clock.now()) < 60.0 for row in centre.queues.history)


def test_agent_is_offered_nothing_out_of_its_hours_and_again_when_they_begin() -> None:
    text = PLAN.replace('"301": {targets: [desk]}', '"301": {targets: [desk], schedule: office}')
    centre = Centre(f'{text}schedules: {{office: {{open: ["Mon-Fri 08:30-17:30"]}}}}\n')
    wall = [calendar.timegm((2026, 3, 9, 8, 29, 30))]  # a Monday
    centre.queues._wall = lambda: wall[0] + centre.stack.now
    centre.serve(f'{text}schedules: {{office: {{open: ["Mon-Fri 08:30-17:30"]}}}}\n')
    assert centre.state("301") == "off_duty"
    centre.wait()
    centre.run(29.9)
    assert centre.came == []
    centre.run(30.1)
    assert [type(it) for it in centre.came] == [QueueOffered]
    centre.memory.overrides.override("office", open=False, until=0.0)
    assert centre.state("301") == "ringing"
    centre.queues.leave("waiting", centre.stack.now, "abandoned")
    assert centre.state("301") == "off_duty"
