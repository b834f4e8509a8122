"""Requests inside a call: passed on to the other party, or answered for media that is with us (A4).

INFO, UPDATE and re-INVITE (hold, resume, another codec), and the PRACK of a caller.
"""

from functools import partial

from callrouter.call.anchor.dtmf import key_of
from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.anchored_media import AnchoredMedia, Party
from callrouter.call.call import Call
from callrouter.call.legs.events import Asked
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.pair import Pair
from callrouter.call.legs.relay import Relay
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.services.call_events import HoldChanged
from callrouter.call.services.media import Digit
from callrouter.sip.body import SDP_ROW
from callrouter.sip.message import Request

_RETRY = "Retry-After: 2\r\n"


def answer(call: Call, asked: Asked) -> Digit | None:
    """Have a request of a party answered; returns the key that an INFO carries for us."""
    leg = asked.leg
    pair = call.inbox.pair
    if pair is None and call.anchor is not None:
        return _for_us(call.anchor, asked)
    if pair is None:
        _pass_on(call, asked, call.other(leg))
    elif pair.has(leg):
        _pass_on(call, asked, pair.other(leg))
    else:
        leg.respond(asked.tx, 491 if asked.request.method == "INVITE" else 500)
    return None


def _pass_on(call: Call, asked: Asked, other: Leg | None) -> None:
    """Pass a request on to a leg, if it can take one now."""
    request = asked.request
    if request.method == "PRACK":
        _pass_prack(call, asked)
    elif request.method == "REFER":
        asked.leg.respond(asked.tx, 603)  # nobody is connected with anybody yet
    elif other is None or not other.reachable():
        asked.leg.respond(asked.tx, 500, _RETRY)
    elif not _may_take(other, request):
        asked.leg.respond(asked.tx, 491)
    else:
        pair = call.inbox.pair
        watched = None
        if pair is not None and call.events.held.subscribers:
            watched = partial(_agreed, call, pair)
        Relay(asked.leg, asked.tx, request, other, agreed_on=watched)


def _agreed(call: Call, pair: Pair, leg: Leg, offer: bytes, answer: bytes) -> None:
    """Tell who holds whom by what was offered on a leg and answered."""
    if call.inbox.pair is not pair:
        return  # an ACK has come after the conversation was over
    for party, on in pair.agreed(leg, offer, answer):
        event = HoldChanged(call.record, call.party_of(party), on, call.ms())
        call.events.held.tell(event)


def _may_take(leg: Leg, request: Request) -> bool:
    """Say whether no offer on a leg is in the way of a request."""
    if request.method == "INVITE":
        return leg.may_reinvite()
    return request.method != "UPDATE" or not request.body or leg.may_offer()


def _pass_prack(call: Call, asked: Asked) -> None:
    """Pass a PRACK of the caller on to the target whose response it acknowledges."""
    reliable = call.a.reliable
    relayed = None if reliable is None else reliable.relayed
    if asked.leg is call.a and relayed is not None:
        target, rack = relayed
        if isinstance(target, BLeg) and target.reachable():
            Relay(asked.leg, asked.tx, asked.request, target, f"RAck: {rack}\r\n")
            return
    asked.leg.respond(asked.tx, 200)


def _for_us(anchor: AnchoredMedia, asked: Asked) -> Digit | None:
    """Answer a party of a call that is spoken to."""
    known = anchor.of(asked.leg)
    if known is None:
        asked.leg.respond(asked.tx, 500, _RETRY)
        return None
    party, session, _ = known
    if asked.request.method == "INFO":
        asked.leg.respond(asked.tx, 200)
        key = key_of(asked.request)
        digit = Digit(session=session.name, digit=key, method="info")
        return digit if key and anchor.pressed(digit) else None
    _renegotiate(asked, party, session)
    return None


class _LateAnswer:
    """Waits for the ACK whose body answers an offer of ours."""

    __slots__ = ("_party", "_session")

    def __init__(self, party: Party, session: MediaSession) -> None:
        self._party = party
        self._session = session

    def on_abandoned(self) -> None:
        pass  # nobody else waits for it

    def on_acknowledged(self, request: Request) -> None:
        audio = self._party.heard(request.body) if request.body else None
        if audio is not None:
            self._session.connect(audio)


def _renegotiate(asked: Asked, party: Party, session: MediaSession) -> None:
    """Answer what a party that talks to one of our sessions asks of it."""
    leg, tx, request = asked.leg, asked.tx, asked.request
    if request.method not in {"INVITE", "UPDATE"}:
        # There is nobody behind us whom it could concern.
        leg.respond(tx, 603 if request.method == "REFER" else 405)
    elif request.body:
        audio = party.offered(request.body)
        if audio is None:
            leg.respond(tx, 488, "" if party.unfit is None else party.unfit.row)
            return
        session.connect(audio)
        leg.respond(tx, 200, SDP_ROW, party.answer(session))
    elif request.method == "INVITE":
        leg.respond(tx, 200, SDP_ROW, party.offer(session), _LateAnswer(party, session))
    else:
        leg.respond(tx, 200)
