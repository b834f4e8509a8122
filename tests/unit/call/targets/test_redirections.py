"""Where a 3xx leads: hosts of the dialplan alone, and names only where DNS says they are."""

from collections.abc import Mapping, Sequence

import pytest
from support.by_hand import dialplan, hunt, target

from callrouter.call.targets.redirects import Redirections
from callrouter.route.rules.compiled_dialplan import Dialplan
from callrouter.route.values.gateway_candidates import Gateway, GatewayAddress, TransportAddress
from callrouter.route.values.plan import Target
from callrouter.route.values.snapshot import Snapshot
from callrouter.sip.message import Response

HOSTS = frozenset(("192.0.2.1", "2001:db8::1", "pbx.example.org", "quiet.example.org"))
HUNT = hunt(redirects=50, redirect_hosts=HOSTS)
PLAN = dialplan()
PLACES: Mapping[str, Sequence[TransportAddress]] = {
    "host:pbx.example.org:0:any": (
        TransportAddress("tcp", "192.0.2.12", 5080, 2, 1),
        TransportAddress("udp", "192.0.2.11", 5070, 1, 1),
        TransportAddress("tcp", "192.0.2.13", 5090, 1, 1),
    ),
    "host:pbx.example.org:5060:any": (
        TransportAddress("udp", "192.0.2.21", 5060),
        TransportAddress("udp", "192.0.2.22", 5060),
    ),
    "host:quiet.example.org:0:any": (),
    "host:quiet.example.org:5060:any": (),
}


def followed(
    contact: str, places: Mapping[str, Sequence[TransportAddress]] | None = PLACES
) -> list[Target]:
    """Where a target leads that answers with this Contact."""
    asked = target()
    return sent_on(Redirections(HUNT), asked, contact, Snapshot(places=places))


def sent_on(
    those: Redirections,
    asked: Target,
    contact: str,
    state: Snapshot,
    *more: str,
    plan: Dialplan = PLAN,
    diversions: int = 0,
) -> list[Target]:
    """The same in a hunt that goes on. more: further Contact rows."""
    headers = {"contact": contact}
    response = Response(302, "", headers, {"contact": list(more)} if more else None, b"")
    return those.follow(asked, 1, response, plan, state, diversions, "", 0.0)


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
def test_name_that_dns_has_not_told_of_stays_a_name(
    places: Mapping[str, Sequence[TransportAddress]],
) -> None:
    (target,) = followed("<sip:x@quiet.example.org>", places)
    assert (target.host, target.others) == ("quiet.example.org", ())


def test_where_names_are_not_looked_up_each_is_taken_for_a_place() -> None:
    (target,) = followed("<sip:x@pbx.example.org>", None)
    assert target.place == "udp:pbx.example.org:5060"


@pytest.mark.parametrize(
    ("contacts", "order"),
    [
        (("<sip:a@192.0.2.1>;q=0.1, <sip:b@192.0.2.1>;q=0.9, <sip:c@192.0.2.1>;q=0.5",), "bca"),
        # Without brackets what follows the semicolon is the header's (section 20.10).
        (("<sip:a@192.0.2.1>;q=0.99, <sip:b@192.0.2.1>;q=1.00, sip:c@192.0.2.1;q=0.98",), "bac"),
        (("sip:a@192.0.2.1;q=0.2", '"q=1, b" <sip:b@192.0.2.1>;q=0.3', "<sip:c@192.0.2.1>"), "cba"),
        (("<sip:a@192.0.2.1>;q=0.5, <sip:b@192.0.2.1>;q=0.500, <sip:c@192.0.2.1>;Q=.5",), "abc"),
        # None at all is most; what is no q is least.
        (("<sip:a@192.0.2.1>;q=0.7, <sip:b@192.0.2.1>, <sip:c@192.0.2.1>;expires=5",), "bca"),
        (("<sip:a@192.0.2.1>;q=much, <sip:b@192.0.2.1>;q=0.001, <sip:c@192.0.2.1>;q",), "bac"),
        (("<sip:a@192.0.2.1>;q=7, <sip:b@192.0.2.1>;q=-1, <sip:c@192.0.2.1>;q=0.01",), "cab"),
        (("<sip:a@192.0.2.1>;;, <sip:b@192.0.2.1>;q=nan, <sip:c@192.0.2.1>;q=0.1",), "cb"),
        (("*, <tel:+123>;q=1.0", "<sip:a@192.0.2.1>;q=0.4", "<sip:b@192.0.2.1>;q=0.5"), "ba"),
    ],
)
def test_whom_a_redirection_wants_most_is_rung_first(contacts: tuple[str, ...], order: str) -> None:
    asked = target()
    first, *more = contacts
    found = sent_on(Redirections(HUNT), asked, first, Snapshot(), *more)
    assert "".join(target.uri[4] for target in found) == order


@pytest.mark.parametrize(
    ("contact", "count"),
    [
        ("<sip:a@192.0.2.1>, <sip:a@192.0.2.1>", 1),
        ("<sip:a@192.0.2.1>, <sip:a@192.0.2.1:5060>, <sip:a@192.0.2.1;transport=udp>", 1),
        ("<sip:a@PBX.example.org>, <sip:%61@pbx.Example.ORG>;q=0.1, <SIP:a@pbx.example.org>", 1),
        ("<sip:a@192.0.2.1;x=1;y=2>, <sip:a@192.0.2.1;Y=2;x=1>, <sip:a@192.0.2.1;z=1>", 1),
        ("<sip:a@[2001:db8::1]:5070>, <sip:a@[2001:DB8:0::1]:5070>", 1),
        ("<sip:d@192.0.2.9:5060>", 0),
        ("<sip:a@192.0.2.1>, <sip:A@192.0.2.1>, <sips:a@192.0.2.1>, <sip:192.0.2.1>", 4),
        ("<sip:a@192.0.2.1>, <sip:a@192.0.2.1:5061>, <sip:a@192.0.2.1;transport=tcp>", 3),
        ("<sip:a@192.0.2.1;x=1>, <sip:a@192.0.2.1;x=2>, <sip:a@192.0.2.1;user=phone>", 3),
    ],
)
def test_nobody_is_rung_twice_because_a_redirection_names_him_twice(
    contact: str, count: int
) -> None:
    asked = target()
    hosts = HUNT.redirect_hosts | {"192.0.2.9"}
    those = Redirections(hunt(redirects=50, redirect_hosts=hosts))
    assert len(sent_on(those, asked, contact, Snapshot())) == count


def test_two_that_point_at_each_other_are_rung_once_each_and_five_are_followed_at_most() -> None:
    those = Redirections(hunt(redirects=5, redirect_hosts=HOSTS))
    asked = target("a", "sip:a@192.0.2.1:5060", host="192.0.2.1")
    (other,) = sent_on(those, asked, "<sip:b@192.0.2.1>", Snapshot())
    assert sent_on(those, other, "<sip:a@192.0.2.1>, <sip:b@192.0.2.1>", Snapshot()) == []
    many = ", ".join(f"<sip:m{index}@192.0.2.1>;q=0.{index}" for index in range(9))
    found = sent_on(those, other, many, Snapshot())
    assert [target.uri[4:6] for target in found] == ["m8", "m7", "m6", "m5"]
    assert sent_on(those, found[0], "<sip:c@192.0.2.1>", Snapshot()) == []


def test_parameters_of_the_contact_are_asked_for_but_those_that_say_where_it_goes() -> None:
    (made,) = followed("<sip:x@192.0.2.1;line=7;maddr=192.0.2.66;ttl=1;method=BYE;lr;user=phone>")
    assert made.uri == "sip:x@192.0.2.1:5060;line=7;user=phone"
    assert (made.host, made.port) == ("192.0.2.1", 5060)


def test_call_that_was_forwarded_ten_times_is_not_sent_on_any_more() -> None:
    asked = target()
    for before in (0, 7, 8, 9):
        those = Redirections(HUNT)
        found = sent_on(those, asked, "<sip:a@192.0.2.1>", Snapshot(), diversions=before)
        assert len(found) == (before < 9)
        if found:
            more = sent_on(those, found[0], "<sip:b@192.0.2.1>", Snapshot(), diversions=before)
            assert len(more) == (before < 8)


def test_redirection_to_a_gateway_is_dealt_with_as_its_and_to_another_place_as_the_senders() -> (
    None
):
    gateways = {
        "far": Gateway(
            "far", GatewayAddress("192.0.2.1", 5070, "udp"), False, diversion=True, login="far"
        ),
        "drained": Gateway("drained", GatewayAddress("192.0.2.1", 5080, "udp"), False),
    }
    plan = dialplan(gateways=gateways)
    asked = target(history_info=True)
    state = Snapshot(down=frozenset({"drained"}))
    contact = "<sip:a@192.0.2.1:5070>, <sip:a@192.0.2.1:5080>, <sip:a@192.0.2.1:5090>"
    far, other = sent_on(Redirections(HUNT), asked, contact, state, plan=plan)
    assert (far.gateway, far.login, far.diversion, far.history_info) == ("far", "far", True, False)
    assert (other.gateway, other.diversion, other.history_info) == ("", False, True)


@pytest.mark.parametrize(
    ("dialled", "by", "follows"),
    [
        ("0084901234567", "", False),
        ("008613800138000", "", True),
        ("13800138000", "", True),
        ("reception", "", True),
        ("0084901234567", "far", True),
        ("0084901234567", "near", False),
    ],
    ids=["abroad", "home", "national", "a name", "by the gateway itself", "by another"],
)
def test_redirection_leads_abroad_by_no_gateway_but_that_which_asks_for_it(
    dialled: str, by: str, follows: bool
) -> None:
    far = Gateway("far", GatewayAddress("192.0.2.1", 5070, "udp"), False)
    asked = target()
    asked.gateway = by
    contact = f"<sip:{dialled}@192.0.2.1:5070>"
    plan = dialplan(gateways={"far": far})
    assert bool(sent_on(Redirections(HUNT), asked, contact, Snapshot(), plan=plan)) is follows
