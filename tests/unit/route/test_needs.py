"""What a decision needs from outside, and what it becomes by the answers."""

from rulebook import Rules, held, reason, rounds, why

from callrouter.route.decide.routing import decide
from callrouter.route.values.decision import Decision, NeedCredit, NeedLines, NeedLookup
from callrouter.route.values.external_lookup import said
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Hold
from callrouter.route.values.snapshot import Snapshot

CRM = 'lookups: {crm: {url: "http://crm.test/{caller}"}}'


def facts(to: str = "4000", trunk: str = "lab") -> Facts:
    return Facts(trunk, "127.0.0.1", "13800138000", "4000", to)


def refused(rules: Rules, at: Facts, *names: str, **state: object) -> Decision:
    """Decide, and again for each of these of which no line is to be had."""
    snapshot = Snapshot(**state)  # type: ignore[arg-type]
    decision = decide(rules.dialplan, at, snapshot)
    for name in names:
        need = decision.needs[0]
        assert isinstance(need, NeedLines)
        assert name in [hold.name for hold in need.holds]
        at = at.without(need, name)
        decision = decide(rules.dialplan, at, snapshot)
    return decision


def test_a_call_that_is_let_in_needs_its_lines_and_no_more() -> None:
    decision = decide(Rules("lines: 3, route: [{hunt: [a]}]").dialplan, facts())
    (need,) = decision.needs
    assert isinstance(need, NeedLines)
    assert need.holds == (Hold("number 4000", 3), Hold("trunk lab", 0)) == decision.plan.holds
    assert need.seconds == 0.2
    assert decision.lookup is None


def test_a_call_that_is_refused_needs_nothing() -> None:
    assert decide(Rules("suspended: true, route: [{hunt: [a]}]").dialplan, facts()).needs == ()


def test_a_look_up_is_needed_beside_the_lines_each_with_its_time() -> None:
    rules = Rules("lookup: crm, route: [{hunt: [a]}]", CRM)
    decision = decide(rules.dialplan, facts())
    lines, lookup = decision.needs
    assert isinstance(lines, NeedLines)
    assert isinstance(lookup, NeedLookup)
    assert lookup is decision.lookup
    assert lookup.seconds == lookup.lookup.timeout_seconds
    assert lines.passed == lookup.passed


def test_number_without_a_line_elsewhere_refuses_as_one_that_is_full_here() -> None:
    rules = Rules("lines: 3, route: [{hunt: [a]}]")
    here = decide(rules.dialplan, facts(), Snapshot(lines={"number 4000": 3}))
    elsewhere = refused(rules, facts(), "number 4000", lines={"number 4000": 1})
    assert reason(elsewhere) == reason(here) == ("over_limit", 486, 17)
    assert elsewhere.needs == ()
    assert [one.as_dict() for one in elsewhere.trace] == [one.as_dict() for one in here.trace]


def test_calls_beyond_the_lines_elsewhere_take_the_overflow_and_need_only_its_lines() -> None:
    rules = Rules("lines: 3, route: [{hunt: [a]}], overflow: [{hunt: [b]}]")
    decision = refused(rules, facts(), "number 4000")
    assert rounds(decision) == [[["b"]]]
    assert held(decision.plan) == ("trunk lab",)
    assert why(decision, "lines of number 4000") == (True, "3 of 3", "no line is free")


def test_trunk_without_a_line_refuses_also_after_the_number_had_none() -> None:
    rules = Rules("lines: 3, route: [{hunt: [a]}], overflow: [{hunt: [b]}]")
    decision = refused(rules, facts(trunk="small"), "number 4000", "trunk small")
    assert reason(decision) == ("over_limit", 486, 17)


def test_a_call_counts_against_its_caller_and_its_trunk_once() -> None:
    rules = Rules("lines: 3, auto_block: {calls: 2, within: 10s, for: 20s}, route: [{hunt: [a]}]")
    first = decide(rules.dialplan, facts())
    assert first.auto_block is not None
    known = {("4000", first.caller): (0.0,)}  # this call itself, by now
    need = first.needs[0]
    assert isinstance(need, NeedLines)
    again = decide(rules.dialplan, facts().without(need, "number 4000"), Snapshot(attempts=known))
    assert again.auto_block is None
    assert reason(again) == ("over_limit", 486, 17)


def test_extension_without_a_line_is_passed_over_also_after_a_look_up() -> None:
    rules = Rules("to_header: extensions, route: [{hunt: [a]}]")
    assert rounds(refused(rules, facts("101"), "extension 101")) == [[["a"]]]
    rules = Rules("lookup: crm, route: [{hunt: [a]}]", CRM)
    need = decide(rules.dialplan, facts()).lookup
    assert need is not None
    owned = facts().answered(need, said("101"))
    assert rounds(decide(rules.dialplan, owned)) == [[["c"]], [["a"]]]
    decision = refused(rules, owned, "extension 101")
    assert rounds(decision) == [[["a"]]]
    assert why(decision, "lookup crm")[0]


def test_a_line_that_the_call_has_already_is_free_for_it() -> None:
    rules = Rules("lines: 3, route: [{hunt: [a]}]")
    full = Snapshot(lines={"number 4000": 3})
    assert not decide(rules.dialplan, facts(), full).plan.steps
    decision = decide(rules.dialplan, facts().holding(("number 4000",)), full)
    assert why(decision, "lines of number 4000") == (False, "2 of 3", "a line is free")


def test_facts_that_one_answer_is_added_to_keep_all_the_others() -> None:
    whole = Facts("lab", "192.0.2.1", "13800138000", "4000", "101", "102", 7.5, 3, "301")
    names = {name for name in dir(whole) if name[0] != "_" and not callable(getattr(whole, name))}
    later = {"answer", "busy", "carriers", "held", "no_credit", "passed"}
    assert all(bool(getattr(whole, name)) == (name not in later) for name in names)
    lookup = decide(Rules("lookup: crm, route: [{hunt: [a]}]", CRM).dialplan, facts()).lookup
    assert lookup is not None
    lines = NeedLines((), ())
    first = (
        whole.without(lines, "number 4000").holding(("trunk lab",)).answered(lookup, said("101"))
    )
    both = first.broke(NeedCredit("acme", ()), "nothing is left").without(lines, "trunk lab")
    assert both.no_credit == "nothing is left"
    assert both.answer is first.answer is not None
    assert both.held == {"trunk lab"}
    assert both.busy == {"number 4000", "trunk lab"}
    assert all(getattr(both, name) == getattr(whole, name) for name in names - later)
