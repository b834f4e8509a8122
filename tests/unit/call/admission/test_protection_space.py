"""Who has to prove what, and what credentials prove: each combination, and no state."""

from types import SimpleNamespace
from typing import Final

import pytest
from support.proving import response
from support.tables import each

from callrouter.call.admission.protection_space import (
    PROVEN,
    STALE,
    WITHOUT_QOP,
    WRONG,
    ProtectionSpace,
    asked_of,
    judge,
)
from callrouter.route.rules.digest_accounts import Access, DigestAccount, Login, Logins
from callrouter.route.rules.mailboxes import Secret
from callrouter.route.rules.number_rules import Trunk
from callrouter.sip.digest import Credentials
from callrouter.sip.message import Request
from callrouter.sip.nonces import FORGED, GOOD, OLD

NEAR: Final = "192.0.2.1"
ELSEWHERE: Final = "203.0.113.9"


def trunk(name: str, *, guarded: bool = False) -> Trunk:
    return Trunk(
        name=name, country="CN", called_is_to=False, file="plan.yaml", line=1, guarded=guarded
    )


PLAIN: Final = trunk("plain")
GUARDED: Final = trunk("guarded", guarded=True)
PHONES: Final = trunk("phones", guarded=True)
GATEWAYS: Final = trunk("gateways")
TRUNKS: Final = {one.name: one for one in (PLAIN, GUARDED, PHONES, GATEWAYS)}
TRUNK_LOGIN: Final = Login(user="carrier", password="c", realm="carriers", trunk="guarded")
PHONE_LOGIN: Final = Login(user="101", password="p", realm="", extension="101")


def account(realm: str = "", networks: tuple[str, ...] = ()) -> DigestAccount:
    secret = Secret(file="", env="NOBODY_READS_IT")
    return DigestAccount(user="u", secret=secret, realm=realm, networks=networks)


def access(what: str) -> Access:
    """The accounts of a dialplan of each kind. phones: from near alone, or from anywhere."""
    logins = Logins(anywhere={"101": PHONE_LOGIN}, trunks={"guarded": TRUNK_LOGIN})
    trunks = {"guarded": account("carriers")}
    if what == "nobody":
        return Access(trunks=trunks, logins=logins)
    if what == "phones that do not call":
        return Access(trunks=trunks, phones={"101": account()}, logins=logins)
    if what == "roaming":
        return Access(trunks=trunks, roaming=frozenset(("wanderer",)), logins=logins)
    if what == "registered":
        return Access(trunks=trunks, registered={"carrier": "gateways"}, logins=logins)
    networks = (f"{NEAR}/32",) if what == "phones near" else ()
    return Access(
        trunks=trunks,
        phones={"101": account(networks=networks)},
        phones_trunk="phones",
        logins=logins,
    )


def asked(
    what: str, source: Trunk | None, method: str, gateway: str = "", host: str = ELSEWHERE
) -> str:
    """What is asked: whose password, the trunk that it comes by without one, or nothing."""
    dialplan = SimpleNamespace(access=access(what), trunks=TRUNKS)
    found = asked_of(
        source,
        registers=method == "REGISTER",
        gateway=gateway,
        source=host,
        dialplan=dialplan,
    )
    if found is None:
        return "stranger"
    if isinstance(found, Trunk):
        return f"by {found.name}"
    return f"{'anybody' if found.counts else 'trunk'}: {found.realm} {sorted(found.logins)}"


ANYBODY: Final = "anybody: callrouter ['101']"
ITS_OWN: Final = "trunk: carriers ['carrier']"


@each(
    ("what", "source", "method", "gateway", "host", "wanted"),
    [
        # Its address says who it is.
        ("phones", PLAIN, "INVITE", "", ELSEWHERE, "by plain"),
        ("nobody", PLAIN, "INVITE", "", ELSEWHERE, "by plain"),
        ("nobody", PLAIN, "REGISTER", "", ELSEWHERE, "by plain"),
        ("phones", GUARDED, "INVITE", "", ELSEWHERE, ITS_OWN),
        ("nobody", GUARDED, "REGISTER", "", ELSEWHERE, ITS_OWN),
        # A telephone behind it registers.
        ("phones", PLAIN, "REGISTER", "", ELSEWHERE, ANYBODY),
        ("phones", GUARDED, "REGISTER", "", ELSEWHERE, ANYBODY),
        ("phones near", PLAIN, "REGISTER", "", ELSEWHERE, ANYBODY),
        # It comes from anywhere.
        ("phones", None, "INVITE", "", ELSEWHERE, ANYBODY),
        ("phones", None, "REGISTER", "", ELSEWHERE, ANYBODY),
        ("roaming", None, "INVITE", "", ELSEWHERE, ANYBODY),
        ("roaming", None, "REGISTER", "", ELSEWHERE, ANYBODY),
        ("phones that do not call", None, "REGISTER", "", ELSEWHERE, ANYBODY),
        # No password would let it in.
        ("phones that do not call", None, "INVITE", "", ELSEWHERE, "stranger"),
        ("nobody", None, "INVITE", "", ELSEWHERE, "stranger"),
        ("nobody", None, "REGISTER", "", ELSEWHERE, "stranger"),
        ("phones near", None, "INVITE", "", ELSEWHERE, "stranger"),
        ("phones near", None, "INVITE", "", NEAR, ANYBODY),
        # A Contact of a registration of ours.
        ("registered", None, "INVITE", "carrier", ELSEWHERE, "by gateways"),
        ("registered", None, "INVITE", "another", ELSEWHERE, "stranger"),
        ("registered", None, "INVITE", "", ELSEWHERE, "stranger"),
        ("registered", None, "REGISTER", "carrier", ELSEWHERE, "stranger"),
        ("registered", PLAIN, "INVITE", "carrier", ELSEWHERE, "by plain"),
        ("registered", GUARDED, "INVITE", "carrier", ELSEWHERE, ITS_OWN),
    ],
)
def test_what_is_asked(
    what: str, source: Trunk | None, method: str, gateway: str, host: str, wanted: str
) -> None:
    assert asked(what, source, method, gateway, host) == wanted


def credentials(password: str, *, qop: bool = True) -> Credentials:
    """What a telephone answers."""
    given = {
        "username": "101",
        "realm": "callrouter",
        "uri": "sip:x@192.0.2.2",
        "nonce": "n",
        "algorithm": "MD5",
    }
    if qop:
        given |= {"nc": "00000001", "cnonce": "c", "qop": "auth"}
    said = response(given, password, "INVITE")
    return Credentials("101", "callrouter", "n", given["uri"], said, "MD5", "c" * qop, 1, qop)


LENIENT: Final = Login(user="101", password="p", realm="", extension="101", without_qop=True)


@pytest.mark.parametrize(
    ("password", "qop", "login", "nonce", "verdict"),
    [
        ("p", True, PHONE_LOGIN, GOOD, PROVEN),
        ("p", True, PHONE_LOGIN, OLD, STALE),
        ("p", True, PHONE_LOGIN, FORGED, STALE),
        ("p", True, None, GOOD, WRONG),
        ("p", True, None, OLD, WRONG),
        ("p", True, None, FORGED, STALE),
        ("guess", True, PHONE_LOGIN, GOOD, WRONG),
        ("guess", True, PHONE_LOGIN, OLD, WRONG),
        ("guess", True, PHONE_LOGIN, FORGED, STALE),
        ("p", False, PHONE_LOGIN, GOOD, WITHOUT_QOP),
        ("p", False, PHONE_LOGIN, OLD, WITHOUT_QOP),
        ("guess", False, PHONE_LOGIN, GOOD, WRONG),
        ("p", False, LENIENT, GOOD, PROVEN),
        ("p", False, LENIENT, OLD, STALE),
    ],
)
def test_what_credentials_prove(
    password: str, qop: bool, login: Login | None, nonce: int, verdict: int
) -> None:
    assert judge(credentials(password, qop=qop), nonce, login, "INVITE") == verdict


def test_password_of_another_method_proves_nothing() -> None:
    assert judge(credentials("p"), GOOD, PHONE_LOGIN, "REGISTER") == WRONG


ROW: Final = (
    'Digest username="101", realm="%s", nonce="n", uri="sip:x@192.0.2.2", '
    'response="0123456789abcdef0123456789abcdef", algorithm=%s, cnonce="c", nc=00000001, qop=auth'
)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], False),
        (["Basic Zm9v"], False),
        (["Digest nonsense"], False),
        ([ROW % ("elsewhere", "MD5")], False),
        ([ROW % ("callrouter", "MD5")], True),
        ([ROW % ("callrouter", "SHA-256")], False),
        (["Basic Zm9v", ROW % ("elsewhere", "MD5"), ROW % ("callrouter", "MD5")], True),
        ([*["Basic Zm9v"] * 4, ROW % ("callrouter", "MD5")], False),
    ],
)
def test_credentials_for_a_protection_space_are_found_among_others(
    rows: list[str], found: bool
) -> None:
    space = ProtectionSpace("callrouter", ("MD5",), {}, counts=True)
    headers = {"authorization": rows[0]} if rows else {}
    more = {"authorization": rows[1:]} if len(rows) > 1 else None
    request = Request("INVITE", "sip:x@192.0.2.2", "SIP/2.0", headers, more, b"")
    assert (space.given(request) is not None) == found
