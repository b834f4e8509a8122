"""Accounts in a dialplan: mistakes by their place, passwords never shown, and what is compiled."""

import pickle
from pathlib import Path

import pytest

from callrouter.dialplan.compile.compiler import compile_dialplan
from callrouter.errors import ConfigError
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.secret import read_logins
from callrouter.yamlfile.reader import parse

GOOD = """\
country: CN
trunks:
  a: {addresses: [192.0.2.1], auth: {user: carrier, password_env: A_WORD, realm: far}}
  b: {auth: {user: roamer, password_env: A_WORD}}
  phones: {phones: true}
  called: {registered: out}
gateways:
  out: {address: 192.0.2.9, auth: {user: us, password_file: word}, register: {}}
targets: {desk: {extension: "101"}, far: {number: "1", via: out}}
extensions: {"101": {phone: {user: u101, password_env: A_WORD}}}
numbers: {"4000": {route: [{hunt: [desk, far]}]}}
"""


def compiled(text: str) -> Dialplan:
    return compile_dialplan(parse(text, "plan.yaml"))


def test_accounts_are_compiled_and_their_logins_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("A_WORD", "s3cret")
    monkeypatch.chdir(tmp_path)
    dialplan = compiled(GOOD)
    access = dialplan.access
    assert (access.realm, access.phones_trunk, access.roaming) == (
        "callrouter",
        "phones",
        frozenset({"b"}),
    )
    assert access.registered == {"out": "called"}
    assert access.enrolments["out"].user == "us"
    assert [trunk.guarded for trunk in dialplan.trunks.values()] == [True, True, True, False]
    complaints: list[tuple[str, str]] = []
    logins = read_logins(access, lambda whose, why: complaints.append((whose, why)))
    assert complaints == [("gateway out", "the file word cannot be read: FileNotFoundError")]
    assert logins.anywhere.keys() == {"roamer", "u101"}
    assert (logins.trunks["a"].realm, logins.trunks["a"].password) == ("far", "s3cret")
    assert b"s3cret" not in pickle.dumps(dialplan)
    phone, far = (leaf.target for leaf in dialplan.numbers["4000"].route[0].several.leaves)  # type: ignore[union-attr]
    assert (phone.extension, phone.login, far.login) == ("101", "", "out")


def test_extension_without_targets_rings_its_telephones() -> None:
    rule = compiled(GOOD).extensions["101"].rule
    assert [leaf.target.extension for leaf in rule.leaves] == ["101"]


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("password_env: A_WORD, realm: far", "password: x", "password"),
        ("{user: roamer, password_env: A_WORD}", "{user: roamer}", "one of 'password_file'"),
        ("{user: roamer, password_env: A_WORD}", "{user: 'a\"b', password_env: A}", "user name"),
        ("user: roamer,", "user: roamer, realm: x,", "the dialplan's 'realm'"),
        ("user: roamer,", "user: u101,", "belongs to trunk 'b' already"),
        ("called: {registered: out}", "c: {phones: true}", "takes the calls of telephones already"),
        ("called: {registered: out}", "c: {phones: true, addresses: [192.0.2.3]}", "leave out"),
        ("called: {registered: out}", "c: {}", "by which it is known"),
        ("registered: out", "registered: ouf", "no gateway is named 'ouf'"),
        (", register: {}", "", "has no 'register'"),
        ("auth: {user: us, password_file: word}, ", "", "expected 'user', or 'auth'"),
        ("{user: us, ", "{user: us, without_qop: true, ", "a gateway's challenge says"),
        ('{extension: "101"}', '{extension: "102"}', "no extension is named '102'"),
        ('{extension: "101"}', '{extension: "101", number: "1", via: out}', "or 'extension'"),
        ("phone: {user: u101, password_env: A_WORD}", "name: x", "'targets', 'phone' or both"),
    ],
)
def test_mistakes_are_named(old: str, new: str, mistake: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        compiled(GOOD.replace(old, new))
    assert mistake in str(caught.value)


def test_account_says_whether_its_credentials_need_a_qop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_WORD", "s3cret")
    text = GOOD.replace("{user: u101, ", "{user: u101, without_qop: true, ")
    text = text.replace("realm: far", "realm: far, without_qop: true")
    logins = read_logins(compiled(text).access, lambda _whose, _why: None)
    found = {login.user: login.without_qop for login in logins.anywhere.values()}
    assert found == {"roamer": False, "u101": True}
    assert logins.trunks["a"].without_qop


def test_password_in_the_place_of_its_file_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(GOOD.replace("password_env: A_WORD, realm", "password_env: 'hunter2 !', realm"))
    assert "hunter2" not in str(caught.value)
