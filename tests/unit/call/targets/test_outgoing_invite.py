"""The INVITE to a target: what it says of the caller and of us, by values alone."""

from typing import Final

import pytest
from support.by_hand import target
from support.requests import invite
from support.wire import SDP

from callrouter.call.targets.next_hop import NextHop
from callrouter.call.targets.outgoing_invite import forwarding, outgoing_invite
from callrouter.route.rules.peer_profile import USUAL, PeerProfile
from callrouter.route.values.plan import Redirection
from callrouter.sip.flow import Flow
from callrouter.sip.uas import ALLOW

FLOW: Final = Flow("UDP", "192.0.2.2", 5060, "192.0.2.9", 5060, None)
WAY: Final = NextHop("sip:d@192.0.2.9", FLOW)
NAMED: Final = NextHop("sip:d@192.0.2.9", FLOW, routes="Route: <sip:p;lr>\r\n", host="us.example")
UNRELIABLE: Final = PeerProfile(reliable=False)
TRUSTED: Final = PeerProfile(trusted=True)
ASSERTED: Final = "P-Asserted-Identity: <sip:7@192.0.2.1>\nPrivacy: id"


def supported(sink: PeerProfile, *, body: bytes, reliable: bool, anchored: bool) -> str:
    """The extensions that the INVITE names."""
    said = outgoing_invite(
        invite(body=body),
        USUAL,
        sink,
        WAY,
        hops=70,
        reliable=reliable,
        anchored=anchored,
        passing="",
        forwarded=None,
    )
    head = f"Max-Forwards: 69\r\n{ALLOW}"
    assert said.rows.startswith(head)
    return said.rows.removeprefix(head).strip().removeprefix("Supported: ")


@pytest.mark.parametrize(
    ("sink", "body", "reliable", "anchored", "wanted"),
    [
        (USUAL, SDP, True, False, "100rel, replaces, timer"),
        (USUAL, SDP, False, False, "100rel, replaces, timer"),
        (USUAL, b"", True, False, "100rel, replaces, timer"),
        # Whom the target offers to in a reliable response could not answer in a PRACK.
        (USUAL, b"", False, False, "replaces, timer"),
        (USUAL, SDP, True, True, "100rel, timer"),
        (USUAL, b"", False, True, "timer"),
        (UNRELIABLE, SDP, True, False, "replaces, timer"),
        (UNRELIABLE, b"", True, True, "timer"),
    ],
)
def test_extensions(
    sink: PeerProfile, body: bytes, reliable: bool, anchored: bool, wanted: str
) -> None:
    assert supported(sink, body=body, reliable=reliable, anchored=anchored) == wanted


@pytest.mark.parametrize(
    ("rows", "source", "sink", "way", "from_value", "identity"),
    [
        ("", USUAL, USUAL, WAY, "<sip:1001@192.0.2.2:5060>", ""),
        ("", USUAL, USUAL, NAMED, "<sip:1001@us.example>", ""),
        (ASSERTED, USUAL, TRUSTED, WAY, "<sip:1001@192.0.2.2:5060>", ""),
        (ASSERTED, TRUSTED, USUAL, WAY, '"Anonymous" <sip:anonymous@anonymous.invalid>', ""),
        (
            ASSERTED,
            TRUSTED,
            TRUSTED,
            WAY,
            "<sip:1001@192.0.2.2:5060>",
            "P-Asserted-Identity: <sip:7@192.0.2.2:5060>\r\nPrivacy: id\r\n",
        ),
    ],
)
def test_who_calls(
    rows: str, source: PeerProfile, sink: PeerProfile, way: NextHop, from_value: str, identity: str
) -> None:
    said = outgoing_invite(
        invite(rows),
        source,
        sink,
        way,
        hops=2,
        reliable=False,
        anchored=True,
        passing="Subject: x\r\n",
        forwarded=None,
    )
    head = f"{way.routes}Max-Forwards: 1\r\n{ALLOW}Supported: timer\r\n"
    assert said == (from_value, f"{head}{identity}Subject: x\r\n")


def redirected(after: str) -> Redirection:
    return Redirection(
        uri="sip:x@h", extension="", number=1, reason="deflection", status=302, after=after
    )


@pytest.mark.parametrize(
    ("last", "timed", "redirections", "reason"),
    [
        ("", False, (), "unconditional"),
        ("", True, (), "time-of-day"),
        ("busy", False, (), "user-busy"),
        ("busy", True, (), "user-busy"),
        ("no_answer", False, (), "no-answer"),
        ("unreachable", False, (), "unavailable"),
        ("rejected", False, (), "unknown"),
        # What became of the target before the one that sent it on.
        ("no_answer", False, (redirected("busy"),), "user-busy"),
        ("no_answer", False, (redirected(""), redirected("busy")), "unconditional"),
    ],
)
def test_why_a_call_goes_on(
    last: str, timed: bool, redirections: tuple[Redirection, ...], reason: str
) -> None:
    to = target(diversion=True, redirections=redirections)
    told = forwarding(to, "sip:d@h", 2, "4000", last, timed=timed, trusted=True)
    assert (told.called, told.goal.reason, told.goal.number) == ("4000", reason, 2)
    assert (told.goal.diversion, told.goal.history_info, told.goal.trusted) == (True, False, True)


def test_target_that_is_told_how_the_call_came_to_it() -> None:
    to = target(diversion=True, history_info=True)
    said = outgoing_invite(
        invite(),
        USUAL,
        USUAL,
        WAY,
        hops=70,
        reliable=False,
        anchored=False,
        passing="",
        forwarded=forwarding(to, WAY.uri, 1, "4000", "busy", timed=False, trusted=False),
    )
    us = "sip:4000@192.0.2.2:5060"
    assert said.rows.endswith(
        f"Diversion: <{us}>;reason=user-busy;counter=1\r\n"
        f"History-Info: <{us}>;index=1, <{WAY.uri};cause=486>;index=1.1;mp=1\r\n"
    )
