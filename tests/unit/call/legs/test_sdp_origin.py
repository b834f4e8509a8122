"""Our origin in what we describe to one party: the same for the dialog, its version grows."""

from typing import Final

from support.wire import SDP

from callrouter.call.legs.sdp_origin import Identity

HOST: Final = "192.0.2.2"
TOKEN: Final = "0123456789abcdef"
OTHER: Final = SDP.replace(b"4000", b"4002")


def origin(body: bytes) -> bytes:
    return next(line for line in body.split(b"\r\n") if line.startswith(b"o="))


def test_another_party_is_shown_as_ourselves() -> None:
    identity = Identity(TOKEN, HOST)
    shown = identity.show(SDP)
    number = int("0123456789ab", 16)
    assert origin(shown) == b"o=- %d 1 IN IP4 192.0.2.2" % number
    assert shown.replace(origin(shown), origin(SDP)) == SDP
    assert identity.shown == shown


def test_version_grows_only_when_something_else_has_changed() -> None:
    identity = Identity(TOKEN, HOST)
    first = identity.show(SDP)
    assert identity.show(SDP) == first
    assert b" 2 IN" in origin(identity.show(OTHER))
    assert b" 3 IN" in origin(identity.show(SDP))


def test_who_goes_on_from_what_was_described_keeps_its_origin_and_counts_on() -> None:
    before = SDP.replace(b"o=- 1 1 IN IP4 192.0.2.1", b"o=bob 77 5 IN IP4 192.0.2.7")
    identity = Identity.following(before, TOKEN, HOST)
    assert origin(identity.show(SDP)) == b"o=bob 77 6 IN IP4 192.0.2.7"


def test_who_was_described_nothing_that_can_be_read_begins_anew() -> None:
    for before in (b"", b"rubbish", b"o=- 1 x IN IP4 192.0.2.7\r\n"):
        identity = Identity.following(before, TOKEN, HOST)
        assert b" 1 IN IP4 192.0.2.2" in origin(identity.show(SDP))


def test_description_without_an_origin_goes_as_it_came() -> None:
    identity = Identity(TOKEN, HOST)
    assert identity.show(b"v=0\r\ns=-\r\n") == b"v=0\r\ns=-\r\n"
    assert identity.shown == b""
