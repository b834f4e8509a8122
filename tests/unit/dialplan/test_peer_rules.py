"""How a trunk or a gateway is dealt with: timers, headers, trust (RFC 3325, RFC 4028)."""

import pytest

from callrouter.dialplan.compiler import compile_dialplan
from callrouter.dialplan.yaml import parse
from callrouter.errors import ConfigError
from callrouter.route.dialplan import Dialplan
from callrouter.route.peers import PASSED, USUAL, Peer, passing

PLAN = """
country: CN
trunks: {{lab: {{addresses: [192.0.2.1]{trunk}}}}}
gateways: {{out: {{address: "192.0.2.3:5060"{gateway}}}}}
targets: {{desk: {{number: "501", via: out}}}}
numbers: {{"4000": {{route: [{{hunt: [desk]}}]}}}}
"""


def compiled(trunk: str = "", gateway: str = "") -> Dialplan:
    text = PLAN.format(trunk=trunk and f", {trunk}", gateway=gateway and f", {gateway}")
    return compile_dialplan(parse(text, "peers.yaml"))


def of_gateway(dialplan: Dialplan) -> Peer:
    hunt = dialplan.numbers["4000"].route[0].several
    assert hunt is not None
    return dialplan.peer_of(hunt.hunt.targets[0])


def test_who_says_nothing_is_the_usual_peer() -> None:
    dialplan = compiled()
    assert dialplan.trunks["lab"].peer is of_gateway(dialplan) is USUAL


def test_all_that_a_gateway_says_is_compiled() -> None:
    headers = 'headers: {pass: [X-Account], set: {X-Carrier: "abc"}, remove: [Subject]}'
    peer = of_gateway(compiled("", f"trusted: true, session_timer: {{expires: 10m}}, {headers}"))
    assert peer.trusted
    assert peer.timer == (600, 90, True)
    assert peer.rows == "X-Carrier: abc\r\n"
    names = [name for _, name in passing(USUAL, peer)]
    assert names == [*(name for _, name in PASSED if name != "Subject"), "X-Account"]
    assert of_gateway(compiled("", "session_timer: off")).timer is None


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("caller: pai", "expected 'trusted: true' where there is 'caller: pai'"),
        ("session_timer: 90s", "or off"),
        ("session_timer: {expires: 10s}", "expected a time from 90s to 86400s"),
        ("headers: {pass: [Via]}", "'Via' is each side's own: it never passes"),
        ("headers: {pass: ['X Account']}", "expected the name of a header such as X-Account"),
        ("headers: {set: {Route: x}}", "'Route' is each side's own: it never passes"),
        ('headers: {set: {X-A: "a\\r\\nVia: b"}}', "characters on one line"),
        ("transfer: everybody", "expected"),
        ("reliable_provisionals: required", "expected"),
    ],
)
def test_a_mistake_is_named(keys: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(keys)
    assert said in str(caught.value)
