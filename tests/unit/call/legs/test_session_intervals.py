"""Session timers: what is asked for, answered and agreed, and who refreshes (RFC 4028)."""

from typing import Final

import pytest
from support.one_leg import TargetLeg
from support.requests import invite, response
from support.wire import SDP

from callrouter.call.legs.session_timer import SessionTimer, interval_of, least_row, too_short
from callrouter.route.rules.peer_profile import TIMED, SessionRule

TOLERANT: Final = SessionRule(1800, 90, 300)
STRICT: Final = SessionRule(600, 120, 0)
"""One whose peer is taken to know timers, whatever it says."""


def timer(rule: SessionRule) -> SessionTimer:
    return SessionTimer(TargetLeg(SDP).leg, rule)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1800", 1800),
        (" 90 ;refresher=uac", 90),
        ("0", 0),
        ("", 0),
        ("never", 0),
        ("-1", 0),
        ("1234567890", 0),
        ("90 seconds", 0),
    ],
)
def test_interval(text: str, seconds: int) -> None:
    assert interval_of(text) == seconds


@pytest.mark.parametrize(
    ("rows", "rule", "short"),
    [
        ("Session-Expires: 89\nSupported: timer", TOLERANT, True),
        ("Session-Expires: 90\nSupported: timer", TOLERANT, False),
        ("Session-Expires: 90\nSupported: timer", STRICT, True),
        ("Session-Expires: 89", TOLERANT, False),
        ("Session-Expires: never\nSupported: timer", TOLERANT, False),
        ("Supported: timer", TOLERANT, False),
        ("Session-Expires: 89\nSupported: timer", None, False),
    ],
)
def test_interval_that_is_too_short(rows: str, rule: SessionRule | None, short: bool) -> None:
    assert too_short(invite(rows), rule) == short


def test_least_interval_is_said() -> None:
    assert least_row(STRICT) == "Min-SE: 120\r\n"


@pytest.mark.parametrize(
    ("rule", "initial", "rows"),
    [
        (TOLERANT, True, "Session-Expires: 1800\r\nMin-SE: 90\r\n"),
        (TOLERANT, False, ""),
        (STRICT, True, "Session-Expires: 600\r\nMin-SE: 120\r\n"),
        (
            STRICT,
            False,
            "Session-Expires: 600;refresher=uac\r\nSupported: timer\r\nMin-SE: 120\r\n",
        ),
    ],
)
def test_what_a_request_of_ours_asks_for(rule: SessionRule, initial: bool, rows: str) -> None:
    assert timer(rule).request_rows(initial=initial) == rows


@pytest.mark.parametrize(
    ("rule", "rows", "wanted"),
    [
        # A peer that knows no timers agrees on nothing, unless we want them all the same.
        (TOLERANT, "", ""),
        (STRICT, "", "Session-Expires: 600;refresher=uas\r\n"),
        (
            TOLERANT,
            "Supported: timer\nSession-Expires: 600",
            "Require: timer\r\nSession-Expires: 600;refresher=uac\r\n",
        ),
        (
            TOLERANT,
            "Supported: timer\nSession-Expires: 600;refresher=uas",
            "Session-Expires: 600;refresher=uas\r\n",
        ),
        (
            TOLERANT,
            "Supported: timer\nSession-Expires: 600;refresher=uac",
            "Require: timer\r\nSession-Expires: 600;refresher=uac\r\n",
        ),
        # A proxy asked for it on behalf of who knows none: we refresh.
        (TOLERANT, "Session-Expires: 600", "Session-Expires: 600;refresher=uas\r\n"),
        (
            TOLERANT,
            "Supported: timer",
            "Session-Expires: 1800;refresher=uas\r\n",
        ),
        # Never below the Min-SE of the request.
        (
            TOLERANT,
            "Supported: timer\nSession-Expires: 100\nMin-SE: 200",
            "Require: timer\r\nSession-Expires: 200;refresher=uac\r\n",
        ),
    ],
)
def test_what_our_2xx_answers(rule: SessionRule, rows: str, wanted: str) -> None:
    assert timer(rule).answer_rows(invite(rows)) == wanted


@pytest.mark.parametrize(
    ("rows", "expires", "next_rows"),
    [
        ("Session-Expires: 600;refresher=uac", 600, "600;refresher=uac"),
        ("Session-Expires: 600;refresher=uas", 600, "600;refresher=uas"),
        ("Session-Expires: 600", 600, "600;refresher=uac"),
        ("Session-Expires: 30;refresher=uac", 90, "90;refresher=uac"),
        ("", 1800, ""),
    ],
)
def test_what_a_2xx_has_agreed(rows: str, expires: int, next_rows: str) -> None:
    session = timer(TOLERANT)
    session.agreed(response(200, rows))
    assert session.expires == expires
    said = session.request_rows()
    assert said.startswith(f"Session-Expires: {next_rows}\r\n" if next_rows else "")
    assert bool(said) == bool(next_rows)


@pytest.mark.parametrize(
    ("rows", "again"),
    [("Min-SE: 3600", True), ("Min-SE: 90", False), ("", False), ("Min-SE: soon", False)],
)
def test_422_is_met_once_it_asks_for_more(rows: str, again: bool) -> None:
    session = timer(TIMED)
    assert session.raised(response(422, rows)) == again
    assert session.expires == (3600 if again else 1800)


def test_422_is_met_three_times_at_most() -> None:
    session = timer(TIMED)
    answers = [
        session.raised(response(422, f"Min-SE: {seconds}")) for seconds in (200, 300, 400, 500)
    ]
    assert answers == [True, True, True, False]
