"""A conversation of two parties end to end: everything passes between them until one leaves."""

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.bridge.pair import Pair, pass_on
from callrouter.call.flows.transfer.blind_attended import transfer
from callrouter.call.flows.transfer.replaces import replace
from callrouter.call.interwork.header_policy import passed_rows
from callrouter.call.legs.events import (
    Acknowledged,
    Asked,
    HungUp,
    Lost,
    Replacing,
    Shutdown,
    TakenOver,
)
from callrouter.call.legs.leg import Leg
from callrouter.call.teardown import party_left


async def bridge(call: Call) -> bool:
    """Pass everything on. False: the call is over; True: the callee has left, and the caller is
    still there to be asked something.
    """
    if call.b is None:
        return False
    pair = Pair(call.a, call.b)
    try:
        return await _talk(call, pair)
    finally:
        call.inbox.pair = None
        pair.let_go(call)


async def _talk(call: Call, pair: Pair) -> bool:
    while True:
        call.inbox.pair = pair
        event = await call.inbox.next()
        match event:
            case HungUp() | Lost() if pair.has(event.leg):
                reason = party_left(call, event)
                if _asks(call, pair, event.leg):
                    return True
                pair.hang_up(reason)
                return False
            case Shutdown():
                call.hung_up(None, NORMAL_CLEARING)
                pair.hang_up()
                return False
            case Asked() if event.request.method == "REFER" and pair.has(event.leg):
                call.inbox.pair = None
                await transfer(call, pair, event)
            case Asked():
                pass_on(call, event, pair.other(event.leg))
            case Acknowledged():
                if call.b is not None:
                    a, b = call.a, call.b
                    rows = passed_rows(event.request, a.peer, b.peer, private=a.private)
                    call.b.ack(rows, call.b.described(event.request.body))
            case Replacing():
                call.inbox.pair = None
                await replace(call, pair, event)
            case TakenOver():
                # Who the leaving party talked to goes on in another call.
                call.hung_up(event.leg, NORMAL_CLEARING)
                event.leg.let_leave()
                return False
            case _:
                pass  # what is left of targets that were rung, and of sessions


def _asks(call: Call, pair: Pair, left: Leg) -> bool:
    """The callee has left, and the caller is to be asked something."""
    voice = call.plan.voice
    return (
        voice is not None
        and voice.survey is not None
        and left is call.b
        and pair.other(left) is call.a
        and call.a.reachable()
    )
