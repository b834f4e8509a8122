"""Targets that ring together: who wins, who is told, and what becomes of the rest (B9)."""

import pytest
from hunted import World, decided, hunt, results, target, together
from support.wire import TARGET

from callrouter.simulate.target_script import Legs
from callrouter.sip.flow import Flow
from callrouter.sip.message import Request


def test_first_to_answer_is_connected_and_the_others_are_told_where_the_call_went(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(monkeypatch, together("a", "b", "c"))
    world = World("a: 180", "b: 180, 200 after 3s", "c: 183")
    record = world.play()
    assert results(record) == [
        ("a", "cancelled", 487),
        ("b", "answered", 200),
        ("c", "cancelled", 487),
    ]
    assert [leg.cause for leg in record.legs] == [26, 16, 26]
    for loser in ("a", "c"):
        assert world.asked(loser) == ["INVITE", "CANCEL", "ACK"]
        cancel = [m for _, m in world.messages("router", loser)][1]
        assert cancel.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert (record.disposition, record.status) == ("ANSWERED", 200)


def test_second_200_of_the_same_turn_is_acked_then_byed_and_never_seen_by_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(monkeypatch, together("a", "b"))
    world = World("a: 200 after 1s", "b: 200 after 1s")
    record = world.play()
    assert results(record) == [("a", "answered", 200), ("b", "cancelled", 487)]
    assert world.asked("b") == ["INVITE", "ACK", "BYE"]
    bye = [m for _, m in world.messages("router", "b")][-1]
    assert bye.get("reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert [message.status for message in world.told()] == [200]


def test_200_that_crosses_the_cancel_is_acked_then_byed(monkeypatch: pytest.MonkeyPatch) -> None:
    decided(monkeypatch, together("a", "b"))
    world = World("a: 180, 200 after 1s", "b: 180, 200 after 1050ms", delay=0.05)
    record = world.play()
    assert results(record) == [("a", "answered", 200), ("b", "cancelled", 487)]
    assert world.asked("b") == ["INVITE", "CANCEL", "ACK", "BYE"]


def test_caller_who_cancels_while_three_ring_leaves_none_ringing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(monkeypatch, together("a", "b", "c"))
    world = World("a: 180", "b: 183", "c: 180", cancel_after=2.0)
    record = world.play()
    assert [leg.result for leg in record.legs] == ["cancelled"] * 3
    assert [leg.cause for leg in record.legs] == [16] * 3
    for name in "abc":
        assert world.asked(name) == ["INVITE", "CANCEL", "ACK"]
    assert (record.disposition, record.status) == ("CANCELLED", 487)


def test_each_target_has_its_own_ring_and_progress_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = (
        target("a", ring=3.0),
        target("b", ring=8.0),
        target("c", ring=5.0, progress=2.0),
        target("d", ring=5.0),
    )
    decided(monkeypatch, hunt(targets))
    world = World("a: 180, 200 after 20s", "b: 180 after 1s", "c: silence", "d: 183")
    record = world.play()
    ends = [(leg.result, round((leg.ended_ms or 0) / 1000, 1)) for leg in record.legs]
    assert ends == [("no_answer", 3.0), ("no_answer", 8.0), ("unreachable", 2.0), ("no_answer", 5)]
    assert (record.disposition, record.status) == ("NO_ANSWER", 480)


def test_total_time_ends_the_round_and_what_waits_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = (target("a"), target("b", delay=2.0), target("c", delay=6.0)), (target("d"),)
    decided(monkeypatch, hunt(*rounds, total=5.0))
    world = World("a: 180", "b: 180")
    record = world.play()
    assert results(record) == [("a", "no_answer", 408), ("b", "no_answer", 408)]
    assert record.ended_ms in range(5000, 5050)


def test_stop_code_of_one_target_ends_the_whole_round(monkeypatch: pytest.MonkeyPatch) -> None:
    decided(monkeypatch, together("a", "b"), together("c"))
    world = World("a: 603 after 1s", "b: 180")
    record = world.play()
    assert results(record) == [("a", "rejected", 603), ("b", "cancelled", 487)]
    assert (record.disposition, record.status) == ("REJECTED", 603)
    assert [m for _, m in world.messages("router", "b")][1].get("reason") == "SIP;cause=603"


def test_staggered_targets_join_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = tuple(target(name, delay=2.0 * place) for place, name in enumerate("abc"))
    decided(monkeypatch, hunt(targets))
    world = World("a: 180", "b: 180", "c: 180, 200 after 1s")
    record = world.play()
    assert world.rung() == [("a", 0.0), ("b", 2.0), ("c", 4.0)]
    assert results(record)[2] == ("c", "answered", 200)


def test_who_waits_rings_sooner_when_all_before_it_have_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delays = {"a": 0.0, "b": 4.0, "c": 4.0, "d": 6.0}
    decided(monkeypatch, hunt(tuple(target(name, delay=at) for name, at in delays.items())))
    world = World("a: 486 after 1s", "b: 180", "c: 180", "d: 200 after 1s")
    world.play()
    assert world.rung() == [("a", 0.0), ("b", 1.0), ("c", 1.0), ("d", 6.0)]


def test_all_busy_is_busy_and_one_that_rang_out_makes_it_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(monkeypatch, together("a", "b", ring=3.0, progress=6.0))
    assert World("a: 486 after 1s", "b: 404 after 2s").play().disposition == "BUSY"
    assert World("a: 180, 486 after 2s", "b: 180").play().disposition == "NO_ANSWER"
    assert World("a: 500", "b: silence").play().disposition == "UNAVAILABLE"


def test_hunt_for_another_result_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    hunts = (
        together("a"),
        hunt((target("b"),), on=frozenset(("busy",))),
        hunt((target("c"),), on=frozenset(("no_answer", "busy"))),
    )
    decided(monkeypatch, *hunts)
    assert [leg.target for leg in World("a: 180", "c: 200").play().legs] == ["a", "c"]
    assert [leg.target for leg in World("a: 486", "b: 404").play().legs] == ["a", "b"]
    assert [leg.target for leg in World("a: 404").play().legs] == ["a"]


def test_first_early_media_has_the_caller_until_its_target_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decided(monkeypatch, together("a", "b", "c"))
    world = World("a: 183 after 1s, 486 after 4s", "b: 183 after 2s, 200 after 6s", "c: 180")
    world.play()
    told = world.told()
    assert [(message.status, bool(message.body)) for message in told] == [
        (180, False),
        (183, True),
        (183, True),
        (200, True),
    ]
    # One early dialog takes one answer only, so the second early media has a To tag of its own.
    tags = [message.to_tag() for message in told]
    assert tags[0] == tags[1] != tags[2] == tags[3]


class Forwarding(Legs):
    """Targets of which `a` redirects to two others."""

    def on_request(self, request: Request, flow: Flow) -> None:
        if request.uri.startswith("sip:a@"):
            tx = self.stack.accept(request, flow)
            self.names[request.get("call-id")] = "a"
            places = ", ".join(f"<sip:{name}@{TARGET[0]}:5060>" for name in ("x", "y"))
            tx.respond(302, f"Contact: {places}\r\n")
        else:
            super().on_request(request, flow)


def test_redirection_rings_in_place_of_its_target_while_the_others_ring_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hunted.Legs", Forwarding)
    place = f"a -> {TARGET[0]}:5060"
    decided(monkeypatch, together("a", "b", ring=8.0))
    record = World("b: 180", f"{place}: 486 after 2s").play()
    assert results(record) == [
        ("a", "redirected", 302),
        ("b", "no_answer", 408),
        (place, "busy", 486),
        (place, "busy", 486),
    ]
    starts = [round(leg.started_ms / 1000, 1) for leg in record.legs]
    assert starts == [0.0, 0.0, 0.0, 2.0]


def test_answer_without_sdp_counts_as_a_refusal_and_the_others_ring_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("callrouter.simulate.target_script.SDP", b"")
    decided(monkeypatch, together("a", "b"))
    record = World("a: 180, 200 after 1s", "b: 180, 486 after 3s").play()
    assert results(record) == [("a", "rejected", 488), ("b", "busy", 486)]
