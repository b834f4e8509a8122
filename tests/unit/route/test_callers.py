from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rulebook import FRIDAY_NOON, SATURDAY_NOON, Rules, reason, why

from callrouter.route.callers import telephone_numbers as numbers
from callrouter.route.callers.geographic_areas import Area, country_of
from callrouter.route.callers.number_lists import Caller, Digits
from callrouter.route.values.snapshot import Snapshot

ROUTE = "route: [{hunt: [a]}]"
BLOCKED = ("blocked_caller", 403, 21)


@pytest.mark.parametrize(
    ("caller", "refused", "because"),
    [
        ("13800138000", True, "is in the list"),
        ("008613800138000", True, "is in the list"),
        ("08987654321", True, "begins with +86898"),
        ("4001", True, "is in the list"),
        ("5501", True, "begins with 55"),
        ("4002", False, "is not in the list"),
        ("13900139000", False, "is not in the list"),
        ("+12125551234", False, "is not in the list"),
        ("anonymous", False, "the caller has no number that a list could have"),
        ("", False, "the caller has no number that a list could have"),
        ("alice", False, "the caller has no number that a list could have"),
    ],
)
def test_caller_in_a_block_list_is_refused(caller: str, refused: bool, because: str) -> None:
    decision = Rules(f"block: [bad], {ROUTE}").call(caller)
    assert reason(decision) == (BLOCKED if refused else None)
    assert why(decision, "block bad")[::2] == (refused, because)


def test_allow_list_beats_block_lists_here_and_of_all_numbers() -> None:
    for rules, more in (
        ("allow: [good], block: [bad],", ""),
        ("allow: [good],", "block: [bad]"),
        ("block: [bad],", "allow: [good]"),
        ("", "allow: [good]\nblock: [bad]"),
    ):
        plan = Rules(f"{rules} {ROUTE}", more)
        assert reason(plan.call("08981234567")) is None
        assert why(plan.call("08981234567"), "allow good")[0]
        assert reason(plan.call("08987654321")) == BLOCKED


def test_allow_list_beats_every_other_rule_about_callers() -> None:
    for more in ("areas: {refuse: ['0898']}", "countries: {allow: [VN]}", "only: [bad]"):
        for allow, everywhere in (("allow: [good], ", ""), ("", "allow: [good]")):
            plan = Rules(f"{allow}{more}, {ROUTE}", everywhere)
            assert reason(plan.call("08981234567")) is None, more
            refused = reason(plan.call("08951234567" if "only" in more else "08988888888"))
            assert refused is not None, more
    decision = Rules(f"allow: [good], areas: {{refuse: ['0898']}}, {ROUTE}").call("08981234567")
    assert why(decision, "areas of number 4000")[::2] == (False, "not asked: allow good")


@pytest.mark.parametrize(
    ("caller", "refused"),
    [
        ("13800138000", False),
        ("08987654321", False),
        ("4001", False),
        ("13900139000", True),
        ("anonymous", True),
        ("", True),
    ],
)
def test_only_callers_in_the_lists_of_only_are_let_in(caller: str, refused: bool) -> None:
    decision = Rules(f"only: [good, bad], {ROUTE}").call(caller)
    assert reason(decision) == (("not_listed", 403, 21) if refused else None)
    results = [verdict.result for verdict in decision.trace if verdict.rule.startswith("only")]
    assert results[-1] == ("refused" if refused else "passed")


def test_caller_in_only_and_in_block_is_refused() -> None:
    assert reason(Rules(f"only: [bad], block: [bad], {ROUTE}").call("13800138000")) == BLOCKED


@pytest.mark.parametrize("word", ["block", "blocklist", "blacklist"])
def test_block_has_the_names_that_people_know(word: str) -> None:
    assert reason(Rules(f"{word}: [bad], {ROUTE}").call("13800138000")) == BLOCKED
    assert reason(Rules(ROUTE, f"{word}: [bad]").call("13800138000")) == BLOCKED


@pytest.mark.parametrize(
    ("areas", "caller", "refused", "because"),
    [
        ("allow: [Guangdong]", "02012345678", False, "from Guangdong, which is allowed"),
        ("allow: [广东]", "07561234567", False, "from 广东, which is allowed"),
        ('allow: ["0756"]', "07561234567", False, "from 0756, which is allowed"),
        ('allow: [CN, "+84"]', "+842838222999", False, "from +84, which is allowed"),
        ("allow: [Guangdong]", "01012345678", True, "not from Guangdong"),
        ("allow: [Guangdong]", "anonymous", True, "the caller has no telephone number"),
        ("allow: [CN], withheld: allow", "", False, "the caller has no telephone number"),
        ("refuse: [US]", "+12125551234", True, "from US, which is refused"),
        ("refuse: [US]", "+14165551234", False, "from no area that is refused"),
        ("refuse: [US]", "+12125551234*", True, "may mean +12125551234, from US, which is refused"),
        ("refuse: [US]", "+8613800138000*", False, "the caller has no telephone number"),
        ("allow: [CN]", "+8613800138000*", True, "the caller has no telephone number"),
        ("refuse: [US]", "4001", False, "the caller has no telephone number"),
        ("refuse: [US], withheld: refuse", "", True, "the caller has no telephone number"),
        ('allow: [CN], refuse: ["0898"]', "08981234567", True, "from 0898, which is refused"),
    ],
)
def test_area_of_the_caller_decides(areas: str, caller: str, refused: bool, because: str) -> None:
    decision = Rules(f"areas: {{{areas}}}, {ROUTE}").call(caller)
    assert reason(decision) == (("area_refused", 486, 17) if refused else None)
    assert why(decision, "areas of number 4000")[::2] == (refused, because)


def test_number_for_one_country_refuses_others_but_the_excepted() -> None:
    plan = Rules(f"countries: {{allow: [VN], except: [good]}}, {ROUTE}")
    assert reason(plan.call("+842838222999")) is None
    assert reason(plan.call("13900139000")) == ("country_refused", 403, 21)
    assert reason(plan.call("anonymous")) == ("country_refused", 403, 21)
    decision = plan.call("08981234567")
    assert why(decision, "countries of number 4000")[::2] == (False, "excepted by list good")


def test_area_inside_another_is_not_of_it() -> None:
    area = Area(name="outer", marks={"8675": True, "86756": False})
    assert area.has(Caller("07551234567", "CN"))
    assert not area.has(Caller("07561234567", "CN"))


@pytest.mark.parametrize(
    ("number", "country"),
    [("+8613800138000", "CN"), ("+12125551234", "US"), ("+14165551234", "CA"), ("+999123", "")],
)
def test_country_is_told_by_the_calling_code_or_the_numbering_plan(
    number: str, country: str
) -> None:
    assert country_of(number) == country


def test_number_of_a_shared_code_that_no_plan_has_is_of_no_country() -> None:
    assert country_of("+10000000000") == ""


AUTO = "auto_block: {calls: 3, within: 10s, for: 20s%s}, "
OFFICE = "route: [{when: {schedule: office}, hunt: [a]}, {hunt: [b]}]"
KEY = ("4000", "+8613900139000")


def attempts(*before: float, at: float) -> Snapshot:
    return Snapshot(attempts={KEY: [at - seconds for seconds in before]})


def test_call_that_is_one_too_many_is_refused_and_counts() -> None:
    plan = Rules(AUTO % "" + ROUTE)
    for before, refused in (((), False), ((9.0,), False), ((10.0, 9.0), False), ((9.9, 1), True)):
        decision = plan.call(snapshot=attempts(*before, at=1000.0), at=1000.0)
        assert reason(decision) == (("auto_blocked", 403, 21) if refused else None)
        assert decision.caller == "+8613900139000"
        rule = decision.auto_block
        assert rule is not None
        assert (rule.calls, rule.within_seconds, rule.for_seconds) == (3, 10.0, 20.0)


def test_calls_in_hours_do_not_count_unless_always() -> None:
    for when, at, counts in (
        ("", FRIDAY_NOON, False),
        ("", SATURDAY_NOON, True),
        (", when: always", FRIDAY_NOON, True),
    ):
        decision = Rules(AUTO % when + OFFICE).call(at=at)
        assert (decision.auto_block is not None) is counts


def test_automatic_block_of_all_numbers_counts_at_each() -> None:
    plan = Rules(ROUTE, AUTO[:-2] % "")
    assert plan.call().auto_block is not None
    assert plan.call("anonymous").auto_block is None


def test_allowed_caller_is_not_counted() -> None:
    assert Rules(AUTO % "" + f"allow: [good], {ROUTE}").call("08981234567").auto_block is None


@pytest.mark.parametrize(
    ("key", "until", "because"),
    [
        (KEY, 1020.0, "is blocked at number 4000 for another 20 s"),
        (("", KEY[1]), 0.0, "is blocked at all numbers"),
        (KEY, 1000.0, ""),
        (("4001", KEY[1]), 0.0, ""),
    ],
)
def test_blocked_caller_is_refused_until_the_end(
    key: tuple[str, str], until: float, because: str
) -> None:
    decision = Rules(ROUTE).call(snapshot=Snapshot(blocks={key: until}), at=1000.0)
    assert reason(decision) == (("auto_blocked", 403, 21) if because else None)
    if because:
        assert why(decision, "blocked callers") == (True, KEY[1], because)
        assert decision.auto_block is None


def test_caller_without_a_number_cannot_be_blocked() -> None:
    decision = Rules(ROUTE).call("anonymous", Snapshot(blocks={("", ""): 0.0}))
    assert reason(decision) is None


@given(st.sets(st.integers(0, 10**6), max_size=50), st.integers(0, 10**6))
def test_set_of_digits_has_what_is_in_it(inside: set[int], asked: int) -> None:
    digits = Digits({7: array("Q", sorted(inside))})
    assert digits.has(f"{asked:07}") is (asked in inside)
    assert bool(digits.beginning(f"{asked:07}123")) is (asked in inside)
    assert not digits.has(f"{asked:08}")
    assert digits.beginning("123") == ""


SPELLED = st.from_regex(r"(\+|00|\+?86|0|\+860)?[0-9]{4,12}", fullmatch=True)


@given(SPELLED, st.sampled_from(["CN", "VN", "US", "DE", "IT", "AR", "BR", "SG"]))
def test_usual_spellings_are_read_as_phonenumbers_reads_them(text: str, country: str) -> None:
    phone = numbers.read(text, country)
    assert numbers.e164(text, country) == ("" if phone is None else numbers.international(phone))


HAND = ("blocked_by_hand", 403, 21)


@pytest.mark.parametrize(
    ("caller", "refusal", "value"),
    [
        ("+8689866660000", HAND, "+86898*"),
        ("089866660000*", HAND, "+86898*"),
        ("4711", HAND, "47*"),
        ("4811", None, ""),
        ("+8613900139001*", ("auto_blocked", 403, 21), "+8613900139001"),
        ("12025550100", ("auto_blocked", 403, 21), "+12025550100"),
        ("alice", HAND, "alice"),
        ("anonymous", None, ""),
    ],
)
def test_block_by_hand_may_have_first_digits_and_has_its_own_reason(
    caller: str, refusal: tuple[str, int, int] | None, value: str
) -> None:
    keys = {("", "+86898*"): 0.0, ("4000", "47*"): FRIDAY_NOON + 9, ("", "alice"): 0.0}
    automatic = {("4000", f"+{number}"): FRIDAY_NOON + 5 for number in (8613900139001, 12025550100)}
    blocks = {**keys, **automatic, ("", "+8613900139001"): FRIDAY_NOON - 1}
    snapshot = Snapshot(blocks=blocks, by_hand=set(keys), begun=(6, 2))
    decision = Rules(ROUTE).call(caller, snapshot)
    assert reason(decision) == refusal
    if refusal is not None:
        assert why(decision, "blocked callers")[1] == value
