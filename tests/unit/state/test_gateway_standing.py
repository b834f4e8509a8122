"""Gateways by what is said of them, on a clock that the test owns."""

from callrouter.route.values.gateway_candidates import (
    Gateway,
    GatewayAddress,
    Probe,
    Rest,
    TransportAddress,
)
from callrouter.state.gateway_health import GatewayChange, Gateways

PROBE = Probe(10.0, 2.0, down_after=3, up_after=2)
REST = Rest(failures=2, for_seconds=30.0)
PLACE = TransportAddress("udp", "192.0.2.1", 5060)
AT = "udp:192.0.2.1:5060"
HERE = GatewayAddress("192.0.2.1", 5060, "udp")
NAMED = GatewayAddress("sip.example.com", 0, "udp")


class World:
    """Gateways with a journal and a clock. changes: all that became another state."""

    def __init__(self, *gateways: Gateway) -> None:
        self.now = 1000.0
        self.journal: list[tuple[str, tuple[str, ...], tuple[object, ...] | None]] = []
        self.changes: list[GatewayChange] = []
        self.gateways = Gateways(lambda *change: self.journal.append(change), lambda: self.now)
        self.gateways.changed = self.changes.append
        self.serve(*gateways)

    def serve(self, *gateways: Gateway) -> None:
        self.gateways.serve({gateway.name: gateway for gateway in gateways})

    def probed(self, *answers: bool, place: TransportAddress = PLACE) -> None:
        for answered in answers:
            self.gateways.probed("a", place, "" if answered else "OPTIONS is not answered")

    def failed(self, times: int = 1, retry_after: float = 0.0, place: str = AT) -> None:
        for _ in range(times):
            self.gateways.tried("a", place, "calls are answered 503", retry_after)

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.gateways.expire()

    @property
    def down(self) -> set[str]:
        return self.gateways.down


def gateway(
    name: str = "a",
    probe: Probe | None = None,
    rest: Rest | None = None,
    goal: GatewayAddress = HERE,
) -> Gateway:
    return Gateway(name, goal, goal is NAMED, "", probe, rest)


def test_gateway_is_down_after_probes_in_a_row_and_up_after_answers_in_a_row() -> None:
    world = World(gateway(probe=PROBE))
    world.probed(False, False, True, False, False)
    assert world.down == set()
    world.probed(False)
    assert world.down == {"a"}
    assert world.gateways.why == {"a": "is down: OPTIONS is not answered"}
    world.probed(True, False, True)
    assert world.down == {"a"}
    world.probed(True)
    assert world.down == set()
    assert world.gateways.why == {}
    assert [change.state for change in world.changes] == ["down", "up"]


def test_gateway_rests_after_failed_calls_in_a_row_and_one_more_failure_begins_the_next() -> None:
    world = World(gateway(rest=REST))
    world.failed()
    world.gateways.tried("a", AT, "", 0.0)
    world.failed()
    assert world.down == set()
    world.failed()
    assert world.gateways.why == {"a": "rests: calls are answered 503"}
    world.later(29.9)
    assert world.down == {"a"}
    world.later(0.1)
    assert world.down == set()
    world.failed()
    assert world.down == {"a"}


def test_retry_after_begins_a_rest_at_once_of_1_to_300_seconds() -> None:
    for asked, seconds in ((0.5, 1.0), (7.0, 7.0), (86400.0, 300.0)):
        world = World(gateway(rest=REST))
        world.failed(retry_after=asked)
        world.later(seconds - 0.1)
        assert world.down == {"a"}, asked
        world.later(0.1)
        assert world.down == set(), asked


def test_gateway_without_rest_gets_calls_whatever_becomes_of_them() -> None:
    world = World(gateway())
    world.failed(100, retry_after=60.0)
    assert world.down == set()
    assert world.gateways.all()[0].failed == 100


def test_drained_gateway_stays_so_over_probes_reloads_and_restarts() -> None:
    world = World(gateway(probe=PROBE))
    world.gateways.drain("a")
    world.probed(True, True, True)
    world.serve(gateway(probe=PROBE))
    assert world.gateways.why == {"a": "is drained"}
    assert world.journal == [("drain", ("a",), (1000.0,))]
    again = World()
    again.gateways.restore("a", 1000.0)
    again.serve(gateway())
    assert again.down == {"a"}
    assert again.gateways.enable("a")
    assert again.down == set()
    assert again.journal == [("drain", ("a",), None)]
    assert not again.gateways.enable("a")


def test_reload_keeps_the_state_of_what_stays_and_forgets_what_goes_or_moves() -> None:
    down = gateway(probe=PROBE)
    world = World(down, gateway("b"))
    world.probed(False, False, False)
    world.serve(down, gateway("c"))
    assert world.down == {"a"}
    assert [watched.gateway.name for watched in world.gateways.all()] == ["a", "c"]
    world.serve(gateway(probe=PROBE, goal=GatewayAddress("192.0.2.9", 5060, "udp")))
    assert world.down == set()
    world.serve()
    assert (world.down, world.gateways.why) == (set(), {})


def test_gateway_whose_probe_is_taken_away_is_up_again() -> None:
    world = World(gateway(probe=PROBE))
    world.probed(False, False, False)
    world.serve(gateway())
    assert world.down == set()
    world.probed(False, False, False)
    assert world.down == set()


def test_name_is_down_until_dns_knows_it_and_keeps_its_last_answer() -> None:
    world = World(gateway(goal=NAMED))
    assert world.gateways.why == {"a": "is not resolved yet"}
    world.gateways.resolved(NAMED, (), "timeout")
    assert world.gateways.why == {"a": "is not resolved yet: timeout"}
    world.gateways.resolved(NAMED, (PLACE,), "")
    assert world.down == set()
    assert world.gateways.places == {"a": (PLACE,)}
    world.gateways.resolved(NAMED, (), "SERVFAIL")
    assert world.gateways.places == {"a": (PLACE,)}
    assert world.gateways.all()[0].lookup == "SERVFAIL"


def test_gateway_that_comes_with_a_known_name_is_at_its_places_at_once() -> None:
    world = World(gateway(goal=NAMED))
    world.gateways.resolved(NAMED, (PLACE,), "")
    world.serve(gateway(goal=NAMED), gateway("second", goal=NAMED))
    assert world.down == set()
    assert world.gateways.places == {"a": (PLACE,), "second": (PLACE,)}


def test_silent_place_of_a_name_is_left_out_and_stays_so_when_dns_answers_again() -> None:
    other = TransportAddress("udp", "192.0.2.2", 5060)
    world = World(gateway(probe=PROBE, goal=NAMED))
    world.gateways.resolved(NAMED, (PLACE, other), "")
    world.probed(False, False, False)
    assert world.gateways.places == {"a": (other,)}
    assert world.down == set()
    world.gateways.resolved(NAMED, (other, PLACE), "")
    assert world.gateways.places == {"a": (other,)}
    world.probed(False, False, False, place=other)
    assert world.down == {"a"}
    world.gateways.resolved(NAMED, (TransportAddress("udp", "192.0.2.3", 5060),), "")
    assert world.down == set()


def test_what_is_said_of_strangers_changes_nothing() -> None:
    world = World(gateway(probe=PROBE, rest=REST))
    world.gateways.tried("b", AT, "calls are answered 503", 60.0)
    world.failed(5, place="udp:192.0.2.77:5060")
    world.probed(False, False, False, place=TransportAddress("tcp", "192.0.2.1", 5060))
    assert world.down == set()
