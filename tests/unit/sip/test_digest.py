"""Digest: the examples of RFC 7616, what is read and what is refused, nonces and their counts."""

import itertools

import pytest

from callrouter.errors import ParseError
from callrouter.sip import nonces
from callrouter.sip.digest import (
    ONLY,
    challenge_rows,
    credentials_value,
    digest,
    parse_challenge,
    parse_credentials,
)
from callrouter.sip.nonces import FORGED, GOOD, LIFETIME, OLD, Nonces

REALM = "http-auth@example.org"
NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
GIVEN = (
    'Digest username="bob", realm="biloxi.com", nonce="abc", uri="sip:bob@biloxi.com", qop=auth, '
    'nc=0000000a, cnonce="0a4f113b", response="6629FAE49393a05397450978507c4ef1", opaque="5ccc"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    proof = digest(algorithm, "Mufasa", REALM, "Circle of Life", "GET", "/dir/index.html")
    assert proof.response(NONCE, "00000001", CNONCE) == response


def test_example_of_rfc_2617_without_qop_as_rfc_2069_had_it() -> None:
    # RFC 2069 section 2.4 with the corrected hash of its erratum.
    proof = digest("MD5", "Mufasa", "testrealm@host.com", "CircleOfLife", "GET", "/dir/index.html")
    response = proof.response("dcd98b7102dd2f0e8b11d0f600bfb0c093", "", "")
    assert response == "1949323746fe6a43ef61f9606e7febea"


def test_credentials_prove_the_password_and_no_other() -> None:
    challenge = parse_challenge(challenge_rows("x", "n1", stale=False).split("\r\n")[0][18:])
    assert challenge is not None
    assert (challenge.algorithm, challenge.qop, challenge.stale) == ("SHA-256", True, False)
    value = credentials_value(
        challenge,
        user="bob",
        password="secret",
        method="INVITE",
        uri="sip:a@b",
        cnonce="c1",
        count=1,
    )
    found = parse_credentials(value)
    assert found is not None
    assert (found.user, found.realm, found.nonce, found.count) == ("bob", "x", "n1", 1)
    assert found.proves("secret", "INVITE")
    assert not found.proves("Secret", "INVITE")
    assert not found.proves("secret", "REGISTER")


def test_challenges_come_with_the_better_algorithm_first() -> None:
    rows = challenge_rows("x", "n", stale=True).split("\r\n")
    assert [parse_challenge(row[18:]).algorithm for row in rows[:2]] == ["SHA-256", "MD5"]  # type: ignore[union-attr]
    assert all("stale=true" in row for row in rows[:2])


def test_credentials_are_read() -> None:
    found = parse_credentials(GIVEN)
    assert found is not None
    assert found.algorithm == "MD5"
    assert found.count == 10
    assert found.response == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    "text",
    [
        "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "NoOneKnowsThisScheme opaque-data=here",
        "Digest",
        "",
        GIVEN + ", algorithm=MD5-sess",
        GIVEN + ", algorithm=SHA-512-256",
    ],
)
def test_unknown_scheme_or_algorithm_is_no_credentials(text: str) -> None:
    assert parse_credentials(text) is None


@pytest.mark.parametrize(
    "text",
    [
        GIVEN + ', realm="other"',
        GIVEN.replace("nc=0000000a", "nc=a"),
        GIVEN.replace("nc=0000000a", "nc=0000000g"),
        GIVEN.replace("qop=auth", "qop=auth-int"),
        GIVEN.replace('cnonce="0a4f113b", ', ""),
        GIVEN.replace('username="bob"', 'username="bob'),
        GIVEN + ", x=" + "y" * 3000,
        GIVEN + "".join(f", p{index}=1" for index in range(30)),
        "Digest username",
    ],
)
def test_credentials_that_answer_nothing_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_credentials(text)


@pytest.mark.parametrize(
    "text",
    [
        'Digest realm="a", nonce="b", algorithm=SHA-512-256, qop="auth"',
        'Digest realm="a", nonce="b", qop="auth-int"',
        'Bearer realm="a"',
    ],
)
def test_challenge_that_cannot_be_answered_is_none(text: str) -> None:
    assert parse_challenge(text) is None


@pytest.mark.parametrize("text", ['Digest realm="a"', 'Digest nonce="b", realm=""', "Digest a=b=c"])
def test_challenge_that_lacks_something_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_challenge(text)


def test_challenge_without_qop_is_answered_without_nc() -> None:
    challenge = parse_challenge('digest realm="a b", nonce="n", opaque=""')
    assert challenge is not None
    value = credentials_value(
        challenge, user="u", password="p", method="BYE", uri="sip:x", cnonce="c", count=3
    )
    assert "nc=" not in value
    assert "cnonce" not in value
    assert 'opaque=""' in value


def fresh(kept: int = 100) -> Nonces:
    tokens = itertools.count(1)
    return Nonces(b"0123456789abcdef", lambda: f"{next(tokens):016x}", kept)


def test_nonce_is_good_once_for_each_count() -> None:
    table = fresh()
    nonce = table.make("192.0.2.1", 10.0)
    assert table.judge(nonce, 1, "192.0.2.1", 11.0) == GOOD
    table.use(nonce, 1)
    assert table.judge(nonce, 1, "192.0.2.1", 11.0) == OLD
    assert table.judge(nonce, 2, "192.0.2.1", 11.0) == GOOD


def test_nonce_is_old_after_its_lifetime_and_forged_for_another_address() -> None:
    table = fresh()
    nonce = table.make("192.0.2.1", 10.0)
    assert table.judge(nonce, 1, "192.0.2.1", 10.0 + LIFETIME + 1) == OLD
    assert table.judge(nonce, 1, "192.0.2.2", 11.0) == FORGED
    assert table.judge(nonce[:-1] + "é", 1, "192.0.2.1", 11.0) == FORGED
    assert table.judge("0" * len(nonce), 1, "192.0.2.1", 11.0) == FORGED
    assert table.judge("", 1, "192.0.2.1", 11.0) == FORGED


def test_two_nonces_of_one_moment_differ() -> None:
    table = fresh()
    assert table.make("192.0.2.1", 1.0) != table.make("192.0.2.1", 1.0)


def test_count_that_had_to_be_forgotten_cannot_be_replayed() -> None:
    table = fresh(kept=2)
    made = [table.make("192.0.2.1", 1.0 + index) for index in range(4)]
    for nonce in made[:3]:
        table.use(nonce, 1)
    assert table.judge(made[0], 1, "192.0.2.1", 5.0) == OLD
    assert table.judge(made[0], 9, "192.0.2.1", 5.0) == OLD
    assert table.judge(made[3], 1, "192.0.2.1", 5.0) == GOOD


def test_nothing_is_kept_of_a_nonce_before_it_is_used() -> None:
    table = fresh()
    for index in range(1000):
        table.judge(table.make("192.0.2.1", float(index)), 1, "192.0.2.1", float(index))
    assert not table._used
    assert nonces.KEPT < 100_000


BARE = GIVEN.replace(", qop=auth", "").replace('nc=0000000a, cnonce="0a4f113b", ', "")


def test_credentials_without_qop_are_those_of_rfc_2069_and_use_their_nonce_up() -> None:
    for text in (BARE, BARE + ', cnonce="x", nc=zz'):  # what only qop gives a meaning to
        found = parse_credentials(text)
        assert found is not None
        assert (found.qop, found.count, found.cnonce) == (False, ONLY, "")
    proof = digest("MD5", "bob", "biloxi.com", "zanzibar", "REGISTER", "sip:bob@biloxi.com")
    right = BARE.replace("6629FAE49393a05397450978507c4ef1", proof.response("abc", "", ""))
    found = parse_credentials(right)
    assert found is not None
    assert found.proves("zanzibar", "REGISTER")
    assert not found.proves("zanzibar", "INVITE")
    table = fresh()
    nonce = table.make("192.0.2.1", 10.0)
    table.use(nonce, found.count)
    assert table.judge(nonce, found.count, "192.0.2.1", 10.0) == OLD


@pytest.mark.parametrize("missing", ["username", "realm", "nonce", "uri", "response"])
def test_credentials_without_qop_need_all_the_rest(missing: str) -> None:
    with pytest.raises(ParseError):
        parse_credentials(BARE.replace(f"{missing}=", "other="))
    with pytest.raises(ParseError):
        parse_credentials(BARE + ', qop=""')


@pytest.mark.parametrize(
    ("said", "asked", "about"),
    [
        ("sip:4000@h", "sip:4000@h", True),
        ("not a uri", "not a uri", True),
        ("sip:4000@H:5060", "sip:4000@h", True),
        ("sip:4000@h;transport=tcp", "sip:%34000@h", True),
        ("sip:4000@pbx.example", "sip:4000@h:5061", True),
        ("sip:h", "sip:4000@h", True),
        ("sip:pbx.example", "sip:4000@h", True),
        ("tel:+1-2", "tel:+12", True),
        ("sip:4001@h", "sip:4000@h", False),
        ("sip:4000@other", "sip:4000@h", False),
        ("sip:4000@h:5070", "sip:4000@h:5060", False),
        ("sip:4000@h", "sip:h", False),
        ("sips:4000@h", "sip:4000@h", False),
        ("tel:4000", "sip:4000@h", False),
        ("http://h/", "sip:4000@h", False),
        ("", "sip:4000@h", False),
    ],
)
def test_credentials_are_about_what_their_uri_names(said: str, asked: str, about: bool) -> None:
    found = parse_credentials(BARE)
    assert found is not None
    found.uri = said
    assert found.is_about(asked, ("pbx.example",)) is about
