"""Rate plans that a dialplan names: built with it, and each mistake at its place."""

import pickle
from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import load_dialplan
from callrouter.errors import ConfigError
from callrouter.route.rules.compiled_dialplan import Dialplan

PLANS = """\
country: CN
plans:
  hotline: {currency: CNY, blocks: 60/60, price: 0.30/min, forwarded: outbound}
  outbound: {currency: CNY, blocks: 60/60, price: 0.15/min}
  vietnam: {currency: VND, blocks: 6/1, price: 790/min}
"""
DIALPLAN = """\
country: CN
rate_plans: plans.yaml
trunks: {lab: {addresses: [127.0.0.1]}}
targets:
  desk: {uri: "sip:desk@192.0.2.7"}
  dear: {uri: "sip:dear@192.0.2.7", rate_plan: outbound}
numbers:
  "4000": {rate_plan: hotline, route: [{hunt: [desk, dear]}]}
  "4001": {route: [{hunt: [desk]}]}
"""


def loaded(folder: Path, dialplan: str = DIALPLAN, plans: str | None = PLANS) -> Dialplan:
    if plans is not None:
        (folder / "plans.yaml").write_text(plans, encoding="utf-8")
    path = folder / "dialplan.yaml"
    path.write_text(dialplan, encoding="utf-8")
    return load_dialplan(path)


def mistakes(folder: Path, dialplan: str = DIALPLAN, plans: str | None = PLANS) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, dialplan, plans)
    return [
        str(found).replace(f"{folder}/", "").replace("error: ", "")
        for found in caught.value.diagnostics
    ]


def test_numbers_and_targets_have_the_plans_that_they_name(tmp_path: Path) -> None:
    dialplan = loaded(tmp_path)
    assert [dialplan.numbers[key].rate_plan for key in ("4000", "4001")] == ["hotline", ""]
    hunt = dialplan.numbers["4000"].route[0].several
    assert hunt is not None
    assert [target.rate_plan for target in hunt.hunt.targets] == ["", "outbound"]
    assert dialplan.rate_plans is not None
    assert list(dialplan.rate_plans.plans) == ["hotline", "outbound", "vietnam"]
    assert dialplan.files == (f"{tmp_path}/dialplan.yaml", f"{tmp_path}/plans.yaml")


def test_dialplan_without_rate_plans_has_none(tmp_path: Path) -> None:
    bare = DIALPLAN.replace("rate_plans: plans.yaml\n", "")
    bare = bare.replace(", rate_plan: outbound", "").replace("rate_plan: hotline, ", "")
    assert loaded(tmp_path, bare, None).rate_plans is None


def test_version_is_another_when_a_price_is(tmp_path: Path) -> None:
    versions = [
        loaded(tmp_path, plans=plans).version
        for plans in (PLANS, PLANS.replace("0.15", "0.16"), PLANS)
    ]
    assert versions[0] == versions[2] != versions[1]


def test_plans_pass_to_the_server_in_the_pickle_of_the_dialplan(tmp_path: Path) -> None:
    dialplan = loaded(tmp_path)
    passed: Dialplan = pickle.loads(pickle.dumps(dialplan))
    assert passed.rate_plans is not None
    assert dialplan.rate_plans is not None
    for name, plan in dialplan.rate_plans.plans.items():
        other = passed.rate_plans.plans[name]
        assert (other.base, other.rate_of("+8613800138000")) == (plan.base, plan.base)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (
            ("rate_plan: hotline", "rate_plan: hotlin"),
            "8:23: no rate plan is named 'hotlin'; did you mean 'hotline'?",
        ),
        (
            ("rate_plan: outbound", "rate_plan: b"),
            "6:48: no rate plan is named 'b'; expected one of 'hotline', 'outbound', 'vietnam'",
        ),
        (
            ("rate_plans: plans.yaml", "rate_plans: [a]"),
            "2:13: expected the name of a file, found a list",
        ),
        (
            ("rate_plan: hotline", "rate_plan: vietnam"),
            "8:23: expected a rate plan in CNY, as that of target 'dear' is: a call has one cost; "
            "'vietnam' is in VND",
        ),
        (
            ('"sip:desk@192.0.2.7"', '"sip:desk@192.0.2.7", rate_plan: vietnam'),
            "6:48: expected a rate plan in VND, as that of target 'desk' is: a call has one cost; "
            "'outbound' is in CNY",
        ),
    ],
)
def test_mistake_is_told_at_its_place(tmp_path: Path, change: tuple[str, str], found: str) -> None:
    assert f"dialplan.yaml:{found}" in mistakes(tmp_path, DIALPLAN.replace(*change))


def test_plan_of_a_dialplan_without_a_file_of_them_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, DIALPLAN.replace("rate_plans: plans.yaml\n", "")) == [
        "dialplan.yaml:5:48: no rate plan is named 'outbound'; there are no rate plans",
        "dialplan.yaml:7:23: no rate plan is named 'hotline'; there are no rate plans",
    ]


def test_file_that_is_not_there_or_elsewhere_is_one_mistake(tmp_path: Path) -> None:
    assert mistakes(tmp_path, plans=None) == ["dialplan.yaml:2:13: there is no file plans.yaml"]
    assert mistakes(tmp_path, DIALPLAN.replace("plans.yaml", "../plans.yaml"))[0].startswith(
        "dialplan.yaml:2:13: expected a file in the folder of the dialplan"
    )


def test_mistake_in_a_plan_is_told_beside_those_of_the_dialplan(tmp_path: Path) -> None:
    plans = PLANS.replace("0.30/min", "0.30 per min")
    found = mistakes(tmp_path, DIALPLAN.replace("[desk]", "[dsk]"), plans)
    assert [one.partition(": ")[0] for one in found] == ["plans.yaml:3:50", "dialplan.yaml:9:28"]


ACCOUNTS = """
accounts:
  acme: {kind: prepaid, currency: CNY}
  hanoi: {kind: postpaid, currency: VND, credit_limit: 500000}
  big: {kind: postpaid, currency: CNY}
"""


def test_numbers_and_extensions_have_the_accounts_that_they_name(tmp_path: Path) -> None:
    dialplan = DIALPLAN.replace('"4000": {', '"4000": {account: acme, ').replace(
        '"4001": {', '"4001": {account: big, '
    )
    dialplan += 'extensions: {"101": {targets: [desk], account: acme}}\n'
    found = loaded(tmp_path, dialplan, PLANS + ACCOUNTS)
    assert [found.numbers[key].account for key in ("4000", "4001")] == ["acme", "big"]
    # Who is cut off is warned, which only a worker can do.
    warned = [found.numbers[key].voice for key in ("4000", "4001")]
    assert [voice is not None and voice.warned for voice in warned] == [True, False]
    assert found.extensions["101"].account == "acme"
    assert found.rate_plans is not None
    acme, hanoi, big = found.rate_plans.accounts.values()
    assert (acme.credit, acme.notice, acme.suspend, acme.reclaim_seconds) == (0, 35, 15, 259200.0)
    assert (hanoi.credit, hanoi.notice, hanoi.suspend) == (500000, None, None)
    assert (big.credit, big.limited, acme.limited) == (None, False, True)


def test_account_that_cannot_pay_for_its_calls_is_a_mistake(tmp_path: Path) -> None:
    wrong = DIALPLAN.replace('"4000": {', '"4000": {account: acne, ').replace(
        '"4001": {', '"4001": {account: hanoi, '
    )
    assert mistakes(tmp_path, wrong, PLANS + ACCOUNTS) == [
        "dialplan.yaml:8:21: no account is named 'acne'; did you mean 'acme'?",
        "dialplan.yaml:9:21: expected an account in CNY, as its calls cost; 'hanoi' is in VND",
    ]


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ("{kind: prepaid, currency: CNY, credit_limit: 5}", "only of a postpaid account"),
        ("{kind: prepaid, currency: CNY, notice: 10}", "'notice' not below 'suspend'"),
        ("{kind: prepaid, currency: CNY, reclaim: 0d}", "expected 1d to 366d"),
        ("{kind: monthly, currency: CNY}", "prepaid"),
    ],
)
def test_terms_that_contradict_each_other_are_a_mistake(
    tmp_path: Path, terms: str, said: str
) -> None:
    (mistake,) = mistakes(tmp_path, DIALPLAN, f"{PLANS}accounts: {{acme: {terms}}}\n")
    assert said in mistake
