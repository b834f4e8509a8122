"""Over which transport a request goes to a target, and to which URI."""

from collections.abc import Collection
from typing import Final

import pytest
from support.by_hand import target
from support.rig import US

from callrouter.call.targets.next_hop import NextHop, next_hop_to
from callrouter.errors import SipError
from callrouter.route.values.plan import Target
from callrouter.sip.flow import Flow
from callrouter.sip.stack import Stack

URI: Final = "sip:d@192.0.2.9"
SMALL: Final = 200
LARGE: Final = 1300


def stack(*without: str) -> Stack:
    """A stack with a listener for all transports but these."""

    def connect(transport: str, host: str, port: int, name: str) -> Flow:
        if transport in without:
            raise SipError("no listener", 503)
        return Flow(transport, *US, host, port, name)

    return Stack(lambda: "0" * 16, connect)


def found(to: Target, size: int, without: Collection[str] = (), *, secure: bool = False) -> str:
    """The way: its URI, its transport, and where it goes when that fails."""
    way = next_hop_to(stack(*without), to, size, secure=secure)
    spare = "" if way.spare is None else f" or {way.spare.transport}"
    return f"{way.uri} {way.flow.transport}{spare}"


@pytest.mark.parametrize(
    ("transport", "size", "without", "secure", "wanted"),
    [
        ("udp", SMALL, (), False, f"{URI} UDP"),
        ("udp", LARGE, (), False, f"{URI} UDP"),
        ("tcp", SMALL, (), False, f"{URI} TCP"),
        ("tls", SMALL, (), False, f"{URI} TLS"),
        ("tls", SMALL, (), True, "sips:d@192.0.2.9 TLS"),
        # What is too large for a datagram goes by TCP, and by UDP when that fails (18.1.1).
        ("auto", SMALL, (), False, f"{URI} UDP"),
        ("auto", LARGE, (), False, f"{URI} TCP or UDP"),
        ("auto", LARGE, ("TCP",), False, f"{URI} UDP"),
    ],
)
def test_way(
    transport: str, size: int, without: tuple[str, ...], secure: bool, wanted: str
) -> None:
    assert found(target(uri=URI, transport=transport), size, without, secure=secure) == wanted


@pytest.mark.parametrize(
    ("transport", "without", "secure", "status"),
    [
        ("udp", ("UDP",), False, 503),
        ("tcp", ("TCP",), False, 503),
        ("tls", ("TLS",), False, 503),
        ("auto", ("UDP", "TCP"), False, 503),
        # Who asked for TLS on every hop gets no other (RFC 5630 section 5.3).
        ("udp", (), True, 480),
        ("tcp", (), True, 480),
        ("auto", (), True, 480),
        ("tls", ("TLS",), True, 503),
    ],
)
def test_no_way(transport: str, without: tuple[str, ...], secure: bool, status: int) -> None:
    with pytest.raises(SipError) as refusal:
        found(target(uri=URI, transport=transport), SMALL, without, secure=secure)
    assert refusal.value.status == status


def test_boundary_is_a_datagram_of_1300_bytes() -> None:
    to = target(uri=URI, transport="auto")
    room = 1300 - 400 - 2 * len(URI)
    assert found(to, room) == f"{URI} UDP"
    assert found(to, room + 1) == f"{URI} TCP or UDP"


def test_tls_parameter_is_said_by_the_scheme() -> None:
    to = target(uri=f"{URI};transport=tls", transport="tls")
    assert found(to, SMALL, secure=True) == "sips:d@192.0.2.9 TLS"
    assert found(to, SMALL) == f"{URI};transport=tls TLS"


def test_we_are_known_by_our_address_unless_a_name_is_given() -> None:
    flow = Flow("UDP", *US, "192.0.2.9", 5060, None)
    assert NextHop(URI, flow).host == "192.0.2.2:5060"
    assert NextHop(URI, flow, host="us.example").host == "us.example"
