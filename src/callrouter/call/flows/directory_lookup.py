"""Directory look-up: the script of a call that waits for a look-up before its plan is final."""

from callrouter.call.call import Call
from callrouter.call.legs.events import Deadline
from callrouter.call.services.state import Directory, LookedUp
from callrouter.call.teardown import Over
from callrouter.call.wait import wait
from callrouter.route.values.external_lookup import LookupAnswer
from callrouter.route.values.plan import NeedLookup


async def ask(call: Call, need: NeedLookup, directory: Directory) -> LookupAnswer:
    """Ask who is responsible for the caller. Raises Over when the call ends meanwhile.

    The deadline is the call's own, so it holds whatever the other system does.
    """
    lookup = need.lookup
    found = directory.find(lookup, need.caller, call.inbox.post)
    if isinstance(found, LookupAnswer):
        return found
    give_up = found
    until = call.now + lookup.timeout_seconds
    try:
        while True:
            event = await wait(call, until)
            if isinstance(event, LookedUp):
                return event.answer
            if isinstance(event, Deadline):
                give_up()
                return LookupAnswer("", f"no answer within {lookup.timeout_seconds:g} s")
    except Over:
        give_up()
        raise
