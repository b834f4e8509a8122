"""An INVITE like one before it, by another branch: a merged copy, or another try (decision 14)."""

import pytest
from program import Program
from support.message import SDP, Message
from support.phone import Phone, token

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _caller(program: Program, transport: str) -> Phone:
    return await (program.phone() if transport == "udp" else program.stream())


def _again(caller: Phone, number: str = "7001") -> None:
    """Send the INVITE once more by another branch, as a proxy that tries the next number does."""
    sent = caller.invite_sent
    assert sent is not None
    rows = [(name, value.replace(sent.branch, f"z9hG4bK{token()}")) for name, value in sent.rows]
    start = sent.start.replace(f"sip:{sent.uri[4:8]}@", f"sip:{number}@")
    caller.invite_sent = Message(start, rows, sent.body)
    caller.send(caller.invite_sent)


async def _refused(program: Program, caller: Phone, status: int = 486) -> Phone:
    """The caller's first INVITE reaches the desk, which refuses it; it is not acknowledged yet."""
    desk = await program.callee("udp")
    caller.invite("7001")
    desk.reply(await desk.expect("INVITE"), status)
    await desk.expect("ACK")
    return desk


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_second_try_after_an_acknowledged_refusal_rings(
    program: Program, transport: str
) -> None:
    caller = await _caller(program, transport)
    desk = await _refused(program, caller)
    caller.ack(await caller.expect(486))
    _again(caller)
    invite = await desk.expect("INVITE")
    desk.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    caller.request("BYE")
    await caller.expect(200)
    desk.reply(await desk.expect("BYE"), 200)


async def test_carrier_that_forwards_on_busy_reaches_the_next_number(program: Program) -> None:
    caller = await program.phone()
    await _refused(program, caller)
    caller.ack(await caller.expect(486))
    other = await program.listen("tcp")
    _again(caller, "7002")
    other.reply(await other.expect("INVITE"), 480)
    await other.expect("ACK")
    caller.ack(await caller.expect(480))


async def test_second_try_after_a_cancelled_one_rings(program: Program) -> None:
    caller, desk = await program.phone(), await program.callee("udp")
    caller.invite("7001")
    invite = await desk.expect("INVITE")
    desk.reply(invite, 180)
    await caller.expect(180)
    caller.cancel()
    await caller.expect(200)
    desk.reply(await desk.expect("CANCEL"), 200)
    desk.reply(invite, 487)
    await desk.expect("ACK")
    caller.ack(await caller.expect(487))
    _again(caller)
    desk.reply(await desk.expect("INVITE"), 486)
    await desk.expect("ACK")
    caller.ack(await caller.expect(486))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_copy_before_the_refusal_is_acknowledged_is_482(
    program: Program, transport: str
) -> None:
    caller = await _caller(program, transport)
    desk = await _refused(program, caller)
    refusal = await caller.expect(486)
    first = caller.invite_sent
    _again(caller, "7002")
    caller.ack(await caller.expect(482))
    caller.invite_sent = first
    caller.ack(refusal)
    assert desk.quiet()


async def test_copy_of_an_answered_invite_is_482(program: Program) -> None:
    caller, desk = await program.phone(), await program.callee("udp")
    caller.invite("7001")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    _again(caller)
    caller.ack(await caller.expect(482))
    caller.request("BYE")
    await caller.expect(200)
    desk.reply(await desk.expect("BYE"), 200)
