"""A target may be where the caller is, and where the simulation has its own parties."""

import itertools
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from callrouter.commands.simulate import simulate

HOSTS: Final = ("203.0.113.7", "192.0.2.252", "192.0.2.253", "192.0.2.254", "127.0.0.1")
_DIALPLAN: Final = """
country: CN
trunks: {{carrier: {{addresses: ["{trunk}"]}}}}
gateways: {{carrier: {{address: "{gateway}"}}}}
targets:
  mobile: {{number: "13900139000", via: carrier}}
  desk: {{uri: "sip:desk@{gateway}:5060"}}
numbers:
  "4000": {{route: [{{hunt: [mobile, desk], greet: ringback}}]}}
  "4001": {{route: [{{hunt: [mobile, desk]}}]}}
"""


@pytest.mark.parametrize(
    ("trunk", "gateway", "called"),
    [(*pair, called) for pair in itertools.product(HOSTS, HOSTS) for called in ("4000", "4001")],
)
def test_gateway_at_any_address_is_called(
    trunk: str, gateway: str, called: str, tmp_path: Path
) -> None:
    file = tmp_path / "dialplan.yaml"
    file.write_text(_DIALPLAN.format(trunk=trunk, gateway=gateway), encoding="utf-8")
    legs = ("--leg", "mobile: 486 after 1s", "--leg", "desk: 200 after 2s")
    options = ["--from", "13800138000", "--to", called, *legs, "--dialplan", str(file)]
    result = CliRunner().invoke(simulate, options)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "ANSWERED by desk"


@pytest.mark.parametrize(
    ("trunk", "name"),
    [
        ("{phones: true}", "phones"),
        ("{tls_peer: [trunk.example.com]}", "certificate"),
        ("{auth: {user: far, password_env: FAR}}", "password"),
        ("{addresses: [192.0.2.1], auth: {user: far, password_env: FAR}}", "both"),
    ],
)
def test_call_by_a_trunk_that_is_known_by_something_else_is_played(
    trunk: str, name: str, tmp_path: Path
) -> None:
    text = f"""
country: CN
trunks: {{other: {{addresses: [192.0.2.9]}}, {name}: {trunk}}}
targets: {{desk: {{uri: "sip:desk@192.0.2.1"}}}}
extensions: {{"101": {{phone: {{user: "101", password_env: P101}}}}}}
numbers: {{"4000": {{route: [{{hunt: [desk]}}]}}}}
"""
    file = tmp_path / "dialplan.yaml"
    file.write_text(text, encoding="utf-8")
    options = ["--to", "4000", "--trunk", name, "--dialplan", str(file)]
    result = CliRunner().invoke(simulate, options)
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "ANSWERED by desk"
