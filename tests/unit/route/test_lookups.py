"""Known callers: when a look-up is needed, and what its answer changes."""

from rulebook import Rules, held, reason, rounds, why

from callrouter.route.decide.routing import decide
from callrouter.route.values.decision import Decision
from callrouter.route.values.external_lookup import LookupAnswer, said
from callrouter.route.values.facts import Facts
from callrouter.route.values.snapshot import NOTHING, Snapshot

CRM = 'lookups: {crm: {url: "http://127.0.0.1:9/owner?caller={caller}", timeout: 2s}}'
ROUTE = "lookup: crm, route: [{hunt: [a]}]"
CALLER = "13900139000"
E164 = "+8613900139000"


def answered(
    rules: Rules, answer: LookupAnswer, snapshot: Snapshot = NOTHING, after: Snapshot | None = None
) -> Decision:
    """Decide, and decide again by an answer. after: the state by then."""
    facts = Facts("lab", "127.0.0.1", CALLER, "4000")
    need = decide(rules.dialplan, facts, snapshot).lookup
    assert need is not None
    return decide(rules.dialplan, facts.answered(need, answer), after or snapshot)


def test_number_with_a_lookup_needs_it_and_is_planned_as_if_nobody_were_known() -> None:
    decision = Rules(ROUTE, CRM).call()
    assert decision.lookup is not None
    assert (decision.lookup.lookup.name, decision.lookup.number) == ("crm", E164)
    assert rounds(decision) == [[["a"]]]
    assert held(decision.plan) == ("number 4000", "trunk lab")
    assert why(decision, "lookup crm") == (
        False,
        E164,
        "would be asked who is responsible; the plan is that without an answer",
    )


def test_number_without_a_lookup_needs_nothing() -> None:
    assert Rules("route: [{hunt: [a]}]", CRM).call().lookup is None


def test_owner_rings_first_then_the_route() -> None:
    decision = answered(Rules(ROUTE, CRM), said("101"))
    assert decision.lookup is None
    assert rounds(decision) == [[["c"]], [["a"]]]
    assert held(decision.plan) == ("number 4000", "trunk lab", "extension 101")
    assert why(decision, "lookup crm") == (True, E164, "names extension 101")


def test_unknown_caller_goes_the_usual_way_and_the_reason_is_in_the_trace() -> None:
    decision = answered(Rules(ROUTE, CRM), LookupAnswer(named="", why="no answer within 2 s"))
    assert rounds(decision) == [[["a"]]]
    assert why(decision, "lookup crm") == (False, E164, "no answer within 2 s")


def test_owner_who_is_no_extension_changes_nothing() -> None:
    decision = answered(Rules(ROUTE, CRM), said("999"))
    assert rounds(decision) == [[["a"]]]
    assert why(decision, "lookup crm")[2] == "names 999, which is no extension"


def test_owner_who_is_away_or_on_the_phone_is_not_rung() -> None:
    away = answered(Rules(ROUTE, CRM), said("101"), after=Snapshot(away={"101": "on leave"}))
    assert rounds(away) == [[["a"]]]
    assert why(away, "extension 101")[2] == "is away: on leave"
    busy = answered(Rules(ROUTE, CRM), said("101"), after=Snapshot(lines={"extension 101": 1}))
    assert rounds(busy) == [[["a"]]]
    assert "extension 101" not in held(busy.plan)


def test_verdicts_before_the_lookup_stand_and_come_once() -> None:
    rules = Rules(f"lines: 1, block: [bad], {ROUTE}", CRM)
    decision = answered(rules, said("101"))
    names = [verdict.rule for verdict in decision.trace]
    assert len(names) == len(set(names))
    assert names[-3:] == ["lookup crm", "lines of extension 101", "step 1 of number 4000"]
    assert {"trunk lab", "number 4000", "block bad", "lines of number 4000"} <= set(names)


def test_call_that_was_let_in_is_not_judged_again_by_limits_it_now_counts_in() -> None:
    rules = Rules(
        f"lines: 1, auto_block: {{calls: 2, within: 10s, for: 20s, when: always}}, {ROUTE}", CRM
    )
    taken = {"number 4000": 1, "trunk lab": 1}
    after = Snapshot(lines=taken, attempts={("4000", E164): [0.0]}, blocks={("4000", E164): 0.0})
    decision = answered(rules, said("101"), after=after)
    assert rounds(decision) == [[["c"]], [["a"]]]


def test_refused_caller_is_never_looked_up() -> None:
    decision = Rules(f"block: [bad], {ROUTE}", CRM).call(caller="13800138000")
    assert reason(decision) == ("blocked_caller", 403, 21)
    assert decision.lookup is None


def test_caller_without_a_number_is_not_looked_up() -> None:
    decision = Rules(ROUTE, CRM).call(caller="anonymous")
    assert decision.lookup is None
    assert why(decision, "lookup crm")[2] == "the caller has no number to ask with"


def test_extension_in_the_to_header_makes_the_lookup_needless() -> None:
    rules = Rules(f"to_header: extensions, {ROUTE}", CRM)
    named = rules.call(to="102")
    assert named.lookup is None
    assert rounds(named) == [[["d"]], [["a"]]]
    assert rules.call(to="4000").lookup is not None


def test_overflow_goes_its_way_without_a_lookup() -> None:
    rules = Rules(f"lines: 1, overflow: [{{hunt: [b]}}], {ROUTE}", CRM)
    decision = rules.call(snapshot=Snapshot(lines={"number 4000": 1}))
    assert decision.lookup is None
    assert rounds(decision) == [[["b"]]]


def test_owner_rings_even_when_every_step_is_closed_and_lines_are_held_meanwhile() -> None:
    rules = Rules("lines: 1, lookup: crm, route: [{when: {schedule: night}, hunt: [a]}]", CRM)
    first = rules.call()
    assert reason(first) == ("out_of_hours", 480, 18)
    assert held(first.plan) == ("number 4000", "trunk lab")
    facts = Facts("lab", "127.0.0.1", CALLER, "4000", at=1772769600.0)
    need = decide(rules.dialplan, facts).lookup
    assert need is not None
    owned = decide(rules.dialplan, facts.answered(need, said("101")))
    assert rounds(owned) == [[["c"]]]
    nobody = decide(rules.dialplan, facts.answered(need, said("")))
    assert reason(nobody) == ("out_of_hours", 480, 18)
    assert held(nobody.plan) == ()
