"""Races and faults that have to be exact to the datagram: scripted peers on raw UDP sockets.

Where two messages have to cross, both are sent before either side reads.
"""

from support.message import SDP, Message
from support.phone import Phone
from support.records import answered, cancelled, lasted, refused, results
from support.stage import Scene, story


async def ringing(scene: Scene) -> tuple[Phone, Phone, Message]:
    """A caller, a callee that rings, and the INVITE the callee has."""
    caller, callee = await scene.phone(), await scene.phone(0)
    caller.invite(scene.number)
    invite = await callee.expect("INVITE")
    callee.reply(invite, 180)
    await caller.expect(180)
    return caller, callee, invite


async def connected(scene: Scene) -> tuple[Phone, Phone]:
    """A caller and a callee that talk to each other."""
    caller, callee, invite = await ringing(scene)
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    return caller, callee


async def hang_up(caller: Phone, callee: Phone) -> None:
    """The caller ends the call."""
    caller.request("BYE")
    await caller.expect(200)
    callee.reply(await callee.expect("BYE"), 200)


# Before the answer.


@story()
async def test_cancel_that_crosses_the_200_changes_nothing_and_the_caller_hangs_up(
    scene: Scene,
) -> None:
    caller, callee, invite = await ringing(scene)
    callee.reply(invite, 200, SDP)
    answer = await caller.expect(200)
    caller.cancel()
    assert (await caller.expect(200)).method == "CANCEL"
    caller.ack(answer)
    await callee.expect("ACK")
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_200_that_crosses_the_cancel_is_acknowledged_then_hung_up(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    caller.cancel()
    assert (await caller.expect(200)).method == "CANCEL"
    caller.ack(await caller.expect(487))
    await callee.expect("CANCEL")
    answer = callee.reply(invite, 200, SDP)
    await callee.expect("ACK")
    callee.reply(await callee.expect("BYE"), 200)
    # The same 200 again, and one of another phone behind the target: neither may be left open.
    callee.send(answer)
    callee.reply(invite, 200, SDP, tag="other")
    ack = await callee.expect("ACK")
    assert ack.tag("To") == "other"
    bye = await callee.expect("BYE")
    assert bye.tag("To") == "other"
    callee.reply(bye, 200)
    cancelled(await scene.record(), scene.number)


@story()
async def test_cancel_with_another_branch_is_481_and_the_call_lives(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    sent = caller.invite_sent
    assert sent is not None
    wrong = [(name, value.replace(sent.branch, "z9hG4bKnone")) for name, value in sent.rows]
    caller.invite_sent = Message(sent.start, wrong)
    caller.cancel()
    await caller.expect(481)
    caller.invite_sent = sent
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_bye_in_the_early_dialog_ends_the_call_as_a_cancel_does(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    caller.remote = caller.seen[-1]["To"]
    caller.request("BYE")
    assert (await caller.expect(200)).method == "BYE"
    caller.ack(await caller.expect(487))
    callee.reply(await callee.expect("CANCEL"), 200)
    callee.reply(invite, 487)
    await callee.expect("ACK")
    cancelled(await scene.record(), scene.number)


@story()
async def test_repeated_invite_is_one_call_and_gets_the_last_provisional_again(
    scene: Scene,
) -> None:
    caller, callee, invite = await ringing(scene)
    sent = caller.invite_sent
    assert sent is not None
    rings = caller.seen[-1]
    caller.send(sent)
    caller.send(sent)
    await caller.copies(rings, 3)
    callee.reply(invite, 200, SDP)
    answer = await caller.expect(200)
    caller.send(sent)
    caller.ack(answer)
    await callee.expect("ACK")
    await hang_up(caller, callee)
    assert callee.count(invite) == 1
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_merged_invite_is_482_and_the_first_goes_on(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    sent = caller.invite_sent
    assert sent is not None
    other = [(name, value.replace(sent.branch, "z9hG4bKmerged")) for name, value in sent.rows]
    caller.send(Message(sent.start, other, sent.body))
    await caller.expect(482)
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story(ring="2s")
async def test_ringing_that_never_stops_does_not_lengthen_the_ring_timeout(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    for tag in ("b", "c", "d"):
        callee.reply(invite, 180, tag=tag)
        callee.reply(invite, 183, SDP, tag=tag)
        while (await caller.expect_any()).status != 183:
            pass
    cancel = await callee.expect("CANCEL")
    callee.reply(cancel, 200)
    callee.reply(invite, 487)
    await callee.expect("ACK")
    caller.ack(await caller.expect(408))
    record = await scene.record()
    refused(record, scene.number, "NO_ANSWER", 408, 102)
    lasted(record["legs"][0], 2.0)


@story(targets=2, to_header="extensions", ring="1s")
async def test_extension_named_in_to_rings_first_then_the_numbers_route(scene: Scene) -> None:
    caller = await scene.phone()
    callee, employee = await scene.phone(0), await scene.phone(1)
    caller.invite(scene.number, to=f"<sip:{scene.extension}@example.com>")
    invite = await employee.expect("INVITE")
    assert callee.quiet()
    employee.reply(invite, 486)
    await employee.expect("ACK")
    invite = await callee.expect("INVITE")
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    await hang_up(caller, callee)
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert record["to_header"] == scene.extension
    assert [leg["target"] for leg in record["legs"]] == [scene.names[1], scene.names[0]]


@story(targets=2, to_header="extensions")
async def test_to_that_names_no_extension_rings_the_numbers_route(scene: Scene) -> None:
    caller, callee = await scene.phone(), await scene.phone(0)
    caller.invite(scene.number, to="<sip:reception@example.com;ext=1>")
    invite = await callee.expect("INVITE")
    callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    await hang_up(caller, callee)
    record = await scene.record()
    answered(record, scene.number, by="caller")
    assert [leg["target"] for leg in record["legs"]] == [scene.names[0]]


# What is no call leaves nothing.


@story()
async def test_invite_without_hops_left_is_483_and_no_call(scene: Scene) -> None:
    caller = await scene.phone()
    caller.invite(scene.number, SDP, ("Max-Forwards", "0"))
    caller.ack(await caller.expect(483))
    assert scene.serving.place.records(scene.number) == []


@story()
async def test_stranger_is_403_and_no_call(scene: Scene) -> None:
    stranger, callee = await scene.phone(host="127.0.0.2"), await scene.phone(0)
    stranger.invite(scene.number)
    stranger.ack(await stranger.expect(403))
    assert callee.seen == []
    assert scene.serving.place.records(scene.number) == []


@story()
async def test_options_is_answered_with_what_is_supported(scene: Scene) -> None:
    caller = await scene.phone()
    caller.local, caller.remote = "<sip:probe@127.0.0.1>;tag=1", f"<sip:{scene.server}>"
    caller.target = f"sip:{scene.server}"
    caller.request("OPTIONS")
    answer = await caller.expect(200)
    assert "INVITE" in answer["Allow"]
    assert answer["Accept"] == "application/sdp"


# After the answer.


@story()
async def test_both_hang_up_at_once_and_both_get_200(scene: Scene) -> None:
    caller, callee = await connected(scene)
    caller.request("BYE")
    callee.request("BYE")
    for phone in (caller, callee):
        # Its own answer, and callrouter's BYE where that crossed.
        first = await phone.expect_any()
        if first.status:
            assert first.status == 200
        else:
            assert first.start.startswith("BYE ")
            phone.reply(first, 200)
            await phone.expect(200)
    record = await scene.record()
    assert (record["disposition"], record["cause"]) == ("ANSWERED", 16)
    assert record["hung_up_by"] in {"caller", "callee"}


@story()
async def test_reinvite_from_both_sides_at_once_is_491_for_both_and_works_later(
    scene: Scene,
) -> None:
    caller, callee = await connected(scene)
    caller.request("INVITE", SDP)
    callee.request("INVITE", SDP)
    # The caller's was first, so it went on to the callee, who refuses it while its own waits.
    asked = await callee.expect("INVITE")
    callee.reply(asked, 491)
    callee.ack_refusal(await callee.expect(491))
    await callee.expect("ACK")
    caller.ack_refusal(await caller.expect(491))
    caller.request("INVITE", SDP)
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_repeated_200_of_the_callee_is_acknowledged_again_and_not_passed_on(
    scene: Scene,
) -> None:
    caller, callee, invite = await ringing(scene)
    answer = callee.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    ack = await callee.expect("ACK")
    callee.send(answer)
    callee.send(answer)
    await callee.copies(ack, 3)
    await hang_up(caller, callee)
    assert [message.status for message in caller.seen].count(200) == 2
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_200_is_sent_again_until_the_lost_ack_comes(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    callee.reply(invite, 200, SDP)
    answer = await caller.expect(200)
    await callee.expect("ACK")
    await caller.copies(answer, 3)
    ack = caller.ack(answer)
    caller.send(ack)
    await hang_up(caller, callee)
    assert caller.count(answer) == 3
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_bye_of_the_callee_waits_for_the_callers_ack(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    callee.reply(invite, 200, SDP)
    answer = await caller.expect(200)
    await callee.expect("ACK")
    callee.request("BYE")
    await callee.expect(200)
    # The 200 goes on coming, and no BYE before it is acknowledged.
    await caller.copies(answer, 2)
    assert caller.quiet()
    caller.ack(answer)
    caller.reply(await caller.expect("BYE"), 200)
    answered(await scene.record(), scene.number, by="callee")


@story()
async def test_second_phone_that_answers_is_acknowledged_and_hung_up(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    callee.reply(invite, 200, SDP, tag="first")
    callee.reply(invite, 200, SDP, tag="second")
    caller.ack(await caller.expect(200))
    assert (await callee.expect("ACK")).tag("To") == "first"
    assert (await callee.expect("ACK")).tag("To") == "second"
    bye = await callee.expect("BYE")
    assert bye.tag("To") == "second"
    callee.reply(bye, 200)
    caller.request("BYE")
    await caller.expect(200)
    bye = await callee.expect("BYE")
    assert bye.tag("To") == "first"
    callee.reply(bye, 200)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_late_offer_reinvite_passes_its_answer_in_the_ack(scene: Scene) -> None:
    caller, callee = await connected(scene)
    callee.request("INVITE")
    asked = await caller.expect("INVITE")
    assert not asked.body
    caller.reply(asked, 200, SDP)
    answer = await callee.expect(200)
    assert answer.body == SDP
    callee.ack(answer, SDP)
    ack = await caller.expect("ACK")
    assert ack.body == SDP
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_request_of_an_unknown_dialog_is_481(scene: Scene) -> None:
    caller, callee = await connected(scene)
    known, caller.remote = caller.remote, caller.remote.replace(";tag=", ";tag=x")
    caller.request("BYE")
    await caller.expect(481)
    caller.remote = known
    await hang_up(caller, callee)
    record = await scene.record()
    answered(record, scene.number, by="caller")
    assert results(record) == [("answered", 200)]


@story()
async def test_late_ack_of_the_first_invite_does_not_acknowledge_the_reinvite(
    scene: Scene,
) -> None:
    caller, callee, invite = await ringing(scene)
    callee.reply(invite, 200, SDP)
    first_ack = caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    caller.request("INVITE", SDP)
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    answer = await caller.expect(200)
    await callee.expect("ACK")
    caller.send(first_ack)
    await caller.copies(answer, 2)
    caller.ack(answer)
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_reinvite_that_is_never_answered_ends_with_the_call(scene: Scene) -> None:
    caller, callee = await connected(scene)
    caller.request("INVITE", SDP)
    reinvite = caller.invite_sent
    assert reinvite is not None
    callee.reply(await callee.expect("INVITE"), 180)
    await caller.expect(180)
    caller.request("BYE")
    ends = {(answer.status, answer.method) for answer in [await caller.expect_any() for _ in "12"]}
    assert ends == {(200, "BYE"), (487, "INVITE")}
    callee.reply(await callee.expect("BYE"), 200)
    answered(await scene.record(), scene.number, by="caller")
