"""Passwords, to us and from us (RFC 3261 section 22, RFC 7616, RFC 8760)."""

import hashlib
import re
from typing import Final

import pytest
from support.message import SDP, Message
from table import CALLER, DESK, Party, Table, hang_up, request

from callrouter.call.admission.authentication import DigestAuthentication
from callrouter.net.transport.tokens_and_lag import Tokens
from callrouter.route.rules.digest_accounts import Login, Logins

DIALPLAN: Final = """
country: CN
realm: lab
trunks: {lab: {addresses: [192.0.2.1/32], auth: {user: lab, password_env: NONE, realm: lab}}}
targets: {desk: {uri: "sip:desk@192.0.2.3:5060"}}
numbers: {"4000": {route: [{hunt: [desk], ring: 60s}]}}
"""
OUTBOUND: Final = """
country: CN
trunks: {lab: {addresses: [192.0.2.1/32]}}
gateways:
  ours: {address: "192.0.2.3:5060", auth: {user: us, password_env: NONE, realm: good}}
  open: {address: "192.0.2.3:5060"}
targets: {ours: {number: "501", via: ours}, open: {number: "502", via: open}}
numbers: {"4000": {route: [{hunt: [ours], ring: 60s}]}, "4001": {route: [{hunt: [open]}]}}
"""
HASHES: Final = {"SHA-256": hashlib.sha256, "MD5": hashlib.md5}


class Nobody:
    """No telephone registers, and we are registered nowhere."""

    def gateway_of(self, _contact: str) -> str:
        return ""


def guarded() -> tuple[Table, Party, Party]:
    """A table whose caller has to prove who it is, and the desk."""
    table = Table(DIALPLAN)
    calls = table.router.calls
    calls._authentication = DigestAuthentication(b"0123456789abcdef", Tokens(), Nobody(), Nobody())  # type: ignore[arg-type]
    calls.dialplan.access.logins = Logins(
        trunks={"lab": Login(user="lab", password="secret", realm="lab", trunk="lab")}
    )
    return table, table.party(CALLER), table.party(DESK)


def parameters(challenge: str) -> dict[str, str]:
    found = re.findall(r'([a-z]+)=(?:"([^"]*)"|([^,\s]+))', challenge)
    return {name: quoted or plain for name, quoted, plain in found}


def proof(challenge: str, count: int, password: str = "secret", method: str = "INVITE") -> str:
    """Credentials, computed here and not by what is tested (RFC 7616 section 3.4.1)."""
    asked = parameters(challenge)
    uri = "sip:4000@192.0.2.2"

    def hashed(text: str) -> str:
        return HASHES[asked["algorithm"]](text.encode()).hexdigest()

    who = hashed(f"lab:{asked['realm']}:{password}")
    what = hashed(f"{method}:{uri}")
    response = hashed(f"{who}:{asked['nonce']}:{count:08x}:c:auth:{what}")
    return (
        f'Digest username="lab", realm="{asked["realm"]}", nonce="{asked["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm={asked["algorithm"]}, cnonce="c", qop=auth, '
        f"nc={count:08x}"
    )


def try_with(caller: Party, authorization: str = "") -> Message:
    """Ask to call with these credentials; the first answer that is no 100."""
    row = [("Authorization", authorization)] if authorization else []
    caller.call_id += "x"
    caller.invite("4000", SDP, *row)
    sent = caller.seen[-1]
    if sent.status >= 300:
        caller.ack(sent)
    return sent


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_row_44_password_is_asked_for_and_its_nonce_counts_once_each(algorithm: str) -> None:
    table, caller, desk = guarded()
    refusal = try_with(caller)
    challenges = refusal.all("WWW-Authenticate")
    assert refusal.status == 401
    assert [parameters(text)["algorithm"] for text in challenges] == ["SHA-256", "MD5"]
    assert {parameters(text)["qop"] for text in challenges} == {"auth"}
    assert all("stale" not in parameters(text) for text in challenges)
    assert not table.ours.servers
    (challenge,) = [text for text in challenges if parameters(text)["algorithm"] == algorithm]
    for count in (1, 2):
        caller._unread.clear()
        assert try_with(caller, proof(challenge, count)).status == 100
        desk.reply(desk.hears("INVITE"), 486)
        desk.hears("ACK")
        caller.ack(caller.seen[-1])
    # Replayed; and a wrong password.
    again = try_with(caller, proof(challenge, 2))
    assert (again.status, parameters(again["WWW-Authenticate"]).get("stale")) == (401, "true")
    wrong = try_with(caller, proof(challenge, 3, "guess"))
    assert (wrong.status, parameters(wrong["WWW-Authenticate"]).get("stale")) == (401, None)
    table.wait(400.0)
    late = try_with(caller, proof(challenge, 4))
    assert (late.status, parameters(late["WWW-Authenticate"]).get("stale")) == (401, "true")
    assert desk.quiet()
    table.is_clear()


def test_row_45_ack_and_cancel_are_never_challenged_and_another_scheme_is_none() -> None:
    table, caller, desk = guarded()
    caller.send(request("CANCEL"))
    assert caller.hears(481)
    count = len(caller.seen)
    caller.send(request("ACK"))
    assert len(caller.seen) == count
    for text in ("NoOneKnowsThisScheme opaque-data=here", "Basic bGFiOnNlY3JldA==", "Digest"):
        answer = try_with(caller, text)
        assert answer.status == 401
        assert answer["WWW-Authenticate"].startswith("Digest ")
    # What it has proven before: the CANCEL of its own call.
    challenge = try_with(caller)["WWW-Authenticate"]
    caller._unread.clear()
    caller.call_id += "y"
    caller.invite("4000", SDP, ("Authorization", proof(challenge, 1)))
    invite = desk.hears("INVITE")
    desk.reply(invite, 180)
    caller.hears(180)
    caller.cancel()
    assert caller.hears(200).method == "CANCEL"
    caller.ack(caller.hears(487))
    desk.reply(desk.hears("CANCEL"), 200)
    desk.reply(invite, 487)
    table.is_clear()


def outbound() -> tuple[Table, Party, Party]:
    """A table with a gateway that we have a password for."""
    table = Table(OUTBOUND)
    logins = Logins(gateways={"ours": Login(user="us", password="secret", realm="good")})
    table.router.calls.dialplan.access.logins = logins
    return table, table.party(CALLER), table.party(DESK)


def challenge_of(realm: str, nonce: str = "n1", more: str = "") -> dict[str, str]:
    """A 407's row."""
    value = f'Digest realm="{realm}", nonce="{nonce}", qop="auth", algorithm=SHA-256{more}'
    return {"Proxy-Authenticate": value}


def test_row_46_challenge_is_answered_once_by_a_new_request_of_the_same_call() -> None:
    table, caller, desk = outbound()
    caller.invite("4000")
    first = desk.hears("INVITE")
    assert first["Proxy-Authorization"] == ""
    desk.reply(first, 407, **challenge_of("good"))
    desk.hears("ACK")
    second = desk.hears("INVITE")
    said = parameters(second["Proxy-Authorization"])
    assert (said["realm"], said["nonce"], said["nc"]) == ("good", "n1", "00000001")
    assert second.cseq == first.cseq + 1
    assert second.branch != first.branch
    assert second["Call-ID"] == first["Call-ID"]
    assert second["From"] == first["From"]
    assert second.tag("To") == ""
    # Endless challenges are a refusal.
    desk.reply(second, 407, **challenge_of("good", "n2"))
    desk.hears("ACK")
    caller.ack(caller.hears(500))
    assert desk.quiet()
    table.is_clear()


def test_row_46_nonce_that_was_too_old_is_taken_once_more_and_later_requests_are_proven() -> None:
    table, caller, desk = outbound()
    caller.invite("4000")
    desk.reply(desk.hears("INVITE"), 407, **challenge_of("good"))
    desk.hears("ACK")
    desk.reply(desk.hears("INVITE"), 407, **challenge_of("good", "n2", ", stale=true"))
    desk.hears("ACK")
    desk.reply(desk.hears("INVITE"), 200, SDP)
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    caller.request("BYE")
    caller.hears(200)
    bye = desk.hears("BYE")
    said = parameters(bye["Proxy-Authorization"])
    assert (said["nonce"], said["nc"]) == ("n2", "00000002")
    desk.reply(bye, 200)
    table.is_clear()


@pytest.mark.parametrize(("number", "realm"), [("4000", "evil"), ("4001", "good")])
def test_row_46_cve_2021_41158_other_realm_or_other_target_is_told_no_password(
    number: str, realm: str
) -> None:
    table, caller, desk = outbound()
    caller.invite(number)
    desk.reply(desk.hears("INVITE"), 407, **challenge_of(realm))
    desk.hears("ACK")
    caller.ack(caller.hears(500))
    assert all("uthorization" not in one.render().decode() for one in desk.seen)
    # A call that is no affair of the challenge is as good as any.
    caller.call_id += "y"
    caller.invite(number)
    desk.reply(desk.hears("INVITE"), 200, SDP)
    caller.ack(caller.hears(200))
    desk.hears("ACK")
    hang_up(caller, desk)
    table.is_clear()
