"""Mistakes in gateways and groups of them, each at its place."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks: {lab: {addresses: [127.0.0.1]}}
numbers: {"4000": {route: [{hunt: [t]}]}}
"""
GATEWAY = "gateways: {a: {address: 192.0.2.1}}\n"
TARGET = 'targets: {t: {number: "1", via: a}}\n'


def mistakes(text: str) -> list[str]:
    try:
        compile_dialplan(parse(HEAD + text, "f"))
    except ConfigError as error:
        return [str(it).removeprefix("f:") for it in error.diagnostics]
    return []


@pytest.mark.parametrize(
    "host", [".1", "192.0.2.300", "a..example", "-a.example", "example", "1.2.3", f"{'a' * 64}.cn"]
)
def test_what_is_neither_address_nor_name_is_no_gateway(host: str) -> None:
    gateway = f'gateways: {{a: {{address: "{host}"}}}}\n'
    (mistake,) = mistakes(gateway + TARGET)
    assert mistake.startswith("4:25: error: expected an IP address such as"), mistake


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "sip.example.com", "SIP.Example.com.", "a-b.cn:5080"]
)
def test_addresses_and_names_are_gateways(host: str) -> None:
    assert mistakes(f'gateways: {{a: {{address: "{host}"}}}}\n{TARGET}') == []


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ("{g: {gateways: []}}", "6:32: error: expected at least one item, found an empty list"),
        (
            "{g: {gateways: [{name: b}]}}",
            "6:40: error: no gateway is named 'b'",
        ),
        (
            "{g: {gateways: [{name: a}, {name: a}]}}",
            "6:51: error: gateway 'a' is in this group already",
        ),
        (
            "{a: {gateways: [{name: a}]}}",
            "6:18: error: a gateway is named 'a' too: in 'via' they could not be told apart",
        ),
        (
            "{g: {gateways: [{name: a, priority: -1}]}}",
            "6:53: error: expected a priority from 0 to 65535, found '-1'",
        ),
    ],
)
def test_mistake_in_a_group_is_named_at_its_place(groups: str, found: str) -> None:
    (mistake,) = mistakes(f"{GATEWAY}{TARGET}gateway_groups: {groups}\n")
    assert mistake.startswith(found), mistake


def test_target_may_be_dialled_by_a_group_and_by_nothing_else() -> None:
    groups = "gateway_groups: {g: {gateways: [{name: a}]}}\n"
    assert mistakes(f"{GATEWAY}{TARGET.replace('via: a', 'via: g')}{groups}") == []
    (mistake,) = mistakes(f"{GATEWAY}{TARGET.replace('via: a', 'via: x')}{groups}")
    assert mistake.startswith("5:33: error: no gateway is named 'x'")


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("probe: {every: 0s}", "expected a time from 1s to 3600s"),
        ("probe: {down_after: 0}", "expected a count from 1 to 100"),
        ("rest: {for: 2h}", "expected a time from 1s to 3600s"),
        ("rest: {failures: 3, until: 5s}", "unknown key 'until'"),
    ],
)
def test_mistake_in_a_probe_or_rest_says_what_was_expected(more: str, found: str) -> None:
    (mistake,) = mistakes(f"gateways: {{a: {{address: 192.0.2.1, {more}}}}}\n{TARGET}")
    assert found in mistake
