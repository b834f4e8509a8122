"""Calls of extensions: to each other and outside, by lines, permissions and limits."""

from functools import cache

import pytest
from route.rulebook import why

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.callers.destinations import destination, is_emergency, misplaced_prefix
from callrouter.route.decide.routing import decide, decide_with
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision, NeedLines, NeedLookup
from callrouter.route.values.external_lookup import LookupAnswer, said_of_carrier
from callrouter.route.values.facts import Facts
from callrouter.route.values.snapshot import NOTHING, KnownNumber, OutgoingUse, Snapshot
from callrouter.yamlfile.reader import parse

PHONE = "phone: {user: u%s, password_env: WORD}"
PLAN = """\
country: CN
trunks: {phones: {phones: true}, carrier: {addresses: [192.0.2.0/24]}}
gateways: {one: {address: 192.0.2.1}, two: {address: 192.0.2.2}, help: {address: 192.0.2.3}}
gateway_groups: {both: {gateways: [{name: one, priority: 1}, {name: two, priority: 2}]}}
outbound: {default: main, emergency: [help], permission: staff, emergency_numbers: ["12110"]}
outbound_lines:
  main: {via: both, caller_id: "+862012345678"}
  other: {via: two, prefixes: ["*2*", "#2#", "801"]}
  help: {via: help}
permissions:
  staff: {}
  boss:
    international: [VN, US]
    kinds: [shared_cost, satellite]
    deny: [rivals]
    lines: [main]
    calls_per_hour: 2
    minutes_per_hour: 10
    longest_international: 10m
  world: {international: all, kinds: [premium]}
lists: {rivals: {prefixes: ["0755"], numbers: ["10086"]}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}}
extensions:
  "101": {phone: {user: u101, password_env: WORD}}
  "102": {targets: [desk], permission: boss, caller_id: "+862012345102"}
  "103": {targets: [desk], permission: world}
  "104": {targets: [desk]}
  "1131": {targets: [desk]}
numbers:
  "4000": {route: [{hunt: [desk]}]}
  "4001": {from: carrier, route: [{hunt: [desk]}]}
  "5*": {route: [{hunt: [desk]}]}
"""
NOW = 1772769600.0


@cache
def compiled(text: str = PLAN) -> Dialplan:
    return compile_dialplan(parse(text, "plan.yaml"))


DIALPLAN = compiled()


def call(
    called: str,
    extension: str = "101",
    snapshot: Snapshot = NOTHING,
    dialplan: Dialplan = DIALPLAN,
    **more: object,
) -> Decision:
    facts = Facts("phones", "", extension, called, at=NOW, extension=extension)
    for name, value in more.items():
        setattr(facts, name, value)
    return decide(dialplan, facts, snapshot)


def rung(decision: Decision) -> list[str]:
    return [target.uri for hunt in decision.plan.hunts for target in hunt.targets]


def refused(decision: Decision) -> str:
    assert not decision.plan.steps
    assert decision.plan.final is not None
    return decision.plan.final.reason


@pytest.mark.parametrize(
    ("called", "uri", "line"),
    [
        ("13800138000", "sip:13800138000@192.0.2.1:5060", "main"),
        ("*2*13800138000", "sip:13800138000@192.0.2.2:5060", "other"),
        ("#2#13800138000", "sip:13800138000@192.0.2.2:5060", "other"),
        ("801 138-0013-8000", "sip:13800138000@192.0.2.2:5060", "other"),
        ("+8613800138000", "sip:+8613800138000@192.0.2.1:5060", "main"),
        ("10086", "sip:10086@192.0.2.1:5060", "main"),
        ("13800138000;ext=1", "sip:13800138000@192.0.2.1:5060", "main"),
    ],
)
def test_prefix_or_default_chooses_the_line(called: str, uri: str, line: str) -> None:
    decision = call(called)
    assert (rung(decision), decision.line, decision.direction) == ([uri], line, "outbound")
    assert decision.number == ""


def test_line_says_who_calls_and_its_extension_goes_before() -> None:
    (hunt,) = call("13800138000").plan.hunts
    (target,) = hunt.targets
    assert (target.caller_id, target.account) == ("+862012345678", "101")
    assert [other.caller_id for other in target.others] == ["+862012345678"]
    assert [other.host for other in (target, *target.others)] == ["192.0.2.1", "192.0.2.2"]
    (hunt,) = call("13800138000", "102").plan.hunts
    assert hunt.targets[0].caller_id == "+862012345102"


@pytest.mark.parametrize("called", ["110", "122", "*2*110", "801119", "12110"])
def test_emergency_passes_and_goes_by_its_own_line_first(called: str) -> None:
    use = OutgoingUse(calls={str(at): (NOW, 0.0, 0.0) for at in range(100)})
    decision = call(called, "102", Snapshot(outgoing={"102": use, "": use}))
    assert rung(decision)[0].endswith("@192.0.2.3:5060")
    assert decision.line == "help"
    assert [sorted(hunt.on) for hunt in decision.plan.hunts][1:] == [["unreachable"]] * (
        len(decision.plan.hunts) - 1
    )
    assert all(not hold.lines for hold in decision.plan.holds)


def test_emergency_passes_while_its_gateway_is_down_and_without_a_permission() -> None:
    dialplan = compiled(PLAN.replace(", permission: staff,", ","))
    decision = call("110", "101", Snapshot(down={"help"}), dialplan)
    assert rung(decision) == ["sip:110@192.0.2.1:5060"]
    assert refused(call("13800138000", "101", NOTHING, dialplan)) == "barred"


def test_without_a_default_line_a_number_needs_a_prefix() -> None:
    dialplan = compiled(PLAN.replace("{default: main, ", "{"))
    assert refused(call("13800138000", dialplan=dialplan)) == "unknown_number"
    assert rung(call("80113800138000", dialplan=dialplan)) == ["sip:13800138000@192.0.2.2:5060"]
    assert len(call("110", dialplan=dialplan).plan.hunts) == 1


def test_emergency_without_any_gateway_is_refused_as_any_number() -> None:
    assert refused(call("110", snapshot=Snapshot(down={"help", "one", "two"}))) == "barred"


@pytest.mark.parametrize(
    ("called", "extension", "reason", "said"),
    [
        ("0084901234567", "101", "barred", "calls to VN are barred"),
        ("00442012345678", "102", "barred", "calls to GB are barred"),
        ("16812345", "101", "barred", "premium numbers are barred"),
        ("4001234567", "101", "barred", "shared cost numbers are barred"),
        ("00881612345678", "101", "barred", "satellite numbers are barred"),
        ("*2*13800138000", "102", "barred", "it is not for line other"),
        ("077777", "101", "unknown_number", "no telephone number, and no short number of CN"),
        ("reception", "101", "unknown_number", "no telephone number, and no short number of CN"),
        ("9" * 65, "101", "unknown_number", "no telephone number, and no short number of CN"),
        ("*2*", "101", "unknown_number", "no telephone number, and no short number of CN"),
    ],
)
def test_what_may_not_be_called_is_refused(
    called: str, extension: str, reason: str, said: str
) -> None:
    decision = call(called, extension)
    assert refused(decision) == reason
    assert decision.trace[-1].why == said
    assert decision.direction == "outbound"


@pytest.mark.parametrize(
    ("called", "extension", "longest"),
    [
        ("0084901234567", "102", 600.0),
        ("0084901234567", "103", 3600.0),
        ("4001234567", "102", 0.0),
        ("00881612345678", "102", 600.0),
        ("16812345", "103", 0.0),
    ],
)
def test_permission_lets_countries_and_kinds_through(
    called: str, extension: str, longest: float
) -> None:
    (hunt,) = call(called, extension).plan.hunts
    assert hunt.targets[0].longest_seconds == longest


@pytest.mark.parametrize("called", ["075512345678", "10086"])
def test_denied_numbers_are_refused(called: str) -> None:
    decision = call(called, "102")
    assert refused(decision) == "barred"
    assert why(decision, "deny rivals")[0] is True


def test_number_that_is_not_denied_passes_the_list() -> None:
    decision = call("13800138000", "102")
    assert why(decision, "deny rivals") == (False, "13800138000", "is not in the list")


def test_calls_and_minutes_of_an_hour_run_out() -> None:
    begun = OutgoingUse(calls={"a": (NOW - 3500, 0.0, 0.0), "b": (NOW - 10, 0.0, 0.0)})
    decision = call("13800138000", "102", Snapshot(outgoing={"102": begun}))
    assert refused(decision) == "outgoing_limit"
    assert why(decision, "calls of extension 102")[1] == "2 of 2"
    talked = OutgoingUse(calls={"a": (NOW - 4000, NOW - 3900, NOW - 3000)})
    decision = call("13800138000", "102", Snapshot(outgoing={"102": talked}))
    assert why(decision, "minutes of extension 102") == (
        True,
        "10 of 10",
        "as much as may be in an hour",
    )
    goes_on = OutgoingUse(calls={"a": (NOW - 400, NOW - 300, 0.0)})
    decision = call("13800138000", "102", Snapshot(outgoing={"102": goes_on}))
    assert why(decision, "minutes of extension 102")[1] == "5 of 10"
    assert decision.plan.steps


def test_company_has_limits_of_its_own() -> None:
    dialplan = compiled(PLAN.replace("permission: staff,", "permission: staff, calls_per_hour: 1,"))
    use = OutgoingUse(calls={"a": (NOW - 10, 0.0, 0.0)})
    assert refused(call("13800138000", "101", Snapshot(outgoing={"": use}), dialplan)) == (
        "outgoing_limit"
    )


def test_two_calls_abroad_at_once_are_held_and_a_third_is_refused() -> None:
    hold = "international calls of extension 102"
    decision = call("0084901234567", "102")
    assert [it.name for it in decision.plan.holds] == ["trunk phones", "extension 102", hold]
    assert [need.holds for need in decision.needs] == [decision.plan.holds]  # type: ignore[union-attr]
    assert refused(call("0084901234567", "102", Snapshot(lines={hold: 2}))) == "outgoing_limit"
    assert refused(call("0084901234567", "102", busy=frozenset((hold,)))) == "outgoing_limit"


def test_line_whose_gateways_are_down_has_no_target_left() -> None:
    decision = call("13800138000", snapshot=Snapshot(down={"one", "two"}))
    assert refused(decision) == "no_target_left"
    assert why(decision, "line main")[2] == "its gateway is down"


def test_number_of_the_dialplan_goes_before_lines_and_a_pattern_behind_extensions() -> None:
    assert call("4000").number == "4000"
    assert call("4000").direction == ""
    assert call("5123").number == "5*"
    assert refused(call("4001")) == "unknown_number"  # it is for the carrier alone


def test_extension_rings_an_extension_that_begins_like_an_emergency_number() -> None:
    decision = call("1131")
    assert (rung(decision), decision.direction) == (["sip:desk@192.0.2.9"], "internal")
    (hunt,) = decision.plan.hunts
    assert hunt.targets[0].ring_seconds == 55


def test_extension_that_is_gone_calls_as_anybody() -> None:
    assert call("1131", "109").plan.final is not None
    assert call("4000", "109").number == "4000"


def test_trunk_with_no_line_free_lets_no_call_out_but_an_emergency() -> None:
    dialplan = compiled(PLAN.replace("{phones: true}", "{phones: true, lines: 1}"))
    busy = Snapshot(lines={"trunk phones": 1})
    assert refused(call("13800138000", "101", busy, dialplan)) == "over_limit"
    assert call("110", "101", busy, dialplan).plan.steps


def test_without_outbound_telephones_call_extensions_and_numbers_alone() -> None:
    begin, end = PLAN.index("outbound:"), PLAN.index("lists:")
    text = PLAN[:begin] + PLAN[end:]
    dialplan = compiled(text.replace(", permission: boss", "").replace(", permission: world", ""))
    assert refused(call("13800138000", dialplan=dialplan)) == "unknown_number"
    assert call("102", dialplan=dialplan).direction == "internal"


@pytest.mark.parametrize(
    ("number", "countries", "kind"),
    [
        ("13800138000", ("CN",), ""),
        ("+12425551234", ("BS",), ""),
        ("+979123456789", ("001",), "premium"),
        ("+80812345678", ("001",), "shared_cost"),
        ("+8821612345678", ("001",), "satellite"),
        ("+441000000000", ("GB", "GG", "IM", "JE"), ""),
        ("95588", ("CN",), ""),
    ],
)
def test_destination_is_read_from_the_number(
    number: str, countries: tuple[str, ...], kind: str
) -> None:
    found = destination(number, "CN")
    assert found is not None
    assert (found.countries, found.kind) == (countries, kind)


def test_short_number_that_costs_is_premium_and_zeros_are_none() -> None:
    found = destination("4141", "FR") or destination("3020", "FR")
    assert found is None or found.kind in {"", "premium"}
    assert destination("010086", "CN") is None


def test_emergency_numbers_are_whole() -> None:
    assert is_emergency("112", "VN")
    assert not is_emergency("1131", "VN")
    assert not is_emergency("x" * 65, "VN")


@pytest.mark.parametrize(
    ("prefix", "said"),
    [
        ("801", ""),
        ("*110*", ""),
        ("0", "it begins numbers of other areas or countries"),
        ("00", "it begins numbers of other areas or countries"),
        ("84", "+84 is the country code of VN"),
        ("800", "+800 is the code of numbers of no country"),
        ("881", "+881 is the code of numbers of no country"),
        ("11", "it begins the emergency number 110"),
        ("110", "it begins the emergency number 110"),
    ],
)
def test_prefix_takes_no_number_from_anybody(prefix: str, said: str) -> None:
    assert misplaced_prefix(prefix, "CN") == said


def test_what_rings_without_a_target_has_a_name() -> None:
    assert DIALPLAN.rings("line main")
    assert DIALPLAN.rings("phones 101")
    assert not DIALPLAN.rings("line nowhere")
    assert not DIALPLAN.rings("phones 102")
    assert not DIALPLAN.rings("desk")


@pytest.mark.parametrize(
    "dialled", ["00860084901234567", "860084901234567", "+86084901234567", "+8600110"]
)
def test_number_of_a_country_that_begins_with_a_prefix_is_nobodys(dialled: str) -> None:
    assert destination(dialled, "CN") is None


def test_number_of_a_country_whose_numbers_begin_with_0_is_read() -> None:
    rome = destination("00390669812345", "CN")
    assert rome is not None
    assert rome.number == "+390669812345"


@pytest.mark.parametrize(
    ("called", "uri", "digits"),
    [
        ("02087654321,105", "sip:02087654321@192.0.2.1:5060", "105"),
        ("02087654321,1;05", "sip:02087654321@192.0.2.1:5060", "105"),
        ("*2*02087654321;105#", "sip:02087654321@192.0.2.2:5060", "105#"),
    ],
)
def test_digits_behind_the_number_are_for_who_answers(called: str, uri: str, digits: str) -> None:
    decision = call(called)
    assert rung(decision) == [uri]
    assert decision.plan.voice is not None
    assert decision.plan.voice.digits == digits
    assert why(decision, "digits behind the number") == (
        True,
        digits,
        "are dialled once the call is answered",
    )


def test_parameter_behind_the_number_is_no_digits_and_an_emergency_has_none() -> None:
    for called in ("13800138000;ext=1", "13800138000,,", "110,105", "110"):
        assert call(called).plan.voice is None


ADAPTIVE = (
    PLAN.replace(
        "  staff: {}\n",
        """\
  staff:
    caller_ids:
      "+8613800000001": China Mobile
      "13800000002": China Mobile
      "+862012345678": China Telecom
      "4001": China Unicom
""",
    )
    .replace("outbound: {", "outbound: {ported: {China Telecom: gone}, ")
    .replace("lists: {", 'lists: {gone: {numbers: ["13800138009"]}, ')
    .replace("numbers:\n", 'numbers:\n  "13800000002": {route: [{hunt: [desk]}]}\n')
)
MOBILE = "13800138000"
ALL = frozenset(("+8613800000001", "13800000002", "+862012345678", "4001"))


def shown(
    called: str, snapshot: Snapshot = NOTHING, extension: str = "101", text: str = ADAPTIVE
) -> tuple[str, str]:
    """What is shown to somebody, and why."""
    decision = call(called, extension, snapshot, compiled(text))
    ((target,),) = [hunt.targets for hunt in decision.plan.hunts]
    assert {other.caller_id for other in target.others} == {target.caller_id}
    matched, value, said = why(decision, "caller_ids of permission staff")
    assert (matched, value) == (True, target.caller_id)
    return target.caller_id, said


def test_called_party_sees_a_number_of_its_own_carrier_in_turn() -> None:
    (hunt,) = call(MOBILE, dialplan=compiled(ADAPTIVE)).plan.hunts
    assert (hunt.rotation, hunt.targets[0].shown_to) == (
        "permission staff China Mobile",
        "+8613800138000",
    )
    said = "+8613800138000 is with China Mobile by its prefix +86138, and so is this one"
    for turn, number in enumerate(("+8613800000001", "13800000002", "+8613800000001")):
        assert shown(MOBILE, Snapshot(turns={hunt.rotation: turn})) == (number, said)


def test_ported_number_is_with_the_carrier_of_its_list() -> None:
    said = "+8613800138009 is with China Telecom by its list gone, and so is this one"
    assert shown("13800138009") == ("+862012345678", said)


def test_same_party_sees_the_same_number_for_a_day_while_it_is_permitted_and_active() -> None:
    party = "+8613800138000"
    again = {party: ("13800000002", NOW - 86399)}
    assert shown(MOBILE, Snapshot(shown=again)) == (
        "13800000002",
        "+8613800138000 was shown it within a day",
    )
    for other in (
        Snapshot(shown={party: ("13800000002", NOW - 86400)}),
        Snapshot(shown={party: ("+8613999999999", NOW - 1)}),
        Snapshot(shown=again, lives={"13800000002": "gone"}),
    ):
        assert shown(MOBILE, other)[0] == "+8613800000001"
    suspended = ADAPTIVE.replace('"13800000002": {', '"13800000002": {suspended: true, ')
    assert shown(MOBILE, Snapshot(shown=again), text=suspended)[0] == "+8613800000001"


def test_party_of_no_known_or_no_common_carrier_sees_the_designated_number() -> None:
    assert shown("02087654321") == (
        "+862012345678",
        "nobody knows the carrier of +862087654321: the designated one",
    )
    assert shown("10086")[1] == "a short number is with no carrier: the designated one"
    number, said = shown("13800138000", text=ADAPTIVE.replace("China Mobile", "China Unicom"))
    assert number == "+862012345678"
    assert said.endswith("by its prefix +86138, as none of them is: the designated one")


def test_without_a_designated_number_one_is_drawn_and_with_none_active_it_is_the_telephones() -> (
    None
):
    bare = ADAPTIVE.replace(', caller_id: "+862012345678"', "")
    drawn = {shown("02087654321", Snapshot(seed=seed), text=bare)[0] for seed in range(40)}
    assert drawn == ALL
    assert shown("02087654321", text=bare)[1].endswith("and none is designated: by chance")
    one = bare.replace('      "+8613800000001": China Mobile\n', "")
    for number in ('      "+862012345678": China Telecom\n', '      "4001": China Unicom\n'):
        one = one.replace(number, "")
    assert shown(MOBILE, Snapshot(lives={"13800000002": "gone"}), text=one) == (
        "",
        "none of them is active, and none is designated: that of the telephone",
    )


def test_emergency_and_who_has_no_caller_ids_show_the_designated_number() -> None:
    dialplan = compiled(ADAPTIVE)
    for decision in (call("110", dialplan=dialplan), call(MOBILE, "102", dialplan=dialplan)):
        (target,) = decision.plan.hunts[0].targets
        assert not target.shown_to
        assert not [one for one in decision.trace if one.rule.startswith("caller_ids")]


LOOKED_UP = (
    ADAPTIVE.replace("outbound: {", "outbound: {carrier_lookup: ask, ")
    + 'lookups: {ask: {url: "http://192.0.2.9/{called}", timeout: 300ms}}\n'
)


def test_carrier_that_is_looked_up_goes_before_lists_and_first_digits() -> None:
    dialplan = compiled(LOOKED_UP)
    first = call("13800138009", dialplan=dialplan)
    need = first.needs[-1]
    assert isinstance(need, NeedLookup)
    assert (need.lookup.name, need.number, need.seconds) == ("ask", "+8613800138009", 0.3)
    assert first.lookup is None  # who is responsible is asked of nobody
    assert why(first, "lookup ask")[0] is False
    facts = Facts("phones", "", "101", "13800138009", at=NOW, extension="101")
    for answer, number, source in (
        (said_of_carrier("China Mobile"), "+8613800000001", "lookup ask"),
        (said_of_carrier(""), "+862012345678", "list gone"),
        (LookupAnswer(named="", why="no answer"), "+862012345678", "list gone"),
    ):
        known = facts.answered(need, answer)
        again = decide(dialplan, known, NOTHING)
        assert [type(it) for it in again.needs] == [NeedLines]
        shown_as = why(again, "caller_ids of permission staff")
        assert (shown_as[1], f"by its {source}," in shown_as[2]) == (number, True)
        assert why(again, "lookup ask")[2] == answer.why
        assert known.without(again.needs[0], "x").carriers == known.carriers  # type: ignore[arg-type]


def test_carrier_is_looked_up_of_nobody_who_is_not_rung_or_was_shown_a_number() -> None:
    dialplan = compiled(LOOKED_UP)
    shown_before = Snapshot(shown={"+8613800138000": ("+8613800000001", NOW - 1)})
    for decision in (
        call(MOBILE, "101", shown_before, dialplan),
        call(MOBILE, "101", Snapshot(down={"one", "two"}), dialplan),
        call(MOBILE, "102", dialplan=dialplan),
        call("110", dialplan=dialplan),
    ):
        assert not [need for need in decision.needs if isinstance(need, NeedLookup)]


def test_carriers_of_whom_a_call_is_forwarded_to_are_looked_up_one_after_the_other() -> None:
    forward = "forward: {busy: '13800138000', no_answer: '13900139000'}"
    text = LOOKED_UP.replace('"104": {', f'"104": {{{forward}, ')
    text = text.replace('"4000": {', '"4000": {to_header: extensions, ')
    dialplan = compiled(text)
    facts = Facts("carrier", "", "1", "4000", "104", at=NOW)
    known = said_of_carrier("China Telecom")
    decision, found = decide_with(dialplan, facts, NOTHING, lambda _lookup: known)
    assert found.carriers == {"+8613800138000": known, "+8613900139000": known}
    shown_as = [hunt.targets[0].caller_id for hunt in decision.plan.hunts]
    assert shown_as[1:3] == ["+862012345678"] * 2
    decision, found = decide_with(dialplan, facts, NOTHING, lambda _lookup: None)
    assert (found, type(decision.needs[-1])) == (facts, NeedLookup)


def known(groups: tuple[str, ...] | None = ()) -> KnownNumber:
    return KnownNumber(
        text="what it is", country="CN", groups=None if groups is None else frozenset(groups)
    )


def test_number_is_shown_by_its_groups_alone_and_a_virtual_one_never() -> None:
    numbers = {"+8613800000001": known(), "+8613800000002": known(("sales",))}
    assert shown(MOBILE, Snapshot(known=numbers))[0] == "+862012345678"  # the designated one
    decision = call(MOBILE, "101", Snapshot(known=numbers), compiled(ADAPTIVE))
    said = [(one.rule, one.why) for one in decision.trace if one.rule.startswith("attributes of ")]
    assert said == [
        ("attributes of +8613800000001", "it is no number for calls to outside"),
        ("attributes of 13800000002", "not by 'staff'"),
    ]
    for groups in (None, ("sales", "staff")):
        free = {**numbers, "+8613800000002": known(groups)}
        assert shown(MOBILE, Snapshot(known=free))[0] == "13800000002"


def test_designated_number_that_may_not_be_shown_is_not() -> None:
    line, own = "+862012345678", "+862012345102"
    assert shown("10086", Snapshot(known={line: known()}))[0] in ALL - {line}
    for numbers, shows in (((), own), ((own,), line), ((own, line), "")):
        snapshot = Snapshot(known={number: known() for number in numbers})
        decision = call("02087654321", "102", snapshot, compiled(ADAPTIVE))
        assert {it.caller_id for it in decision.plan.hunts[0].targets} == {shows}
