"""Races and faults before the answer, exact to the datagram: scripted peers on raw UDP sockets."""

from support.message import SDP, Message
from support.parties import hang_up, ringing
from support.records import answered, cancelled, lasted, refused, results
from support.stage import Scene, story


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


@story(ring="6s")
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
    caller.ack(await caller.expect(480))
    record = await scene.record()
    refused(record, scene.number, "NO_ANSWER", 480, 19)
    lasted(record["legs"][0], 6.0)


@story(targets=2, to_header="extensions", ring="20s")
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


@story(ring="6s", progress="4s")
async def test_target_that_says_only_100_has_its_whole_ring_timeout(scene: Scene) -> None:
    caller, callee = await scene.phone(), await scene.phone(0)
    caller.invite(scene.number)
    invite = await callee.expect("INVITE")
    callee.reply(invite, 100)
    callee.reply(await callee.expect("CANCEL"), 200)
    callee.reply(invite, 487)
    await callee.expect("ACK")
    caller.ack(await caller.expect(480))
    record = await scene.record()
    refused(record, scene.number, "NO_ANSWER", 480, 19)
    lasted(record["legs"][0], 6.0)
    assert record["legs"][0]["progress_ms"] is None


@story(redirects="follow")
async def test_target_that_redirects_for_ever_is_left_after_five_times(scene: Scene) -> None:
    caller, callee = await scene.phone(), await scene.phone(0)
    caller.invite(scene.number)
    for index in range(6):
        invite = await callee.expect("INVITE")
        callee.reply(invite, 302, Contact=f"<sip:again{index}@127.0.0.1:{scene.ports[0]}>")
        await callee.expect("ACK")
    caller.ack(await caller.expect(480))
    record = await scene.record()
    refused(record, scene.number, "UNAVAILABLE", 480, 18)
    assert results(record) == [("redirected", 302)] * 6


@story()
async def test_invite_without_hops_left_is_483_and_no_call(scene: Scene) -> None:
    caller = await scene.phone()
    caller.invite(scene.number, SDP, ("Max-Forwards", "0"))
    caller.ack(await caller.expect(483))
    assert scene.serving.place.records(scene.number) == []


@story()
async def test_stranger_gets_nothing_and_is_no_call(scene: Scene) -> None:
    stranger, callee = await scene.phone(host="127.0.0.2"), await scene.phone(0)
    caller = await scene.phone()
    stranger.invite(scene.number)
    caller.invite("0000")
    caller.ack(await caller.expect(404))
    assert (stranger.seen, callee.seen) == ([], [])
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
