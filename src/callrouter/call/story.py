"""The story of a call: hunt after hunt until a target answers, then the bridge.

Scripts only. What may happen is a `case`; how it is done stands in `Call` and in the legs.
"""

from enum import Enum
from typing import assert_never

from callrouter.call.b_leg import BLeg
from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.events import (
    Acknowledged,
    Answered,
    Asked,
    Cancelled,
    Deadline,
    Event,
    Failed,
    HungUp,
    Lost,
    Progress,
    Shutdown,
)
from callrouter.call.policy import passed_rows, q850_cause_of
from callrouter.call.relay import Relay
from callrouter.call.rounds import Ringing
from callrouter.route.plan import Hunt, Refusal

DRAINED = Refusal("shutting_down", 503, 41)
_RECOVERY_ON_TIMEOUT = 102


class Outcome(Enum):
    """What became of a hunt, or of one target."""

    NEXT = "go on with the next"
    OVER = "the caller has got the final response, or is gone"
    ANSWERED = "connected"


async def run(call: Call) -> None:
    """Carry out the plan."""
    for hunt in call.plan.hunts:
        if hunt.on and call.last_result not in hunt.on:
            continue
        if hunt.rotation:
            call.shared.turned(hunt.rotation)
        outcome = await ring_all(call, hunt)
        if outcome is Outcome.ANSWERED:
            await bridge(call)
            return
        if outcome is Outcome.OVER:
            return
    call.refuse_last()


async def ring_all(call: Call, hunt: Hunt) -> Outcome:
    """Ring the rounds of one hunt in order, until a target answers or the caller leaves."""
    ringing = Ringing(call, hunt)
    for targets in hunt.rounds:
        ringing.begin(targets)
        while ringing.lines:
            outcome = meanwhile(call, ringing, await call.inbox.next(ringing.until))
            if outcome is not Outcome.NEXT:
                return outcome
    return Outcome.NEXT


def meanwhile(call: Call, ringing: Ringing, event: Event) -> Outcome:
    """What an event means to a call whose targets ring."""
    match event:
        case Progress():
            ringing.progress(event)
        case Answered():
            return connect(call, ringing, event)
        case Failed():
            return failed(call, ringing, event)
        case Deadline():
            ringing.expire()
        case HungUp() | Lost():
            if not isinstance(event.leg, BLeg):
                leave(call, Cancelled(""))
                return Outcome.OVER
            ringing.lost(event.leg)
        case Cancelled() | Shutdown():
            leave(call, event)
            return Outcome.OVER
        case Asked():
            ask_other(call, event)
        case Acknowledged():
            pass
        case _:
            assert_never(event)
    return Outcome.NEXT


def connect(call: Call, ringing: Ringing, event: Answered) -> Outcome:
    """Connect the caller with who answered."""
    if event.leg.offered and not event.response.body:
        # An offer that was not answered: no session can come of it (RFC 3261 section 13.2.1).
        call.leg_failed(event.leg, 488, "rejected")
        ringing.gone(event.leg)
        return Outcome.NEXT
    call.answer(event)
    return Outcome.ANSWERED


def failed(call: Call, ringing: Ringing, event: Failed) -> Outcome:
    """A target refused, or could not be reached."""
    if event.status in ringing.hunt.stop_codes:
        call.leg_ended(event, stops=True)
        call.withdraw(f"SIP;cause={event.status}")
        call.refuse_last(relay=True)
        return Outcome.OVER
    call.leg_ended(event, stops=False)
    ringing.gone(event.leg, ringing.followed(event))
    return Outcome.NEXT


def leave(call: Call, event: Cancelled | Shutdown) -> None:
    """End a call that was not answered yet."""
    if isinstance(event, Cancelled):
        call.withdraw(event.reason)
        call.cancelled()
    else:
        call.withdraw("")
        call.refuse(DRAINED)


async def bridge(call: Call) -> None:
    """Pass everything between the two parties until one of them leaves."""
    while True:
        event = await call.inbox.next()
        match event:
            case HungUp():
                call.hung_up(event.leg, q850_cause_of(event.reason) or NORMAL_CLEARING)
                call.hang_up(event.reason)
                return
            case Lost():
                call.hung_up(event.leg, _RECOVERY_ON_TIMEOUT)
                call.hang_up()
                return
            case Shutdown():
                call.hung_up(None, NORMAL_CLEARING)
                call.hang_up()
                return
            case Asked():
                ask_other(call, event)
            case Acknowledged():
                if call.b is not None:
                    call.b.ack(passed_rows(event.request), event.request.body)
            case Progress() | Answered() | Failed() | Cancelled() | Deadline():
                pass
            case _:
                assert_never(event)


def ask_other(call: Call, asked: Asked) -> None:
    """Pass a request inside the call on to the other party, if it can take one now."""
    other = call.other(asked.leg)
    request = asked.request
    offers = request.method == "INVITE" or bool(request.body and request.method == "UPDATE")
    if other is None or not other.reachable():
        asked.leg.respond(asked.tx, 500, "Retry-After: 2\r\n")
    elif offers and not other.settled():
        asked.leg.respond(asked.tx, 491)
    else:
        Relay(asked.leg, asked.tx, request, other)
