"""Calls that an account pays for, numbers that take none, and what is said of both."""

import pytest
from rulebook import Rules, reason, rounds, why

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.decide.reach import anybody_may_reach
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision, NeedCredit, NeedLines, NeedLookup
from callrouter.route.values.external_lookup import said
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import Feature, PromiseCallBack
from callrouter.route.values.snapshot import Snapshot
from callrouter.yamlfile.reader import parse

CRM = 'lookups: {crm: {url: "http://crm.test/{caller}"}}'
NOTHING_LEFT = "it is suspended: 0 CNY are left"
OUTSIDE = """\
country: CN
trunks: {phones: {phones: true}, small: {addresses: [192.0.2.0/24]}}
gateways: {one: {address: 192.0.2.1}}
outbound: {default: main, emergency: [main], permission: staff}
outbound_lines: {main: {via: one}}
permissions: {staff: {}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}, far: {number: "13800138000", via: one}}
extensions:
  "101": {phone: {user: u, password_env: P}}
  "102": {targets: [far]}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""


def paid(rules: str, *more: str) -> Dialplan:
    """The dialplan of one number that an account pays for."""
    dialplan = Rules(rules, *more).dialplan
    dialplan.numbers["4000"].account = "acme"
    return dialplan


def facts() -> Facts:
    return Facts("lab", "127.0.0.1", "13800138000", "4000", "4000")


def credit(decision: Decision) -> NeedCredit:
    """What its account is asked for."""
    (found,) = [need for need in decision.needs if isinstance(need, NeedCredit)]
    return found


def test_call_to_a_number_needs_its_account_after_its_lines() -> None:
    decision = decide(paid("route: [{hunt: [a]}]"), facts())
    assert [type(need) for need in decision.needs] == [NeedLines, NeedCredit]
    assert (credit(decision).account, credit(decision).seconds) == ("acme", 1.0)
    assert rounds(decision) == [[["a"]]]
    assert why(decision, "account acme")[0]


def test_account_that_cannot_pay_refuses_and_says_why() -> None:
    dialplan = paid("route: [{hunt: [a]}]")
    broke = facts().broke(credit(decide(dialplan, facts())), NOTHING_LEFT)
    decision = decide(dialplan, broke)
    assert reason(decision) == ("no_credit", 402, 21)
    assert decision.needs == ()
    assert why(decision, "account acme")[2] == NOTHING_LEFT


def test_overflow_is_paid_for_too() -> None:
    dialplan = paid("lines: 1, route: [{hunt: [a]}], overflow: [{hunt: [b]}]")
    decision = decide(dialplan, facts(), Snapshot(lines={"number 4000": 1}))
    assert (rounds(decision), credit(decision).account) == ([[["b"]]], "acme")


def test_look_up_is_asked_beside_the_account() -> None:
    dialplan = paid("lookup: crm, route: [{hunt: [a]}]", CRM)
    decision = decide(dialplan, facts())
    assert [type(need) for need in decision.needs] == [NeedLines, NeedCredit, NeedLookup]
    assert decision.lookup is not None
    found = decide(dialplan, facts().answered(decision.lookup, said("101")))
    assert rounds(found) == [[["c"]], [["a"]]]


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("reserved", "not_connected"),
        ("suspended", "suspended"),
        ("disconnecting", "disconnected"),
        ("gone", "disconnected"),
        ("reclaimed", "reclaimed"),
    ],
)
def test_number_that_is_not_active_refuses_for_a_reason_of_its_own(
    state: str, refused: str
) -> None:
    dialplan = Rules("route: [{hunt: [a]}]").dialplan
    decision = decide(dialplan, facts(), Snapshot(lives={"4000": state}))
    assert reason(decision)[0] == refused
    assert why(decision, "life of number 4000")[1] == state
    assert rounds(decide(dialplan, facts(), Snapshot(lives={"4001": state}))) == [[["a"]]]


def outside(called: str, *, broke: str = "", **state: object) -> Decision:
    """A call of extension 101, whose account pays for what goes outside."""
    dialplan = compile_dialplan(parse(OUTSIDE, "plan.yaml"))
    dialplan.extensions["101"].account = "acme"
    asked = Facts("phones", "", "101", called, extension="101")
    snapshot = Snapshot(**state)  # type: ignore[arg-type]
    decision = decide(dialplan, asked, snapshot)
    if broke:
        decision = decide(dialplan, asked.broke(credit(decision), broke), snapshot)
    return decision


def test_account_of_an_extension_pays_for_what_goes_outside_alone() -> None:
    assert credit(outside("13800138000")).account == "acme"
    assert [type(need) for need in outside("102").needs] == [NeedLines]
    decision = outside("13800138000", broke=NOTHING_LEFT)
    assert reason(decision) == ("no_credit", 402, 21)
    assert why(decision, "account acme")[2] == NOTHING_LEFT


def test_extension_whose_gateway_is_down_is_not_reached() -> None:
    assert reason(outside("102", down=frozenset(("one",))))[0] == "no_target_left"


@pytest.mark.parametrize(
    ("goal", "may"),
    [("13800138000", True), ("reception", True), ("0084901234567", False), ("16812345", False)],
)
def test_nobodys_redirection_leads_to_ordinary_numbers_alone(goal: str, may: bool) -> None:
    assert anybody_may_reach(Rules("route: [{hunt: [a]}]").dialplan, goal) is may


def test_verdicts_say_what_a_code_switches_and_what_is_promised() -> None:
    code = Feature(presence=None, schedule="", to="", supervise="listen")
    promise = PromiseCallBack(rule="missed", prompt="")
    assert (code.text, promise.text) == (
        "supervises: listen",
        "promises a call-back by missed",
    )
