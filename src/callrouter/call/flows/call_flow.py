"""The call flow: step after step until one is its end, then what is left to say.

Scripts only. What may happen is a `case`; how it is done stands in `Call` and in the legs.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.anchored_conversation import Talk
from callrouter.call.flows.bridge.connect import rejoin
from callrouter.call.flows.bridge.pair import ask_other
from callrouter.call.flows.end_to_end_conversation import bridge
from callrouter.call.flows.hunt.hunt import Stopped, ring_spoken
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.flows.ivr.feature_codes import switch
from callrouter.call.flows.ivr.menu import go_through
from callrouter.call.flows.ivr.play_gather import attach, say
from callrouter.call.flows.ivr.survey import ask
from callrouter.call.flows.ivr.voicemail_listen import hear_messages
from callrouter.call.flows.ivr.voicemail_record import take_message
from callrouter.call.flows.ivr.wait import NoMedia, Over
from callrouter.call.legs.events import (
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
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.teardown import leave, party_left
from callrouter.route.values.media_steps import (
    Act,
    EnterMenu,
    Feature,
    Messages,
    Play,
    Voicemail,
    VoiceStep,
)
from callrouter.route.values.plan import Hunt


class Outcome(Enum):
    """The outcome of a hunt, or of one target."""

    NEXT = "go on with the next"
    OVER = "the caller has got the final response, or is gone"
    ANSWERED = "connected"


async def run(call: Call) -> None:
    """Carry out the plan."""
    try:
        if not await take(call, call.plan.steps):
            await finish(call)
    except Over:
        pass
    except Stopped:
        await finish(call, relay=True)


Steps = tuple[Hunt | VoiceStep, ...]


def _ends() -> bool:
    return False


async def take(call: Call, steps: Steps, goes_on: Callable[[], bool] = _ends) -> bool:
    """Take steps in order until one is the end of the call: True.

    goes_on: says whether another step is to be taken after these. Raises Over, Stopped.
    """
    for index, step in enumerate(steps):
        if step.on and call.last_result not in step.on:
            continue
        if isinstance(step, Hunt):
            if step.rotation:
                call.shared.turned(step.rotation)
            over = await hunt(call, step)
        else:
            over = await speak(call, step.act, partial(_more, call, steps[index + 1 :], goes_on))
        if over:
            return True
    return False


def _more(call: Call, steps: Steps, goes_on: Callable[[], bool]) -> bool:
    """Say whether one of these steps is to be taken now, or one after them."""
    return any(not step.on or call.last_result in step.on for step in steps) or goes_on()


async def hunt(call: Call, step: Hunt) -> bool:
    """Ring targets, and let the parties talk when one answers; True when the call is over."""
    if (
        call.speech is not None
        or call.plan.voice is not None
        or step.greeting is not None
        or step.confirm is not None
    ):
        if not await ring_spoken(call, step):
            return False
    else:
        outcome = await ring_all(call, step)
        if outcome is not Outcome.ANSWERED:
            return outcome is Outcome.OVER
    if await converse(call):
        await question(call)
    return True


async def converse(call: Call) -> bool:
    """Two parties talk. True: the callee has left, and the caller is to be asked something."""
    speech = call.speech
    if speech is None or speech.ear is None or speech.far is None or call.b is None:
        return await bridge(call)
    try:
        event = await Talk(call, speech, speech.ear, speech.far).run()
    except NoMedia:
        await rejoin(call, call.b)
        return await bridge(call)
    reason = party_left(call, event)
    if call.plan.voice is not None and call.plan.voice.survey is not None and call.a.reachable():
        return True
    call.hang_up(reason)
    return False


async def question(call: Call) -> None:
    """Ask the caller for one key, and hang up."""
    voice = call.plan.voice
    try:
        if voice is not None and voice.survey is not None:
            await ask(call, voice.survey)
    except NoMedia:
        pass  # nobody can ask; the call is over either way
    call.hang_up()


async def speak(call: Call, act: Act, goes_on: Callable[[], bool]) -> bool:
    """Carry out a step in which the caller is spoken to; True when the call is over.

    goes_on: says whether the route has another step behind it. Raises Over, Stopped.
    """
    try:
        match act:
            case Play():
                await attach(call, answer=act.answer)
                await say(call, act.prompts)
                return False
            case EnterMenu():
                steps = await go_through(call, act, goes_on)
            case Voicemail():
                await take_message(call, act.box)
                steps = ()
            case Messages():
                await hear_messages(call, act.box)
                steps = ()
            case Feature():
                await switch(call, act)
                steps = ()
    except NoMedia:
        return False
    if isinstance(act, EnterMenu):
        return await take(call, steps, goes_on)
    hang_up(call)
    return True


def hang_up(call: Call) -> None:
    """We have said everything."""
    call.hung_up(None, NORMAL_CLEARING)
    call.hang_up()


async def finish(call: Call, *, relay: bool = False) -> None:
    """No step is left: say why, and end the call. relay: by a stop code."""
    refusal = call.last_refusal(relay=relay)
    answered = call.record.answered_ms is not None
    if refusal.prompt and (not answered or call.last_result):
        try:
            await attach(call, answer=False)
            await say(call, (refusal.prompt,))
        except NoMedia:
            pass  # then it is refused without words
        except Over:
            return
    if not answered:
        call.refuse_last(relay=relay)
        return
    if call.unfit is not None and not call.last_result:
        call.refuse_offer(call.unfit)
        return
    if call.last_result:
        call.record.reason = refusal.reason
    hang_up(call)


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
    """What an event means to a call whose targets ring, and which nobody speaks to."""
    match event:
        case Progress():
            ringing.progress(event)
        case Answered():
            return connect(call, ringing, event)
        case Failed():
            failed(call, ringing, event)
        case Deadline():
            ringing.expire()
        case HungUp() | Lost():
            if not isinstance(event.leg, BLeg):
                leave(call, event)
                return Outcome.OVER
            ringing.lost(event.leg)
        case Cancelled() | Shutdown():
            leave(call, event)
            return Outcome.OVER
        case Asked():
            ask_other(call, event)
        case _:
            pass  # an ACK that came late, or what is left of a look-up
    return Outcome.NEXT


def connect(call: Call, ringing: Ringing, event: Answered) -> Outcome:
    """Connect the caller with who answered."""
    call.answer(event)
    return Outcome.ANSWERED


def failed(call: Call, ringing: Ringing, event: Failed) -> None:
    """A target refused, or could not be reached. Raises Stopped when that ends the call."""
    if event.status in ringing.hunt.stop_codes:
        call.leg_ended(event, stops=True)
        call.withdraw(f"SIP;cause={event.status}")
        raise Stopped
    call.leg_ended(event, stops=False)
    ringing.failed(event)
