"""How a target's gateway is dealt with."""

from support.by_hand import dialplan, target

from callrouter.route.rules.peer_profile import USUAL, PeerProfile


def test_a_target_is_dealt_with_as_its_gateway_says() -> None:
    trusted = PeerProfile(trusted=True)
    plan = dialplan(peers={"out": trusted})
    assert plan.peer_of(target()) is USUAL
    assert plan.peer_of(target(gateway="other")) is USUAL
    assert plan.peer_of(target(gateway="out")) is trusted
