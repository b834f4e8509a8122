"""Where the 3xx of a target leads: whom it wants most first, each once, and told why."""

import pytest
from program import Program
from support.message import SDP, Message
from support.phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _refuse(phone: Phone, status: int = 486, **headers: str) -> Message:
    """The next INVITE to a phone, which it refuses."""
    invite = await phone.expect("INVITE")
    phone.reply(invite, status, "", "", **headers)
    await phone.expect("ACK")
    return invite


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_contact_with_the_highest_q_is_rung_first(program: Program, transport: str) -> None:
    caller, lcr = await program.phone(), await program.callee(transport)
    places = [await program.phone() for _ in range(3)]
    one, two, three = (f"127.0.0.1:{phone.port}" for phone in places)
    caller.invite("7010" if transport == "udp" else "7013")
    contact = f"<sip:1@{one}>;q=0.99, <sip:2@{two}>;q=1.00, sip:3@{three};q=0.98"
    await _refuse(lcr, 300, Contact=contact)
    for user in (2, 1, 3):
        phone = places[user - 1]
        invite = await phone.expect("INVITE")
        assert invite.uri == f"sip:{user}@127.0.0.1:{phone.port}"
        rung = [any(seen.method == "INVITE" for seen in other.seen) for other in places]
        assert rung == [user != 2, True, user == 3]
        phone.reply(invite, 486)
        await phone.expect("ACK")
    caller.ack(await caller.expect(486))


async def test_contacts_of_several_rows_are_one_list_and_what_is_none_is_left_out(
    program: Program,
) -> None:
    caller, lcr = await program.phone(), await program.callee("udp")
    one, two = await program.phone(), await program.phone()
    caller.invite("7010")
    invite = await lcr.expect("INVITE")
    reply = lcr.reply(invite, 100)  # its rows, to make a 3xx of
    rows = [row for row in reply.rows if row[0] not in {"Contact", "To"}]
    contacts = ("<tel:+123>;q=1.0, *", f"<sip:1@127.0.0.1:{one.port}>;q=x", "not a contact")
    rows += [("To", f"{invite['To']};tag=r"), *(("Contact", value) for value in contacts)]
    rows += [("Contact", f"<sip:2@127.0.0.1:{two.port}>;q=0.1")]
    lcr.send(Message("SIP/2.0 302 Moved", rows))
    await lcr.expect("ACK")
    invite = await two.expect("INVITE")
    assert one.seen == []
    two.reply(invite, 486)
    await two.expect("ACK")
    await _refuse(one)
    caller.ack(await caller.expect(486))


async def test_uri_that_is_named_twice_is_rung_once(program: Program) -> None:
    caller, lcr, other = (
        await program.phone(),
        await program.callee("udp"),
        await program.phone(),
    )
    caller.invite("7010")
    here, back = f"127.0.0.1:{other.port}", f"127.0.0.1:{lcr.port}"
    same = f"<sip:1@{here};a=1;b=2>, <sip:%31@{here};B=2;A=1>;q=0.5, <SIP:1@{here}>"
    await _refuse(lcr, 302, Contact=f"{same}, <sip:lcr@{back}>")
    # It points back at who has redirected already: nobody is asked twice (section 8.1.3.4).
    await _refuse(other, 302, Contact=f"<sip:lcr@{back}>, <sip:1@{here}>")
    caller.ack(await caller.expect(480))
    assert (lcr.quiet(), other.quiet()) == (True, True)


async def test_who_is_redirected_to_is_told_as_any_target_a_call_goes_on_to(
    program: Program,
) -> None:
    caller, gateway = await program.phone(), await program.callee("udp")
    other = await program.phone()
    us = f"127.0.0.1:{program.ports.plain}"
    there, here = f"127.0.0.1:{gateway.port}", f"127.0.0.1:{other.port}"
    caller.invite("7011", SDP, ("Diversion", "<sip:6000@192.0.2.7>;reason=no-answer"))
    await _refuse(gateway, 302, Contact=f"<sip:13700000000@{here}>")
    invite = await _refuse(other)
    assert invite.all("Diversion") == [
        f"<sip:13912345678@{there}>;reason=unconditional;counter=1",
        f"<sip:7011@{us}>;reason=unconditional;counter=1",
        "<sip:6000@192.0.2.7>;reason=no-answer;counter=1",
    ]
    assert invite["History-Info"].split(", ") == [
        f"<sip:7011@{us}>;index=1",
        f"<sip:13912345678@{there};cause=302?Reason=SIP%3Bcause%3D302>;index=1.1;mp=1",
        f"<sip:13700000000@{here};cause=302>;index=1.2;mp=1.1",
    ]
    caller.ack(await caller.expect(486))


@pytest.mark.parametrize(
    ("headers", "reason", "cause"),
    [
        ({"Reason": "SIP;cause=486"}, "user-busy", 486),
        ({"Reason": 'Q.850;text="none";cause=19'}, "no-answer", 408),
        ({"Diversion": "<sip:x@192.0.2.7>;reason=follow-me"}, "follow-me", 404),
        ({"Reason": "Q.850;cause=17", "Diversion": "<x>;reason=no-answer"}, "no-answer", 408),
        ({"Reason": "x;cause=486, SIP ; cause=503"}, "unavailable", 503),
    ],
)
async def test_reason_of_a_redirection_is_what_it_says(
    program: Program, headers: dict[str, str], reason: str, cause: int
) -> None:
    caller, gateway = await program.phone(), await program.callee("udp")
    other = await program.phone()
    caller.invite("7011")
    contact = f"<sip:1@127.0.0.1:{other.port}>"
    await _refuse(gateway, 302, Contact=contact, **headers)
    invite = await _refuse(other)
    assert f";reason={reason};" in invite.all("Diversion")[0]
    assert f";cause={cause}>" in invite["History-Info"].split(", ")[-1]
    caller.ack(await caller.expect(486))


async def test_redirection_after_a_busy_target_says_both_and_to_a_gateway_what_it_asks_for(
    program: Program,
) -> None:
    caller, gateway = await program.phone(), await program.callee("udp")
    far = await program.callee("udp", "far")
    caller.invite("7012")
    await _refuse(gateway)
    await _refuse(gateway, 302, Contact=f"<sip:1@127.0.0.1:{far.port}>")
    invite = await _refuse(far)
    assert invite.all("Diversion") == []  # 'far' asks for History-Info alone
    first, sender, last = invite["History-Info"].split(", ")
    assert (first.endswith(";index=1"), sender.endswith(";index=1.2;mp=1")) == (True, True)
    assert ";cause=486?Reason=SIP%3Bcause%3D302>" in sender
    assert last.endswith(";cause=302>;index=1.3;mp=1.2")
    caller.ack(await caller.expect(486))


async def test_call_that_was_forwarded_nine_times_is_not_redirected(program: Program) -> None:
    caller, gateway = await program.phone(), await program.callee("udp")
    other = await program.phone()
    caller.invite("7011", SDP, *[("Diversion", "<sip:1@192.0.2.7>")] * 9)
    await _refuse(gateway, 302, Contact=f"<sip:1@127.0.0.1:{other.port}>")
    caller.ack(await caller.expect(480))
    assert other.quiet()
