"""Which headers pass between two peers, and how a target's gateway is dealt with."""

from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.peer_profile import PASSED, USUAL, Peer, passing
from callrouter.route.values.plan import Refusal, Target

ACCOUNT = ("x-account", "X-Account")
REGION = ("x-region", "X-Region")


def test_between_usual_peers_the_usual_headers_pass() -> None:
    assert passing(USUAL, USUAL) == PASSED
    assert passing(Peer(), USUAL) == PASSED


def test_what_either_peer_names_passes_and_what_either_removes_does_not() -> None:
    one = Peer(passed=(ACCOUNT,), removed=frozenset(("subject",)))
    other = Peer(passed=(ACCOUNT, REGION))
    usual = tuple(name for name in PASSED if name[0] != "subject")
    assert passing(one, other) == (*usual, ACCOUNT, REGION)
    assert passing(one, USUAL) == passing(USUAL, one) == (*usual, ACCOUNT)


def test_a_target_is_dealt_with_as_its_gateway_says() -> None:
    trusted = Peer(trusted=True)
    refusal = Refusal("unknown_number", 404, 1)
    dialplan = Dialplan("0", "f", "CN", [], [], [], 1, {}, refusal, peers={"out": trusted})
    target = Target("desk", "sip:a@192.0.2.1", "192.0.2.1", 5060, "udp", 15.0, 5.0)
    assert dialplan.peer_of(target) is USUAL
    target.gateway = "other"
    assert dialplan.peer_of(target) is USUAL
    target.gateway = "out"
    assert dialplan.peer_of(target) is trusted
