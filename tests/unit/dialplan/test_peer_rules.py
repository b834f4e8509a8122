"""How a trunk or a gateway is dealt with: timers, headers, trust (RFC 3325, RFC 4028)."""

import pytest
from support.by_hand import target

from callrouter.call.interwork.header_policy import PASSED, passing
from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.yamlfile.reader import parse

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


def headed(keys: str, trunk: str = "", gateway: str = "") -> Dialplan:
    """A dialplan with keys at its top."""
    text = PLAN.format(trunk=trunk and f", {trunk}", gateway=gateway and f", {gateway}")
    return compile_dialplan(parse(f"{keys}\n{text}", "peers.yaml"))


def of_gateway(dialplan: Dialplan) -> PeerProfile:
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
    assert peer.timer == (600, 90, 0)
    assert peer.rows == "X-Carrier: abc\r\n"
    names = [name for _, name in passing(USUAL, peer)]
    assert names == [*(name for _, name in PASSED if name != "Subject"), "X-Account"]
    assert of_gateway(compiled("", "session_timer: off")).timer is None


def test_the_dialplans_session_timer_is_for_all_who_have_none_of_their_own() -> None:
    dialplan = headed("session_timer: {expires: 20m, ask_every: 60s}", gateway="trusted: true")
    assert dialplan.trunks["lab"].peer.timer == of_gateway(dialplan).timer == (1200, 90, 60)
    assert dialplan.peer_of(target()).timer == (1200, 90, 60)
    dialplan = headed("session_timer: {ask_every: 60s}", "session_timer: off")
    assert dialplan.trunks["lab"].peer.timer is None
    assert of_gateway(dialplan).timer == (1800, 90, 60)
    dialplan = headed("session_timer: off", gateway="session_timer: {ask_every: 5s}")
    assert dialplan.trunks["lab"].peer.timer is None
    assert of_gateway(dialplan).timer == (1800, 90, 5)
    assert compiled().trunks["lab"].peer.timer == (1800, 90, 300)


@pytest.mark.parametrize(
    ("keys", "number", "seconds"),
    [
        ("", "", 14400.0),
        ("longest_call: 1h", "", 3600.0),
        ("longest_call: 1h", ", longest_call: 10m", 600.0),
        ("", ", longest_call: 168h", 604800.0),
    ],
)
def test_a_number_says_how_long_a_call_may_last(keys: str, number: str, seconds: float) -> None:
    text = PLAN.format(trunk="", gateway="").replace("[desk]}]", f"[desk]}}]{number}")
    dialplan = compile_dialplan(parse(f"{keys}\n{text}", "peers.yaml"))
    assert dialplan.numbers["4000"].longest_call == seconds


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("caller: pai", "expected 'trusted: true' where there is 'caller: pai'"),
        ("session_timer: 90s", "or off"),
        ("session_timer: {expires: 10s}", "expected a time from 90s to 86400s"),
        ("session_timer: {ask_every: 500ms}", "expected a time from 1s to 86400s"),
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
