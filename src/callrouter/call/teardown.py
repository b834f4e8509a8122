"""Teardown of a call: before it was answered, and when a party leaves."""

from typing import Final, NoReturn

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.interwork.header_policy import q850_cause_of
from callrouter.call.legs.events import UNANSWERED_OFFER, Cancelled, HungUp, Lost, Shutdown
from callrouter.route.values.plan import Refusal

_RECOVERY_ON_TIMEOUT: Final = 102
INCOMPATIBLE: Final = 88  # Q.850: incompatible destination
_REFUSED: Final = Refusal(reason=UNANSWERED_OFFER, status=488, cause=INCOMPATIBLE)
_UNANSWERED: Final = f'Q.850;cause={INCOMPATIBLE};text="no answer to the offer"'

RETRY_AFTER: Final = "Retry-After: 5\r\n"
"""What a 503 carries that is about all of us, and not about one number: else who gets it would go
on as after a 500 (RFC 3261 section 21.5.4)."""
_DRAINED: Final = Refusal(reason="shutting_down", status=503, cause=41)


class Over(Exception):  # noqa: N818 - it is no error
    """The end of a script: the caller has got the final response, or is gone."""


def end(call: Call, event: Cancelled | Shutdown | HungUp | Lost) -> NoReturn:
    """End the call as a party, or whoever runs callrouter, asks for. Raises Over."""
    if call.record.answered_ms is None:
        call.disconnect()
        _leave(call, event)
        raise Over
    reason = ""
    if isinstance(event, HungUp | Lost):
        reason = party_left(call, event)
    elif isinstance(event, Shutdown) and event.cause:
        reason = f"Q.850;cause={event.cause}"
        call.hung_up(None, event.cause)
    else:
        if isinstance(event, Shutdown):
            call.record.reason = event.reason or call.record.reason
        call.hung_up(None, NORMAL_CLEARING)
    call.withdraw(reason)
    call.hang_up(reason)
    raise Over


def _leave(call: Call, event: Cancelled | Shutdown | HungUp | Lost) -> None:
    """End a call that was not answered yet."""
    if isinstance(event, Lost) and event.why == UNANSWERED_OFFER:
        call.withdraw("")
        call.refuse(_REFUSED)
    elif isinstance(event, HungUp | Lost):
        call.withdraw("")
        call.cancelled()
    elif isinstance(event, Cancelled):
        call.withdraw(event.reason)
        call.cancelled()
    elif event.reason:
        call.withdraw("")
        call.refuse(Refusal(reason=event.reason, status=480, cause=NORMAL_CLEARING))
    else:
        call.withdraw("")
        call.refuse(_DRAINED, RETRY_AFTER)


def party_left(call: Call, event: HungUp | Lost) -> str:
    """Note that a party has left; returns the Reason to pass on."""
    if isinstance(event, Lost):
        call.record.reason = event.why
        if event.why == UNANSWERED_OFFER:
            call.hung_up(None, INCOMPATIBLE)
            return _UNANSWERED
        call.hung_up(event.leg, _RECOVERY_ON_TIMEOUT)
        return ""
    call.hung_up(event.leg, q850_cause_of(event.reason) or NORMAL_CLEARING)
    return event.reason
