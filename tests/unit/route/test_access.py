"""Accounts as compiled, and who may come from any address because of them."""

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.route.rules.digest_accounts import Access
from callrouter.secret import read_logins
from callrouter.yamlfile.reader import parse

HEAD = """\
country: CN
gateways: {{out: {{address: 192.0.2.9, auth: {{user: us, password_env: WORD}}, register: {{}}}}}}
targets: {{desk: {{uri: "sip:desk@192.0.2.9"}}, far: {{number: "1", via: out}}}}
extensions: {{"101": {{targets: [desk]{phone}}}}}
trunks: {{a: {{addresses: [192.0.2.1]}}{trunk}}}
numbers: {{"4000": {{route: [{{hunt: [far]}}]}}}}
"""
PHONE = ", phone: {user: u101, password_env: WORD}"


def access(trunk: str = "", phone: str = "") -> Access:
    return compile_dialplan(parse(HEAD.format(trunk=trunk, phone=phone), "plan.yaml")).access


@pytest.mark.parametrize(
    ("trunk", "phone", "anybody"),
    [
        ("", "", False),
        (", b: {auth: {user: roamer, password_env: WORD}}", "", True),
        (", phones: {phones: true}", PHONE, True),
        (", called: {registered: out}", "", True),
        (", b: {addresses: [192.0.2.2], auth: {user: known, password_env: WORD}}", "", False),
    ],
)
def test_somebody_may_come_from_any_address_who_proves_a_password(
    trunk: str, phone: str, anybody: bool
) -> None:
    accounts = access(trunk, phone)
    assert (accounts.open, accounts.admits("198.51.100.1")) == (anybody, anybody)


BOUND = PHONE.replace("}", ", addresses: [192.0.2.0/24, 198.51.100.7, 2001:db8::/64]}")


@pytest.mark.parametrize(
    ("source", "there"),
    [
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("198.51.100.7", True),
        ("198.51.100.6", False),
        ("2001:db8::9", True),
        ("2001:db8:0:1::9", False),
        ("::ffff:192.0.2.1", True),
        ("::c000:201", False),  # the same bits as 192.0.2.1, in the other version
    ],
)
def test_telephone_with_addresses_may_be_nowhere_else(source: str, there: bool) -> None:
    accounts = access(phone=BOUND)
    assert accounts.open
    assert (accounts.admits(source), accounts.lets("101", source)) == (there, there)
    assert accounts.lets("102", source)


def test_one_account_for_anywhere_opens_the_door_to_all() -> None:
    accounts = access(", b: {auth: {user: roamer, password_env: WORD}}", BOUND)
    assert accounts.admits("203.0.113.1")
    assert not accounts.lets("101", "203.0.113.1")


def test_logins_are_read_apart_from_the_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORD", "s3cret")
    accounts = access(
        ", b: {addresses: [192.0.2.2], auth: {user: known, password_env: WORD, realm: far}},"
        " c: {auth: {user: roamer, password_env: WORD}}, phones: {phones: true}",
        PHONE,
    )
    assert not accounts.logins.anywhere
    complaints: list[str] = []
    logins = read_logins(accounts, lambda whose, _: complaints.append(whose))
    assert complaints == []
    assert {user: (one.trunk, one.extension) for user, one in logins.anywhere.items()} == {
        "roamer": ("c", ""),
        "u101": ("", "101"),
    }
    known, us = logins.trunks["b"], logins.gateways["out"]
    assert (known.user, known.realm, known.password) == ("known", "far", "s3cret")
    assert (us.user, us.password) == ("us", "s3cret")
    assert (accounts.enrolments["out"].user, accounts.enrolments["out"].domain) == ("us", "")


def test_a_dialplan_without_accounts_lets_nobody_in_by_a_password() -> None:
    nobody = Access()
    assert (nobody.open, dict(nobody.logins.gateways)) == (False, {})


HOUSE = """\
country: CN
trunks: {phones: {phones: true}, a: {addresses: [192.0.2.0/25]}, b: {addresses: [198.51.100.0/24]}}
targets: {desk: {uri: "sip:desk@192.0.2.9"}}
extensions:
  "101": {phone: {user: "102", password_env: WORD, addresses: [192.0.2.0/24]}}
  "102": {phone: {user: li, password_env: WORD}}
numbers: {"4000": {route: [{hunt: [desk]}]}}
"""


def test_telephones_bound_to_addresses_of_a_trunk_are_told_by_from_and_address() -> None:
    dialplan = compile_dialplan(parse(HOUSE, "plan.yaml"))
    houses = {name: trunk.houses for name, trunk in dialplan.trunks.items()}
    assert houses == {"phones": False, "a": True, "b": False}
    found = dialplan.access
    assert found.calls_at("101", "192.0.2.1")
    assert found.calls_at("102", "192.0.2.1")  # the user of 101, and an extension that is anywhere
    assert not found.calls_at("102", "198.51.100.1")
    assert not found.calls_at("li", "192.0.2.1")
    assert not found.calls_at("13800138000", "192.0.2.1")


def test_caller_of_the_telephones_trunk_is_an_extension_by_its_number_or_user() -> None:
    dialplan = compile_dialplan(parse(HOUSE, "plan.yaml"))
    assert dialplan.telephone_of("phones", "101") == "101"
    assert dialplan.telephone_of("phones", "li") == "102"
    assert dialplan.telephone_of("phones", "13800138000") == ""
    assert dialplan.telephone_of("a", "101") == ""
