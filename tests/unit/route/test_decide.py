from hypothesis import given
from hypothesis import strategies as st
from rulebook import FILE, dialplan, number

from callrouter.route.decide.routing import decide
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts

PLAN = dialplan("4000", "02012345678", "4xxx", "4*", number("4004", 20, reads_to=True))


def call(
    called: str, to_user: str = "", to_ext: str = "", trunk: str = "lab", source: str = "127.0.0.1"
) -> Decision:
    return decide(PLAN, Facts(trunk, source, "13800138000", called, to_user, to_ext))


def lines(decision: Decision) -> list[tuple[str, bool, str, str, int]]:
    assert all(verdict.file == FILE for verdict in decision.trace)
    return [(v.rule, v.matched, v.value, v.why, v.line) for v in decision.trace]


IN_LAB = ("trunk lab", True, "127.0.0.1", "the source address is in 127.0.0.0/8", 3)


def test_number_written_out_gives_its_plan_and_every_rule_looked_at() -> None:
    decision = call("4000")
    assert decision.number == "4000"
    assert [hunt.name for hunt in decision.plan.hunts] == ["4000"]
    assert lines(decision) == [
        IN_LAB,
        ("number 4000", True, "4000", "written so", 10),
        ("step 1 of number 4000", True, "", "no condition; rings 4000 for 15 s", 11),
    ]


def test_number_in_another_form_says_which_number_both_are() -> None:
    decision = call("00862012345678")
    assert decision.number == "02012345678"
    assert lines(decision)[1] == (
        "number 02012345678",
        True,
        "00862012345678",
        "both are +862012345678",
        10,
    )


def test_pattern_that_wins_names_those_it_beat() -> None:
    assert lines(call("4123"))[1:4] == [
        ("numbers", False, "4123", "no number is written as 4123", 9),
        ("number 4xxx", True, "4123", "fits", 10),
        ("number 4*", False, "4123", "fits too, but 4xxx is more specific", 10),
    ]


def test_unknown_number_is_refused_with_404() -> None:
    decision = call("5000")
    assert decision.number == ""
    assert decision.plan.hunts == ()
    final = decision.plan.final
    assert final is not None
    assert (final.reason, final.status, final.cause) == ("unknown_number", 404, 1)
    assert lines(decision) == [
        IN_LAB,
        ("numbers", False, "5000", "no number, prefix or pattern fits 5000", 9),
    ]


def test_unknown_trunk_is_refused_with_403() -> None:
    decision = call("4000", trunk="gone")
    final = decision.plan.final
    assert final is not None
    assert (final.reason, final.status, final.cause) == ("unknown_trunk", 403, 21)
    assert lines(decision) == [
        ("trunk gone", False, "127.0.0.1", "the dialplan has no such trunk", 1)
    ]


def test_trunk_not_known_by_its_address_says_so() -> None:
    for source in ("10.0.0.1", "192.0.2.1"):
        verdict = call("4000", source=source).trace[0]
        assert (verdict.rule, verdict.matched, verdict.value) == ("trunk lab", True, source)
        assert verdict.why == "known by other means than its source address"


def test_trunk_that_reads_to_ignores_the_request_uri() -> None:
    assert call("4001", to_user="4000", trunk="by_to", source="10.1.0.1").number == "4000"


def test_extension_named_by_the_user_of_to_rings_before_the_route() -> None:
    decision = call("4004", to_user="101")
    assert [hunt.name for hunt in decision.plan.hunts] == ["desk", "4004"]
    assert lines(decision)[1:] == [
        ("number 4004", True, "4004", "written so", 20),
        ("extension 101", True, "101", "named by the user of To:", 7),
        ("step 1 of number 4004", True, "", "no condition; rings 4004 for 15 s", 21),
    ]


def test_extension_named_by_ext_counts_before_the_user_of_to() -> None:
    decision = call("4004", to_user="4004", to_ext="101")
    assert [hunt.name for hunt in decision.plan.hunts] == ["desk", "4004"]
    assert lines(decision)[2] == ("extension 101", True, "101", "named by ;ext= of To:", 7)


def test_unknown_ext_falls_back_to_the_user_of_to() -> None:
    decision = call("4004", to_user="101", to_ext="999")
    assert [hunt.name for hunt in decision.plan.hunts] == ["desk", "4004"]
    assert [verdict[1:3] for verdict in lines(decision)[2:4]] == [(False, "999"), (True, "101")]


def test_to_that_names_nobody_leaves_the_route() -> None:
    decision = call("4004", to_user="4004")
    assert [hunt.name for hunt in decision.plan.hunts] == ["4004"]
    assert lines(decision)[2] == (
        "to_header of number 4004",
        False,
        "4004",
        "the user of To: is no extension",
        20,
    )


def test_number_that_does_not_read_to_ignores_an_extension_in_it() -> None:
    assert [hunt.name for hunt in call("4000", to_user="101").plan.hunts] == ["4000"]


def test_flood_of_called_numbers_forgets_no_busy_one_and_grows_no_more() -> None:
    plan = dialplan("4xxx", "4000")
    busy = Facts("lab", "127.0.0.1", "", "4000")
    decide(plan, busy)
    kept = plan.found.get(("lab", "4000"))
    assert kept is not None
    for count in range(20_000):
        plan.found.put(("lab", f"s{count}"), kept)
        assert len(plan.found) <= 16_384
        if count % 1000 == 0:
            decide(plan, busy)
    assert plan.found.get(("lab", "4000")) is kept


def test_endless_called_number_is_answered_but_not_remembered() -> None:
    plan = dialplan("4*")
    assert decide(plan, Facts("lab", "127.0.0.1", "", "4" * 5000)).number == "4*"
    assert len(plan.found) == 0


def flat(decision: Decision) -> object:
    final = decision.plan.final
    return (
        decision.number,
        [hunt.name for hunt in decision.plan.hunts],
        None if final is None else (final.reason, final.status, final.cause),
        lines(decision),
    )


DIALLED = st.one_of(
    st.text(max_size=20),
    st.from_regex(r"\+?(00)?(86)?[0-9 ]{0,14}", fullmatch=True),
    st.sampled_from(["4000", "4004", "101", "02012345678", "+862012345678"]),
)


@given(
    trunk=st.sampled_from(["lab", "far", "by_to", "gone", ""]),
    source=st.one_of(st.text(max_size=9), st.ip_addresses().map(str)),
    called=DIALLED,
    to_user=DIALLED,
    to_ext=DIALLED,
)
def test_any_facts_get_one_decision_whatever_was_decided_before(
    trunk: str, source: str, called: str, to_user: str, to_ext: str
) -> None:
    facts = Facts(trunk, source, "", called, to_user, to_ext)
    fresh = dialplan("4000", "02012345678", "4xxx", "4*", number("4004", 20, reads_to=True))
    decision = decide(PLAN, facts)
    assert flat(decision) == flat(decide(PLAN, facts)) == flat(decide(fresh, facts))
    assert decision.plan.hunts or decision.plan.final is not None
    assert decision.trace
