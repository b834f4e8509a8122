"""Races and faults in a call that stands, exact to the datagram: scripted peers on raw UDP sockets.

Where two messages have to cross, both are sent before either side reads.
"""

from support.message import SDP
from support.parties import connected, hang_up, ringing
from support.phone import Phone
from support.records import answered, results
from support.stage import Scene, story


async def asked_and_answered(caller: Phone, callee: Phone) -> None:
    """A question and its answer cross: all that was sent to the caller before has been read."""
    caller.request("INFO")
    callee.reply(await callee.expect("INFO"), 200)
    await caller.expect(200)


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
    told = await caller.expect(200)
    caller.ack(told)
    ack = await callee.expect("ACK")
    await asked_and_answered(caller, callee)
    before = caller.count(told)  # more than one when the ACK was late
    callee.send(answer)
    callee.send(answer)
    await callee.copies(ack, 3)
    await hang_up(caller, callee)
    assert caller.count(told) == before
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
    await asked_and_answered(caller, callee)
    came = caller.count(answer)
    await hang_up(caller, callee)
    assert caller.count(answer) == came
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


@story()
async def test_refused_reinvite_leaves_the_call_as_it_was(scene: Scene) -> None:
    caller, callee = await connected(scene)
    caller.request("INVITE", SDP)
    callee.reply(await callee.expect("INVITE"), 488)
    await callee.expect("ACK")
    caller.ack_refusal(await caller.expect(488))
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_target_refresh_sends_the_bye_to_the_new_contact(scene: Scene) -> None:
    caller, callee = await connected(scene)
    moved = await scene.phone()
    caller.request("INVITE", SDP, contact=moved.port)
    callee.reply(await callee.expect("INVITE"), 200, SDP)
    caller.ack(await caller.expect(200))
    await callee.expect("ACK")
    callee.request("BYE")
    moved.reply(await moved.expect("BYE"), 200)
    await callee.expect(200)
    answered(await scene.record(), scene.number, by="callee")
