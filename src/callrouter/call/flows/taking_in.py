"""The taking in of two who talk end to end: from now on a worker bridges them (D7)."""

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.anchored_media import Callee, Party, Speech
from callrouter.call.call import Call
from callrouter.call.flows.bridge.connect import rejoin
from callrouter.call.flows.ivr.play_gather import open_session
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.reinvite import identity_after
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.wait import NoMedia, reoffer


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
            callee = _callee(call, speech, b, far)
            ear.slots.bridge(ear.name, far.name)
            offered = await _offer(call, call.a, speech.caller, ear)
            taken = offered and await _offer(call, b, callee.party, far)
    except NoMedia:
        taken = False
    if taken:
        speech.with_us = True
        return speech
    speech.let_go()
    if offered:
        await rejoin(call, b)
    return None


def _callee(call: Call, speech: Speech, leg: BLeg, far: MediaSession) -> Callee:
    """The target that talks already, as one that was rung with a session."""
    callee = Callee(Party(call.stack.token(), leg.dialog.flow.local_host), far)
    callee.party.identity = leg.identity = identity_after(leg, leg.ours)
    speech.callees[leg] = callee
    return callee


async def _offer(call: Call, leg: Leg, party: Party, session: MediaSession) -> bool:
    """Offer a party a session; False when it does not take it. Raises Over, NoMedia."""
    if party.heard(leg.theirs) is None:
        return False
    answer = await reoffer(call, leg, lambda: party.offer(session))
    audio = party.heard(answer) if answer else None
    if audio is None:
        return False
    session.connect(audio)
    return True
