"""Who transfers leaves first, on each of its dialogs; and Replaces is said where it works."""

import asyncio
from urllib.parse import quote

import pytest
from program import Program
from support.message import SDP, Message
from support.phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="session")

LEAVES_WITHIN = 4.0
"""Seconds; `call.leg.LEAVE_SECONDS`."""


async def _connected(program: Program, number: str, desk: Phone) -> tuple[Phone, Message, Message]:
    """A caller who talks to a desk, the INVITE that the desk got and the 200 of the caller."""
    caller = await program.phone()
    caller.invite(number)
    invite = await desk.expect("INVITE")
    desk.reply(invite, 200, SDP)
    answer = await caller.expect(200)
    caller.ack(answer)
    await desk.expect("ACK")
    return caller, invite, answer


async def _takes(phone: Phone) -> None:
    """A party takes the description that it is offered."""
    phone.reply(await phone.expect("INVITE"), 200, SDP)
    await phone.expect("ACK")


async def _told(desk: Phone, status: int) -> None:
    """The transferor hears how it went."""
    notify = await desk.expect("NOTIFY")
    assert notify.body.startswith(f"SIP/2.0 {status} ")
    desk.reply(notify, 200)


async def _transferred(program: Program) -> tuple[Phone, Phone, Phone]:
    """A desk has transferred its caller to another phone, and was told so."""
    desk, other = await program.callee("udp"), await program.listen("tcp")
    caller, _, _ = await _connected(program, "7001", desk)
    desk.request("REFER", "", ("Refer-To", "<sip:7002@127.0.0.1>"))
    assert (await desk.expect(202)).method == "REFER"
    await _told(desk, 100)
    other.reply(await other.expect("INVITE"), 200, SDP)
    await other.expect("ACK")
    await _takes(caller)
    await _told(desk, 200)
    return caller, desk, other


async def _over(caller: Phone, other: Phone) -> None:
    caller.request("BYE")
    await caller.expect(200)
    other.reply(await other.expect("BYE"), 200)


async def test_transferor_hangs_up_first_and_hears_no_bye(program: Program) -> None:
    caller, desk, other = await _transferred(program)
    desk.request("BYE")
    assert (await desk.expect(200)).method == "BYE"
    await _over(caller, other)
    assert not any(message.start.startswith("BYE") for message in desk.seen)


async def test_transferor_who_stays_is_hung_up_on_after_a_while(program: Program) -> None:
    caller, desk, other = await _transferred(program)
    since = asyncio.get_running_loop().time()
    bye = await desk.expect("BYE")
    assert asyncio.get_running_loop().time() - since > LEAVES_WITHIN - 0.5
    desk.reply(bye, 200)
    await _over(caller, other)


async def test_transferor_of_an_attended_transfer_leaves_both_its_dialogs_first(
    program: Program,
) -> None:
    desk, other = await program.callee("udp"), await program.listen("tcp")
    caller, _, _ = await _connected(program, "7001", desk)
    # The desk calls the other party itself, by a socket of its own, and connects both.
    second, _, answer = await _connected(program, "7002", other)
    replaces = f"{answer['Call-ID']};to-tag={answer.tag('To')};from-tag={answer.tag('From')}"
    desk.request("REFER", "", ("Refer-To", f"<sip:7002@127.0.0.1?Replaces={quote(replaces)}>"))
    assert (await desk.expect(202)).method == "REFER"
    await _told(desk, 100)
    await _takes(caller)
    await _takes(other)
    await _told(desk, 200)
    for phone in (desk, second):
        phone.request("BYE")
        assert (await phone.expect(200)).method == "BYE"
        assert not any(message.start.startswith("BYE") for message in phone.seen)
    await _over(caller, other)


async def test_replaces_is_said_in_invites_and_200s_and_to_options(program: Program) -> None:
    desk = await program.callee("udp")
    caller, invite, answer = await _connected(program, "7001", desk)
    caller.request("OPTIONS")
    options = await caller.expect(200)
    caller.request("INVITE", SDP)
    again = await desk.expect("INVITE")
    desk.reply(again, 200, SDP)
    renewed = await caller.expect(200)
    caller.ack(renewed)
    await desk.expect("ACK")
    for message in (invite, answer, options, again, renewed):
        assert "replaces" in ", ".join(message.all("Supported")), str(message)
    # And so it is: another phone takes the caller's place.
    new = await program.phone()
    replaces = f"{answer['Call-ID']};to-tag={answer.tag('To')};from-tag={answer.tag('From')}"
    new.invite("7001", SDP, ("Replaces", replaces), ("Require", "replaces"))
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    await desk.expect("ACK")
    new.ack(await new.expect(200))
    caller.reply(await caller.expect("BYE"), 200)
    await _over(new, desk)
