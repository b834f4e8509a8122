"""The ways to a target: their order, and what is left out."""

from collections import Counter
from functools import cache

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.gateway_candidates import (
    MOST_CANDIDATES,
    GatewayAddress,
    Probe,
    Rest,
    TransportAddress,
    name_of,
    redirect_goals,
)
from callrouter.route.values.snapshot import Snapshot
from callrouter.yamlfile.reader import parse

HEAD = """
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
gateways:
  a: {address: 192.0.2.1, probe: {every: 5s}, rest: {failures: 2}}
  b: {address: "192.0.2.2:5070", transport: tls}
  c: {address: sip.example.com}
  d: {address: "SIP.example.net.:5080", transport: tcp}
gateway_groups:
  fixed: {gateways: [{name: b, priority: 2}, {name: a, priority: 1}]}
  shared: {gateways: [{name: a, weight: 3}, {name: b, weight: 1}, {name: c, priority: 9}]}
targets:
  one: {number: "100", via: a}
  named: {number: "100", via: c}
  ordered: {number: "100", via: fixed}
  mixed: {number: "100", via: shared}
  desk: {uri: "sip:desk@pbx.example.org"}
numbers:
"""
PLACES = (
    TransportAddress("udp", "192.0.2.11", 5060, 10, 3),
    TransportAddress("udp", "192.0.2.12", 5060, 10, 1),
    TransportAddress("tcp", "192.0.2.13", 5070, 20, 0),
)


@cache
def ringing(rung: str) -> Dialplan:
    """The dialplan whose only number rings this."""
    return compile_dialplan(parse(f'{HEAD}  "4000": {{route: [{{hunt: [{rung}]}}]}}\n', "f"))


def call(rung: str, snapshot: Snapshot) -> Decision:
    return decide(ringing(rung), Facts("lab", "127.0.0.1", "1", "4000"), snapshot)


def ways(decision: Decision) -> list[str]:
    """Where the only target of a plan is tried, in order."""
    ((target,),) = [hunt.targets for hunt in decision.plan.hunts]
    return [way.place for way in (target, *target.others)]


def test_group_is_tried_by_priority_each_gateway_by_its_own_uri() -> None:
    decision = call("ordered", Snapshot())
    ((target,),) = [hunt.targets for hunt in decision.plan.hunts]
    assert ways(decision) == ["udp:192.0.2.1:5060", "tls:192.0.2.2:5070"]
    assert [way.uri for way in (target, *target.others)] == [
        "sip:100@192.0.2.1:5060",
        "sip:100@192.0.2.2:5070;transport=tls",
    ]
    assert [way.gateway for way in (target, *target.others)] == ["a", "b"]
    assert {way.name for way in target.others} == {"ordered"}


def test_gateway_that_is_down_is_left_out_of_its_group_and_the_verdict_says_why() -> None:
    decision = call("ordered", Snapshot(down={"a"}, why={"a": "is drained"}))
    assert ways(decision) == ["tls:192.0.2.2:5070"]
    assert ("target ordered", "gateway a is drained") in [
        (verdict.rule, verdict.why) for verdict in decision.trace
    ]
    assert call("ordered", Snapshot(down={"a", "b"})).plan.hunts == ()


def test_weights_share_the_calls_among_equals_by_the_seed_alone() -> None:
    places = {"c": PLACES}
    first = Counter(ways(call("mixed", Snapshot(seed=s, places=places)))[0] for s in range(400))
    assert set(first) == {"udp:192.0.2.1:5060", "tls:192.0.2.2:5070"}
    assert 250 < first["udp:192.0.2.1:5060"] < 350
    seen = {tuple(ways(call("mixed", Snapshot(seed=7, places=places)))) for _ in range(3)}
    assert len(seen) == 1


def test_name_is_tried_at_its_places_by_srv_priority_and_weight() -> None:
    snapshots = [Snapshot(seed=seed, places={"c": PLACES}) for seed in range(400)]
    orders = Counter(tuple(ways(call("named", snapshot))) for snapshot in snapshots)
    assert {order[2] for order in orders} == {"tcp:192.0.2.13:5070"}
    first = Counter(order[0] for order in orders.elements())
    assert 250 < first["udp:192.0.2.11:5060"] < 350
    decision = call("named", snapshots[0])
    assert decision.plan.hunts[0].targets[0].uri == "sip:100@sip.example.com"


def test_name_that_is_not_resolved_is_unreachable_at_once() -> None:
    state = Snapshot(down={"c"}, why={"c": "is not resolved yet"}, places={})
    decision = call("named, one", state)
    assert [target.name for target in decision.plan.hunts[0].targets] == ["one"]
    assert "gateway c is not resolved yet" in [verdict.why for verdict in decision.trace]


def test_host_of_a_uri_may_be_a_name() -> None:
    name = "host:pbx.example.org:0:any"
    assert ways(call("desk", Snapshot(places={name: PLACES[2:]}))) == ["tcp:192.0.2.13:5070"]
    assert call("desk", Snapshot(down={name}, places={})).plan.hunts == ()


def test_where_nobody_looks_names_up_they_stand_for_themselves() -> None:
    assert ways(call("desk", Snapshot())) == ["udp:pbx.example.org:0"]


def test_number_of_ways_is_bounded() -> None:
    many = tuple(TransportAddress("udp", f"192.0.2.{last}", 5060) for last in range(1, 200))
    assert len(ways(call("mixed", Snapshot(places={"c": many})))) == MOST_CANDIDATES


def test_plain_gateways_and_fixed_groups_leave_nothing_to_chance() -> None:
    state = Snapshot()
    for rung in ("one", "ordered"):
        assert call(rung, state).plan.hunts[0] is not None
    dialplan = compile_dialplan(
        parse(f'{HEAD}  "4000": {{route: [{{hunt: [one, ordered]}}]}}\n', "f")
    )
    facts = Facts("lab", "127.0.0.1", "1", "4000")
    assert decide(dialplan, facts, state).plan is decide(dialplan, facts, state).plan


def test_gateways_are_compiled_as_they_are_looked_up_and_probed() -> None:
    gateways = compile_dialplan(
        parse(f'{HEAD}  "4000": {{route: [{{hunt: [desk]}}]}}\n', "f")
    ).gateways
    assert gateways["a"].goal == GatewayAddress("192.0.2.1", 5060, "udp")
    assert gateways["a"].probe == Probe(5.0, 2.0, 3, 2)
    assert gateways["a"].rest == Rest(2, 30.0)
    assert gateways["c"].goal == GatewayAddress("sip.example.com", 0, "")
    assert gateways["c"].tls_name == "sip.example.com"
    assert gateways["d"].goal == GatewayAddress("sip.example.net", 5080, "tcp")
    assert gateways["host:pbx.example.org:0:any"].of_uri


def test_name_is_known_by_how_it_is_looked_up() -> None:
    assert [name_of(goal) for goal in redirect_goals("pbx.example.org")] == [
        "host:pbx.example.org:0:any",
        "host:pbx.example.org:5060:any",
    ]
    assert (
        name_of(GatewayAddress("pbx.example.org", 5070, "tls")) == "host:pbx.example.org:5070:tls"
    )
