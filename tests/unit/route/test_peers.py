"""How a target's gateway is dealt with."""

from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.route.values.plan import Refusal, Target


def test_a_target_is_dealt_with_as_its_gateway_says() -> None:
    trusted = PeerProfile(trusted=True)
    refusal = Refusal(reason="unknown_number", status=404, cause=1)
    dialplan = Dialplan(
        version="0",
        file="f",
        country="CN",
        trunks=[],
        networks=[],
        numbers=[],
        numbers_line=1,
        extensions={},
        unknown=refusal,
        peers={"out": trusted},
    )
    target = Target(
        name="desk",
        uri="sip:a@192.0.2.1",
        host="192.0.2.1",
        port=5060,
        transport="udp",
        ring_seconds=15.0,
        progress_seconds=5.0,
    )
    assert dialplan.peer_of(target) is USUAL
    target.gateway = "other"
    assert dialplan.peer_of(target) is USUAL
    target.gateway = "out"
    assert dialplan.peer_of(target) is trusted
