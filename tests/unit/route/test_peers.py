"""How a target's gateway is dealt with."""

from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.route.values.plan import Refusal, Target


def test_a_target_is_dealt_with_as_its_gateway_says() -> None:
    trusted = PeerProfile(trusted=True)
    refusal = Refusal("unknown_number", 404, 1)
    dialplan = Dialplan("0", "f", "CN", [], [], [], 1, {}, refusal, peers={"out": trusted})
    target = Target("desk", "sip:a@192.0.2.1", "192.0.2.1", 5060, "udp", 15.0, 5.0)
    assert dialplan.peer_of(target) is USUAL
    target.gateway = "other"
    assert dialplan.peer_of(target) is USUAL
    target.gateway = "out"
    assert dialplan.peer_of(target) is trusted
