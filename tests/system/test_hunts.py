"""Hunts, SIPp at both ends: what each target did, what the caller was told, and the record."""

from support.records import answered, lasted, refused, results
from support.serving import Record
from support.stage import Scene, story

AT_ONCE_MS = 100
"""From the end of one target to the beginning of the next."""
SHORTEST_MS = 4900
"""Less than any timer of a story's dialplan: it was no timer that ended the target."""


def next_at_once(record: Record) -> None:
    """The second target was rung as soon as the first said no, by callrouter's own times."""
    first, second = record["legs"]
    assert first["ended_ms"] - first["started_ms"] < SHORTEST_MS
    assert second["started_ms"] - first["ended_ms"] < AT_ONCE_MS


@story()
async def test_busy_only_target_makes_the_call_busy(scene: Scene) -> None:
    callee = await scene.callee("callee_busy")
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    await callee.done()
    record = await scene.record()
    refused(record, scene.number, "BUSY", 486, 17)
    assert results(record) == [("busy", 486)]
    assert caller.statuses()[-1] == 486


@story(targets=2, ring="20s")
async def test_busy_target_rings_the_next_at_once(scene: Scene) -> None:
    busy = await scene.callee("callee_busy")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await busy.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("busy", 486), ("answered", 200)]
    next_at_once(record)
    assert 486 not in caller.statuses()


@story(targets=2, stop_on=[486])
async def test_stop_code_ends_the_hunt_and_is_the_answer(scene: Scene) -> None:
    await scene.callee("callee_busy")
    await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    record = await scene.record()
    refused(record, scene.number, "BUSY", 486, 17)
    assert results(record) == [("busy", 486)]
    assert caller.statuses()[-1] == 486


@story(targets=2)
async def test_declining_target_stops_the_hunt_by_603(scene: Scene) -> None:
    declining = await scene.callee("callee_declines")
    await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    await declining.done()
    record = await scene.record()
    refused(record, scene.number, "REJECTED", 603, 21)
    assert results(record) == [("rejected", 603)]
    assert caller.statuses()[-1] == 603


@story(transport="tcp", targets=2)
async def test_busy_target_over_tcp_rings_the_next_at_once(scene: Scene) -> None:
    await scene.callee("callee_busy")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("busy", 486), ("answered", 200)]


@story(transport="tcp", targets=2, progress="20s")
async def test_refused_tcp_connection_rings_the_next_at_once(scene: Scene) -> None:
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("unreachable", 503), ("answered", 200)]
    next_at_once(record)


@story(transport="tcp", targets=2, ring="20s")
async def test_tcp_connection_that_breaks_while_ringing_rings_the_next_at_once(
    scene: Scene,
) -> None:
    first = await scene.callee("callee_rings")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.got(180)
    await first.stop()
    await caller.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("unreachable", 503), ("answered", 200)]


@story()
async def test_503_of_the_only_target_is_congestion_and_reaches_the_caller_as_500(
    scene: Scene,
) -> None:
    await scene.callee("callee_unavailable")
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    record = await scene.record()
    refused(record, scene.number, "CONGESTION", 500, 41)
    assert results(record) == [("unreachable", 503)]
    assert caller.statuses()[-1] == 500


@story(targets=2)
async def test_503_rings_the_next_at_once(scene: Scene) -> None:
    await scene.callee("callee_unavailable")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    next_at_once(record)


@story(targets=2, progress="4s", ring="20s")
async def test_silent_target_is_left_after_the_progress_timeout(scene: Scene) -> None:
    await scene.callee("callee_silent")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("unreachable", 408), ("answered", 200)]
    lasted(record["legs"][0], 4.0)
    assert record["legs"][0]["progress_ms"] is None


@story(progress="1s")
async def test_target_where_nothing_listens_is_unavailable(scene: Scene) -> None:
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    record = await scene.record()
    refused(record, scene.number, "UNAVAILABLE", 408, 102)
    assert results(record) == [("unreachable", 408)]
    lasted(record["legs"][0], 1.0)


@story(targets=2, ring="5s")
async def test_target_that_only_rings_is_cancelled_after_the_ring_timeout(scene: Scene) -> None:
    ringing = await scene.callee("callee_rings")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await ringing.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("no_answer", 408), ("answered", 200)]
    lasted(record["legs"][0], 5.0)


@story(targets=2, ring="4s", final=480)
async def test_nobody_answers_and_the_final_code_says_so(scene: Scene) -> None:
    first = await scene.callee("callee_rings")
    second = await scene.callee("callee_rings", 1)
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    await first.done()
    await second.done()
    record = await scene.record()
    refused(record, scene.number, "NO_ANSWER", 480, 18)
    assert record["reason"] == "no_target_left"
    assert results(record) == [("no_answer", 408)] * 2
    lasted(record["legs"][1], 4.0)


@story(targets=2, ring="5s", progress="4s")
async def test_target_that_is_not_there_after_one_that_rang_makes_the_route_no_dead_one(
    scene: Scene,
) -> None:
    first = await scene.callee("callee_rings")
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    await first.done()
    record = await scene.record()
    refused(record, scene.number, "UNAVAILABLE", 480, 19)
    assert results(record) == [("no_answer", 408), ("unreachable", 408)]
    assert caller.statuses()[-1] == 480


@story(targets=3, ring="6s", total="11s")
async def test_total_timeout_cuts_the_second_target_and_never_rings_the_third(
    scene: Scene,
) -> None:
    first = await scene.callee("callee_rings")
    second = await scene.callee("callee_rings", 1)
    await scene.callee("callee_answers", 2)
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    await first.done()
    await second.done()
    record = await scene.record()
    refused(record, scene.number, "NO_ANSWER", 480, 19)
    assert results(record) == [("no_answer", 408)] * 2
    lasted(record["legs"][0], 6.0)
    lasted(record["legs"][1], 1.0, slack=5.0)  # cut: it would have rung for six
    assert 11_000 <= record["ended_ms"] < 15_000


@story(targets=2, ring="5s")
async def test_target_that_answers_after_the_ring_timeout_is_hung_up(scene: Scene) -> None:
    late = await scene.callee("callee_answers_after_the_cancel")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await late.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("no_answer", 408), ("answered", 200)]


@story(targets=2)
async def test_failure_after_early_media_rings_the_next(scene: Scene) -> None:
    first = await scene.callee("callee_fails_after_early_media")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await first.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("unreachable", 480), ("answered", 200)]
    lasted(record["legs"][0], 0.3)
    assert caller.statuses()[:4] == [100, 183, 180, 200]
    # What was heard of the first belongs to another early dialog than the answer.
    assert caller.to_tags(183) != caller.to_tags(180)
    assert caller.to_tags(200)[0] == caller.to_tags(180)[0]


@story(targets=2)
async def test_200_without_an_answer_to_the_offer_is_hung_up_and_the_next_rings(
    scene: Scene,
) -> None:
    first = await scene.callee("callee_answers_without_sdp")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await first.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("rejected", 488), ("answered", 200)]


@story(targets=2, redirects="follow")
async def test_redirect_is_followed_to_a_host_of_the_dialplan(scene: Scene) -> None:
    elsewhere = f"127.0.0.1:{scene.ports[1]}"
    first = await scene.callee("callee_redirects", elsewhere=elsewhere)
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await first.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("redirected", 302), ("answered", 200)]
    assert record["legs"][1]["uri"] == f"sip:moved@{elsewhere}"


@story(targets=2, redirects="follow")
async def test_redirect_to_a_foreign_host_is_not_followed(scene: Scene) -> None:
    await scene.callee("callee_redirects", elsewhere="192.0.2.9")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert record["legs"][1]["uri"] == f"sip:service@127.0.0.1:{scene.ports[1]}"


@story(targets=2)
async def test_redirect_is_not_followed_unless_asked_for(scene: Scene) -> None:
    await scene.callee("callee_redirects", elsewhere=f"127.0.0.1:{scene.ports[0]}")
    callee = await scene.callee("callee_answers", 1)
    caller = await scene.caller("caller_hangs_up")
    await caller.done()
    await callee.done()
    record = await scene.record()
    answered(record, scene.number, by="caller", legs=2)
    assert results(record) == [("redirected", 302), ("answered", 200)]
    assert record["legs"][1]["uri"] == f"sip:service@127.0.0.1:{scene.ports[1]}"


@story(redirects="next")
async def test_redirect_of_the_only_target_ends_as_480(scene: Scene) -> None:
    await scene.callee("callee_redirects", elsewhere="127.0.0.1:9")
    caller = await scene.caller("caller_is_refused")
    await caller.done()
    record = await scene.record()
    assert (record["disposition"], record["status"]) == ("UNAVAILABLE", 480)
    assert results(record) == [("redirected", 302)]


@story()
async def test_unknown_number_is_404_with_the_rules_verdict(scene: Scene) -> None:
    unknown = f"99{scene.number}"
    caller = await scene.caller("caller_is_refused", unknown)
    await caller.done()
    record = await scene.serving.record(unknown)
    assert (record["disposition"], record["status"], record["cause"]) == ("REJECTED", 404, 1)
    assert (record["reason"], record["number"], record["legs"]) == ("unknown_number", "", [])
    assert [rule["matched"] for rule in record["trace"]] == [True, False]
    assert caller.statuses()[-1] == 404
