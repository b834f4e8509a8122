"""Directory look-up: the script of a call that waits for a look-up before its plan is final."""

from callrouter.call.call import Call
from callrouter.call.flows.bridge.pair import ask_other
from callrouter.call.legs.events import Asked, Cancelled, Deadline, HungUp, Lost, Shutdown
from callrouter.call.services.state import Directory, LookedUp
from callrouter.call.teardown import leave
from callrouter.route.values.external_lookup import LookupAnswer
from callrouter.route.values.plan import NeedLookup


async def ask(call: Call, need: NeedLookup, directory: Directory) -> LookupAnswer | None:
    """Ask who is responsible for the caller; None when the call has ended meanwhile.

    The deadline is the call's own, so it holds whatever the other system does.
    """
    lookup = need.lookup
    found = directory.find(lookup, need.caller, call.inbox.post)
    if isinstance(found, LookupAnswer):
        return found
    give_up = found
    until = call.now + lookup.timeout_seconds
    while True:
        event = await call.inbox.next(until)
        match event:
            case LookedUp():
                return event.answer
            case Deadline():
                give_up()
                return LookupAnswer("", f"no answer within {lookup.timeout_seconds:g} s")
            case Cancelled() | Shutdown():
                give_up()
                leave(call, event)
                return None
            case HungUp() | Lost():
                give_up()
                leave(call, Cancelled(""))
                return None
            case Asked():
                ask_other(call, event)
            case _:
                pass  # there is no other leg yet of which anything could come
