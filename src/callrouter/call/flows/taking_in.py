"""The taking in of two who talk end to end: from now on a worker bridges them (D7)."""

from callrouter.call.anchored_media import Speech
from callrouter.call.call import Call
from callrouter.call.flows.bridge.connect import as_callee, offer_session, rejoin
from callrouter.call.flows.ivr.play_gather import open_session
from callrouter.call.legs.reinvite import identity_after
from callrouter.call.wait import NoMedia


async def take_in(call: Call) -> Speech | None:
    """Offer both parties sessions of one worker; None when that cannot be, and all is as before.

    Raises Over.
    """
    b = call.b
    if b is None:
        return None
    speech = call.speech = call.speech or Speech(call)
    offered = taken = False
    try:
        slots = speech.reserve(2)
        if slots is not None:
            speech.caller.identity = call.a.identity = identity_after(call.a, call.a.ours)
            ear = speech.ear = await open_session(call, speech, slots, None)
            far = speech.far = await open_session(call, speech, slots, None)
            as_callee(speech, b)
            ear.slots.bridge(ear.name, far.name)
            offered = await offer_session(call, speech, call.a)
            taken = offered and await offer_session(call, speech, b)
    except NoMedia:
        taken = False
    if taken:
        speech.with_us = True
        return speech
    speech.let_go()
    if offered:
        await rejoin(call, b)
    return None
