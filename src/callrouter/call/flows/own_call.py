"""Calls that we begin ourselves: who has answered becomes the caller, or nobody does."""

from typing import Final, NoReturn

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.hunt.hunt import CallerSide
from callrouter.call.flows.ivr.play_gather import anchor_of
from callrouter.call.legs.events import Answered
from callrouter.call.legs.reinvite import identity_after
from callrouter.call.teardown import Over
from callrouter.route.values.plan import Refusal
from callrouter.route.values.refusal_reasons import NO_TARGET_LEFT

_NOBODY: Final = Refusal(reason=NO_TARGET_LEFT, status=480, cause=19)


def becomes_caller(call: Call, answered: Answered) -> None:
    """Who was rung first is the caller from now on."""
    call.connected(answered.leg, answered.response.status)
    call.a.hang_up()  # which was nobody's
    call.a, call.b = answered.leg, None


def give_up(call: Call) -> NoReturn:
    """The call is over, and its record says why. Raises Over."""
    record = call.record
    why, last = record.reason, call.last_result
    call.withdraw("")
    if last and last != "answered":
        call.refuse_last()
    else:
        call.refuse(_NOBODY)
    record.reason = why or record.reason
    for entry in record.talking():
        entry.end(call.ms(), NORMAL_CLEARING)
        if call.events.leg.subscribers:
            call.leg_changed(entry)
    call.hang_up()
    raise Over


class RungAlone(CallerSide):
    """The side of nobody, while somebody is rung who is to hear us."""

    __slots__ = ()

    async def connect(self, event: Answered) -> bool:
        """It is the caller from now on."""
        call = self.call
        event.leg.ack()
        becomes_caller(call, event)
        call.picked_up()
        anchor = anchor_of(call)
        # It was offered silence of ours, and is offered what follows on it.
        anchor.caller.identity = call.a.identity = identity_after(call.a, call.a.ours)
        anchor.caller.heard(call.a.theirs)
        return True
