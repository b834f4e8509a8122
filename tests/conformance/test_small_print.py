"""Small things of a transaction and a dialog that peers get wrong, by real sockets."""

import pytest
from program import Program, probe
from support.message import SDP, Message
from support.phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _connected(program: Program) -> tuple[Phone, Phone]:
    caller, desk = await program.phone(), await program.callee("udp")
    caller.invite("7001")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    return caller, desk


@pytest.mark.parametrize("rport", ["", ";rport", ";rport=1"])
@pytest.mark.parametrize(
    "received", [";received=192.0.2.9", ";Received=192.0.2.9;x=1", ";received"]
)
async def test_received_of_the_sender_is_replaced(
    program: Program, rport: str, received: str
) -> None:
    phone = await program.phone()
    phone.send(probe(f"SIP/2.0/UDP 192.0.2.9:{phone.port}"[8:] + received + rport))
    via = (await phone.expect(200))["Via"]
    assert via.lower().count(";received") == 1
    assert ";received=127.0.0.1" in via
    assert via.count(";rport") == bool(rport)


async def test_response_to_another_sent_by_is_no_response(program: Program) -> None:
    caller, desk = await program.phone(), await program.callee("udp")
    caller.invite("7001")
    invite = await desk.expect("INVITE")
    stray = (await program.serving.metrics())["callrouter_dropped_total"]
    here = invite["Via"].split(" ")[1].partition(";")[0]
    for wrong in ("192.0.2.1:5060", "127.0.0.1:1", "[::1]:5060", "other.example"):
        via = invite["Via"].replace(here, wrong)
        rows = [("Via", via) if row[0] == "Via" else row for row in invite.rows]
        desk.reply(Message(invite.start, rows), 486)
    rows = [
        ("Via", invite["Via"].replace(f" {here};", f"  {here} ;")) if row[0] == "Via" else row
        for row in invite.rows
    ]
    desk.reply(Message(invite.start, rows), 480)
    await desk.expect("ACK")
    caller.ack(await caller.expect(480))
    assert (await program.serving.metrics())["callrouter_dropped_total"] == stray + 4


@pytest.mark.parametrize("rack", [(), ("",), ("1 INVITE",), ("a 1 INVITE",)])
async def test_prack_without_rack_is_400(program: Program, rack: tuple[str, ...]) -> None:
    caller, desk = await _connected(program)
    for phone in (caller, desk):
        phone.request("PRACK", "", *(("RAck", value) for value in rack))
        assert (await phone.expect(400)).method == "PRACK"
    caller.request("PRACK", "", ("RAck", "1 1 INVITE"))
    await caller.expect(481)
    caller.request("BYE")
    await caller.expect(200)
    desk.reply(await desk.expect("BYE"), 200)


@pytest.mark.parametrize("who", ["caller", "desk"])
async def test_bye_with_the_number_of_the_last_request_ends_the_call(
    program: Program, who: str
) -> None:
    caller, desk = await _connected(program)
    leaves, stays = (caller, desk) if who == "caller" else (desk, caller)
    leaves.request("OPTIONS")
    await leaves.expect(200)
    leaves.cseq -= 2
    leaves.request("BYE")
    await leaves.expect(500)  # lower: out of order
    leaves.request("INFO")
    await leaves.expect(500)
    leaves.cseq -= 1
    leaves.request("BYE")
    assert (await leaves.expect(200)).method == "BYE"
    stays.reply(await stays.expect("BYE"), 200)
