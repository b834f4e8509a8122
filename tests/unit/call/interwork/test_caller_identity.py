"""Who the caller is said to be, to whom, and who the dialplan takes it for."""

from typing import Final

import pytest
from support.requests import invite, response
from support.tables import each

from callrouter.call.interwork.caller_identity import (
    CALLED,
    CALLING,
    hidden_by,
    identity_rows,
    routing_caller,
    shown_caller,
)
from callrouter.route.rules.peer_profile import USUAL, PeerProfile

ASSERTED: Final = PeerProfile(trusted=True, caller_is_asserted=True)
TRUSTED: Final = PeerProfile(trusted=True)
US: Final = "192.0.2.2"
NOBODY: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'
PAI: Final = "P-Asserted-Identity: "
RPID: Final = "Remote-Party-ID: "


@each(
    ("rows", "peer", "caller"),
    [
        ("", USUAL, "1001"),
        (f"{PAI}<sip:7@h>", USUAL, "1001"),  # who is not trusted may say anything
        (f"{PAI}<sip:7@h>", ASSERTED, "7"),
        (f"{PAI}<tel:+8613800138000>", ASSERTED, "+8613800138000"),
        # Of several the one that is a number, wherever it stands.
        (f"{PAI}<sip:bob@h>, <tel:+8613800138000>", ASSERTED, "+8613800138000"),
        (f"{PAI}<tel:+8613800138000>\n{PAI}<sip:bob@h>", ASSERTED, "+8613800138000"),
        (f"{PAI}<sip:bob@h>, <sip:4001@h>", ASSERTED, "4001"),
        (f"{PAI}<sip:bob@h>, <sip:eve@h>", ASSERTED, "bob"),
        # Remote-Party-ID is read where that would be, of the caller alone.
        (f"{RPID}<sip:8@h>", ASSERTED, "8"),
        (f"{RPID}<sip:8@h>;party=called", ASSERTED, "1001"),
        (f"{RPID}<sip:8@h>;party=called, <sip:9@h>;party=calling", ASSERTED, "9"),
        (f"{RPID}<sip:8@h>\n{PAI}<sip:7@h>", ASSERTED, "7"),
        (f"{PAI}<sip:h>\n{RPID}<sip:8@h>", ASSERTED, "8"),
        (f"{PAI}rubbish", ASSERTED, "1001"),
        (f"{PAI}<mailto:x@h>", ASSERTED, "1001"),
        # A URI that is broken is not nothing.
        (f"{PAI}<sip:77@h:99999999>", ASSERTED, "77"),
        (f"{PAI}<sip:13800138000>", ASSERTED, "13800138000"),
        ("From: <sip:anonymous@anonymous.invalid>;tag=a", USUAL, "anonymous"),
        ("From: <tel:+8613800138000;cpc=x>;tag=a", USUAL, "+8613800138000;cpc=x"),
    ],
)
def test_caller_as_the_dialplan_knows_it(rows: str, peer: PeerProfile, caller: str) -> None:
    assert routing_caller(invite(rows), peer, "CN") == caller


@each(
    ("rows", "sink", "value"),
    [
        ("", USUAL, f"<sip:1001@{US}>"),
        ('From: "Bob" <sip:1001@h>;tag=a', USUAL, f'"Bob" <sip:1001@{US}>'),
        ("From: Bob Smith <sip:1001@h>;tag=a", USUAL, f"Bob Smith <sip:1001@{US}>"),
        ("Privacy: id", USUAL, NOBODY),
        ("Privacy: user", USUAL, NOBODY),
        ("Privacy: header;critical", USUAL, NOBODY),
        ("Privacy: none", USUAL, f"<sip:1001@{US}>"),
        ("Privacy: session", USUAL, f"<sip:1001@{US}>"),
        ("Privacy: id", TRUSTED, f"<sip:1001@{US}>"),
        (f"{RPID}<sip:8@h>;privacy=full", USUAL, NOBODY),
        (f"{RPID}<sip:8@h>;privacy=full", TRUSTED, f"<sip:1001@{US}>"),
        (f"{RPID}<sip:8@h>;privacy=off", USUAL, f"<sip:1001@{US}>"),
        (f"{RPID}<sip:8@h>;privacy=full;party=called", USUAL, f"<sip:1001@{US}>"),
        # The number, and the name only where it is no number too.
        (
            f'From: "Bob" <sip:1001@h>;tag=a\n{RPID}<sip:8@h>;privacy=uri',
            USUAL,
            '"Bob" <sip:anonymous@anonymous.invalid>',
        ),
        (f'From: "B 7" <sip:1001@h>;tag=a\n{RPID}<sip:8@h>;privacy=uri', USUAL, NOBODY),
        (
            f'From: "Bob" <sip:1001@h>;tag=a\n{RPID}<sip:8@h>;privacy=name',
            USUAL,
            f"<sip:1001@{US}>",
        ),
        ("From: <sip:h>;tag=a", USUAL, "<sip:anonymous@anonymous.invalid>"),
        ("From: <tel:+861;cpc=x>;tag=a", USUAL, f"<sip:+861;cpc=x@{US};user=phone>"),
    ],
)
def test_from_of_a_target(rows: str, sink: PeerProfile, value: str) -> None:
    assert shown_caller(invite(rows), sink, US) == value


@pytest.mark.parametrize(
    ("rows", "source", "sink", "wanted"),
    [
        (f"{PAI}<sip:7@h>", USUAL, TRUSTED, ""),
        (f"{PAI}<sip:7@h>", TRUSTED, USUAL, ""),
        ("", TRUSTED, TRUSTED, ""),
        (f"{PAI}<sip:7@h>", TRUSTED, TRUSTED, f"{PAI}<sip:7@{US}>\r\n"),
        (f"{PAI}<sip:bob@h>", TRUSTED, TRUSTED, f"{PAI}<sip:bob@h>\r\n"),
        (f"{PAI}<sip:bob@192.0.2.1:5070>", TRUSTED, TRUSTED, f"{PAI}<sip:bob@{US}>\r\n"),
        (f"{PAI}<tel:+861;cpc=x>", TRUSTED, TRUSTED, f"{PAI}<tel:+861;cpc=x>\r\n"),
        ("Privacy: id", TRUSTED, TRUSTED, "Privacy: id\r\n"),
        (
            f"{RPID}<sip:7@h>;privacy=full",
            TRUSTED,
            TRUSTED,
            f"{PAI}<sip:7@{US}>\r\nPrivacy: id\r\n",
        ),
    ],
)
def test_rows_that_one_trusted_peer_says_of_the_caller_to_another(
    rows: str, source: PeerProfile, sink: PeerProfile, wanted: str
) -> None:
    assert identity_rows(invite(rows), source, sink, US, CALLING) == wanted


def test_who_answers_is_told_of_by_what_is_about_the_called() -> None:
    said = response(200, f"{RPID}<sip:8@h>;party=calling, <sip:9@h>;party=called")
    assert identity_rows(said, TRUSTED, TRUSTED, US, CALLED) == f"{PAI}<sip:9@{US}>\r\n"
    assert identity_rows(said, TRUSTED, TRUSTED, US, CALLING) == f"{PAI}<sip:8@{US}>\r\n"


ALL: Final = {"uri", "name"}


@pytest.mark.parametrize(
    ("params", "hidden"),
    [
        ("", set()),
        (";privacy=off", set()),
        (";privacy=full", ALL),
        (";privacy=uri", {"uri"}),
        (";privacy=name", {"name"}),
        (";privacy=uri-network", {"uri"}),
        (";privacy=full-network", ALL),
        (';privacy="uri, name"', ALL),
        (";privacy=off;privacy=name", {"name"}),
        (";party=calling; Privacy = URI ;screen=yes", {"uri"}),
        (";privacy", ALL),
        (";privacy=whatever", ALL),
        (";screen=yes", set()),
    ],
)
def test_what_the_privacy_of_a_header_hides(params: str, hidden: set[str]) -> None:
    assert hidden_by(params) == hidden
