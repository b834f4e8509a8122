"""Calls that are answered, SIPp at both ends: what passes between the parties, and the record."""

from support.records import answered, results
from support.serving import Record
from support.stage import Scene, story


async def call(scene: Scene, callee: str, caller: str) -> Record:
    """One call, both ends of which have to see through what they play."""
    at_target = await scene.callee(callee)
    at_caller = await scene.caller(caller)
    await at_caller.done()
    await at_target.done()
    return await scene.record()


@story()
async def test_caller_hangs_up(scene: Scene) -> None:
    record = await call(scene, "callee_answers", "caller_hangs_up")
    answered(record, scene.number, by="caller")
    assert record["legs"][0]["uri"] == f"sip:service@127.0.0.1:{scene.ports[0]}"
    assert 300 <= record["ended_ms"] - record["answered_ms"] < 10_000
    assert (record["caller"], record["source"]) == ("1001", "127.0.0.1")


@story()
async def test_callee_hangs_up(scene: Scene) -> None:
    record = await call(scene, "callee_hangs_up", "caller_is_hung_up_on")
    answered(record, scene.number, by="callee")
    assert 300 <= record["ended_ms"] - record["answered_ms"] < 10_000


@story(transport="tcp")
async def test_caller_hangs_up_over_tcp(scene: Scene) -> None:
    answered(await call(scene, "callee_answers", "caller_hangs_up"), scene.number, by="caller")


@story(transport="tcp")
async def test_callee_hangs_up_over_tcp(scene: Scene) -> None:
    record = await call(scene, "callee_hangs_up", "caller_is_hung_up_on")
    answered(record, scene.number, by="callee")


@story(host="::1")
async def test_caller_hangs_up_over_ipv6(scene: Scene) -> None:
    record = await call(scene, "callee_answers", "caller_hangs_up")
    answered(record, scene.number, by="caller")
    assert record["source"] == "::1"


@story(host="::1", transport="tcp")
async def test_caller_hangs_up_over_ipv6_and_tcp(scene: Scene) -> None:
    answered(await call(scene, "callee_answers", "caller_hangs_up"), scene.number, by="caller")


@story()
async def test_late_offer_and_its_answer_in_ack_pass_through(scene: Scene) -> None:
    record = await call(scene, "callee_offers_late", "caller_offers_late")
    answered(record, scene.number, by="caller")


@story()
async def test_hold_and_resume_pass_through(scene: Scene) -> None:
    record = await call(scene, "callee_follows_holds", "caller_holds_and_resumes")
    answered(record, scene.number, by="caller")


@story(transport="tcp")
async def test_hold_and_resume_pass_through_over_tcp(scene: Scene) -> None:
    record = await call(scene, "callee_follows_holds", "caller_holds_and_resumes")
    answered(record, scene.number, by="caller")


@story()
async def test_update_passes_through(scene: Scene) -> None:
    record = await call(scene, "callee_follows_update", "caller_updates")
    answered(record, scene.number, by="caller")


@story()
async def test_dtmf_by_info_passes_through(scene: Scene) -> None:
    record = await call(scene, "callee_takes_info", "caller_sends_dtmf_by_info")
    answered(record, scene.number, by="caller")


@story()
async def test_ringing_that_has_to_be_acknowledged_is(scene: Scene) -> None:
    record = await call(scene, "callee_rings_reliably", "caller_hangs_up")
    answered(record, scene.number, by="caller")


@story(targets=2, to_header="extensions")
async def test_callee_transfers_the_caller_to_an_extension(scene: Scene) -> None:
    agent = await scene.callee("callee_transfers_the_caller", goal=scene.extension)
    colleague = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_is_transferred")
    for party in (agent, caller, colleague):
        await party.done()
    record = await scene.record()
    assert [leg["target"] for leg in record["legs"]] == scene.names
    assert [leg["result"] for leg in record["legs"]] == ["answered", "answered"]


@story()
async def test_forks_ring_with_tags_of_their_own_and_the_answering_one_keeps_its_tag(
    scene: Scene,
) -> None:
    callee = await scene.callee("callee_forks")
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await callee.done()
    answered(await scene.record(), scene.number, by="caller")
    assert caller.to_tags(200)[0] == caller.to_tags(183)[0]
    assert caller.to_tags(180)[1] != caller.to_tags(183)[0]


@story()
async def test_callee_that_forgot_the_call_ends_it_for_both(scene: Scene) -> None:
    callee = await scene.callee("callee_forgets")
    caller = await scene.caller("caller_asks_a_callee_that_forgot")
    await caller.done()
    await callee.done()
    record = await scene.record()
    assert (record["disposition"], record["hung_up_by"]) == ("ANSWERED", "callee")
    assert results(record) == [("answered", 200)]
