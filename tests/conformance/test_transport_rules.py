"""On the wire itself: where answers go, how streams are cut, TLS (RFC 3261 sections 18 and 26)."""

import asyncio

import pytest
from program import STRANGER, Program, probe, raw
from support.edge import talk
from support.message import SDP
from support.polling import PATIENCE
from table import CALLER, Table, connected, hang_up

pytestmark = pytest.mark.asyncio(loop_scope="session")

PADDED = SDP + "".join(f"a=x-padding-{index}:{'x' * 100}\r\n" for index in range(72))
"""More than 8 kB with the headers."""


async def test_row_38_received_and_rport_are_filled_and_the_answer_goes_to_the_source(
    program: Program,
) -> None:
    phone = await program.phone()
    phone.send(probe("UDP 192.0.2.1:9;rport"))
    via = (await phone.expect(200))["Via"]
    assert ";received=127.0.0.1" in via
    assert f";rport={phone.port};" in f"{via};"


async def test_row_39_without_rport_the_answer_goes_to_the_sent_by_port_and_never_to_maddr(
    program: Program,
) -> None:
    phone, other = [await program.phone() for _ in range(2)]
    elsewhere = await program.phone("127.0.0.99", other.port)
    phone.send(probe(f"UDP 192.0.2.1:{other.port};maddr=127.0.0.99"))
    via = (await other.expect(200))["Via"]
    assert ";received=127.0.0.1" in via
    assert phone.seen == elsewhere.seen == []


async def test_row_40_response_of_no_transaction_or_with_two_vias_goes_nowhere(
    program: Program,
) -> None:
    phone = await program.phone()
    broadcast = await program.phone()
    before = (await program.serving.metrics())["callrouter_dropped_total"]
    for vias in (
        [f"SIP/2.0/UDP 127.0.0.1:{program.ports.plain};branch=z9hG4bKnone"],
        ["SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKnone"],
        [
            f"SIP/2.0/UDP 127.0.0.1:{program.ports.plain};branch=z9hG4bKnone",
            f"SIP/2.0/UDP 127.0.0.1:{broadcast.port};branch=z9hG4bKtwo",
        ],
    ):
        message = probe("UDP 127.0.0.1")
        message.start = "SIP/2.0 200 OK"
        message.rows = [*(("Via", via) for via in vias), *message.rows[1:]]
        phone.send(message)
    phone.send(probe("UDP 127.0.0.1;rport"))
    await phone.expect(200)
    assert len(phone.seen) == 1
    assert broadcast.seen == []
    assert (await program.serving.metrics())["callrouter_dropped_total"] == before + 3


async def test_row_41_length_longer_than_the_datagram_is_400_and_a_shorter_one_cuts_it(
    program: Program,
) -> None:
    phone = await program.phone()
    data = probe("UDP 127.0.0.1;rport").render()
    raw(phone, data.replace(b"Content-Length: 0", b"Content-Length: 9999"))
    await phone.expect(400)
    smuggled = probe("UDP 127.0.0.1;rport").render()
    raw(phone, probe("UDP 127.0.0.1;rport").render() + smuggled)
    await phone.expect(200)
    phone.send(probe("UDP 127.0.0.1;rport"))
    await phone.expect(200)
    assert len(phone.seen) == 3


async def test_row_41_stream_is_cut_by_length_and_a_message_without_one_is_400(
    program: Program,
) -> None:
    phone = await program.stream()
    first, second, third = (probe("TCP 127.0.0.1").render() for _ in range(3))
    phone.raw(b"\r\n\r\n" + first + second)
    for _ in range(2):
        await phone.expect(200)
    await asyncio.wait_for(phone.links[0].pinged.wait(), PATIENCE)
    size = len(third) // 20 + 1
    clock = await program.phone()
    for at in range(0, len(third), size):
        phone.raw(third[at : at + size])
        # Each piece has come before the next is sent: callrouter's loop turned meanwhile.
        clock.send(probe("UDP 127.0.0.1;rport"))
        await clock.expect(200)
    await phone.expect(200)
    assert phone.links[0].pongs == 1
    phone.raw(probe("TCP 127.0.0.1").render().replace(b"Content-Length: 0\r\n", b""))
    await phone.expect(400)
    await asyncio.wait_for(phone.links[0].lost.wait(), PATIENCE)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_row_42_large_invite_goes_to_tcp_and_is_answered_where_it_came_from(
    program: Program, transport: str
) -> None:
    caller = await program.caller(transport)
    callee = await program.listen("either")
    invite = caller.invite("7006", PADDED)
    assert len(invite.render()) > 8000
    came = await callee.expect("INVITE")
    assert came.body == PADDED
    assert "/TCP " in came["Via"]
    callee.reply(came, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)
    assert len(callee.links) == 1


async def test_row_42_large_invite_to_a_target_by_udp_is_sent_all_the_same(
    program: Program,
) -> None:
    caller, callee = await program.caller("udp"), await program.callee("udp")
    caller.invite("7001", PADDED)
    came = await callee.expect("INVITE")
    assert came.body == PADDED
    callee.reply(came, 486)
    await callee.expect("ACK")
    caller.ack(await caller.expect(486))


async def test_row_43_gateway_with_another_name_in_its_certificate_gets_no_call(
    program: Program,
) -> None:
    for names, works in ((("wrong.test",), False), (("pbx.test",), True)):
        context = program.authority.server(*names)
        callee = await program.listen("named", context)
        caller = await program.caller("udp")
        if works:
            await talk(caller, callee, "7004")
        else:
            caller.invite("7004")
            caller.ack(await caller.expect(500))
            assert callee.seen == []
        await program.close_phones()


async def test_row_43_sips_call_goes_nowhere_without_tls(program: Program) -> None:
    caller = await program.caller("tls")
    callee = await program.callee("udp")
    caller.scheme = "sips"
    caller.invite("7001")
    refusal = await caller.expect_any()
    assert refusal.status >= 400
    caller.ack(refusal)
    assert callee.seen == []
    plain = await program.caller("udp")
    plain.scheme = "sips"
    plain.invite("7001")
    plain.ack(await plain.expect(403))


async def test_row_60_options_is_answered_in_a_flood_of_invites(program: Program) -> None:
    flood, phone = await program.phone(STRANGER), await program.phone()
    loop = asyncio.get_running_loop()
    for _ in range(20):
        for _ in range(100):
            flood.call_id = f"{id(flood)}-{flood.cseq}"
            flood.invite("7001")
            flood.cseq += 1
        sent = loop.time()
        phone.send(probe("UDP 127.0.0.1;rport"))
        answer = await phone.expect(200)
        assert loop.time() - sent < 0.5
        assert "INVITE" in answer["Allow"].split(", ")
        assert answer["Accept"] == "application/sdp"
        assert any(name == "Supported" for name, _ in answer.rows)


async def test_row_60_options_is_answered_when_no_call_is_taken_any_more() -> None:
    table = Table()
    caller, desk = connected(table)
    table.router.calls.drain(lambda: None)
    second = table.party((CALLER[0], 5099))
    second.invite("4000")
    refused = second.hears(503)
    assert refused["Retry-After"]
    second.ack(refused)
    second.target = "sip:anybody@192.0.2.2"
    second.remote = "<sip:anybody@192.0.2.2>"
    second.request("OPTIONS")
    assert second.hears(200)["Allow"]
    hang_up(caller, desk)
    table.is_clear()
