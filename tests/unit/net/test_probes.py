"""OPTIONS to gateways on the virtual wire, by the stack's own timers."""

import pytest
from support.wire import ROUTER, TARGET, Wire, left_over

from callrouter.net.gateways.options_ping import Prober
from callrouter.route.values.gateway_candidates import (
    Gateway,
    GatewayAddress,
    Probe,
    TransportAddress,
)
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request
from callrouter.sip.stack import Stack

PLACE = TransportAddress("udp", *TARGET)
GATEWAY = Gateway("a", GatewayAddress(*TARGET, "udp"), False, "", Probe(10.0, 2.0, 3, 2))


class Carrier:
    """Answers each request with a status, 0 for silence. asked: when what came."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.status = 200
        self.asked: list[tuple[float, str]] = []
        stack.core = self

    def on_request(self, request: Request, flow: Flow) -> None:
        self.asked.append((round(self.stack.now, 1), request.method))
        if self.status:
            self.stack.reply(request, flow, self.status)


class World:
    """A prober and a carrier. said: what the prober heard."""

    def __init__(self) -> None:
        self.wire = Wire()
        self.stack = self.wire.stack(ROUTER)
        self.carrier = Carrier(self.wire.stack(TARGET))
        self.said: list[str] = []
        self.prober = Prober(self.stack, lambda _name, _place, why: self.said.append(why))


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (200, ""),
        (404, ""),
        (500, ""),
        (408, "OPTIONS is answered 408"),
        (503, "OPTIONS is answered 503"),
        (0, "OPTIONS is not answered"),
    ],
)
def test_any_final_answer_but_503_and_408_says_that_somebody_is_there(
    status: int, why: str
) -> None:
    world = World()
    world.carrier.status = status
    world.prober.watch([(GATEWAY, PLACE)])
    world.wire.run(until=25.0)
    assert world.said == [why] * 3
    assert [at for at, _ in world.carrier.asked if at % 10 == 0] == [0.0, 10.0, 20.0]


def test_place_that_stays_keeps_its_rhythm_and_one_that_goes_is_asked_no_more() -> None:
    world = World()
    world.prober.watch([(GATEWAY, PLACE)])
    world.wire.run(until=5.0)
    world.prober.watch([(GATEWAY, PLACE)])
    world.wire.run(until=15.0)
    assert [at for at, _ in world.carrier.asked] == [0.0, 10.0]
    world.carrier.status = 0
    world.wire.run(until=20.5)
    world.prober.watch([])
    world.wire.run()
    assert [at for at, _ in world.carrier.asked if at > 21.0] == []
    assert left_over(world.stack) == {}
