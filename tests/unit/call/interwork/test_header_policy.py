"""Which headers pass between two peers."""

from callrouter.call.interwork.header_policy import PASSED, passing
from callrouter.route.rules.peer_profile import USUAL, PeerProfile

ACCOUNT = ("x-account", "X-Account")
REGION = ("x-region", "X-Region")


def test_between_usual_peers_the_usual_headers_pass() -> None:
    assert passing(USUAL, USUAL) == PASSED
    assert passing(PeerProfile(), USUAL) == PASSED


def test_what_either_peer_names_passes_and_what_either_removes_does_not() -> None:
    one = PeerProfile(passed=(ACCOUNT,), removed=frozenset(("subject",)))
    other = PeerProfile(passed=(ACCOUNT, REGION))
    usual = tuple(name for name in PASSED if name[0] != "subject")
    assert passing(one, other) == (*usual, ACCOUNT, REGION)
    assert passing(one, USUAL) == passing(USUAL, one) == (*usual, ACCOUNT)
