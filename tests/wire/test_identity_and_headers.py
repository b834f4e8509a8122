"""Who the caller is said to be, and what of one leg shows on the other (RFC 3323, RFC 3325)."""

import re

import pytest
from mid_dialog import Party, between
from support.wire import ROUTER, left_over

from callrouter.sip.message import Request

PAI = 'P-Asserted-Identity: "Alice" <sip:+8675512345678@10.9.8.7>\r\n'


def told(trunk: str = "", gateway: str = "", rows: str = "") -> Request:
    """The INVITE that the gateway gets."""
    wire, _, _, desk = between(trunk, gateway, rows)
    assert wire.sent
    return desk.invites[0]


def test_identity_of_a_trusted_trunk_goes_to_a_trusted_gateway_at_our_address() -> None:
    invite = told("trusted: true", "trusted: true", f"{PAI}Privacy: id\r\n")
    assert invite.get("p-asserted-identity") == '"Alice" <sip:+8675512345678@192.0.2.2:5060>'
    assert invite.get("privacy") == "id"
    assert "+8613800138000" in invite.get("from")


def test_identity_of_a_trusted_trunk_is_stripped_to_others_and_privacy_honoured() -> None:
    invite = told("trusted: true", "", f"{PAI}Privacy: id\r\n")
    assert "p-asserted-identity" not in invite.headers
    assert "privacy" not in invite.headers
    assert invite.get("from").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')


@pytest.mark.parametrize("name", ["P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"])
def test_identity_of_a_stranger_reaches_nobody(name: str) -> None:
    invite = told("", "trusted: true", f"{name}: <sip:+8675512345678@10.9.8.7>\r\n")
    assert b"75512345678" not in str(invite.headers).encode()


def test_rpid_is_read_and_sent_as_an_asserted_identity_only() -> None:
    rows = "Remote-Party-ID: <sip:+8675512345678@10.9.8.7>;privacy=off\r\n"
    invite = told("trusted: true", "trusted: true", rows)
    assert "remote-party-id" not in invite.headers
    assert invite.get("p-asserted-identity") == "<sip:+8675512345678@192.0.2.2:5060>"


@pytest.mark.parametrize(("key", "caller"), [("pai", "+8675512345678"), ("from", "+8613800138000")])
def test_the_caller_is_who_the_trunk_says(key: str, caller: str) -> None:
    _, router, _, _ = between(f"trusted: true, caller: {key}", "", PAI)
    assert router.noted.started[0].caller == caller


def test_headers_pass_by_the_lists_of_trunk_and_gateway_only() -> None:
    rows = "X-Account: 7\r\nX-Secret: 8\r\nSubject: hi\r\nUser-Agent: phone\r\n"
    gateway = 'headers: {pass: [X-Account], set: {X-Carrier: "abc"}, remove: [Subject]}'
    invite = told("", gateway, rows)
    assert (invite.get("x-account"), invite.get("x-carrier")) == ("7", "abc")
    assert {"x-secret", "subject", "user-agent"}.isdisjoint(invite.headers)
    plain = told("", "", rows)
    assert plain.get("subject") == "hi"
    assert {"x-account", "x-carrier"}.isdisjoint(plain.headers)


def test_every_reason_of_a_bye_crosses() -> None:
    wire, router, caller, desk = between()
    assert caller.leg is not None
    reason = 'SIP;cause=200;text="done", Q.850;cause=31'
    caller.leg.hang_up(reason)
    wire.run()
    (bye,) = [one for one in wire.sent if one.goal[0] == desk.host and one.start.startswith("BYE")]
    assert f"Reason: {reason}".encode() in bye.data
    assert router.noted.ended[0].cause == 31
    assert left_over(router.stack) == {}


def test_nothing_of_one_legs_topology_shows_on_the_other() -> None:
    rows = "User-Agent: caller-phone\r\nServer: x\r\nOrganization: caller-org\r\n"
    wire, _, caller, desk = between("", "", rows, "Server: desk-phone\r\nX-Internal: desk-rack\r\n")
    caller.ask("INFO", "User-Agent: caller-phone\r\nX-Internal: caller-rack\r\n")
    caller.ask("INVITE", "Content-Type: application/sdp\r\n", caller.body + b"a=sendonly\r\n")
    wire.run(2.0)
    desk.ask("MESSAGE", "Content-Type: text/plain\r\nServer: desk-phone\r\n", b"hello")
    wire.run(3.0)
    assert caller.asked == ["MESSAGE"]
    assert desk.leg is not None
    desk.leg.hang_up()
    wire.run()
    for mine, other in ((caller, desk), (desk, caller)):
        heads = b"\n".join(
            one.data.partition(b"\r\n\r\n")[0]
            for one in wire.sent
            if (one.source[0], one.goal[0]) in {(ROUTER[0], mine.host), (mine.host, ROUTER[0])}
        )
        for secret in _secrets(other):
            assert secret not in heads, secret


def _secrets(party: Party) -> list[bytes]:
    """What only the messages of this party's leg may hold."""
    assert party.leg is not None
    dialog = party.leg.dialog
    branches = {
        found
        for one in party.wire.sent
        if party.host in {one.source[0], one.goal[0]}
        for found in re.findall(rb"branch=([^;\r]+)", one.data)
    }
    names = ["caller-phone", "caller-org", "caller-rack"]
    if party.host == "192.0.2.3":
        names = ["desk-phone", "desk-rack"]
    tags = [dialog.call_id, dialog.local_tag, dialog.remote_tag, party.host]
    return [*(text.encode() for text in (*names, *tags)), *branches]
