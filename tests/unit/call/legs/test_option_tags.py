"""The extensions that an INVITE may ask for, and those that we name."""

from typing import Final

import pytest
from support.requests import invite

from callrouter.call.legs.option_tags import check_extensions, supported
from callrouter.call.legs.provisional import named_in, wanted_by
from callrouter.route.rules.peer_profile import TIMED, UNTIMED, USUAL, PeerProfile
from callrouter.sip.uas import RefusedError

SHORT: Final = "Supported: timer\nSession-Expires: 89"
UNRELIABLE: Final = PeerProfile(reliable=False, timer=TIMED)


@pytest.mark.parametrize(
    ("reliable", "replaces", "timer", "wanted"),
    [
        (False, False, False, ""),
        (True, False, False, "Supported: 100rel\r\n"),
        (False, True, True, "Supported: replaces, timer\r\n"),
        (True, True, True, "Supported: 100rel, replaces, timer\r\n"),
    ],
)
def test_what_we_support(reliable: bool, replaces: bool, timer: bool, wanted: str) -> None:
    assert supported(reliable=reliable, replaces=replaces, timer=timer) == wanted


@pytest.mark.parametrize(
    ("rows", "peer", "status", "extra"),
    [
        ("Require: 100rel", UNRELIABLE, 420, "Unsupported: 100rel\r\n"),
        ("Require: timer, 100rel", UNRELIABLE, 420, "Unsupported: 100rel\r\n"),
        ("Require: 100REL", UNRELIABLE, 420, "Unsupported: 100rel\r\n"),
        ("Require: timer", UNTIMED, 420, "Unsupported: timer\r\n"),
        ("Require: Timer", UNTIMED, 420, "Unsupported: timer\r\n"),
        (SHORT, USUAL, 422, "Min-SE: 90\r\n"),
        (SHORT.upper(), USUAL, 422, "Min-SE: 90\r\n"),
        # The interval is looked at first.
        (
            "Supported: timer\nSession-Expires: 89\nRequire: 100rel",
            UNRELIABLE,
            422,
            "Min-SE: 90\r\n",
        ),
    ],
)
def test_terms_that_are_refused(rows: str, peer: PeerProfile, status: int, extra: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        check_extensions(invite(rows), peer)
    assert (refusal.value.status, refusal.value.extra) == (status, extra)


@pytest.mark.parametrize(
    ("rows", "peer"),
    [
        ("", USUAL),
        ("Supported: 100rel, timer", UNRELIABLE),
        ("Require: 100rel, timer", USUAL),
        ("Supported: timer\nSession-Expires: 90", USUAL),
        # A proxy has asked for it, and the peer knows no timers (RFC 4028 section 9).
        ("Session-Expires: 30", USUAL),
        ("Supported: timer\nSession-Expires: 30", UNTIMED),
        ("Supported: timer\nSession-Expires: never", USUAL),
    ],
)
def test_terms_that_are_taken(rows: str, peer: PeerProfile) -> None:
    check_extensions(invite(rows), peer)


@pytest.mark.parametrize(
    ("rows", "peer", "wanted"),
    [
        ("", USUAL, (False, False)),
        ("Supported: 100rel", USUAL, (True, False)),
        ("Require: 100rel", USUAL, (True, True)),
        ("Supported: 100REL", USUAL, (True, False)),
        ("Require: timer, 100Rel", USUAL, (True, True)),
        ("Supported: 100rel\nRequire: 100rel", USUAL, (True, True)),
        ("Supported: 100relax", USUAL, (False, False)),
        ("Supported: 100rel", UNRELIABLE, (False, False)),
        ("Require: 100rel", UNRELIABLE, (False, True)),
    ],
)
def test_reliable_responses_that_a_caller_takes(
    rows: str, peer: PeerProfile, wanted: tuple[bool, bool]
) -> None:
    assert wanted_by(invite(rows), peer) == wanted


def test_extension_is_named_in_any_of_the_rows() -> None:
    request = invite("Supported: timer\nSupported: replaces , 100rel")
    assert named_in(request, "supported")
    assert named_in(request, "supported", "replaces")
    assert not named_in(request, "require")
