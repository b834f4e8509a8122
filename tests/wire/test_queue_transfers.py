"""An agent of six queues rests when its own part in a call ends, however that comes about."""

from urllib.parse import quote

import pytest
from mid_dialog import Party
from spoken import SpokenRouter
from support.wire import CALLER, Wire, compiled
from test_transfers import FIFTH, FOURTH, refer, replaces_of

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
extensions: {{"301": {{targets: [agent]}}}}
queues:
{_QUEUES}
numbers:
  "4001": {{route: [{{hunt: [other]}}]}}
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


@pytest.mark.parametrize("how", ["hang-up", "blind", "attended"])
def test_agent_is_rung_again_when_its_rest_is_over(how: str) -> None:
    wire = Wire()
    router = SpokenRouter(wire, compiled(_DIALPLAN))
    caller, agent, other = Party(wire, CALLER[0]), Party(wire, _AGENT), Party(wire, FOURTH)
    line, second = Party(wire, FIFTH), Party(wire, _SIXTH)
    caller.call("4300")
    wire.run(2.0)
    state = router.shared.queues.centre.agents["301"].state
    assert state(2.0) == "talking"
    assert router.shared.snapshot().lines["extension 301"] == 1
    second.call("4305")
    line.call("4001")
    wire.run(10.0)
    assert agent.leg is not None
    if how == "hang-up":
        agent.leg.hang_up()
    elif how == "blind":
        agent.ask("REFER", refer("4001"))
    else:
        replaces = quote(replaces_of(line), safe="")
        agent.ask("REFER", refer("4001", f"?Replaces={replaces}"))
    wire.run(20.0)
    assert agent.outcome == "over" or how == "hang-up"
    assert state(20.0) == "wrap_up"
    talked = router.noted.started[0].legs[0]
    assert talked.target == "agent"
    assert talked.ended_ms is not None
    ended = talked.ended_ms / 1000
    wire.run(60.0)
    first, again = offers(wire)
    assert first < 1.0
    assert 30.0 <= again - ended <= 30.2
    router.calls.end_all()
    wire.run()
    assert router.noted.bugs == []
    assert other.invites
