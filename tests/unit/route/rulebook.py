"""Compiled dialplans to decide with: by hand, or from the YAML of one number's rules."""

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.rules.hunt_strategies import HuntRule, Leaf, Order
from callrouter.route.rules.number_rules import Extension, Number, Step, Trunk
from callrouter.route.rules.trunk_identification import Network
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.plan import Hunt, Plan, Refusal, Target
from callrouter.route.values.refusal_reasons import USUAL
from callrouter.route.values.seeded_random import Dice
from callrouter.route.values.snapshot import NOTHING, Snapshot
from callrouter.yamlfile.reader import parse

FILE = "plan.yaml"

HEAD = """\
country: CN
timezone: Asia/Shanghai
trunks:
  lab: {addresses: [127.0.0.0/8]}
  small: {addresses: [10.0.0.0/8], lines: 1}
gateways:
  one: {address: 192.0.2.1}
  two: {address: 192.0.2.2}
targets:
  a: {uri: "sip:a@127.0.0.1"}
  b: {uri: "sip:b@127.0.0.1"}
  c: {uri: "sip:c@127.0.0.1"}
  d: {number: "1", via: one}
  e: {number: "2", via: two}
extensions:
  "101": {targets: [c], lines: 1}
  "102": {targets: [d]}
schedules:
  office: {open: ["Mon-Fri 08:30-17:30"]}
  night: {open: ["22:00-06:00"]}
lists:
  bad: {numbers: ["+8613800138000", "4001"], prefixes: ["0898", "55"]}
  good: {prefixes: ["0898123"]}
groups:
  both: {hunt: [a, b], strategy: parallel}
  turns: {hunt: [a, b], strategy: round_robin}
  drawn: {hunt: [a, b, c], strategy: random}
"""

FRIDAY_NOON = 1772769600.0  # 2026-03-06 12:00 in Shanghai
SATURDAY_NOON = FRIDAY_NOON + 86400


def hunt(name: str) -> HuntRule:
    target = Target(
        name=name,
        uri=f"sip:{name}@192.0.2.1",
        host="192.0.2.1",
        port=5060,
        transport="udp",
        ring_seconds=15.0,
        progress_seconds=5.0,
    )
    order = Order(
        strategy="sequential",
        holds=(Leaf(target=target, gateway="", file=FILE, line=2),),
        weights=(1,),
        every_seconds=0.0,
    )
    only = Hunt(
        name=name,
        rounds=order.rounds(Dice(0), 0, NOTHING),
        total_seconds=0.0,
        stop_codes=frozenset(),
        redirects=0,
        redirect_hosts=frozenset(),
    )
    return HuntRule(order, only)


def number(key: str, line: int = 10, reads_to: bool = False) -> Number:
    exact = key.removeprefix("+").isdigit()
    normal = numbers.normalise(key, "CN") if exact else ""
    rule = hunt(key)
    step = Step(
        rule=f"step 1 of number {key}",
        schedule=None,
        open=True,
        alone=rule,
        several=rule,
        final=None,
        file=FILE,
        line=line + 1,
    )
    return Number(
        key=key,
        normal=normal,
        route=(step,),
        reasons=USUAL,
        file=FILE,
        line=line,
        reads_to=reads_to,
    )


def dialplan(*keys: Number | str) -> Dialplan:
    """Trunks lab (127.0.0.0/8), far (VN, 10.0.0.0/8) and by_to (10.1.0.0/16, reads To:)."""
    lab = Trunk(name="lab", country="CN", called_is_to=False, file=FILE, line=3)
    far = Trunk(name="far", country="VN", called_is_to=False, file=FILE, line=4)
    by_to = Trunk(name="by_to", country="CN", called_is_to=True, file=FILE, line=5)
    networks = [
        Network(cidr="127.0.0.0/8", trunk=lab, line=3),
        Network(cidr="::1/128", trunk=lab, line=3),
        Network(cidr="10.0.0.0/8", trunk=far, line=4),
        Network(cidr="10.1.0.0/16", trunk=by_to, line=5),
    ]
    built = [key if isinstance(key, Number) else number(key) for key in keys]
    extensions = {"101": Extension(key="101", rule=hunt("desk"), file=FILE, line=7)}
    unknown = Refusal(reason="unknown_number", status=404, cause=1)
    return Dialplan(
        version="v1",
        file=FILE,
        country="CN",
        trunks=[lab, far, by_to],
        networks=networks,
        numbers=built,
        numbers_line=9,
        extensions=extensions,
        unknown=unknown,
    )


class Rules:
    """Number 4000 with rules written as in YAML; more: of the whole dialplan."""

    def __init__(self, rules: str, more: str = "") -> None:
        text = f"{HEAD}{more}\nnumbers:\n  4000: {{{rules}}}\n"
        self.dialplan = compile_dialplan(parse(text, FILE))

    def call(
        self,
        caller: str = "13900139000",
        snapshot: Snapshot = NOTHING,
        at: float = FRIDAY_NOON,
        to: str = "",
        trunk: str = "lab",
    ) -> Decision:
        facts = Facts(trunk, "127.0.0.1", caller, "4000", to, at=at)
        return decide(self.dialplan, facts, snapshot)


def reason(decision: Decision) -> tuple[str, int, int] | None:
    """Why a call is refused; None when something rings."""
    final = decision.plan.final
    if decision.plan.hunts or final is None:
        return None
    return final.reason, final.status, final.cause


def rounds(decision: Decision) -> list[list[list[str]]]:
    """What rings: names by hunt and round."""
    return [
        [[target.name for target in together] for together in hunt.rounds]
        for hunt in decision.plan.hunts
    ]


def why(decision: Decision, rule: str) -> tuple[bool, str, str]:
    """The verdict of a rule: whether it took effect, the value, and why."""
    (found,) = [verdict for verdict in decision.trace if verdict.rule == rule]
    assert found.line > 0
    return found.matched, found.value, found.why


def held(plan: Plan) -> tuple[str, ...]:
    """What a call with this plan takes a line of."""
    return tuple(hold.name for hold in plan.holds)
