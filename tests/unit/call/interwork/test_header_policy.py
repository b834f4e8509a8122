"""Which headers pass between two peers."""

import pytest
from support.requests import invite

from callrouter.call.interwork.header_policy import (
    PASSED,
    max_forwards,
    passed_reason,
    passed_rows,
    passing,
    q850_cause_of,
    relayed_status,
    shown_name,
)
from callrouter.errors import SipError
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.sip.headers import Address

ACCOUNT = ("x-account", "X-Account")
REGION = ("x-region", "X-Region")


def test_between_usual_peers_the_usual_headers_pass() -> None:
    assert passing(USUAL, USUAL) == PASSED
    assert passing(PeerProfile(), USUAL) == PASSED


def test_what_either_peer_names_passes_and_what_either_removes_does_not() -> None:
    one = PeerProfile(passed=(ACCOUNT,), removed=frozenset(("subject",)))
    other = PeerProfile(passed=(ACCOUNT, REGION))
    usual = tuple(name for name in PASSED if name[0] != "subject")
    assert passing(one, other) == (*usual, ACCOUNT, REGION)
    assert passing(one, USUAL) == passing(USUAL, one) == (*usual, ACCOUNT)


@pytest.mark.parametrize(
    ("text", "hops"),
    [("", 70), ("0", 483), ("1", 1), ("70", 70), ("255", 255), ("256", 400), ("-1", 400)],
)
def test_max_forwards(text: str, hops: int) -> None:
    request = invite(f"Max-Forwards: {text or '-'}")
    if hops < 400:
        assert max_forwards(request) == hops
        return
    with pytest.raises(SipError) as refusal:
        max_forwards(request)
    assert refusal.value.status == hops


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (300, 480),
        (302, 480),
        (401, 500),
        (407, 500),
        (422, 500),
        (487, 480),
        (503, 500),
        (404, 404),
        (486, 486),
        (600, 600),
    ],
)
def test_status_that_the_caller_is_told(status: int, told: int) -> None:
    assert relayed_status(status) == told


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("", 0),
        ("Q.850;cause=16", 16),
        ('Q.850 ;text="x";cause=17', 17),
        ("SIP;cause=200, Q.850;cause=31", 31),
        ("q.850; Cause = 18", 18),
        ("SIP;cause=486", 0),
        ("Q.850", 0),
    ],
)
def test_q850_cause(reason: str, cause: int) -> None:
    assert q850_cause_of(reason) == cause


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("", ""),
        ("Reason: Q.850;cause=16", "Q.850;cause=16"),
        ("Reason: SIP;cause=200\nReason: Q.850;cause=16", "SIP;cause=200, Q.850;cause=16"),
    ],
)
def test_reasons_pass_on_one_line(rows: str, reason: str) -> None:
    assert passed_reason(invite(rows)) == reason


@pytest.mark.parametrize(
    ("rows", "private", "sink", "passed"),
    [
        ("Subject: x", False, USUAL, "Subject: x\r\n"),
        ("Subject: x\nPrivacy: user", False, USUAL, ""),
        ("Subject: x\nPrivacy: header", False, USUAL, ""),
        ("Subject: x\nPrivacy: id", False, USUAL, "Subject: x\r\n"),
        ("Subject: x\nPrivacy: user", False, PeerProfile(trusted=True), "Subject: x\r\n"),
        ("Subject: x", True, USUAL, ""),
        ("Priority: urgent", True, USUAL, "Priority: urgent\r\n"),
        ("X-Account: 7", False, USUAL, ""),
        ("X-Account: 7", False, PeerProfile(passed=(ACCOUNT,)), "X-Account: 7\r\n"),
    ],
)
def test_rows_that_pass(rows: str, private: bool, sink: PeerProfile, passed: str) -> None:
    assert passed_rows(invite(rows), USUAL, sink, private=private) == passed


def test_usual_header_that_a_peer_names_as_well_passes_once() -> None:
    named = PeerProfile(passed=(("subject", "SUBJECT"),))
    assert passed_rows(invite("Subject: Lunch\r\n"), named, USUAL).count("Lunch") == 1


def test_at_most_eight_rows_of_a_header_pass() -> None:
    rows = "\n".join(f"Alert-Info: <urn:{number}>" for number in range(12))
    assert passed_rows(invite(rows)).count("Alert-Info") == 8


@pytest.mark.parametrize(
    ("display", "shown"),
    [
        ("", ""),
        ("Bob", "Bob "),
        ("Bob Smith", "Bob Smith "),
        ('"Bob, Jr."', '"Bob, Jr." '),
        ("Bob, Jr.", '"Bob, Jr." '),
        ('"Bob', ""),
        ("x" * 129, ""),
        ("B\udcff", ""),
        ("李", '"李" '),
    ],
)
def test_display_names_that_are_clean(display: str, shown: str) -> None:
    assert shown_name(Address(display, "sip:x@h", "")) == shown
