"""The two legs of a call that talk to each other, and what is asked between them."""

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.ivr.wait import Over
from callrouter.call.legs.events import Asked, Cancelled, Event, HungUp, Lost, Settled, Shutdown
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.reinvite import Reoffer, identity_after
from callrouter.call.legs.relay import Relay
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.teardown import party_left

_HELD = (b"a=sendonly", b"a=recvonly", b"a=inactive")
_SETTLE_SECONDS = 40.0
_GLARES = 4


class Pair:
    """Two legs that talk to each other.

    one, two: who talk; a transfer puts another leg in the place of one of them.
    """

    __slots__ = ("one", "two")

    def __init__(self, one: Leg, two: Leg) -> None:
        self.one = one
        self.two = two

    def has(self, leg: Leg) -> bool:
        """Say whether it is one of both."""
        return leg is self.one or leg is self.two

    def other(self, leg: Leg) -> Leg | None:
        """The one that a leg talks to."""
        if leg is self.one:
            return self.two
        return self.one if leg is self.two else None

    def replace(self, old: Leg, new: Leg) -> None:
        """Another leg talks from now on where `old` did."""
        if old is self.one:
            self.one = new
        else:
            self.two = new

    def hang_up(self, reason: str = "") -> None:
        """End both."""
        self.one.hang_up(reason)
        self.two.hang_up(reason)

    def let_go(self, call: Call) -> None:
        """The script is over: legs that the call does not know as its own end here."""
        for leg in (self.one, self.two):
            if leg is not call.a and leg is not call.b and leg.inbox is call.inbox:
                leg.release()
                leg.hang_up()


def ask_other(call: Call, asked: Asked) -> None:
    """Pass a request inside the call on to the other party, if it can take one now."""
    pass_on(call, asked, call.other(asked.leg))


def pass_on(call: Call, asked: Asked, other: Leg | None) -> None:
    """Pass a request on to a leg, if it can take one now."""
    request = asked.request
    offers = request.method == "INVITE" or bool(request.body and request.method == "UPDATE")
    if request.method == "PRACK":
        _pass_prack(call, asked)
    elif request.method == "REFER":
        asked.leg.respond(asked.tx, 603)  # nobody is connected with anybody yet
    elif other is None or not other.reachable():
        asked.leg.respond(asked.tx, 500, "Retry-After: 2\r\n")
    elif offers and not other.settled():
        asked.leg.respond(asked.tx, 491)
    else:
        Relay(asked.leg, asked.tx, request, other)


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


def resumed(body: bytes) -> bytes:
    """A party's description without hold: who was held while it was transferred is no more."""
    return b"\n".join(line for line in body.split(b"\n") if line.strip() not in _HELD)


async def connect(call: Call, pair: Pair, leg: Leg, body: bytes, also: Leg | None) -> bytes:
    """Offer a leg another party's description; returns its answer, b"" when it does not take it.

    also: who may leave meanwhile without ending the call. Raises Over when another one does.
    """
    for _ in range(_GLARES):
        if not leg.reachable():
            return b""
        if leg.settled():
            # Not before: what passed meanwhile counts too.
            leg.identity = identity_after(leg, leg.ours)
            Reoffer(leg, leg.described(body))
            settled = await _settled(call, pair, leg, also)
            response = None if settled is None else settled.response
            if response is None or 300 <= response.status != 491:
                return b""
            if response.status < 300:
                return response.body
        until = call.now + leg.back_off()
        while call.now < until:
            keep(call, pair, await call.inbox.next(until), also)
    return b""


async def _settled(call: Call, pair: Pair, leg: Leg, also: Leg | None) -> Settled | None:
    until = call.now + _SETTLE_SECONDS
    while call.now < until:
        event = await call.inbox.next(until)
        if isinstance(event, Settled) and event.leg is leg:
            return event
        if isinstance(event, HungUp | Lost) and event.leg is leg and not pair.has(leg):
            return None
        keep(call, pair, event, also)
    return None


def keep(call: Call, pair: Pair, event: Event, also: Leg | None) -> None:
    """Keep two parties in touch while something else goes on. Raises Over when one leaves.

    also: who may leave without ending the call.
    """
    match event:
        case Asked() if pair.has(event.leg):
            pass_on(call, event, pair.other(event.leg))
        case Asked():
            event.leg.respond(event.tx, 491 if event.request.method == "INVITE" else 500)
        case HungUp() | Lost() if pair.has(event.leg) and event.leg is not also:
            reason = party_left(call, event)
            call.withdraw(reason)
            pair.hang_up(reason)
            call.hang_up(reason)
            raise Over
        case Shutdown() | Cancelled():
            call.withdraw("")
            call.hung_up(None, NORMAL_CLEARING)
            pair.hang_up()
            call.hang_up()
            raise Over
        case _:
            pass  # what is left of targets that were rung
