"""Guards against fraud and limits of spending, as calls to outside are decided."""

from decimal import Decimal
from pathlib import Path

import pytest
from route.rulebook import why

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.decide.reach import redirected
from callrouter.route.decide.routing import decide
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.fraud_guards import (
    NEW_COUNTRY,
    SHORT_CALLS,
    Barring,
    FraudGuards,
    WatchedCall,
)
from callrouter.route.values.snapshot import SPENT_SECONDS, OutgoingUse, RunningCost, Snapshot
from callrouter.yamlfile.reader import parse

PLAN = """\
country: CN
rate_plans: plans.yaml
trunks: {phones: {phones: true}}
gateways: {one: {address: 192.0.2.1}}
outbound:
  default: main
  emergency: [main]
  permission: sales
  spend_per_day: "100"
  guards: {new_country: {of: extension, bar: true}, short_calls: {calls: 3}}
outbound_lines: {main: {via: one, rate_plan: out}}
permissions: {sales: {international: all, kinds: [premium], spend_per_hour: "20.50"}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}}
extensions: {"101": {targets: [desk]}, "102": {targets: [desk]}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""
NOW = 1772769600.0
MOBILE, VIETNAM = "13800138000", "0084901234567"


@pytest.fixture(scope="module")
def dialplan(tmp_path_factory: pytest.TempPathFactory) -> Dialplan:
    folder: Path = tmp_path_factory.mktemp("plan")
    plans = "country: CN\nplans: {out: {currency: CNY, blocks: 60/60, price: 6/min}}\n"
    (folder / "plans.yaml").write_text(plans)
    return compile_dialplan(parse(PLAN, str(folder / "plan.yaml")))


def call(
    dialplan: Dialplan, called: str, snapshot: Snapshot, extension: str = "101"
) -> tuple[str, Decision]:
    """The reason for which a call is refused, "" when it is not, and the decision."""
    facts = Facts("phones", "", extension, called, at=NOW, extension=extension)
    decision = decide(dialplan, facts, snapshot)
    final = decision.plan.final
    return "" if final is None else final.reason, decision


def spent(amount: str, ago: float = 0.0, **more: object) -> OutgoingUse:
    use = OutgoingUse(spent={int((NOW - ago) // SPENT_SECONDS): Decimal(amount)})
    for name, value in more.items():
        setattr(use, name, value)
    return use


def test_barred_extension_calls_at_home_and_nobody_else_is_barred(dialplan: Dialplan) -> None:
    snapshot = Snapshot(barred={"101": Barring("the first call to VN", NOW)})
    for called in (VIETNAM, "16812345"):
        reason, decision = call(dialplan, called, snapshot)
        assert (reason, decision.trace[-1].rule) == ("barred", "guards of extension 101")
    assert decision.trace[-1].why == (
        "calls abroad are barred since the first call to VN: `callrouter barrings` lifts it"
    )
    for called, extension in ((MOBILE, "101"), ("110", "101"), (VIETNAM, "102")):
        assert call(dialplan, called, snapshot, extension)[0] == ""
    assert redirected(dialplan, snapshot, NOW, "101", VIETNAM) is None


def test_call_abroad_goes_out_with_what_guards_look_at(dialplan: Dialplan) -> None:
    made = redirected(dialplan, Snapshot(), NOW, "101", VIETNAM)
    assert made is not None
    guards = FraudGuards(
        new_country="extension",
        short_calls=3,
        short_seconds=15,
        within_seconds=3600,
        bars=frozenset((NEW_COUNTRY,)),
    )
    assert made.watched == WatchedCall("+84901234567", ("VN",), "+8490123", guards, True)
    assert made.takes == ("international calls of extension 101",)
    assert SHORT_CALLS not in guards.bars
    at_home = redirected(dialplan, Snapshot(), NOW, "101", MOBILE)
    assert at_home is not None
    assert at_home.watched == WatchedCall("+8613800138000", (), "+861380013", None, True)


def test_spending_of_an_hour_and_of_the_company_in_a_day_run_out(dialplan: Dialplan) -> None:
    for use, whose, value in (
        ({"101": spent("20.50")}, "extension 101", "20.50 of 20.50"),
        ({"": spent("100", 80_000)}, "all extensions", "100 of 100"),
    ):
        snapshot = Snapshot(outgoing=use)
        reason, decision = call(dialplan, MOBILE, snapshot)
        assert (reason, why(decision, f"spend of {whose}")[1]) == ("outgoing_limit", value)
        assert call(dialplan, "110", snapshot)[0] == ""
        assert redirected(dialplan, snapshot, NOW, "101", MOBILE) is None
    for use in ({"101": spent("20.50", 4000)}, {"": spent("100", 90_000)}, {"102": spent("21")}):
        reason, decision = call(dialplan, MOBILE, Snapshot(outgoing=use))
        assert (reason, why(decision, "spend of extension 101")) == (
            "",
            (False, "0 of 20.50", "less than may be spent in an hour"),
        )


def test_calls_that_go_on_count_with_what_they_have_cost(dialplan: Dialplan) -> None:
    running = {
        "a": RunningCost("out", "+84901234567", NOW - 61),
        "b": RunningCost("gone", "+84901234567", NOW - 61),
        "c": RunningCost("out", "+84901234567", NOW + 5),  # the clock was put back
    }
    reason, decision = call(
        dialplan, MOBILE, Snapshot(outgoing={"101": spent("2.5", running=running)})
    )
    assert (reason, why(decision, "spend of extension 101")[1]) == (
        "outgoing_limit",
        "20.5000 of 20.50",
    )
