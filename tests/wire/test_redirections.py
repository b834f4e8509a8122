"""Where a 3xx leads: hosts of the dialplan alone, and names only where DNS says they are."""

from collections.abc import Mapping, Sequence

import pytest

from callrouter.call.redirects import redirected
from callrouter.route.gateways import Place
from callrouter.route.plan import Target
from callrouter.route.snapshot import Snapshot
from callrouter.sip.message import Response

HOSTS = frozenset(("192.0.2.1", "2001:db8::1", "pbx.example.org", "quiet.example.org"))
PLACES: Mapping[str, Sequence[Place]] = {
    "host:pbx.example.org:0:any": (
        Place("tcp", "192.0.2.12", 5080, 2, 1),
        Place("udp", "192.0.2.11", 5070, 1, 1),
        Place("tcp", "192.0.2.13", 5090, 1, 1),
    ),
    "host:pbx.example.org:5060:any": (
        Place("udp", "192.0.2.21", 5060),
        Place("udp", "192.0.2.22", 5060),
    ),
    "host:quiet.example.org:0:any": (),
    "host:quiet.example.org:5060:any": (),
}


def followed(contact: str, places: Mapping[str, Sequence[Place]] | None = PLACES) -> list[Target]:
    """Where a target leads that answers with this Contact."""
    response = Response(302, "", {"contact": contact}, None, b"")
    asked = Target("desk", "sip:d@192.0.2.9", "192.0.2.9", 5060, "udp", 15.0, 5.0)
    return redirected(asked, response, HOSTS, Snapshot(places=places))


def ways(contact: str) -> list[str]:
    """The same as places, each with the ways that are tried when one is not reached."""
    return [way.place for it in followed(contact) for way in (it, *it.others)]


@pytest.mark.parametrize(
    ("contact", "places"),
    [
        (
            "<sip:x@pbx.example.org>",
            ["tcp:192.0.2.13:5090", "udp:192.0.2.11:5070", "tcp:192.0.2.12:5080"],
        ),
        ("<sip:x@PBX.Example.org;transport=tcp>", ["tcp:192.0.2.13:5090", "tcp:192.0.2.12:5080"]),
        ("<sip:x@pbx.example.org:5099>", ["udp:192.0.2.21:5099", "udp:192.0.2.22:5099"]),
        (
            "<sip:x@pbx.example.org:5099;transport=tcp>",
            ["tcp:192.0.2.21:5099", "tcp:192.0.2.22:5099"],
        ),
        # No service by TLS is known, so its usual port is tried at the name's own addresses.
        ("<sips:x@pbx.example.org>", ["tls:192.0.2.21:5061", "tls:192.0.2.22:5061"]),
        ("<sip:x@192.0.2.1>", ["udp:192.0.2.1:5060"]),
        ("<sip:x@[2001:db8:0::1]:5070;transport=TLS>", ["tls:[2001:db8:0::1]:5070"]),
        ("<sip:x@evil.example>, <sip:x@192.0.2.66>, <sip:x@sub.pbx.example.org>", []),
        ("<sip:x@192.0.2.1;transport=sctp>, <tel:+123>, <http://pbx.example.org>", []),
        (
            "<sip:a@192.0.2.1>, <sip:b@evil.example>, <sip:c@pbx.example.org:1;transport=udp>",
            ["udp:192.0.2.1:5060", "udp:192.0.2.21:1", "udp:192.0.2.22:1"],
        ),
    ],
)
def test_redirection_leads_to_places_of_the_dialplans_hosts(
    contact: str, places: list[str]
) -> None:
    assert sorted(ways(contact)) == sorted(places)  # of equal priority, chance has the order


def test_places_of_a_name_are_tried_in_the_order_of_dns() -> None:
    assert ways("<sip:x@pbx.example.org>")[2] == "tcp:192.0.2.12:5080"
    assert ways("<sip:x@pbx.example.org;transport=tcp>")[1] == "tcp:192.0.2.12:5080"


def test_request_names_whom_the_redirection_named_and_tls_verifies_it() -> None:
    (named,) = followed("<sip:x@pbx.example.org>")
    assert named.uri == "sip:x@pbx.example.org"
    assert named.name == "desk -> pbx.example.org"
    assert (named.ring_seconds, named.progress_seconds) == (15.0, 5.0)
    assert {way.tls_name for way in (named, *named.others)} == {"pbx.example.org"}
    (ported,) = followed("<sip:pbx.example.org:5099;transport=tcp>")
    assert ported.uri == "sip:pbx.example.org:5099;transport=tcp"
    (secure,) = followed("<sips:x@pbx.example.org:5061>")
    assert secure.uri == "sips:x@pbx.example.org:5061"


@pytest.mark.parametrize("places", [PLACES, {}])
def test_name_that_dns_has_not_told_of_stays_a_name(places: Mapping[str, Sequence[Place]]) -> None:
    (target,) = followed("<sip:x@quiet.example.org>", places)
    assert (target.host, target.others) == ("quiet.example.org", ())


def test_where_names_are_not_looked_up_each_is_taken_for_a_place() -> None:
    (target,) = followed("<sip:x@pbx.example.org>", None)
    assert target.place == "udp:pbx.example.org:5060"
