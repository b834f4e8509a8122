"""From where numbers are called, and to whom their codes and messages are open."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.lint.all_warnings import lint
from callrouter.route.decide.menu_choice import choose
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import REFUSED
from callrouter.route.values.snapshot import NOTHING
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
trunks:
  carrier: {addresses: [203.0.113.0/24]}
  office: {addresses: [192.0.2.0/24]}
  phones: {phones: true}
targets: {a: {uri: "sip:a@192.0.2.2"}}
extensions: {"101": {phone: {user: "101", password_env: P101}}}
schedules: {day: {open: ["08:00-18:00"]}}
voicemail: {box: {pin_env: PIN}}
menus:
  main:
    prompt: goodbye
    extensions: true
    keys:
      "1": a
      "7": {messages: box}
      "9": {feature: {schedule: day, to: closed}}
numbers:
"""
CLOSES = "route: [{feature: {schedule: day, to: closed}}]"


def compiled(number: str, head: str = HEAD) -> Dialplan:
    return compile_dialplan(parse(f'{head}  "*31": {{{number}}}\n', "d.yaml"))


def outcome(dialplan: Dialplan, trunk: str) -> str:
    """Why a call is refused, "" when it is not."""
    decision = decide(dialplan, Facts(trunk, "", "13800138000", "*31"))
    final = decision.plan.final
    return "" if decision.plan.steps or final is None else f"{final.reason} {final.status}"


NOT_HERE = "not_from_here 404"
ALL = {"carrier": "", "office": "", "phones": ""}
INSIDE = {"carrier": NOT_HERE, "office": NOT_HERE, "phones": ""}


@pytest.mark.parametrize(
    ("number", "outcomes"),
    [
        (CLOSES, INSIDE),
        ("route: [{feature: {presence: away}}]", INSIDE),
        ("route: [{messages: box}]", INSIDE),
        ("route: [{play: goodbye}, {messages: box}]", INSIDE),
        ("route: [{hunt: [a]}]", ALL),
        ("route: [{voicemail: box}]", ALL),
        ("route: [{menu: main}]", ALL),
        ("route: [{hunt: [a]}, {messages: box}]", ALL),
        (
            "route: [{when: {schedule: day}, hunt: [a]}, {messages: box}]",
            INSIDE,  # at night: nobody to be rung, and the messages are not for outsiders
        ),
        (f"from: anyone, {CLOSES}", ALL),
        (f"from: [anyone], {CLOSES}", ALL),
        (f"from: extensions, {CLOSES}", INSIDE),
        (f"from: phones, {CLOSES}", INSIDE),
        (f"from: [office, extensions], {CLOSES}", {**ALL, "carrier": NOT_HERE}),
        ("from: carrier, route: [{hunt: [a]}]", {**ALL, "office": NOT_HERE, "phones": NOT_HERE}),
        (
            "from: carrier, route: [{hunt: [a]}], reasons: {not_from_here: {status: 603}}",
            {**ALL, "office": "not_from_here 603", "phones": "not_from_here 603"},
        ),
    ],
)
def test_number_is_called_from_where_it_says(number: str, outcomes: dict[str, str]) -> None:
    dialplan = compiled(number)
    # Twice: what is found once is kept.
    for _ in range(2):
        assert {trunk: outcome(dialplan, trunk) for trunk in outcomes} == outcomes


def test_verdict_says_from_where_it_is_called() -> None:
    decision = decide(
        compiled(f"from: [extensions, office], {CLOSES}"), Facts("carrier", "", "1", "*31")
    )
    last = decision.trace[-1]
    assert decision.number == "*31"
    assert last.rule == "from of number *31"
    assert (last.matched, last.result, last.value) == (False, REFUSED, "carrier")
    assert last.why == "is called only from office or extensions"
    assert last.line == HEAD.count("\n") + 1


def test_to_header_leads_nobody_to_a_code() -> None:
    text = (
        HEAD
        + f'  "4000": {{to_header: extensions, route: [{{hunt: [a]}}]}}\n  "*31": {{{CLOSES}}}\n'
    )
    dialplan = compile_dialplan(parse(text, "d.yaml"))
    facts = Facts("carrier", "", "13800138000", "4000", "*31", "*31")
    assert [
        target.name for hunt in decide(dialplan, facts).plan.hunts for target in hunt.targets
    ] == ["a"]
    by_to = HEAD.replace("[203.0.113.0/24]", "[203.0.113.0/24], called: to")
    assert outcome_of_to(by_to) == NOT_HERE


def outcome_of_to(head: str) -> str:
    facts = Facts("carrier", "", "13800138000", "4000", "*31")
    final = decide(compiled(CLOSES, head), facts).plan.final
    assert final is not None
    return f"{final.reason} {final.status}"


@pytest.mark.parametrize(
    ("trunk", "named", "keys", "led"),
    [
        ("carrier", "", "1", True),
        ("carrier", "", "101", True),
        ("carrier", "", "7", False),
        ("carrier", "", "9", False),
        ("phones", "", "9", True),
        ("carrier", "from: anyone, ", "9", True),
        ("carrier", "from: [carrier, extensions], ", "9", True),
        ("phones", "from: [phones], ", "9", True),
    ],
)
def test_menu_leads_outsiders_to_no_code(trunk: str, named: str, keys: str, led: bool) -> None:
    dialplan = compiled(f"{named}route: [{{menu: main}}]")
    facts = Facts(trunk, "", "13800138000", "*31")
    chosen = choose(dialplan, facts, NOTHING, "*31", dialplan.menus["main"], keys)
    assert chosen is not None
    assert bool(chosen.plan.steps) is led
    assert chosen.barred is not led
    if not led:
        last = chosen.trace[-1]
        assert last.result == REFUSED
        assert last.why.endswith("; it is not for callers of trunk carrier")


def test_route_of_other_steps_leaves_a_code_out_for_outsiders() -> None:
    dialplan = compiled("route: [{hunt: [a]}, {messages: box}]")
    steps = {
        trunk: len(decide(dialplan, Facts(trunk, "", "1", "*31")).plan.steps)
        for trunk in ("carrier", "phones")
    }
    assert steps == {"carrier": 1, "phones": 2}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("carier", "no trunk is named 'carier'; did you mean 'carrier'?"),
        ("[carrier, anyone]", "'anyone' holds all others: expected it alone, found 2 names"),
        ("[]", "expected at least one item, found an empty list"),
        ("[extension]", "no trunk is named 'extension'; did you mean 'extensions'?"),
    ],
)
def test_wrong_origin_is_told(named: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(f"from: {named}, {CLOSES}")
    assert [found.message for found in caught.value.diagnostics] == [message]


def test_trunk_cannot_have_a_name_that_from_needs() -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(CLOSES, HEAD.replace("  office:", "  anyone:"))
    (found,) = caught.value.diagnostics
    assert found.message == "a trunk cannot be named 'anyone': in 'from' the word means all of them"


OUTSIDE = "callers of 'carrier' can do so"


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (CLOSES, []),
        (f"from: extensions, {CLOSES}", []),
        (f"from: [carrier, extensions], {CLOSES}", [f"'*31' switches opening hours: {OUTSIDE}"]),
        ("from: carrier, route: [{messages: box}]", [f"'*31' lets messages be heard: {OUTSIDE}"]),
        (
            "from: anyone, route: [{feature: {presence: away}}]",
            ["'*31' switches who is away: anyone can do so"],
        ),
        ("from: carrier, route: [{menu: main}]", [f"'*31' lets messages be heard: {OUTSIDE}"]),
        ("from: carrier, route: [{hunt: [a]}]", []),
    ],
)
def test_code_that_outsiders_reach_is_warned_of(number: str, expected: list[str]) -> None:
    assert warned(HEAD, number) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (
            CLOSES,
            [
                "nobody can do it: it switches opening hours, which is for extensions, and no "
                "trunk has 'phones: true'; say who may in 'from'"
            ],
        ),
        (
            f"from: extensions, {CLOSES}",
            ["no telephone can call it: no trunk has 'phones: true'"],
        ),
        ("route: [{hunt: [a]}]", []),
    ],
)
def test_code_that_nobody_reaches_is_warned_of(number: str, expected: list[str]) -> None:
    assert warned(HEAD.replace("  phones: {phones: true}\n", ""), number) == expected


def warned(head: str, number: str) -> list[str]:
    text = (
        f'{head}  "*31": {{{number}}}\n  "5": {{to_header: extensions, route: [{{menu: main}}]}}\n'
    )
    if "phones: true" not in head:
        text = text.replace('"5": {', '"5": {from: office, ')
    document = parse(text, "d.yaml")
    compile_dialplan(document)
    return [
        one.message
        for one in lint(document)
        if "used" not in one.message
        and "no step" not in one.message
        and "'5'" not in one.message
        and "no rule" not in one.message
    ]
