"""Calls over UDP, TCP and TLS, IPv4 and IPv6, and what becomes of them without a connection."""

import asyncio
from pathlib import Path

import pytest
from support.edge import OURS, Authority, Edge, Ports, lay_out_edge, talk
from support.message import SDP
from support.phone import Phone
from support.polling import PATIENCE, until
from support.ports import free_port
from support.serving import Serving
from support.stream_phone import StreamPhone

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize(
    ("number", "a", "b", "host"),
    [
        ("7001", "tcp", "udp", "127.0.0.1"),
        ("7002", "udp", "tcp", "127.0.0.1"),
        ("7003", "tls", "tls", "127.0.0.1"),
        ("7011", "tls", "udp", "::1"),
        ("7012", "udp", "tcp", "::1"),
        ("7013", "tcp", "tls", "::1"),
    ],
)
async def test_call_goes_from_transport_to_transport(
    edge: Edge, number: str, a: str, b: str, host: str
) -> None:
    caller = await edge.caller(a, host)
    name = ("sixth_tls" if b == "tls" else "sixth") if host == "::1" else ""
    callee = await edge.callee(b, name, host)
    try:
        invite = await talk(caller, callee, number)
    finally:
        await caller.close()
        await callee.close()
    here = f"[{host}]" if ":" in host else host
    port = edge.at(b)[1]
    assert invite["Via"].startswith(f"SIP/2.0/{b.upper()} {here}:{port};")
    suffix = "" if b == "udp" else f";transport={b}"
    assert invite.contact == f"sip:{here}:{port}{suffix}"


async def test_connection_to_a_target_serves_the_next_call_as_well(edge: Edge) -> None:
    callee = await edge.callee("tls")
    caller = await edge.caller("tls")
    assert isinstance(callee, StreamPhone)
    try:
        await talk(caller, callee, "7003")
        other = await edge.caller("tls")
        callee.call_id = ""
        await talk(other, callee, "7003")
        await other.close()
        assert len(callee.links) == 1
    finally:
        await caller.close()
        await callee.close()


async def test_lost_connection_is_opened_again_for_the_next_request(edge: Edge) -> None:
    callee = await edge.callee("tcp")
    caller = await edge.caller("udp")
    assert isinstance(callee, StreamPhone)
    try:
        caller.invite("7002")
        invite = await callee.expect("INVITE")
        callee.reply(invite, 200, SDP)
        caller.ack(await caller.expect(200))
        await callee.expect("ACK")
        await callee.hang_up_the_line()
        caller.request("BYE")
        callee.reply(await callee.expect("BYE"), 200)
        await caller.expect(200)
        assert len(callee.links) == 2
    finally:
        await caller.close()
        await callee.close()


async def test_target_whose_connection_breaks_while_ringing_is_left_for_the_next(
    edge: Edge,
) -> None:
    callee, second = await edge.callee("tcp"), await edge.callee("udp")
    caller = await edge.caller("udp")
    assert isinstance(callee, StreamPhone)
    try:
        caller.invite("7005")
        callee.reply(await callee.expect("INVITE"), 180)
        await caller.expect(180)
        await callee.hang_up_the_line()
        second.reply(await second.expect("INVITE", within=15), 486)
        caller.ack(await caller.expect(486))
        await second.expect("ACK")
    finally:
        for phone in (caller, callee, second):
            await phone.close()


async def test_target_that_refuses_the_connection_is_left_at_once(edge: Edge) -> None:
    second = await edge.callee("udp")
    caller = await edge.caller("udp")
    try:
        caller.invite("7005")
        second.reply(await second.expect("INVITE", within=15), 486)
        caller.ack(await caller.expect(486))
        await second.expect("ACK")
    finally:
        await caller.close()
        await second.close()


async def test_answer_finds_a_caller_whose_connection_is_lost_by_its_via(edge: Edge) -> None:
    callee = await edge.callee("udp")
    home = await StreamPhone.listen("127.0.0.1", free_port(), edge.at("tcp"))
    caller = await StreamPhone.connect(edge.at("tcp"), at=home.port)
    try:
        caller.invite("7001")
        invite = await callee.expect("INVITE")
        callee.reply(invite, 180)
        await caller.expect(180)
        before = (await edge.serving.metrics())["callrouter_connections"]
        await caller.hang_up_the_line()

        async def noticed() -> bool:
            return (await edge.serving.metrics())["callrouter_connections"] < before

        await until(noticed)
        callee.reply(invite, 486)
        await callee.expect("ACK")
        assert (await home.expect(486)).branch == caller.invite_sent.branch  # type: ignore[union-attr]
        home.invite_sent, home.target = caller.invite_sent, caller.target
        home.ack(home.seen[-1])
    finally:
        for phone in (caller, home, callee):
            await phone.close()


async def test_large_request_goes_by_tcp_and_a_small_one_by_udp(edge: Edge) -> None:
    port = edge.ports.target("either")
    datagrams = await Phone.open("127.0.0.1", port, edge.at("udp"))
    stream = await StreamPhone.listen("127.0.0.1", port, edge.at("tcp"))
    small, large = await edge.caller("udp"), await edge.caller("udp")
    try:
        assert (await talk(small, datagrams, "7006"))["Via"].startswith("SIP/2.0/UDP")
        assert stream.seen == []
        large.invite("7006", SDP + "a=tool:x\r\n" * 800)
        invite = await stream.expect("INVITE")
        assert len(invite.render()) > 8000
        stream.reply(invite, 486)
        large.ack(await large.expect(486))
        await stream.expect("ACK")
    finally:
        for phone in (small, large, datagrams, stream):
            await phone.close()


async def test_large_request_goes_by_udp_when_there_is_no_tcp_after_all(edge: Edge) -> None:
    datagrams = await Phone.open("127.0.0.1", edge.ports.target("either"), edge.at("udp"))
    caller = await edge.caller("udp")
    try:
        caller.invite("7006", SDP + "a=tool:x\r\n" * 200)
        invite = await datagrams.expect("INVITE")
        assert invite["Via"].startswith("SIP/2.0/UDP")
        datagrams.reply(invite, 486)
        caller.ack(await caller.expect(486))
        await datagrams.expect("ACK")
    finally:
        await caller.close()
        await datagrams.close()


async def test_ping_gets_its_pong_and_costs_nothing_else(edge: Edge) -> None:
    for transport in ("tcp", "tls"):
        caller = await edge.caller(transport)
        assert isinstance(caller, StreamPhone)
        caller.raw(b"\r\n\r\n")
        await asyncio.wait_for(caller.links[0].pinged.wait(), PATIENCE)
        assert caller.links[0].pongs == 1
        await caller.close()


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_listener_of_all_interfaces_names_the_address_it_is_told(
    tmp_path: Path, kind: str
) -> None:
    authority, ports = Authority(tmp_path), Ports()
    authority.issue("own", *OURS)
    authority.issue("other", "other.test")
    suffix = "" if kind == "udp" else ";transport=tcp"
    dialplan = (
        "country: CN\ntrunks: {lab: {addresses: [127.0.0.0/8]}}\n"
        f"targets: {{desk: {{uri: 'sip:127.0.0.1:{ports.target('desk')}{suffix}'}}}}\n"
        "numbers: {'7200': {route: [{hunt: [desk]}]}}\n"
    )
    port = free_port()
    listen = {"bind": f"{kind}:0.0.0.0:{port}", "advertise": "203.0.113.5:5999"}
    place = lay_out_edge(tmp_path, ports, dialplan, only=(listen,))
    serving = await Serving.start(place)
    server = ("127.0.0.1", port)
    callee: Phone
    caller: Phone
    if kind == "udp":
        callee = await Phone.open("127.0.0.1", ports.target("desk"), server)
        caller = await Phone.open("127.0.0.1", free_port(), server)
    else:
        callee = await StreamPhone.listen("127.0.0.1", ports.target("desk"), server)
        caller = await StreamPhone.connect(server)
    try:
        caller.invite("7200")
        invite = await callee.expect("INVITE")
        assert invite["Via"].startswith(f"SIP/2.0/{kind.upper()} 203.0.113.5:5999;")
        assert invite.contact == f"sip:203.0.113.5:5999{suffix}"
        callee.reply(invite, 180)
        assert (await caller.expect(180)).contact == f"sip:203.0.113.5:5999{suffix}"
        callee.reply(invite, 486)
        caller.ack(await caller.expect(486))
        await callee.expect("ACK")
        assert f"{kind} 0.0.0.0:{port} (as 203.0.113.5:5999)" in serving.greeting
    finally:
        await caller.close()
        await callee.close()
        await serving.stop()
