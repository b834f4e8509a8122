"""Hosts of URIs in one spelling, and those that are addresses."""

import pytest

from callrouter.sip.uri import canonical_host, is_ip_address


@pytest.mark.parametrize(
    ("host", "canonical", "address"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:DB8:0::1", "2001:db8::1", True),
        ("::1", "::1", True),
        ("PBX.Example.org", "pbx.example.org", False),
        ("192.0.2", "192.0.2", False),
        ("192.0.2.01", "192.0.2.01", False),
        ("", "", False),
    ],
)
def test_host(host: str, canonical: str, address: bool) -> None:
    assert canonical_host(host) == canonical
    assert is_ip_address(host) == address
