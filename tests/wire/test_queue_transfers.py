"""An agent of six queues rests when its own part in a call ends, however that comes about."""

from urllib.parse import quote

import pytest
from mid_dialog import Party
from spoken import SpokenRouter
from support.wire import CALLER, Wire, compiled
from test_transfers import FIFTH, FOURTH, notified, refer, replaces_of

_SIXTH = "192.0.2.6"
_AGENT = "192.0.2.3"
_QUEUES = "\n".join(f'  queue{n}: {{agents: ["301"], wrap_up: 30s}}' for n in range(6))
_NUMBERS = "\n".join(f'  "430{n}": {{route: [{{queue: queue{n}}}]}}' for n in range(6))
_DIALPLAN = f"""
country: CN
trunks: {{lab: {{addresses: [192.0.2.0/24], transfer: both}}}}
targets:
  agent: {{uri: "sip:301@{_AGENT}:5060"}}
  other: {{uri: "sip:302@{FOURTH}:5060"}}
extensions: {{"301": {{targets: [agent]}}, "302": {{targets: [other]}}}}
queues:
  colleagues: {{agents: ["302"]}}
{_QUEUES}
numbers:
  "4001": {{route: [{{hunt: [other]}}]}}
  "4002": {{route: [{{queue: colleagues}}]}}
{_NUMBERS}
"""


def offers(wire: Wire) -> list[float]:
    """When the agent was sent the INVITE of another call."""
    found: dict[str, float] = {}
    for sent in wire.sent:
        if sent.goal[0] == _AGENT and sent.start.startswith("INVITE"):
            call_id = sent.data.partition(b"\r\nCall-ID: ")[2].partition(b"\r\n")[0].decode()
            found.setdefault(call_id, sent.at)
    return list(found.values())


@pytest.mark.parametrize("kept", ["", "record: {notice: false}, "])
@pytest.mark.parametrize("how", ["hang-up", "blind", "attended"])
def test_agent_is_rung_again_when_its_rest_is_over(how: str, kept: str) -> None:
    wire = Wire()
    queued = "route: [{queue: queue"
    router = SpokenRouter(wire, compiled(_DIALPLAN.replace(queued, f"{kept}{queued}")))
    caller, agent, other = Party(wire, CALLER[0]), Party(wire, _AGENT), Party(wire, FOURTH)
    line, second = Party(wire, FIFTH), Party(wire, _SIXTH)
    caller.call("4300")
    wire.run(2.0)
    state = router.shared.queues.centre.agents["301"].state
    assert state(2.0) == "talking"
    assert router.shared.snapshot().lines["extension 301"] == 1
    second.call("4305")
    line.call("4002" if how == "attended" else "4001")
    wire.run(10.0)
    assert agent.leg is not None
    if how == "hang-up":
        agent.leg.hang_up()
    elif how == "blind":
        agent.ask("REFER", refer("4001"))
    else:
        replaces = quote(replaces_of(line), safe="")
        agent.ask("REFER", refer("4002", f"?Replaces={replaces}"))
    wire.run(20.0)
    assert agent.outcome == "over" or how == "hang-up"
    assert state(20.0) == "wrap_up"
    talked = router.noted.started[0].legs[0]
    assert talked.target == "agent"
    assert talked.ended_ms is not None
    ended = talked.ended_ms / 1000
    if how == "attended":
        moved = router.noted.started[0].legs[1]
        assert (moved.target, moved.extension, moved.ended_ms) == ("transferred", "other", None)
        assert moved.answered_ms is not None
        assert moved.answered_ms <= talked.ended_ms  # it was offered the agent's place first
    wire.run(60.0)
    first, again = offers(wire)
    assert first < 1.0
    assert 30.0 <= again - ended <= 30.2
    router.calls.end_all()
    wire.run()
    assert router.noted.bugs == []
    assert other.invites


@pytest.mark.parametrize("kept", ["", "record: {notice: false}, "])
@pytest.mark.parametrize("how", ["blind", "attended"])
def test_caller_who_is_put_into_a_queue_waits_there_and_is_answered(how: str, kept: str) -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled(_DIALPLAN.replace('"4300": {', f'"4300": {{{kept}')))
    caller, agent = Party(wire, CALLER[0]), Party(wire, _AGENT)
    other, asks = Party(wire, FOURTH, answers=False), Party(wire, FIFTH)
    caller.call("4300")
    wire.run(2.0)
    replaces = ""
    if how == "attended":  # it waits there itself first, by another line
        asks.call("4002")
        wire.run(3.0)
        replaces = f"?Replaces={quote(replaces_of(asks), safe='')}"
    agent.ask("REFER", refer("4002", replaces))
    wire.run(4.0)
    assert notified(wire, _AGENT)[-1] == "SIP/2.0 200 OK"
    assert [caller.outcome, asks.outcome] == ["answered", "over" if replaces else ""]
    assert router.shared.queues.centre.queues["colleagues"].length == 1
    other.answer()
    wire.run(10.0)
    assert agent.outcome == "over"
    states = [router.shared.queues.centre.agents[name].state(10.0) for name in ("301", "302")]
    assert states == ["wrap_up", "talking"]
    assert caller.leg is not None
    caller.leg.hang_up()
    wire.run()
    assert router.noted.bugs == []
    record = router.noted.started[0]
    waits = [(it.queue, it.outcome, it.agent) for it in record.queues]
    assert waits == [("queue0", "answered", "301"), ("colleagues", "answered", "302")]
    assert [(it.target, it.result) for it in record.legs] == [
        ("agent", "answered"),
        ("other", "answered"),
    ]
    assert record.hung_up_by == "caller"
    assert other.outcome == "over"


def test_queue_is_passed_over_when_the_caller_asks_and_the_record_says_so() -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled(_DIALPLAN))
    caller, agent = Party(wire, CALLER[0]), Party(wire, _AGENT)
    caller.call("4300")
    wire.run(2.0)
    caller.ask("REFER", refer("4304"))
    wire.run(4.0)
    assert notified(wire, CALLER[0])[-1] == "SIP/2.0 488 Not Acceptable Here"
    router.calls.end_all()
    wire.run()
    (record,) = router.noted.ended
    (said,) = [it.why for it in record.trace if it.rule == "transfer to 4304"]
    assert said.startswith("waits in queue queue4 (")
    assert said.endswith("is passed over: this transfer takes only the steps that ring")
    assert [it.queue for it in record.queues] == ["queue0"]
    assert agent.outcome == "over"


def test_queue_that_is_full_leaves_the_caller_with_who_asked() -> None:
    wire = Wire()
    plan = _DIALPLAN.replace('agents: ["302"]', 'agents: ["302"], max_length: 1')
    plan = plan.replace("[{queue: queue5}]", "[{queue: colleagues}, {hunt: [other]}]")
    router = SpokenRouter(wire, compiled(plan))
    caller, agent, other = Party(wire, CALLER[0]), Party(wire, _AGENT), Party(wire, FOURTH)
    other.answers = False
    waits = Party(wire, FIFTH)
    caller.call("4300")
    waits.call("4002")
    wire.run(2.0)
    agent.ask("REFER", refer("4002"))
    wire.run(4.0)
    assert notified(wire, _AGENT)[-1] == "SIP/2.0 486 Busy Here"
    assert [caller.outcome, agent.outcome] == ["answered", ""]
    agent.ask("REFER", refer("4305"))  # which goes on where the queue is full
    other.answers = True
    wire.run(8.0)
    assert notified(wire, _AGENT)[-1] == "SIP/2.0 200 OK"
    router.calls.end_all()
    wire.run()
    assert router.noted.bugs == []
    record = router.noted.started[0]
    assert [it.outcome for it in record.queues] == ["answered", "full", "full"]
    assert [leg.target for leg in record.legs] == ["agent", "other"]


def test_caller_on_whom_callrouter_hangs_up_has_not_abandoned() -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled(_DIALPLAN))
    caller, agent = Party(wire, CALLER[0]), Party(wire, _AGENT, answers=False)
    caller.call("4300")
    wire.run(2.0)
    router.calls.end_all()
    wire.run()
    (record,) = router.noted.ended
    assert [it.outcome for it in record.queues] == ["ended"]
    totals = router.shared.queues.centre.queues["queue0"].totals
    assert (totals.abandoned, totals.overflowed) == (0, 1)
    assert agent.outcome == ""


def test_call_of_a_queue_that_a_reload_takes_away_says_so() -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled(_DIALPLAN))
    caller, agent = Party(wire, CALLER[0]), Party(wire, _AGENT, answers=False)
    caller.call("4300")
    wire.run(2.0)
    router.shared.queues.centre.serve({}, 2.0)
    router.shared.queues._act(2.0)
    wire.run()
    (record,) = router.noted.ended
    assert [it.outcome for it in record.queues] == ["removed"]
    assert record.reason == "queue_removed"
    assert agent.outcome == ""


def test_agent_without_a_telephone_transfers_to_an_extension() -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled(_DIALPLAN))
    caller, agent, other = Party(wire, CALLER[0]), Party(wire, _AGENT), Party(wire, FOURTH)
    caller.call("4300")
    wire.run(2.0)
    agent.ask("REFER", refer("302"))
    wire.run(8.0)
    assert notified(wire, _AGENT)[-1] == "SIP/2.0 200 OK"
    router.calls.end_all()
    wire.run()
    assert router.noted.bugs == []
    assert [it.target for it in router.noted.ended[0].legs] == ["agent", "other"]
    assert other.invites
