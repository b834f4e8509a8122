"""Mistakes in what a dialplan says of TLS."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.yamlfile.reader import parse

GOOD = """\
country: CN
trunks:
  lab: {addresses: [127.0.0.0/8]}
gateways:
  carrier: {address: "192.0.2.1:5080"}
targets:
  desk: {uri: "sip:desk@192.0.2.9"}
numbers:
  "4000": {route: [{hunt: [desk]}]}
"""
DESK = '{uri: "sip:desk@192.0.2.9"}'


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (
            DESK,
            '{uri: "sips:desk@192.0.2.9;transport=tcp"}',
            ["7:15: error: a sips URI goes by TLS: leave out transport=tcp"],
        ),
        (
            DESK,
            '{uri: "sip:desk@192.0.2.9", tls_name: desk.test}',
            ["7:9: error: expected a 'uri' that goes by TLS where there is 'tls_name'"],
        ),
        (
            '{address: "192.0.2.1:5080"}',
            '{address: "192.0.2.1:5080", tls_name: sip.test}',
            ["5:12: error: expected 'transport: tls' where there is 'tls_name'"],
        ),
        (
            '{address: "192.0.2.1:5080"}',
            '{address: "192.0.2.1:5080", transport: tls, tls_name: "a b"}',
            ["5:66: error: expected a name such as \"sip.example.com\", found 'a b'"],
        ),
        (
            "{addresses: [127.0.0.0/8]}",
            "{}",
            ["3:8: error: expected 'addresses', 'tls_peer' or 'auth', by which it is known"],
        ),
        (
            "{addresses: [127.0.0.0/8]}",
            "{tls_peer: [A.test, b.test, a.test.]}",
            ["3:36: error: a.test belongs to trunk 'lab' already"],
        ),
    ],
)
def test_mistake_about_tls_is_named_at_its_place(old: str, new: str, found: list[str]) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        compile_dialplan(parse(GOOD.replace(old, new), "f"))
    assert str(caught.value).splitlines() == [f"f:{line}" for line in found]
