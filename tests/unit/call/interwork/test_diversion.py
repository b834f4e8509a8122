"""How often a call was forwarded, why it goes on, and what the next network is told of that.

What the whole program writes into both headers is in tests/wire/test_forwarded_calls.py.
"""

from typing import Final

import pytest
from support.by_hand import target
from support.requests import invite, response

from callrouter.call.interwork.diversion import (
    DiversionTarget,
    diversions,
    forwarded_rows,
    reason_of,
    redirection_of,
)
from callrouter.route.values.plan import Redirection

US: Final = "192.0.2.2"
GOAL: Final = "sip:d@192.0.2.9"


@pytest.mark.parametrize(
    ("rows", "times"),
    [
        ("", 0),
        ("Diversion: <sip:5@h>", 1),
        ("Diversion: <sip:5@h>, <sip:6@h>", 2),
        ("Diversion: <sip:5@h>\nDiversion: <sip:6@h>;counter=3", 4),
        ("Diversion: <sip:5@h>;counter=0", 1),
        ("Diversion: <sip:5@h>;counter=1000", 1),
        ("Diversion: <sip:5@h>;counter=999", 99),
        ("Diversion: rubbish", 1),
        ("History-Info: <sip:5@h>;index=1", 0),
        ("History-Info: <sip:5@h>;index=1, <sip:6@h;cause=302>;index=1.1", 1),
        ("History-Info: <sip:5@h;cause=302>;index=1\nDiversion: <sip:5@h>;counter=2", 2),
        ("History-Info: <sip:5@h;cause=200>;index=1", 0),
    ],
)
def test_how_often_a_call_was_forwarded(rows: str, times: int) -> None:
    assert diversions(invite(rows)) == times


@pytest.mark.parametrize(
    ("last", "timed", "reason"),
    [
        ("", False, "unconditional"),
        ("", True, "time-of-day"),
        ("busy", True, "user-busy"),
        ("no_answer", False, "no-answer"),
        ("unreachable", False, "unavailable"),
        ("rejected", False, "unknown"),
    ],
)
def test_why_a_call_goes_on(last: str, timed: bool, reason: str) -> None:
    assert reason_of(last, timed=timed) == reason


@pytest.mark.parametrize(
    ("status", "rows", "reason"),
    [
        (302, "", "unconditional"),
        (301, "", "unconditional"),
        (300, "", "unknown"),
        (305, "", "unknown"),
        (302, "Diversion: <sip:5@h>;reason=user-busy", "user-busy"),
        (302, 'Diversion: <sip:5@h>;reason="no-answer"', "no-answer"),
        (302, "Diversion: <sip:5@h>;reason=whatever", "unconditional"),
        (302, "Reason: SIP;cause=486", "user-busy"),
        (302, "Reason: Q.850;cause=19", "no-answer"),
        (302, "Reason: Q.850;cause=16", "unconditional"),
        (302, "Reason: Q.850;cause=16, SIP;cause=503", "unavailable"),
        (300, "Contact: <sip:x@h;cause=480>", "deflection"),
        (300, "Contact: <sip:x@h;cause=999>", "unknown"),
        # Diversion says it before Reason, and Reason before Contact.
        (302, "Diversion: <sip:5@h>;reason=away\nReason: SIP;cause=486", "away"),
        (302, "Reason: SIP;cause=486\nContact: <sip:x@h;cause=408>", "user-busy"),
    ],
)
def test_why_a_target_sent_a_call_on(status: int, rows: str, reason: str) -> None:
    to = target(uri="sip:d@h")
    found = redirection_of(to, 2, response(status, rows), "busy")
    assert found == Redirection(
        uri="sip:d@h", extension="", number=2, reason=reason, status=status, after="busy"
    )


def test_telephone_that_sent_a_call_on_is_known_by_its_extension() -> None:
    found = redirection_of(target(extension="101"), 1, response(302), "")
    assert (found.uri, found.extension) == ("", "101")


def goal(
    *, diversion: bool = False, history: bool = False, trusted: bool = False
) -> DiversionTarget:
    return DiversionTarget(GOAL, 2, "user-busy", diversion, history, (), trusted)


@pytest.mark.parametrize(
    ("rows", "trusted", "wanted"),
    [
        ("", False, [f"<sip:4000@{US}>;reason=user-busy;counter=1"]),
        (
            "Diversion: <sip:5@h>;reason=no-answer",
            False,
            [f"<sip:4000@{US}>;reason=user-busy;counter=1", "<sip:5@h>;reason=no-answer;counter=1"],
        ),
        (
            "Diversion: <sip:5@h>;privacy=full",
            False,
            [
                f"<sip:4000@{US}>;reason=user-busy;counter=1",
                "<sip:anonymous@anonymous.invalid>;reason=unknown;counter=1;privacy=full",
            ],
        ),
        (
            "Diversion: <sip:5@h>;privacy=full",
            True,
            [
                f"<sip:4000@{US}>;reason=user-busy;counter=1",
                "<sip:5@h>;reason=unknown;counter=1;privacy=full",
            ],
        ),
        ("Diversion: rubbish", False, [f"<sip:4000@{US}>;reason=user-busy;counter=1"]),
    ],
)
def test_diversion_rows(rows: str, trusted: bool, wanted: list[str]) -> None:
    said = forwarded_rows(invite(rows), "4000", goal(diversion=True, trusted=trusted), US)
    assert said == "".join(f"Diversion: {value}\r\n" for value in wanted)


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ("", f"<sip:4000@{US}>;index=1, <{GOAL};cause=486>;index=1.2;mp=1"),
        (
            "History-Info: <sip:4000@h>;index=1",
            f"<sip:4000@h>;index=1, <{GOAL};cause=486>;index=1.2;mp=1",
        ),
        (
            "History-Info: <sip:9@h>;index=1",
            f"<sip:9@h>;index=1, <sip:4000@{US}>;index=1.0, <{GOAL};cause=486>;index=1.0.2;mp=1.0",
        ),
        (
            "History-Info: rubbish",
            f"<sip:4000@{US}>;index=1, <{GOAL};cause=486>;index=1.2;mp=1",
        ),
    ],
)
def test_history_rows(rows: str, wanted: str) -> None:
    said = forwarded_rows(invite(rows), "4000", goal(history=True), US)
    assert said == f"History-Info: {wanted}\r\n"


def test_who_is_not_told_gets_no_row() -> None:
    assert forwarded_rows(invite("Diversion: <sip:5@h>"), "4000", goal(), US) == ""
