from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rulebook import FRIDAY_NOON, SATURDAY_NOON, Rules, held, reason, rounds, why

from callrouter.route.values.decision import Decision
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import Override, Snapshot

OFFICE = "{when: {schedule: office}, hunt: [a]}"
CLOSED = "{when: {schedule: office, is: closed}, hunt: [b]}"


def rings(decision: Decision) -> list[float]:
    return [target.ring_seconds for hunt in decision.plan.hunts for target in hunt.targets]


@pytest.mark.parametrize(
    ("hunt", "expected"),
    [
        ("[a, b]", [["a"], ["b"]]),
        ("[a, b], strategy: parallel", [["a", "b"]]),
        ("[a, both, c]", [["a"], ["a", "b"], ["c"]]),
        ("[c, both], strategy: parallel", [["c", "a", "b"]]),
        ("both", [["a", "b"]]),
    ],
)
def test_strategy_and_nested_groups_make_the_rounds(hunt: str, expected: list[list[str]]) -> None:
    assert rounds(Rules(f"route: [{{hunt: {hunt}}}]").call()) == [expected]


def test_step_that_stops_on_nothing_is_no_other_step_that_says_nothing() -> None:
    decision = Rules("route: [{hunt: [a, b]}, {hunt: [a, b], stop_on: []}]").call()
    usual, nothing = decision.plan.hunts
    assert 603 in usual.stop_codes
    assert nothing.stop_codes == frozenset()


def test_staggered_targets_wait_for_one_another_and_a_group_waits_as_one() -> None:
    decision = Rules("route: [{hunt: [c, both, d], strategy: staggered, every: 2s}]").call()
    (together,) = decision.plan.hunts[0].rounds
    assert [(t.name, t.delay_seconds) for t in together] == [
        ("c", 0.0),
        ("a", 2.0),
        ("b", 2.0),
        ("d", 4.0),
    ]
    assert "b for 15 s after 2 s" in decision.trace[-1].why


def test_staggered_target_takes_the_place_of_one_whose_gateway_is_down() -> None:
    plan = Rules("route: [{hunt: [d, a, e], strategy: staggered, every: 2s}]")
    (together,) = plan.call(snapshot=Snapshot(down={"one"})).plan.hunts[0].rounds
    assert [(t.name, t.delay_seconds) for t in together] == [("a", 0.0), ("e", 2.0)]


@pytest.mark.parametrize(("turn", "first"), [(0, "a"), (1, "b"), (2, "c"), (3, "a")])
def test_memory_hunt_begins_with_the_next_each_time(turn: int, first: str) -> None:
    plan = Rules("route: [{hunt: [a, b, c], strategy: round_robin}]")
    name = "step 1 of number 4000"
    decision = plan.call(snapshot=Snapshot(turns={name: turn}))
    assert decision.plan.hunts[0].rotation == name
    assert rounds(decision)[0][0] == [first]
    assert sorted(names for (names,) in rounds(decision)[0]) == ["a", "b", "c"]


def test_group_that_rotates_keeps_its_turn_wherever_it_is_used() -> None:
    decision = Rules("route: [{hunt: [c, turns]}]").call(snapshot=Snapshot(turns={"turns": 1}))
    assert decision.plan.hunts[0].rotation == "turns"
    assert rounds(decision) == [[["c"], ["b"], ["a"]]]


def test_random_order_follows_the_seed_and_reaches_all_orders() -> None:
    plan = Rules("route: [{hunt: drawn}]")
    seen = Counter(str(rounds(plan.call(snapshot=Snapshot(seed=seed)))) for seed in range(600))
    assert len(seen) == 6
    assert min(seen.values()) > 60
    again = [rounds(plan.call(snapshot=Snapshot(seed=7))) for _ in range(2)]
    assert again[0] == again[1]


def test_heavier_target_is_more_often_the_first() -> None:
    plan = Rules(
        "route: [{hunt: [{name: a, weight: 3}, {name: b, weight: 1}], strategy: weighted}]"
    )
    first = Counter(
        rounds(plan.call(snapshot=Snapshot(seed=seed)))[0][0][0] for seed in range(2000)
    )
    assert 1400 < first["a"] < 1600


@given(st.integers(), st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_drawn_order_has_every_position_once(seed: int, weights: list[int]) -> None:
    assert sorted(Dice(seed).order(weights)) == list(range(len(weights)))


def test_schedule_chooses_the_step_and_its_only_target_rings_55_seconds() -> None:
    plan = Rules(f"route: [{OFFICE}, {CLOSED}]")
    for at, name, taken in ((FRIDAY_NOON, "a", True), (SATURDAY_NOON, "b", False)):
        decision = plan.call(at=at)
        assert rounds(decision) == [[[name]]]
        assert rings(decision) == [55.0]
        assert why(decision, "step 1 of number 4000")[0] is taken
        assert why(decision, "step 2 of number 4000")[0] is not taken


def test_several_targets_that_ring_have_15_seconds_each() -> None:
    assert rings(Rules(f"route: [{OFFICE}, {{hunt: [b]}}]").call()) == [15.0, 15.0]


def test_switch_by_hand_changes_the_step_that_is_taken() -> None:
    plan = Rules(f"route: [{OFFICE}, {CLOSED}]")
    decision = plan.call(snapshot=Snapshot(overrides={"office": Override(open=False, until=0)}))
    assert rounds(decision) == [[["b"]]]
    assert "switched by hand" in why(decision, "step 2 of number 4000")[2]


def test_route_of_which_every_step_is_closed_is_out_of_hours() -> None:
    plan = Rules(f"route: [{OFFICE}]")
    decision = plan.call(at=SATURDAY_NOON)
    assert reason(decision) == ("out_of_hours", 480, 18)
    assert held(decision.plan) == ()
    assert why(decision, "step 1 of number 4000") == (
        False,
        "Sat 2026-03-07 12:00 Asia/Shanghai",
        "office: closed, no hours on this day; it is for when that is open",
    )


def test_final_of_the_last_step_taken_counts() -> None:
    plan = Rules(
        "route: [{when: {schedule: office}, hunt: [a], final: 486}, "
        "{when: {schedule: office, is: closed}, hunt: [b], final: 480}]"
    )
    for at, status in ((FRIDAY_NOON, 486), (SATURDAY_NOON, 480)):
        final = plan.call(at=at).plan.final
        assert final is not None
        assert final.status == status


def test_step_after_a_busy_target_keeps_its_condition_for_the_call() -> None:
    decision = Rules("route: [{hunt: [a]}, {hunt: both, on: [busy, no_answer]}]").call()
    assert [sorted(hunt.on) for hunt in decision.plan.hunts] == [[], ["busy", "no_answer"]]
    assert decision.trace[-1].why.endswith("if busy or no_answer before")


def test_step_after_a_busy_target_is_not_taken_when_none_was_rung_before() -> None:
    plan = Rules(f"route: [{OFFICE}, {{hunt: [b], on: [busy]}}]")
    decision = plan.call(at=SATURDAY_NOON)
    assert reason(decision) == ("out_of_hours", 480, 18)
    assert why(decision, "step 2 of number 4000")[2].endswith("no step before it was taken")


def test_step_after_an_unreachable_target_is_taken_when_its_gateway_is_down() -> None:
    down = Snapshot(down={"one"})
    decision = Rules("route: [{hunt: [d]}, {hunt: [b], on: [unreachable]}]").call(snapshot=down)
    assert rounds(decision) == [[["b"]]]
    assert decision.plan.hunts[0].on == frozenset()
    decision = Rules("route: [{hunt: [d]}, {hunt: [b], on: [busy]}]").call(snapshot=down)
    assert reason(decision) == ("no_target_left", 503, 34)
    assert "unreachable" in why(decision, "step 2 of number 4000")[2]


def test_target_whose_gateway_is_down_is_left_out_with_a_verdict() -> None:
    plan = Rules("route: [{hunt: [d, a, e]}]")
    decision = plan.call(snapshot=Snapshot(down={"one"}))
    assert rounds(decision) == [[["a"], ["e"]]]
    assert why(decision, "target d") == (False, "one", "gateway one is down")
    assert rounds(plan.call(snapshot=Snapshot(down={"three"}))) == [[["d"], ["a"], ["e"]]]
    assert rounds(plan.call()) == [[["d"], ["a"], ["e"]]]


def test_backup_rings_only_when_no_gateway_of_the_route_works() -> None:
    for rules, more in (("backup: [e], ", ""), ("", "backup: [e]")):
        plan = Rules(f"{rules}route: [{{hunt: [d]}}]", more)
        assert rounds(plan.call()) == [[["d"]]]
        decision = plan.call(snapshot=Snapshot(down={"one"}))
        assert rounds(decision) == [[["e"]]]
        assert rings(decision) == [55.0]
        assert why(decision, "backup of number 4000")[0]
        decision = plan.call(snapshot=Snapshot(down={"one", "two"}))
        assert reason(decision) == ("no_target_left", 503, 34)
        assert not why(decision, "backup of number 4000")[0]


def test_route_without_a_target_that_works_is_answered_by_its_final() -> None:
    plan = Rules("route: [{hunt: [d], final: 480}]")
    assert reason(plan.call(snapshot=Snapshot(down={"one"}))) == ("no_target_left", 480, 18)


@pytest.mark.parametrize(("used", "refused"), [(0, False), (1, False), (2, True), (3, True)])
def test_number_without_a_free_line_refuses(used: int, refused: bool) -> None:
    snapshot = Snapshot(lines={"number 4000": used})
    decision = Rules("lines: 2, route: [{hunt: [a]}]").call(snapshot=snapshot)
    assert reason(decision) == (("over_limit", 486, 17) if refused else None)
    assert held(decision.plan) == (() if refused else ("number 4000", "trunk lab"))
    assert why(decision, "lines of number 4000")[:2] == (refused, f"{used} of 2")


def test_trunk_without_a_free_line_refuses_even_a_plain_number() -> None:
    plan = Rules("route: [{hunt: [a]}]")
    assert held(plan.call(trunk="small").plan) == ("number 4000", "trunk small")
    full = Snapshot(lines={"trunk small": 1})
    assert reason(plan.call(snapshot=full, trunk="small")) == ("over_limit", 486, 17)
    assert reason(plan.call(snapshot=full)) is None


def test_overflow_takes_calls_beyond_the_lines_and_holds_none_of_them() -> None:
    plan = Rules("lines: 1, overflow: [{hunt: [b]}], route: [{hunt: [a]}]")
    assert rounds(plan.call()) == [[["a"]]]
    decision = plan.call(snapshot=Snapshot(lines={"number 4000": 1}))
    assert rounds(decision) == [[["b"]]]
    assert held(decision.plan) == ("trunk lab",)
    assert why(decision, "step 1 of overflow of number 4000")[0]


def test_extension_rings_first_and_is_held() -> None:
    decision = Rules("to_header: extensions, route: [{hunt: [a]}]").call(to="101")
    assert rounds(decision) == [[["c"]], [["a"]]]
    assert held(decision.plan) == ("number 4000", "trunk lab", "extension 101")


@pytest.mark.parametrize(
    ("extension", "snapshot", "because"),
    [
        ("101", Snapshot(away={"101": "on leave"}), "is away: on leave"),
        ("101", Snapshot(lines={"extension 101": 1}), "no line is free"),
        ("102", Snapshot(down={"one"}), "gateway one is down"),
    ],
)
def test_extension_that_cannot_answer_is_passed_over(
    extension: str, snapshot: Snapshot, because: str
) -> None:
    plan = Rules("to_header: extensions, route: [{hunt: [a]}]")
    decision = plan.call(to=extension, snapshot=snapshot)
    assert rounds(decision) == [[["a"]]]
    assert held(decision.plan) == ("number 4000", "trunk lab")
    assert because in [verdict.why for verdict in decision.trace]


def test_suspended_number_takes_no_calls() -> None:
    decision = Rules("suspended: true, route: [{hunt: [a]}]").call()
    assert reason(decision) == ("suspended", 480, 31)
    assert why(decision, "suspended of number 4000")[0]


@pytest.mark.parametrize(
    ("own", "general", "answer"),
    [
        ("", "", (403, 21, "")),
        ("", "{status: 603}", (603, 21, "")),
        ("", "{status: 486, cause: 21, prompt: busy}", (486, 21, "busy")),
        ("{prompt: goodbye}", "{status: 486, prompt: busy}", (486, 17, "goodbye")),
        ("{status: 404}", "{status: 486, cause: 21}", (404, 1, "")),
        ("{cause: 55}", "", (403, 55, "")),
    ],
)
def test_reason_is_answered_as_the_number_says_or_the_dialplan(
    own: str, general: str, answer: tuple[int, int, str]
) -> None:
    reasons = f"reasons: {{blocked_caller: {own}}}, " if own else ""
    more = f"reasons: {{blocked_caller: {general}}}" if general else ""
    plan = Rules(f"{reasons}block: [bad], route: [{{hunt: [a]}}]", more)
    final = plan.call("13800138000").plan.final
    assert final is not None
    assert (final.status, final.cause, final.prompt) == answer


def test_prompt_of_nobody_left_is_heard_before_its_answer() -> None:
    for reasons, answer in (
        ("{status: 503}", (503, 41, "")),
        ("{prompt: no_answer}", (0, 0, "no_answer")),
        ("{cause: 20}", (0, 20, "")),
    ):
        plan = Rules("route: [{hunt: [a]}]", f"reasons: {{no_target_left: {reasons}}}")
        final = plan.call().plan.final
        assert final is not None
        assert (final.status, final.cause, final.prompt) == answer
    plan = Rules(
        "reasons: {no_target_left: {prompt: no_answer}}, route: [{hunt: [a]}]",
        "reasons: {no_target_left: {status: 503}}",
    )
    final = plan.call().plan.final
    assert final is not None
    assert (final.status, final.prompt) == (503, "no_answer")
