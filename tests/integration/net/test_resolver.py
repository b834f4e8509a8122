"""RFC 3263 against a DNS server on loopback, its strange answers too."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from support.nameserver import NameServer

from callrouter.net.gateways import dns_resolver as module
from callrouter.net.gateways.dns_cache import after_failure, again_after
from callrouter.net.gateways.dns_resolver import MOST_PLACES, ResolveError, Resolver
from callrouter.route.values.gateway_candidates import GatewayAddress, TransportAddress

pytestmark = pytest.mark.asyncio
NAME = "sip.example.com"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NameServer]:
    server = await NameServer.open()
    yield server
    server.close()


async def places(
    server: NameServer, goal: GatewayAddress, *transports: str
) -> list[TransportAddress]:
    spoken = transports or ("udp", "tcp")
    found = await Resolver([("127.0.0.1", server.port)], spoken, sixth=True).find(goal)
    return list(found.places)


async def test_port_that_is_written_asks_for_addresses_alone(server: NameServer) -> None:
    server.add(NAME, "A", "192.0.2.2", "192.0.2.1")
    server.add(NAME, "AAAA", "2001:db8::1")
    assert await places(server, GatewayAddress(NAME, 5070, "tcp")) == [
        TransportAddress("tcp", "192.0.2.1", 5070),
        TransportAddress("tcp", "192.0.2.2", 5070),
        TransportAddress("tcp", "2001:db8::1", 5070),
    ]
    assert {kind for _, kind in server.asked} == {"A", "AAAA"}
    assert (await places(server, GatewayAddress(NAME, 5070, "")))[0].transport == "udp"


async def test_naptr_says_the_transport_in_its_order(server: NameServer) -> None:
    server.add(
        NAME,
        "NAPTR",
        '20 1 "s" "SIP+D2U" "" _sip._udp.example.com.',
        '10 1 "s" "SIPS+D2T" "" _sips._tcp.example.com.',
        '10 2 "S" "sip+d2t" "" _sip._tcp.example.com.',
        '1 1 "u" "SIP+D2U" "!^.*$!sip:x@y!" .',
        '1 1 "s" "H323+D2T" "" _h323._tcp.example.com.',
    )
    for transport in ("udp", "tcp"):
        server.add(f"_sip._{transport}.example.com", "SRV", "0 0 5062 a.example.com.")
    server.add("a.example.com", "A", "192.0.2.1")
    found = await places(server, GatewayAddress(NAME, 0, ""))
    assert [(it.transport, it.port) for it in found] == [("tcp", 5062), ("udp", 5062)]
    assert found[0].priority < found[1].priority


async def test_without_naptr_the_srv_records_of_what_we_speak_are_asked(
    server: NameServer,
) -> None:
    server.add(f"_sip._tcp.{NAME}", "SRV", "1 0 5060 a.example.com.")
    server.add("a.example.com", "A", "192.0.2.1")
    assert [it.transport for it in await places(server, GatewayAddress(NAME, 0, ""))] == ["tcp"]
    assert (f"_sips._tcp.{NAME}", "SRV") not in server.asked
    with pytest.raises(ResolveError):
        await places(server, GatewayAddress(NAME, 0, "udp"))


async def test_srv_keeps_priority_and_weight_which_the_addresses_share(
    server: NameServer,
) -> None:
    server.add(
        f"_sip._udp.{NAME}",
        "SRV",
        "10 6 5062 two.example.com.",
        "10 1 5062 one.example.com.",
        "5 0 5064 first.example.com.",
    )
    server.add("two.example.com", "A", "192.0.2.1", "192.0.2.2")
    server.add("one.example.com", "A", "192.0.2.3")
    server.add("first.example.com", "A", "192.0.2.4")
    found = await places(server, GatewayAddress(NAME, 0, "udp"))
    assert [(it.host, it.port, it.priority, it.weight) for it in found] == [
        ("192.0.2.4", 5064, 5, 0),
        ("192.0.2.1", 5062, 10, 3 * 840),
        ("192.0.2.2", 5062, 10, 3 * 840),
        ("192.0.2.3", 5062, 10, 840),
    ]


async def test_name_without_srv_is_at_the_usual_port(server: NameServer) -> None:
    server.add(NAME, "A", "192.0.2.1")
    assert await places(server, GatewayAddress(NAME, 0, "tls"), "tls") == [
        TransportAddress("tls", "192.0.2.1", 5061)
    ]
    assert await places(server, GatewayAddress(NAME, 0, "auto")) == [
        TransportAddress("auto", "192.0.2.1", 5060)
    ]


async def test_strange_records_are_left_out(server: NameServer) -> None:
    server.add(
        f"_sip._udp.{NAME}",
        "SRV",
        "0 0 0 port-0.example.com.",
        "1 0 5060 .",
        "2 0 5060 a\\000b\\.\\032.example.com.",
        "3 0 5060 \\.1.example.com.",
        "4 0 5060 nobody.example.com.",
        "5 0 5060 a.example.com.",
    )
    server.add("port-0.example.com", "A", "192.0.2.9")
    server.add("a.example.com", "A", "0.0.0.0", "224.0.0.1", "255.255.255.255", "10.0.0.1")
    found = await places(server, GatewayAddress(NAME, 0, "udp"))
    assert [it.host for it in found] == ["10.0.0.1"]


async def test_service_that_is_said_not_to_be_there_is_no_place(server: NameServer) -> None:
    server.add(f"_sip._udp.{NAME}", "SRV", "0 0 0 .")
    server.add(NAME, "A", "192.0.2.1")
    with pytest.raises(ResolveError, match="nobody is there"):
        await places(server, GatewayAddress(NAME, 0, "udp"))


async def test_hundreds_of_records_are_a_few_places(server: NameServer) -> None:
    service = f"_sip._udp.{NAME}"
    for index in range(60):
        server.add(service, "SRV", f"{index} 1 5060 h{index}.example.com.")
        for last in range(9):
            server.add(f"h{index}.example.com", "A", f"192.0.{index}.{last + 1}")
    found = await places(server, GatewayAddress(NAME, 0, "udp"))
    assert len(found) == MOST_PLACES
    assert found[0].host == "192.0.0.1"
    assert len(server.asked) < 40


async def test_silence_and_refusals_are_errors(
    server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_QUERY_SECONDS", 0.2)
    server.silent = True
    with pytest.raises(ResolveError, match="LifetimeTimeout"):
        await places(server, GatewayAddress(NAME, 5060, "udp"))
    server.silent, server.broken = False, True
    with pytest.raises(ResolveError, match="NoNameservers"):
        await places(server, GatewayAddress(NAME, 5060, "udp"))
    server.broken, server.garbage = False, b"\0" * 40
    with pytest.raises(ResolveError):
        await places(server, GatewayAddress(NAME, 5060, "udp"))


async def test_ttl_is_the_shortest_of_all_records_and_bounded(server: NameServer) -> None:
    server.ttl = 77
    server.add(f"_sip._udp.{NAME}", "SRV", "0 0 5060 a.example.com.")
    server.add("a.example.com", "A", "192.0.2.1")
    found = await Resolver([("127.0.0.1", server.port)], ["udp"], sixth=False).find(
        GatewayAddress(NAME, 0, "udp")
    )
    assert found.ttl == 77
    assert [again_after(ttl) for ttl in (0.0, 77.0, 1e9)] == [5.0, 77.0, 3600.0]
    assert [after_failure(count) for count in (1, 2, 3, 9, 1000)] == [5.0, 10.0, 20.0, 60.0, 60.0]
