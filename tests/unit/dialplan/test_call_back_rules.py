"""Rules of call-backs and of supervision: what is said of those that cannot work."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.outbound_lines import Shown
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks: {lab: {addresses: [192.0.2.0/24]}, phones: {phones: true}}
gateways: {out: {address: 192.0.2.1}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}}
extensions: {"301": {targets: [desk]}}
queues: {support: {agents: ["301"]}}
"""
OUTBOUND = "outbound: {default: main, emergency: [main]}\noutbound_lines: {main: {via: out}}\n"


def plan(more: str, number: str = '"1": {route: [{hunt: [desk]}]}') -> Dialplan:
    return compile_dialplan(parse(f"{HEAD}{more}numbers:\n  {number}\n", "plan.yaml"))


def mistakes(more: str, number: str = '"1": {route: [{hunt: [desk]}]}') -> list[str]:
    with pytest.raises(ConfigError) as raised:
        plan(more, number)
    return [str(one) for one in raised.value.diagnostics]


def test_call_backs_go_out_by_the_default_line_where_no_gateway_is_named() -> None:
    rule = plan(f"{OUTBOUND}call_backs: {{missed: {{queue: support}}}}\n").call_backs["missed"]
    assert rule.by.rule.gateways == {"out"}
    (target,) = rule.by.dials("13800138000", Shown("+862012345678"), "", 0.0).hunt.targets
    assert target.uri.startswith("sip:13800138000@192.0.2.1")
    assert target.caller_id == "+862012345678"


def test_rule_that_no_gateway_is_there_for_is_refused() -> None:
    found = mistakes("call_backs: {missed: {queue: support}}\n")
    assert found == [
        "plan.yaml:7:14: error: expected 'via', or 'default' in 'outbound': by what is it called "
        "back?"
    ]


def test_supervision_without_digits_behind_the_code_is_refused() -> None:
    found = mistakes("", '"*55": {route: [{feature: {supervise: listen}}]}')
    assert found == [
        "plan.yaml:8:41: error: whom it is about is dialled behind the code: expected a number as "
        "'*55*x*'"
    ]
