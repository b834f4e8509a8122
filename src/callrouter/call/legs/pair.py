"""A pair: the two legs of a call that talk to each other."""

from typing import Final

from callrouter.call.legs.leg import Leg
from callrouter.errors import ParseError
from callrouter.sip.headers import parse_params
from callrouter.sip.sdp import SessionDescription, held, parse_sdp
from callrouter.sip.stack import Stack

_SENDS: Final = frozenset(("sendrecv", "sendonly"))


class Pair:
    """Two legs that talk to each other; a transfer puts another leg in the place of one of them.

    leaving: who has asked for a transfer, and may leave without ending the call. busy: one of both
    is being replaced, and nobody else may do so meanwhile. holding: who has the other on hold, as
    far as `agreed` was told.
    """

    __slots__ = ("busy", "holding", "leaving", "one", "two")

    def __init__(self, one: Leg, two: Leg) -> None:
        self.one = one
        self.two = two
        self.leaving: Leg | None = None
        self.busy = False
        self.holding: tuple[Leg, ...] = ()

    def has(self, leg: Leg) -> bool:
        """Say whether it is one of both."""
        return leg is self.one or leg is self.two

    def other(self, leg: Leg) -> Leg | None:
        """The one that a leg talks to, None when it is not one of both."""
        if leg is self.one:
            return self.two
        return self.one if leg is self.two else None

    def replace(self, old: Leg, new: Leg) -> None:
        """Another leg talks from now on where `old` did."""
        if old is self.one:
            self.one = new
        else:
            self.two = new
        self.holding = ()  # both have described themselves anew

    def agreed(self, leg: Leg, offer: bytes, answer: bytes) -> list[tuple[Leg, bool]]:
        """Take an offer of one of both and its answer; returns who holds now, or holds no more.

        Who does not listen to a party that sends has it on hold (RFC 3264 section 8.4). Where the
        offer sends nothing, its answer cannot listen, and says nothing of hold.
        """
        other = self.other(leg)
        try:
            offered, answered = parse_sdp(offer), parse_sdp(answer)
        except ParseError:
            return []  # both understand it, and we need not
        holds = [] if other is None else [(leg, held(offered))]
        if other is not None and _sends(offered):
            holds.append((other, held(answered)))
        changed = [(one, on) for one, on in holds if on != (one in self.holding)]
        for one, on in changed:
            rest = tuple(each for each in self.holding if each is not one)
            self.holding = (*rest, one) if on else rest
        return changed


def _sends(session: SessionDescription) -> bool:
    return any(
        media.kind == "audio" and media.port and media.direction in _SENDS
        for media in session.media
    )


def replaced_leg(stack: Stack, value: str) -> Leg | None:
    """The leg that a Replaces value names, None for none of ours.

    Only one that talks to another, end to end, can be replaced (RFC 3891 section 3).
    """
    leg = named_leg(stack, value)
    pair = None if leg is None or leg.inbox is None else leg.inbox.pair
    return leg if pair is not None and not pair.busy else None


def named_leg(stack: Stack, value: str) -> Leg | None:
    """The leg that a Replaces value names by its Call-ID and both tags; None for none of ours."""
    call_id, semicolon, rest = value.partition(";")
    try:
        params = parse_params(semicolon + rest)
    except ParseError:
        return None
    ours, theirs = params.get("to-tag", ""), params.get("from-tag", "")
    leg = stack.dialogs.get(ours)
    if leg is None or not theirs or leg.call_id != call_id.strip(" \t"):
        return None
    if not isinstance(leg, Leg) or leg.dialog.remote_tag != theirs:
        return None
    return leg
