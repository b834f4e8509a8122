"""Callers that give up before an answer, SIPp at both ends."""

from support.records import cancelled, results
from support.stage import Scene, story


@story()
async def test_caller_cancels_while_the_target_rings(scene: Scene) -> None:
    callee = await scene.callee("callee_rings")
    caller = await scene.caller("caller_cancels_while_ringing")
    await caller.done()
    await callee.done()
    record = await scene.record()
    cancelled(record, scene.number)
    assert record["ringing_ms"] is not None


@story(transport="tcp")
async def test_caller_cancels_over_tcp(scene: Scene) -> None:
    callee = await scene.callee("callee_rings")
    caller = await scene.caller("caller_cancels_while_ringing")
    await caller.done()
    await callee.done()
    cancelled(await scene.record(), scene.number)


@story()
async def test_target_is_not_cancelled_before_it_has_sent_a_provisional(scene: Scene) -> None:
    callee = await scene.phone(0)
    caller = await scene.caller("caller_cancels_before_ringing")
    invite = await callee.expect("INVITE")
    # The caller does not wait for the target: it is done before that has said anything.
    await caller.done()
    assert callee.quiet()
    callee.reply(invite, 180)
    cancel = await callee.expect("CANCEL")
    callee.reply(cancel, 200)
    callee.reply(invite, 487)
    await callee.expect("ACK")
    record = await scene.record()
    cancelled(record, scene.number)
    assert record["ringing_ms"] is None
    assert callee.count(cancel) == 1


@story()
async def test_target_that_answers_after_the_caller_left_is_hung_up(scene: Scene) -> None:
    callee = await scene.callee("callee_answers_after_the_cancel")
    caller = await scene.caller("caller_cancels_while_ringing")
    await caller.done()
    await callee.done()
    cancelled(await scene.record(), scene.number)


@story(ring="8s")
async def test_vanished_caller_is_given_up_at_the_ring_timeout(scene: Scene) -> None:
    callee = await scene.callee("callee_rings")
    caller = await scene.caller("caller_vanishes_while_ringing")
    await caller.done()
    await callee.done()
    record = await scene.record()
    assert (record["disposition"], record["status"]) == ("NO_ANSWER", 480)
    assert results(record) == [("no_answer", 408)]
