"""A target with several ways to it: which failures lead to the next way, and in whose time."""

import pytest
from hunted import World, decided, hunt, results, target
from support.wire import TARGET

from callrouter.errors import SipError
from callrouter.route.values.gateway_candidates import Gateway, GatewayAddress, Rest
from callrouter.route.values.plan import Target

HERE = f"udp:{TARGET[0]}:{TARGET[1]}"


def by(first: str, *others: str, ring: float = 15.0) -> Target:
    """A target whose ways have names of their own, so that a script can be given for each."""
    made = target(first, ring=ring)
    made.gateway = first
    made.others = tuple(target(name, ring=ring) for name in others)
    for other in made.others:
        other.gateway = other.name
    return made


def test_503_leads_to_the_next_way_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decided(monkeypatch, hunt((by("a", "b", "c"),)))
    world = World("a: 503", "b: 503", "c: 180, 200 after 1s")
    record = world.play()
    assert results(record) == [
        ("a", "unreachable", 503),
        ("b", "unreachable", 503),
        ("c", "answered", 200),
    ]
    assert [at for _, at in world.rung()] == [0.0, 0.0, 0.0]
    assert [(leg.gateway, leg.place) for leg in record.legs] == [
        (name, HERE) for name in ("a", "b", "c")
    ]
    assert [message.status for message in world.told()] == [180, 200]


def test_silence_leads_to_the_next_way_when_the_progress_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ways = by("a", "b")
    ways.host = "192.0.2.99"  # nobody is there
    decided(monkeypatch, hunt((ways,)))
    world = World("a: 200", "b: 200")
    record = world.play()
    assert results(record) == [("a", "unreachable", 408), ("b", "answered", 200)]
    assert [leg.started_ms // 100 for leg in record.legs] == [0, 50]


def test_all_ways_share_the_ring_time_of_their_target(monkeypatch: pytest.MonkeyPatch) -> None:
    decided(monkeypatch, hunt((by("a", "b", ring=6.0),), (target("next"),)))
    world = World("a: 180, 503 after 4s", "b: 180", "next: 200")
    record = world.play()
    assert results(record) == [
        ("a", "unreachable", 503),
        ("b", "no_answer", 408),
        ("next", "answered", 200),
    ]
    assert world.rung() == [("a", 0.0), ("b", 4.0), ("next", 6.0)]


@pytest.mark.parametrize("status", [404, 480, 486, 500, 504, 603])
def test_no_other_answer_leads_to_the_next_way(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    decided(monkeypatch, hunt((by("a", "b"),)))
    world = World(f"a: {status}", "b: 200")
    record = world.play()
    assert [leg.target for leg in record.legs] == ["a"]


def test_target_whose_ways_all_fail_is_followed_by_the_next_and_503_is_not_relayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(monkeypatch, hunt((by("a", "b"),), (target("c"),)))
    world = World("a: 503", "b: 503", "c: 503")
    record = world.play()
    assert [leg.target for leg in record.legs] == ["a", "b", "c"]
    assert [message.status for message in world.told()] == [500]


def test_way_that_cannot_be_sent_to_costs_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = by("a", "b")
    ways.transport = "tls"
    ways.others[0].transport = "udp"
    decided(monkeypatch, hunt((ways,)))
    world = World("a: 200", "b: 200")
    connect = world.router.stack.connect

    def refuse(transport: str, host: str, port: int, name: str = "") -> object:
        if transport == "TLS":
            raise SipError("no TLS listener can reach it", 503)
        return connect(transport, host, port, name)

    monkeypatch.setattr(type(world.router.stack), "connect", lambda _, *place: refuse(*place))
    record = world.play()
    assert results(record) == [("a", "unreachable", 503), ("b", "answered", 200)]


def test_calls_that_fail_give_a_gateway_its_rest_and_hold_its_lines_until_they_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(monkeypatch, hunt((by("a", "b"),)))
    world = World("a: 503", "b: 200")
    goal = GatewayAddress(*TARGET, "udp")
    gateways = world.router.shared.gateways
    gateways.serve({name: Gateway(name, goal, False, rest=Rest(1, 30.0)) for name in ("a", "b")})
    world.play()
    assert gateways.why == {"a": "rests: calls are answered 503"}
    assert [(it.taken, it.failed) for it in gateways.all()] == [(0, 1), (1, 0)]
