"""How a call ends that was not answered."""

from callrouter.call.call import Call
from callrouter.call.events import Cancelled, Shutdown
from callrouter.route.plan import Refusal

DRAINED = Refusal("shutting_down", 503, 41)


def leave(call: Call, event: Cancelled | Shutdown) -> None:
    """End a call that was not answered yet."""
    if isinstance(event, Cancelled):
        call.withdraw(event.reason)
        call.cancelled()
    else:
        call.withdraw("")
        call.refuse(DRAINED)
