"""Offer and answer while the INVITE that begins a dialog has no 2xx: reliable responses and forks.

RFC 3262 section 5, RFC 3311 section 5; forks are RFC 3261 section 12.1.
"""

from typing import Final

import pytest
from support.one_leg import CONTENT, CallerLeg, TargetLeg
from support.rig import Sent
from support.wire import SDP

from callrouter.call.legs.offer_answer import (
    ASKED,
    OFFERED,
    OURS_OUT,
    OURS_SAID,
    SETTLED,
    THEIRS_IN,
    THEIRS_SAID,
    TO_OFFER,
)

OTHER: Final = SDP.replace(b"4000", b"4002")
NEW: Final = SDP.replace(b"4000", b"4010")


class Source:
    """A target that waits for a PRACK."""

    def __init__(self) -> None:
        self.unpracked = "1 1 INVITE"


def rung(target: TargetLeg, tag: str, body: bytes, number: int = 1) -> list[str]:
    """A fork of the target describes its session in a reliable 183."""
    rows = {"Require": "100rel", "RSeq": str(number)}
    return target.says(target.invite, 183, body, tag, **rows)


def ring(caller: CallerLeg, fork: str, body: bytes) -> Sent:
    """A target's reliable 183 goes on to the caller; what was sent last."""
    caller.leg.ring(183, fork, CONTENT if body else "", body, Source())
    (sent,) = caller.rig.taken()
    return sent


def pracks(caller: CallerLeg, early: Sent, body: bytes = b"") -> list[str]:
    message = early.message
    rack = f"RAck: {message['RSeq']} 1 INVITE\r\n"
    return caller.asks("PRACK", body, rack, tag=message["To"].partition("tag=")[2])


@pytest.mark.parametrize(("offer", "state"), [(SDP, OFFERED), (b"", ASKED)])
def test_what_a_target_shows_without_reliability_answers_and_offers_nothing(
    offer: bytes, state: int
) -> None:
    target = TargetLeg(offer)
    target.says(target.invite, 183, OTHER)
    assert (target.leg.exchange, target.leg.theirs) == (state, OTHER)
    assert target.asks("UPDATE", NEW) == ["491"]


def test_reliable_183_answers_and_offers_may_pass_both_ways() -> None:
    target = TargetLeg(SDP)
    assert rung(target, "a", OTHER) == ["PRACK"]
    leg = target.leg
    assert (leg.exchange, leg.ours, leg.theirs) == (SETTLED, SDP, OTHER)
    assert leg.may_offer()
    assert not leg.may_reinvite()
    assert target.asks("INVITE", NEW) == ["491"]
    target.asks("UPDATE", NEW)
    assert leg.exchange == THEIRS_IN
    leg.respond(target.asked.pop().tx, 200, CONTENT, OTHER)
    assert (leg.exchange, leg.ours, leg.theirs) == (SETTLED, OTHER, NEW)


def test_another_fork_has_yet_to_answer_and_the_first_one_has() -> None:
    target = TargetLeg(SDP)
    leg = target.leg
    rung(target, "a", OTHER)
    target.says(target.invite, 180, tag="b")
    assert (leg.exchange, leg.offer, leg.theirs) == (OFFERED, SDP, b"")
    assert not leg.may_offer()
    target.says(target.invite, 180, tag="a")
    assert (leg.exchange, leg.theirs) == (SETTLED, OTHER)


def test_update_under_way_in_one_fork_keeps_offers_out_of_another_until_it_is_answered() -> None:
    target = TargetLeg(SDP)
    leg = target.leg
    rung(target, "a", OTHER)
    leg.ask("UPDATE", CONTENT, NEW, target)
    (update,) = target.rig.taken()
    target.says(target.invite, 180, tag="b")
    assert leg.exchange == OURS_OUT
    target.says(update, 200, OTHER, tag="")
    assert leg.answered(target.responses.pop())
    assert (leg.exchange, leg.offer) == (OFFERED, SDP)  # which b has not answered
    target.says(target.invite, 200, OTHER, tag="b")
    assert leg.exchange == SETTLED


def test_update_that_is_refused_leaves_another_fork_to_answer_the_invite() -> None:
    target = TargetLeg(SDP)
    leg = target.leg
    rung(target, "a", OTHER)
    leg.ask("UPDATE", CONTENT, NEW, target)
    target.says(target.invite, 180, tag="b")
    leg.unanswered()
    assert (leg.exchange, leg.offer) == (OFFERED, SDP)
    target.says(target.invite, 180, tag="a")
    target.asks("UPDATE", NEW)
    target.says(target.invite, 180, tag="b")
    leg.respond(target.asked.pop().tx, 488)
    assert (leg.exchange, leg.offer) == (OFFERED, SDP)


def test_update_under_way_outlasts_the_2xx_of_its_own_dialog() -> None:
    target = TargetLeg(SDP)
    leg = target.leg
    rung(target, "a", OTHER)
    leg.ask("UPDATE", CONTENT, NEW, target)
    (update,) = target.rig.taken()
    target.says(target.invite, 200, tag="a")
    leg.ack()
    assert leg.exchange == OURS_OUT
    target.says(update, 200, OTHER, tag="")
    assert leg.answered(target.responses.pop())
    assert (leg.exchange, leg.ours) == (SETTLED, NEW)


def test_offer_in_a_reliable_183_is_answered_by_the_prack() -> None:
    target = TargetLeg(b"")
    leg = target.leg
    target.passes = True
    rung(target, "a", OTHER)
    assert (leg.exchange, leg.offer) == (THEIRS_SAID, OTHER)
    assert target.asks("UPDATE", NEW) == ["491"]
    leg.ask("PRACK", CONTENT, SDP, target)
    assert (leg.exchange, leg.ours, leg.theirs) == (SETTLED, SDP, OTHER)
    assert leg.may_offer()


def test_answer_sent_reliably_lets_the_caller_offer_and_us_only_after_its_prack() -> None:
    caller = CallerLeg(SDP, reliable=True)
    leg = caller.leg
    early = ring(caller, "1 a", OTHER)
    assert leg.exchange == SETTLED
    assert leg.told("1 a")
    assert not leg.may_offer()
    pracks(caller, early)
    leg.respond(caller.asked.pop().tx, 200)
    assert leg.may_offer()
    assert not leg.may_reinvite()


def test_offer_in_a_prack_is_under_way_until_its_answer() -> None:
    caller = CallerLeg(SDP, reliable=True)
    leg = caller.leg
    pracks(caller, ring(caller, "1 a", OTHER), NEW)
    assert leg.exchange == THEIRS_IN
    assert caller.asks("UPDATE", SDP) == ["500"]
    leg.respond(caller.asked.pop().tx, 200, CONTENT, OTHER)
    assert (leg.exchange, leg.ours, leg.theirs) == (SETTLED, OTHER, NEW)


def test_offer_sent_reliably_keeps_others_out_until_the_prack_answers_it() -> None:
    caller = CallerLeg(b"", reliable=True)
    leg = caller.leg
    early = ring(caller, "1 a", OTHER)
    assert leg.exchange == OURS_SAID
    assert caller.asks("UPDATE", NEW) == ["491"]
    pracks(caller, early, SDP)
    assert (leg.exchange, leg.ours, leg.theirs) == (SETTLED, OTHER, SDP)
    leg.respond(caller.asked.pop().tx, 200)
    assert leg.may_offer()


def test_offers_of_two_forks_are_each_answered_by_their_own_prack() -> None:
    caller = CallerLeg(b"", reliable=True)
    leg = caller.leg
    first = ring(caller, "1 a", OTHER)
    leg.ring(183, "1 b", CONTENT, NEW, Source())
    assert caller.rig.taken() == []  # one at a time (RFC 3262 section 3)
    pracks(caller, first, SDP)
    second = next(sent for sent in reversed(caller.rig.sent) if sent.what == "183")
    assert second.message.body.encode() == NEW
    assert leg.exchange == OURS_SAID
    pracks(caller, second, SDP)
    assert (leg.exchange, leg.ours, leg.theirs) == (SETTLED, NEW, SDP)


def test_prack_that_does_not_answer_loses_the_caller() -> None:
    caller = CallerLeg(b"", reliable=True)
    assert pracks(caller, ring(caller, "1 a", OTHER)) == ["488"]
    assert caller.heard == ["Lost"]


def test_fork_without_a_description_has_yet_to_offer() -> None:
    caller = CallerLeg(b"", reliable=True)
    leg = caller.leg
    pracks(caller, ring(caller, "1 a", OTHER), SDP)
    leg.ring(180, "2 b", "", b"")
    assert (leg.exchange, leg.offer) == (TO_OFFER, b"")
    leg.answer(200, "2 b", CONTENT, NEW)
    assert leg.exchange == OURS_SAID
