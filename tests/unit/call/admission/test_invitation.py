"""What an INVITE says before there is a call of it, and why it is refused then."""

from typing import Final

import pytest
from support.requests import invite
from support.wire import SDP

from callrouter.call.admission.invitation import facts_of, invitation_of
from callrouter.errors import SipError
from callrouter.route.rules.number_rules import Trunk
from callrouter.route.rules.peer_profile import TIMED, UNTIMED, USUAL, PeerProfile

CONTACT: Final = "sip:1001@192.0.2.1:5060"
RUBBISH: Final = b"v=0\r\nrubbish\r\n"
UNRELIABLE: Final = PeerProfile(reliable=False, timer=TIMED)


@pytest.mark.parametrize(
    ("rows", "hops"),
    [("", 70), ("Max-Forwards: 1", 1), ("Max-Forwards: 255", 255), ("Max-Forwards: -", 70)],
)
def test_what_it_says_of_its_way(rows: str, hops: int) -> None:
    assert invitation_of(invite(rows), USUAL) == (CONTACT, hops, None, None)


@pytest.mark.parametrize(
    ("rows", "peer", "status"),
    [
        ("Max-Forwards: 0", USUAL, 483),
        ("Max-Forwards: 256", USUAL, 400),
        ("Max-Forwards: x", USUAL, 400),
        ("Contact: -", USUAL, 400),
        ("Session-Expires: 60\nSupported: timer", USUAL, 422),
        ("Require: 100rel", UNRELIABLE, 420),
        ("Require: timer", UNTIMED, 420),
        # What is wrong first is said first.
        ("Max-Forwards: 0\nContact: -\nRequire: 100rel", UNRELIABLE, 483),
        ("Contact: -\nRequire: 100rel", UNRELIABLE, 420),
        ("Contact: -\nReplaces: a\nReplaces: b", USUAL, 400),
        ("Replaces: a\nReplaces: b", USUAL, 400),
    ],
)
def test_refused_without_a_call(rows: str, peer: PeerProfile, status: int) -> None:
    with pytest.raises(SipError) as refusal:
        invitation_of(invite(rows), peer)
    assert refusal.value.status == status


def test_description_that_can_be_an_offer_stays() -> None:
    request = invite(body=SDP)
    assert invitation_of(request, USUAL).unfit is None
    assert request.body == SDP


def test_description_of_no_use_is_taken_out_and_the_call_says_why() -> None:
    request = invite(body=RUBBISH)
    unfit = invitation_of(request, USUAL).unfit
    assert unfit is not None
    assert unfit.row.startswith("Warning: ")
    assert request.body == b""


def test_who_is_to_take_a_place_and_describes_nothing_of_use_is_refused_at_once() -> None:
    value = "x;to-tag=1;from-tag=2"
    assert invitation_of(invite(f"Replaces: {value}", SDP), USUAL).replaces == value
    with pytest.raises(SipError) as refusal:
        invitation_of(invite(f"Replaces: {value}", RUBBISH), USUAL)
    assert refusal.value.status == 488


def trunk(peer: PeerProfile = USUAL) -> Trunk:
    return Trunk(name="lab", country="CN", called_is_to=False, file="plan.yaml", line=1, peer=peer)


TRUSTED: Final = PeerProfile(caller_is_asserted=True)


@pytest.mark.parametrize(
    ("rows", "uri", "peer", "caller", "called", "to_user", "to_ext", "diversions"),
    [
        ("", "sip:4000@192.0.2.2", USUAL, "1001", "4000", "4000", "", 0),
        ("To: <mailto:x@example.net>", "sip:4000@192.0.2.2", USUAL, "1001", "4000", "", "", 0),
        ("To: <sip:4000;ext=12@h>", "sip:1@h", USUAL, "1001", "1", "4000;ext=12", "12", 0),
        ("To: <sip:4000@h;ext=12>", "sip:1@h", USUAL, "1001", "1", "4000", "12", 0),
        ("", "tel:+861380013;cpc=x", USUAL, "1001", "+861380013;cpc=x", "4000", "", 0),
        ("P-Asserted-Identity: <sip:7@h>", "sip:1@h", USUAL, "1001", "1", "4000", "", 0),
        ("P-Asserted-Identity: <sip:7@h>", "sip:1@h", TRUSTED, "7", "1", "4000", "", 0),
        ("Diversion: <sip:5@h>;counter=3", "sip:1@h", USUAL, "1001", "1", "4000", "", 3),
        ("From: <sip:192.0.2.1>;tag=a", "sip:1@h", USUAL, "", "1", "4000", "", 0),
    ],
)
def test_facts_of_its_call(
    rows: str,
    uri: str,
    peer: PeerProfile,
    caller: str,
    called: str,
    to_user: str,
    to_ext: str,
    diversions: int,
) -> None:
    facts = facts_of(trunk(peer), invite(rows, uri=uri), "192.0.2.1", 5.0)
    said = (facts.caller, facts.called, facts.to_user, facts.to_ext, facts.diversions)
    assert said == (caller, called, to_user, to_ext, diversions)
    assert (facts.trunk, facts.source, facts.at) == ("lab", "192.0.2.1", 5.0)
