"""What of a dialplan is looked up ahead because a redirection may lead there."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.values.gateway_candidates import GatewayAddress, name_of, redirect_goals
from callrouter.yamlfile.reader import parse

HEAD = """
country: CN
trunks: {lab: {addresses: [127.0.0.0/8]}}
gateways:
  carrier: {address: carrier.example.com}
targets:
  desk: {uri: "sip:desk@pbx.example.org:5070;transport=tcp"}
  near: {uri: "sip:near@192.0.2.1"}
numbers:
"""


@pytest.mark.parametrize(
    "number",
    [
        "{route: [{hunt: [near], redirects: follow}, {hunt: [near], redirects: follow, ring: 9s}]}",
        "{route: [{hunt: some}]}\ngroups: {some: {hunt: [near], redirects: follow}}",
    ],
)
def test_names_are_looked_up_by_services_and_by_address_where_a_hunt_follows(number: str) -> None:
    dialplan = compile_dialplan(parse(f'{HEAD}  "4000": {number}\n', "f"))
    for host in ("carrier.example.com", "pbx.example.org"):
        goals = redirect_goals(host)
        assert goals == (GatewayAddress(host, 0, ""), GatewayAddress(host, 5060, ""))
        for goal in goals:
            watched = dialplan.gateways[name_of(goal)]
            assert (watched.goal, watched.named, watched.of_uri) == (goal, True, True)
    assert len(dialplan.gateways) == 1 + 4


def test_nothing_more_is_looked_up_where_no_hunt_follows() -> None:
    dialplan = compile_dialplan(parse(f'{HEAD}  "4000": {{route: [{{hunt: [desk]}}]}}\n', "f"))
    assert list(dialplan.gateways) == ["carrier", "host:pbx.example.org:5070:tcp"]
