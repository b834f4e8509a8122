from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan, load_dialplan
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Hunt
from callrouter.yamlfile.reader import parse

ROOT = Path(__file__).parents[3]

HEAD = """\
country: CN
trunks:
  carrier: {addresses: [203.0.113.0/24, 203.0.113.7], called: to}
  far: {addresses: ["2001:DB8::/32"], country: VN}
gateways:
  udp: {address: 192.0.2.1}
  tcp: {address: "[2001:DB8::1]:5080", transport: tcp}
targets:
  a: {number: "0756", via: udp}
  b: {number: "+86*1", via: tcp, ring: 25s}
  c: {uri: "sip:desk@192.0.2.9:5070;Transport=TCP;x=1"}
  d: {uri: "sip:192.0.2.9"}
"""


def compiled(text: str) -> Dialplan:
    return compile_dialplan(parse(HEAD + text, "f"))


def route(steps: str, more: str = "") -> Decision:
    plan = compiled(f"{more}numbers:\n  4000: {{route: [{steps}]}}\n")
    return decide(plan, Facts("far", "2001:db8::9", "", "4000"))


def rings(hunt: Hunt) -> list[tuple[str, float]]:
    return [(target.name, target.ring_seconds) for target in hunt.targets]


def test_targets_know_where_their_invite_goes() -> None:
    (hunt,) = route("{hunt: [a, b, c, d]}").plan.hunts
    assert [(t.name, t.uri, t.host, t.port, t.transport) for t in hunt.targets] == [
        ("a", "sip:0756@192.0.2.1:5060", "192.0.2.1", 5060, "udp"),
        ("b", "sip:+86*1@[2001:db8::1]:5080;transport=tcp", "2001:db8::1", 5080, "tcp"),
        ("c", "sip:desk@192.0.2.9:5070;Transport=TCP;x=1", "192.0.2.9", 5070, "tcp"),
        ("d", "sip:192.0.2.9", "192.0.2.9", 5060, "udp"),
    ]


def test_targets_by_tls_know_whom_to_expect() -> None:
    more = """\
gateways: {t: {address: 192.0.2.1, transport: tls, tls_name: SIP.Test}, \
  u: {address: 192.0.2.2, transport: auto}}
targets:
  a: {number: "0756", via: t}
  b: {number: "0756", via: u}
  c: {uri: "sips:desk@192.0.2.9"}
  d: {uri: "sip:desk@192.0.2.9:5071;transport=tls", tls_name: "2001:DB8::1"}
  e: {uri: "sip:desk@192.0.2.9;transport=tls"}
"""
    plan = compile_dialplan(
        parse(
            f"country: CN\ntrunks: {{far: {{tls_peer: [Far.Test]}}}}\n{more}"
            "numbers: {4000: {route: [{hunt: [a, b, c, d, e]}]}}\n",
            "f",
        )
    )
    (hunt,) = decide(plan, Facts("far", "192.0.2.77", "", "4000")).plan.hunts
    assert [(t.uri, t.port, t.transport, t.tls_name) for t in hunt.targets] == [
        ("sip:0756@192.0.2.1:5061;transport=tls", 5061, "tls", "sip.test"),
        ("sip:0756@192.0.2.2:5060", 5060, "auto", ""),
        ("sips:desk@192.0.2.9", 5061, "tls", ""),
        ("sip:desk@192.0.2.9:5071;transport=tls", 5071, "tls", "2001:db8::1"),
        ("sip:desk@192.0.2.9;transport=tls", 5061, "tls", ""),
    ]


def test_trunk_is_known_by_its_certificate_before_its_address() -> None:
    plan = compile_dialplan(
        parse(
            "country: CN\n"
            "trunks: {near: {addresses: [192.0.2.0/24]}, far: {tls_peer: [Far.Test]}}\n"
            'targets: {d: {uri: "sip:192.0.2.9"}}\n'
            "numbers: {4000: {route: [{hunt: [d]}]}}\n",
            "f",
        )
    )
    near, far = plan.trunks["near"], plan.trunks["far"]
    assert plan.trunk_of("192.0.2.7", ("other.test", "far.test")) is far
    assert plan.trunk_of("192.0.2.7", ("other.test",)) is near
    assert plan.trunk_of("198.51.100.7", ("other.test",)) is None
    assert plan.trunk_of("198.51.100.7", ("far.test",)) is far
    decision = decide(plan, Facts("far", "192.0.2.7", "", "4000"))
    assert decision.trace[0].matched
    assert decision.trace[0].why == "known by other means than its source address"


def test_only_target_of_a_route_rings_55_seconds() -> None:
    assert rings(route("{hunt: [a]}").plan.hunts[0]) == [("a", 55.0)]


def test_several_targets_ring_15_seconds_each_even_in_several_steps() -> None:
    assert rings(route("{hunt: [a, c]}").plan.hunts[0]) == [("a", 15.0), ("c", 15.0)]
    one, other = route("{hunt: [a]}, {hunt: g}", "groups: {g: {hunt: [c]}}\n").plan.hunts
    assert rings(one) + rings(other) == [("a", 15.0), ("c", 15.0)]


def test_own_time_of_a_target_counts_before_that_of_the_hunt() -> None:
    assert rings(route("{hunt: [a, b], ring: 3s}").plan.hunts[0]) == [("a", 3.0), ("b", 25.0)]


def test_hunt_without_options_has_the_defaults() -> None:
    decision = route("{hunt: [a]}")
    (hunt,) = decision.plan.hunts
    assert hunt.name == "a"
    assert hunt.targets[0].progress_seconds == 5.0
    assert hunt.total_seconds == 0.0
    assert hunt.stop_codes == {603, 604, 606, 607, 608}
    assert hunt.redirects == 0
    assert hunt.redirect_hosts == {"192.0.2.1", "2001:db8::1", "192.0.2.9"}
    assert decision.plan.final is None


def test_options_reach_the_hunt() -> None:
    options = "progress: 500ms, total: 1m, stop_on: [486], redirects: follow, final: 486"
    for decision in (
        route(f"{{hunt: [a], {options}}}"),
        route("{hunt: g}", f"groups: {{g: {{hunt: [a], {options}}}}}\n"),
    ):
        (hunt,) = decision.plan.hunts
        assert hunt.targets[0].progress_seconds == 0.5
        assert hunt.total_seconds == 60.0
        assert hunt.stop_codes == {486}
        assert hunt.redirects == 5
        final = decision.plan.final
        assert final is not None
        assert (final.reason, final.status, final.cause) == ("no_target_left", 486, 17)


def test_group_that_is_not_last_does_not_decide_the_final_answer() -> None:
    groups = "groups: {g: {hunt: [a], final: 486}}\n"
    assert route("{hunt: g}, {hunt: [c]}", groups).plan.final is None


def test_numbers_share_the_hunt_of_a_group() -> None:
    numbers = "".join(f"  {key}: {{route: [{{hunt: g}}]}}\n" for key in ("4000", "4001"))
    plan = compiled(f"groups: {{g: {{hunt: [a, c], final: 480}}}}\nnumbers:\n{numbers}")
    one, other = (plan.numbers[key].route[0] for key in ("4000", "4001"))
    assert one.several is other.several
    assert one.final is other.final


@pytest.mark.parametrize(
    ("reasons", "answer"),
    [
        ("", (404, 1)),
        ("reasons: {unknown_number: {status: 604}}\n", (604, 1)),
        ("reasons: {unknown_number: {status: 480, cause: 3}}\n", (480, 3)),
        ("reasons: {no_target_left: {status: 503}}\n", (404, 1)),
    ],
)
def test_unknown_number_is_answered_as_the_reasons_say(
    reasons: str, answer: tuple[int, int]
) -> None:
    plan = compiled(f"{reasons}numbers: {{}}\n")
    final = decide(plan, Facts("far", "", "", "4000")).plan.final
    assert final is not None
    assert (final.status, final.cause) == answer


def test_final_of_a_step_counts_before_the_reason_for_all() -> None:
    reasons = "reasons: {no_target_left: {status: 503}}\n"
    for steps, status in (("{hunt: [a]}", 503), ("{hunt: [a], final: 486}", 486)):
        final = route(steps, reasons).plan.final
        assert final is not None
        assert (final.reason, final.status) == ("no_target_left", status)


def test_verdicts_carry_the_lines_of_the_file() -> None:
    plan = compiled(
        'extensions:\n  "101": {targets: [c]}\n'
        "numbers:\n  4000:\n    to_header: extensions\n    route:\n"
        "      - hunt: [a]\n      - hunt: [c]\n        ring: 3s\n"
    )
    decision = decide(plan, Facts("carrier", "203.0.113.7", "", "x", "4000", "101"))
    assert [(v.rule, v.line) for v in decision.trace] == [
        ("trunk carrier", 3),
        ("number 4000", 16),
        ("extension 101", 14),
        ("step 1 of number 4000", 19),
        ("step 2 of number 4000", 20),
    ]
    assert decision.trace[-1].why == "no condition; rings c for 3 s"
    assert [rings(hunt) for hunt in decision.plan.hunts] == [
        [("c", 15.0)],
        [("a", 15.0)],
        [("c", 3.0)],
    ]


def test_trunks_keep_their_country_and_where_they_put_the_number() -> None:
    plan = compiled("numbers: {}\n")
    assert [(t.name, t.country, t.called_is_to) for t in plan.trunks.values()] == [
        ("carrier", "CN", True),
        ("far", "VN", False),
    ]


def test_same_content_has_the_same_version_whatever_its_comments_and_order() -> None:
    second = "  4001: {route: [{hunt: [c]}]}\n"
    one = compiled(f"numbers:\n  4000: {{route: [{{hunt: [a], ring: 3s}}]}}\n{second}")
    block = "  '4000':\n    route:\n    - ring: 3s\n      hunt: [a]\n"
    same = compiled(f"# a comment\nnumbers:\n{second}{block}")
    other = compiled(f"numbers:\n  4000: {{route: [{{hunt: [a], ring: 4s}}]}}\n{second}")
    assert one.version == same.version != other.version
    assert len(one.version) == 12
    int(one.version, 16)


@pytest.fixture(scope="module")
def lab() -> Dialplan:
    return load_dialplan(ROOT / "dialplans" / "lab.yaml")


def test_lab_numbers_ring_what_the_lab_promises(lab: Dialplan) -> None:
    def rung(called: str, to_user: str = "") -> list[list[tuple[int, float]]]:
        decision = decide(lab, Facts("lab", "127.0.0.1", "", called, to_user))
        return [[(t.port, t.ring_seconds) for t in hunt.targets] for hunt in decision.plan.hunts]

    three = [(5081, 3.0), (5082, 3.0), (5083, 3.0)]
    assert rung("4000") == [[(5080, 55.0)]]
    assert rung("4001") == [three]
    assert rung("4002") == [three]
    assert rung("4003") == [[(5099, 15.0), (5080, 15.0)]]
    assert rung("4004", "4004") == [[(5080, 55.0)]]
    assert rung("4004", "101") == [[(5081, 15.0)], [(5080, 55.0)]]
    assert rung("4004", "102") == [[(5082, 15.0)], [(5080, 55.0)]]
    assert rung("4005") == [[(5081, 55.0)]]
    assert rung("4006") == [[(5081, 3.0), (5082, 3.0)]]
    assert rung("4999") == []


def test_lab_options_are_those_the_lab_promises(lab: Dialplan) -> None:
    hunts = {
        key: number.route[0].several.hunt
        for key, number in lab.numbers.items()
        if number.route[0].several is not None
    }
    assert hunts["4002"].stop_codes == {486}
    assert hunts["4003"].targets[0].progress_seconds == 2.0
    assert hunts["4005"].redirects == 5
    assert hunts["4006"].total_seconds == 4.0


def test_lab_trunks_are_told_by_address_or_certificate_and_all_others_are_strangers(
    lab: Dialplan,
) -> None:
    trunks = {
        **dict.fromkeys(("127.0.0.1", "127.0.0.7", "127.0.1.1", "::1"), "lab"),
        "127.0.0.11": "digest",
        "127.0.0.13": "no_100rel",
        "127.0.0.14": "timer",
    }
    for source, name in trunks.items():
        trunk = lab.trunk_of(source)
        assert trunk is not None
        assert trunk.name == name
        certified = lab.trunk_of(source, ("trunk.lab.test",))
        assert certified is not None
        assert certified.name == "tls"
    for stranger in ("192.0.2.1", "127.0.0.12", *(f"127.0.0.{last}" for last in range(20, 30))):
        assert lab.trunk_of(stranger) is None
        assert not lab.access.admits(stranger)
