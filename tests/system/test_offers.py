"""Sessions that change, over raw UDP sockets: fax, codecs, PRACK, UPDATE, answers that are none."""

from support.message import SDP, Message
from support.parties import connected, hang_up, ringing
from support.phone import Phone
from support.records import answered, results
from support.stage import Scene, story

FAX = SDP.replace("m=audio 40000 RTP/AVP 0", "m=image 40010 udptl t38\r\na=T38FaxVersion:0")
OTHER = SDP.replace("RTP/AVP 0", "RTP/AVP 8")
RELIABLE = {"Require": "100rel", "RSeq": "9"}


def numbered(body: str, version: int) -> str:
    """The same as a later version."""
    return body.replace("o=- 1 1 ", f"o=- 1 {version} ")


async def changed(asks: Phone, asked: Phone, offer: str, answer: str) -> None:
    """One party changes the session, and the other takes it."""
    asks.request("INVITE", offer)
    invite = await asked.expect("INVITE")
    assert invite.body == offer
    asked.reply(invite, 200, answer)
    told = await asks.expect(200)
    assert told.body == answer
    asks.ack(told)
    await asked.expect("ACK")


async def described(scene: Scene) -> tuple[Phone, Phone, Message]:
    """A caller and a callee who have agreed on a session before the answer, and the INVITE."""
    caller, callee = await scene.phone(), await scene.phone(0)
    caller.invite(scene.number, SDP, ("Supported", "100rel"))
    invite = await callee.expect("INVITE")
    callee.reply(invite, 183, SDP, **RELIABLE)
    early = await caller.expect(183)
    caller.learn(early)
    caller.request("PRACK", OTHER, ("RAck", f"{early['RSeq']} 1 INVITE"))
    prack = await callee.expect("PRACK")
    assert (prack.body, prack["RAck"]) == (OTHER, "9 1 INVITE")
    callee.reply(prack, 200, OTHER)
    assert (await caller.expect(200)).body == OTHER
    return caller, callee, invite


async def picked_up(caller: Phone, callee: Phone, invite: Message, described: str = "") -> None:
    """The callee answers and describes its media, or has done so before; the caller hangs up."""
    callee.reply(invite, 200, described)
    answer = await caller.expect(200)
    assert answer.body == described
    caller.ack(answer)
    await callee.expect("ACK")
    await hang_up(caller, callee)


@story(targets=2)
async def test_answer_that_is_none_is_hung_up_on_and_the_next_target_rung(scene: Scene) -> None:
    caller, first, second = await scene.phone(), await scene.phone(0), await scene.phone(1)
    caller.invite(scene.number)
    invite = await first.expect("INVITE")
    first.reply(invite, 200, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
    await first.expect("ACK")
    first.reply(await first.expect("BYE"), 200)
    invite = await second.expect("INVITE")
    second.reply(invite, 200, SDP)
    caller.ack(await caller.expect(200))
    await second.expect("ACK")
    await hang_up(caller, second)
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("rejected", 488), ("answered", 200)]


@story()
async def test_fax_is_refused_then_taken_and_gives_way_to_audio_again(scene: Scene) -> None:
    caller, callee = await connected(scene)
    callee.request("INVITE", FAX)
    caller.reply(await caller.expect("INVITE"), 488)
    await caller.expect("ACK")
    callee.ack_refusal(await callee.expect(488))
    await changed(callee, caller, numbered(FAX, 2), FAX)
    await changed(caller, callee, SDP, numbered(SDP, 3))
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_codec_changes_by_reinvite_of_either_side(scene: Scene) -> None:
    caller, callee = await connected(scene)
    await changed(caller, callee, OTHER, OTHER)
    await changed(callee, caller, SDP, SDP)
    await hang_up(caller, callee)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_offer_in_a_prack_and_updates_of_both_before_the_answer(scene: Scene) -> None:
    caller, callee, invite = await described(scene)
    for asks, asked in ((caller, callee), (callee, caller)):
        asks.request("UPDATE", SDP)
        update = await asked.expect("UPDATE")
        asked.reply(update, 200, SDP)
        assert (await asks.expect(200)).body == SDP
    await picked_up(caller, callee, invite)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_updates_that_cross_before_the_answer_are_491_and_overlapping_ones_500(
    scene: Scene,
) -> None:
    caller, callee, invite = await described(scene)
    caller.request("UPDATE", SDP)
    update = await callee.expect("UPDATE")
    callee.request("UPDATE", SDP)
    assert (await callee.expect(491)).method == "UPDATE"
    caller.request("UPDATE", SDP)
    assert 0 <= int((await caller.expect(500))["Retry-After"]) <= 10
    callee.reply(update, 200, SDP)
    assert (await caller.expect(200)).body == SDP
    await picked_up(caller, callee, invite)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_update_before_the_offer_of_the_invite_is_answered_is_500(scene: Scene) -> None:
    caller, callee, invite = await ringing(scene)
    caller.learn(caller.seen[-1])
    caller.request("UPDATE", SDP)
    assert 0 <= int((await caller.expect(500))["Retry-After"]) <= 10
    await picked_up(caller, callee, invite, SDP)
    answered(await scene.record(), scene.number, by="caller")


@story()
async def test_late_offer_whose_asker_leaves_is_refused_before_the_bye(scene: Scene) -> None:
    caller, callee = await connected(scene)
    callee.request("INVITE")
    caller.reply(await caller.expect("INVITE"), 200, SDP)
    assert (await callee.expect(200)).body == SDP
    callee.request("BYE")
    await callee.expect(200)
    assert "m=audio 0 RTP/AVP 0" in (await caller.expect("ACK")).body
    caller.reply(await caller.expect("BYE"), 200)
    answered(await scene.record(), scene.number, by="callee")
