"""How employees are reached: forwards, presence, hours, lines, then the mobile or the own box."""

import pytest
from route.rulebook import held, reason, why

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.decide.menu_choice import choose
from callrouter.route.decide.reach import misdirected, redirected
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import MEDIA, VoiceStep
from callrouter.route.values.plan import Hunt
from callrouter.route.values.snapshot import DO_NOT_DISTURB, NOTHING, Snapshot
from callrouter.yamlfile.reader import parse

PLAN = """\
country: CN
timezone: Asia/Shanghai
trunks: {phones: {phones: true}, lab: {addresses: [192.0.2.0/24]}}
gateways: {one: {address: 192.0.2.1}}
outbound: {default: main, emergency: [main], permission: staff}
outbound_lines: {main: {via: one}}
permissions: {staff: {}}
targets:
  t1: {uri: "sip:t1@192.0.2.9"}
  t2: {uri: "sip:t2@192.0.2.9"}
  t3: {uri: "sip:t3@192.0.2.9"}
  li_mobile: {number: "13800138000", via: one}
  phones_1: {extension: "201"}
schedules: {office: {open: ["Mon-Fri 08:30-17:30"]}}
voicemail: {li: {pin_env: P}}
menus: {main: {prompt: busy, extensions: true}}
extensions:
  "101": {targets: [t1], mobile: li_mobile, voicemail: li, on_no_answer: [mobile, voicemail]}
  "102": {targets: [t2], schedule: office, ring: 20s}
  "103": {targets: [t3], lines: 1, forward: {busy: "102", no_answer: "013900139000"}}
  "104": {targets: [t1], forward: {all: "103"}}
  "201": {phone: {user: u, password_env: P}, lines: 1}
numbers:
  "4000": {to_header: extensions, route: [{hunt: [t3]}]}
  "4001": {route: [{hunt: [phones_1]}]}
  "4002": {route: [{hunt: [phones_1, t3]}]}
  "4004": {route: [{hunt: [phones_1]}, {hunt: [t3], on: [busy]}]}
  "4005": {route: [{hunt: [phones_1]}, {hunt: [t3], on: [no_answer]}]}
  "4006": {route: [{hunt: [phones_1]}, {hunt: [t3], on: [unreachable]}]}
  "4003": {route: [{menu: main}]}
"""
NOON = 1772769600.0  # 2026-03-06 12:00 in Shanghai, a Friday
NIGHT = NOON + 10 * 3600
DIALPLAN: Dialplan = compile_dialplan(parse(PLAN, "plan.yaml"))


def call(called: str, snapshot: Snapshot = NOTHING, at: float = NOON) -> Decision:
    return decide(DIALPLAN, Facts("phones", "", "201", called, at=at, extension="201"), snapshot)


def named(called: str, snapshot: Snapshot = NOTHING, at: float = NOON) -> Decision:
    """From outside, by the To header."""
    return decide(
        DIALPLAN, Facts("lab", "192.0.2.1", "13900139000", "4000", called, at=at), snapshot
    )


def steps(decision: Decision) -> list[tuple[str, str]]:
    """What rings or speaks, with the results after which it does."""
    found = []
    for step in decision.plan.steps:
        if isinstance(step, Hunt):
            rung = " ".join(target.name for target in step.targets)
            found.append((rung, " ".join(sorted(step.on))))
        else:
            assert isinstance(step, VoiceStep)
            found.append((step.act.text, ""))
    return found


def forwards(**goals: str) -> Snapshot:
    """Forwards of 102."""
    return Snapshot(forwards={f"102 {when}": goal for when, goal in goals.items()})


MOBILE = "13800138000"
DND = {"201": DO_NOT_DISTURB}
AFTER = [("li_mobile", ""), ("takes a message for box li", "")]


def test_who_does_not_answer_is_rung_at_the_mobile_and_then_has_a_message() -> None:
    assert steps(call("101")) == [("t1", ""), *AFTER]
    assert steps(named("101")) == [("t1", ""), *AFTER, ("t3", "")]
    assert why(call("101"), "extension 101") == (True, "101", "rings t1 for 15 s")


def test_mobile_is_shown_a_number_of_ours_and_not_that_of_an_extension() -> None:
    line = PLAN.replace("{via: one}", '{via: one, caller_id: "02011110000"}', 1)
    own = line.replace("{targets: [t1], mob", '{targets: [t1], caller_id: "02011110101", mob')
    for text, number in ((PLAN, ""), (line, "02011110000"), (own, "02011110101")):
        dialplan = compile_dialplan(parse(text, "plan.yaml"))
        facts = Facts("phones", "", "201", "101", at=NOON, extension="201")
        mobile = decide(dialplan, facts).plan.hunts[1].targets[0]
        assert (mobile.name, mobile.caller_id) == ("li_mobile", number)
    outside = Facts("lab", "192.0.2.1", "13900139000", "4000", "101", at=NOON)
    assert decide(dialplan, outside).plan.hunts[1].targets[0].caller_id == ""


def test_mobile_that_no_gateway_reaches_is_shown_who_calls() -> None:
    plan = PLAN.replace("mobile: li_mobile", "mobile: t3").replace(
        "via: one}}", 'via: one, caller_id: "+862012345678"}}'
    )
    inside = Facts("phones", "", "201", "101", at=NOON, extension="201")
    first, mobile = decide(compile_dialplan(parse(plan, "plan.yaml")), inside).plan.hunts
    assert [(it.targets[0].name, it.targets[0].caller_id) for it in (first, mobile)] == [
        ("t1", ""),
        ("t3", ""),
    ]


def test_who_is_away_wants_no_calls_or_has_closed_is_not_rung() -> None:
    assert steps(call("101", Snapshot(away={"101": "lunch"}))) == AFTER
    assert reason(call("102", Snapshot(away={"102": "lunch"}))) == ("away", 480, 20)
    assert reason(call("102", at=NIGHT)) == ("away", 480, 20)
    assert why(call("102", at=NIGHT), "extension 102")[2].startswith("is not rung: office: ")
    assert steps(named("102", at=NIGHT)) == [("t3", "")]
    assert steps(call("102")) == [("t2", "")]


def test_ring_time_is_the_own_one_or_that_of_who_rings_alone() -> None:
    (hunt,) = call("102").plan.hunts
    assert hunt.targets[0].ring_seconds == 20
    (hunt,) = decide(
        compile_dialplan(parse(PLAN.replace(", ring: 20s", ""), "plan.yaml")),
        Facts("phones", "", "201", "102", at=NOON, extension="201"),
    ).plan.hunts
    assert hunt.targets[0].ring_seconds == 55


def test_forward_at_once_goes_to_an_extension_and_what_that_says() -> None:
    assert steps(call("104")) == [("t3", ""), ("t2", "busy rejected"), ("line main", AWAITED)]
    assert why(call("104"), "forward all of extension 104") == (
        True,
        "103",
        "goes on to extension 103",
    )


AWAITED = "no_answer unreachable"


def test_forward_on_busy_and_no_answer_come_behind_the_telephones() -> None:
    assert steps(call("103")) == [("t3", ""), ("t2", "busy rejected"), ("line main", AWAITED)]
    (*_, last) = call("103").plan.hunts
    assert last.targets[0].account == "103"
    assert last.targets[0].uri == "sip:013900139000@192.0.2.1:5060"


def test_who_is_busy_or_wants_no_calls_is_forwarded_as_busy() -> None:
    full = Snapshot(lines={"extension 103": 1})
    assert steps(call("103", full)) == [("t2", "")]
    assert steps(call("103", Snapshot(away={"103": DO_NOT_DISTURB}))) == [("t2", "")]
    assert steps(call("103", Snapshot(away={"103": "lunch"}))) == [("line main", "")]
    assert reason(call("103", Snapshot(lines={"extension 103": 1}, away={"102": "x"}))) == (
        "away",
        480,
        20,
    )


def test_who_is_busy_and_nothing_else_is_refused_as_busy() -> None:
    decision = call("201", Snapshot(lines={"extension 201": 1}))
    assert reason(decision) == ("over_limit", 486, 17)
    assert reason(call("201", Snapshot(away=DND))) == ("over_limit", 486, 17)


def test_switched_forward_goes_before_that_of_the_file_and_can_be_nowhere() -> None:
    assert steps(call("102", forwards(all="101"))) == [("t1", ""), *AFTER]
    nowhere = Snapshot(forwards={"103 busy": "", "103 no_answer": ""})
    assert steps(call("103", nowhere)) == [("t3", "")]


def test_forward_in_a_circle_does_not_count_and_says_so() -> None:
    switched = Snapshot(forwards={"101 all": "102", "102 all": "101"})
    decision = call("101", switched)
    assert steps(decision) == [("t2", "")]
    assert why(decision, "forward all of extension 102") == (
        False,
        "101",
        "goes in a circle, 101 to 102 to 101: it does not count",
    )


def test_forward_on_no_answer_to_who_forwards_at_once_goes_all_the_way() -> None:
    decision = call("102", Snapshot(forwards={"102 no_answer": "104"}))
    assert steps(decision) == [("t2", ""), ("t3", AWAITED)]


def test_forward_to_who_is_away_reaches_nobody() -> None:
    decision = call("102", Snapshot(forwards={"102 no_answer": "101"}, away={"101": "lunch"}))
    assert steps(decision) == [("t2", "")]
    assert why(decision, "forward no_answer of extension 102")[2] == "nobody is reached there"


def test_forward_to_what_may_not_be_called_or_is_an_emergency_does_not_count() -> None:
    for goal in ("0084901234567", "110"):
        decision = call("102", forwards(all=goal))
        assert steps(decision) == [("t2", "")]
        assert why(decision, "forward all of extension 102")[2] == (
            "it may not be called: it does not count"
        )


def test_without_lines_nobody_is_forwarded_outside() -> None:
    text = PLAN.replace("outbound: {default: main, emergency: [main], permission: staff}\n", "")
    text = text.replace("outbound_lines: {main: {via: one}}\npermissions: {staff: {}}\n", "")
    dialplan = compile_dialplan(parse(text, "plan.yaml"))
    facts = Facts("phones", "", "201", "103", at=NOON, extension="201")
    assert steps(decide(dialplan, facts)) == [("t3", ""), ("t2", "busy rejected")]


def test_mobile_and_box_that_cannot_be_reached_are_left_out() -> None:
    decision = call("101", Snapshot(down={"one", MEDIA}))
    assert steps(decision) == [("t1", "")]
    found = [it.why for it in decision.trace if it.rule == "on_no_answer of extension 101"]
    assert found == ["the mobile cannot be reached", "the media pool is down"]


def test_registered_telephones_are_left_out_of_hunts_while_their_extension_is_away_or_busy() -> (
    None
):
    away = Snapshot(away={"201": "lunch"})
    outside = Facts("lab", "192.0.2.1", "13900139000", "4001", at=NOON)
    assert steps(decide(DIALPLAN, outside)) == [("phones_1", "")]
    decision = decide(DIALPLAN, outside, away)
    assert reason(decision) == ("away", 480, 20)
    assert why(decision, "target phones_1")[2] == "extension 201 is away: lunch"
    both = Facts("lab", "192.0.2.1", "13900139000", "4002", at=NOON)
    assert steps(decide(DIALPLAN, both, away)) == [("t3", "")]
    busy = Snapshot(lines={"extension 201": 1})
    decision = decide(DIALPLAN, both, busy)
    assert steps(decision) == [("t3", "")]
    assert why(decision, "target phones_1")[2] == "extension 201 has no line free"


@pytest.mark.parametrize("busy", [Snapshot(lines={"extension 201": 1}), Snapshot(away=DND)])
def test_telephones_in_a_hunt_that_are_on_calls_or_want_none_are_busy(busy: Snapshot) -> None:
    def outside(called: str, snapshot: Snapshot) -> Decision:
        facts = Facts("lab", "192.0.2.1", "13900139000", called, at=NOON)
        return decide(DIALPLAN, facts, snapshot)

    assert reason(outside("4001", busy)) == ("over_limit", 486, 17)
    assert steps(outside("4004", busy)) == [("t3", "")]
    for called in ("4005", "4006"):
        decision = outside(called, busy)
        assert reason(decision) == ("over_limit", 486, 17)
        assert decision.trace[-1].why.endswith("; the targets before it are busy")
    away = Snapshot(away={"201": "lunch"})
    assert reason(outside("4004", away)) == ("away", 480, 20)
    assert steps(outside("4005", away)) == steps(outside("4006", away)) == [("t3", "")]


def test_own_calls_count_as_lines_and_are_never_too_many() -> None:
    decision = call("102", Snapshot(lines={"extension 201": 1}))
    assert held(decision.plan) == ("trunk phones", "extension 201", "extension 102")
    assert [hold.lines for hold in decision.plan.holds] == [0, 0, 0]


def test_menu_leads_to_an_extension_and_what_it_says() -> None:
    facts = Facts("lab", "192.0.2.1", "13900139000", "4003", at=NOON)
    chosen = choose(DIALPLAN, facts, NOTHING, "4003", DIALPLAN.menus["main"], "104")
    assert chosen is not None
    assert [step.name for step in chosen.plan.hunts][:2] == ["extension 103", "extension 102"]


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ("103", ""),
        ("104", ""),
        ("102", "they would go in a circle, 102 to 102"),
        ("101", "they would go in a circle, 102 to 101 to 102"),
        ("013800138000", ""),
        ("0084901234567", "calls to VN are barred"),
        ("110", "emergency numbers are called, not forwarded to"),
        ("reception", "no telephone number, and no short number of CN"),
    ],
)
def test_where_calls_can_go_on_to(goal: str, said: str) -> None:
    snapshot = Snapshot(forwards={"101 all": "102", "104 all": "201", "201 all": "104"})
    extension = DIALPLAN.extensions["102"]
    assert misdirected(DIALPLAN, snapshot, NOON, extension, goal) == said


def test_where_calls_can_go_on_to_is_not_a_matter_of_the_moment() -> None:
    extension = DIALPLAN.extensions["102"]
    for snapshot in (
        Snapshot(down={"one"}),
        Snapshot(lines={"international calls of extension 102": 2}),
    ):
        goal = "013800138000"
        assert misdirected(DIALPLAN, snapshot, NOON, extension, goal) == ""


def test_without_lines_calls_go_on_to_extensions_alone() -> None:
    begin, end = PLAN.index("outbound:"), PLAN.index("targets:")
    text = PLAN[:begin] + PLAN[end:]
    text = text.replace("phones: {phones: true}, ", "").replace('"103"}}\n', '"103"}}\n')
    dialplan = compile_dialplan(parse(text, "plan.yaml"))
    extension = dialplan.extensions["102"]
    assert misdirected(dialplan, NOTHING, NOON, extension, "101") == ""
    assert misdirected(dialplan, NOTHING, NOON, extension, "0139") == (
        "it is no extension, and the dialplan has no lines to outside"
    )


def test_code_with_digits_behind_it_is_a_number() -> None:
    text = PLAN.replace(
        '"4000": {to_header',
        '"*72*x*": {route: [{feature: {forward: all}}]}\n'
        '  "*73": {route: [{feature: {forward: none}}]}\n'
        '  "*78": {route: [{feature: {presence: do_not_disturb}}]}\n'
        '  "4000": {to_header',
    )
    dialplan = compile_dialplan(parse(text, "plan.yaml"))

    def code(called: str) -> list[tuple[str, str]]:
        facts = Facts("phones", "", "201", called, at=NOON, extension="201")
        return steps(decide(dialplan, facts))

    assert code("*72*302#") == [("forward all", "")]
    assert code("*73") == [("forward none", "")]
    assert code("*78") == [("presence do not disturb", "")]
    facts = Facts("phones", "", "201", "*72*", at=NOON, extension="201")
    assert reason(decide(dialplan, facts)) == ("unknown_number", 404, 1)


def test_telephone_that_redirects_is_followed_by_a_line_as_far_as_its_permission_goes() -> None:
    target = redirected(DIALPLAN, NOTHING, NOON, "102", MOBILE)
    assert target is not None
    assert (target.account, target.uri) == ("102", f"sip:{MOBILE}@192.0.2.1:5060")
    assert redirected(DIALPLAN, NOTHING, NOON, "102", "0084901234567") is None
    assert redirected(DIALPLAN, NOTHING, NOON, "999", MOBILE) is None
