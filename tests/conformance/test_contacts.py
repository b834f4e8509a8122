"""Where the other side of a dialog says it is: one Contact in each request that begins one."""

import pytest
from program import Program
from support.message import SDP, Message
from support.phone import Phone, token

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _with_contacts(message: Message, *contacts: str) -> Message:
    rows = [row for row in message.rows if row[0] != "Contact"]
    return Message(message.start, [*rows, *(("Contact", it) for it in contacts)], message.body)


def _invite(caller: Phone, *contacts: str) -> None:
    """Call the desk, with these Contact rows."""
    host, port = caller._server
    caller.target = f"sip:7001@{host}:{port}"
    caller.local, caller.remote = f"<sip:1001@{host}>;tag={token()}", f"<{caller.target}>"
    caller.invite_sent = _with_contacts(caller._new("INVITE", SDP), *contacts)
    caller.send(caller.invite_sent)


def _accept(desk: Phone, invite: Message, *contacts: str) -> None:
    """Answer without the Contact that a phone has."""
    to = f"{invite['To']};tag={token()}"
    kept = [row for row in invite.rows if row[0] in {"Via", "From", "Call-ID", "CSeq"}]
    rows = [*kept, ("To", to), ("Content-Type", "application/sdp")]
    desk.call_id, desk.local, desk.remote = invite["Call-ID"], to, invite["From"]
    desk.target = invite.contact
    desk.send(_with_contacts(Message("SIP/2.0 200 OK", rows, SDP), *contacts))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    "contacts",
    [
        (),
        ("",),
        ("*",),
        ("<tel:+12025550100>",),
        ("<http://127.0.0.1>",),
        ("sip:",),
        ("<sip:a@127.0.0.1>, <sip:b@127.0.0.1>",),
        ("<sip:a@127.0.0.1>", "<sip:b@127.0.0.1>"),
    ],
)
async def test_invite_without_one_contact_that_can_be_asked_is_400(
    program: Program, transport: str, contacts: tuple[str, ...]
) -> None:
    desk = await program.callee("udp")
    caller = await (program.phone() if transport == "udp" else program.stream())
    _invite(caller, *contacts)
    caller.ack(await caller.expect(400))
    assert desk.seen == []


async def test_replacing_invite_without_contact_is_400(program: Program) -> None:
    caller = await program.phone()
    host, port = caller._server
    caller.target = f"sip:7001@{host}:{port}"
    caller.local, caller.remote = f"<sip:1001@{host}>;tag={token()}", f"<{caller.target}>"
    row = ("Replaces", "x;to-tag=1;from-tag=2")
    caller.invite_sent = _with_contacts(caller._new("INVITE", SDP, row))
    caller.send(caller.invite_sent)
    caller.ack(await caller.expect(400))


@pytest.mark.parametrize(
    "contacts", [(), ("*",), ("<tel:+1>",), ("<sip:desk@127.0.0.1:{port}>, <sip:x@192.0.2.1>",)]
)
async def test_target_that_answers_without_contact_is_asked_where_it_was_called(
    program: Program, contacts: tuple[str, ...]
) -> None:
    caller, desk = await program.phone(), await program.callee("udp")
    caller.invite("7001")
    _accept(desk, await desk.expect("INVITE"), *(it.format(port=desk.port) for it in contacts))
    caller.ack(await caller.expect(200))
    ack = await desk.expect("ACK")
    assert ack.uri == f"sip:desk@127.0.0.1:{desk.port}"
    caller.request("BYE")
    await caller.expect(200)
    bye = await desk.expect("BYE")
    assert bye.uri == f"sip:desk@127.0.0.1:{desk.port}"
    desk.reply(bye, 200)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
async def test_refresh_without_contact_leaves_the_target_and_one_of_no_use_is_400(
    program: Program, method: str
) -> None:
    caller, desk = await program.phone(), await program.callee("udp")
    caller.invite("7001")
    desk.reply(await desk.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await desk.expect("ACK")
    for contacts in (("*",), ("<tel:+1>",), ("<sip:a@127.0.0.1>, <sip:b@127.0.0.1>",)):
        caller.send(_with_contacts(caller._new(method, SDP), *contacts))
        refusal = await caller.expect(400)
        if method == "INVITE":
            caller.ack_refusal(refusal)
    caller.send(_with_contacts(caller._new(method, SDP)))
    desk.reply(await desk.expect(method), 200, SDP)
    answer = await caller.expect(200)
    if method == "INVITE":
        caller.ack(answer)
        await desk.expect("ACK")
    desk.request("BYE")
    bye = await caller.expect("BYE")  # where it always was
    caller.reply(bye, 200)
    await desk.expect(200)
