"""The call flow: step after step until one is its end, then what is left to say.

Before the first step it is found out what the plan needs (`call/settle.py`). Scripts only. What may
happen is a `case`; how it is done stands in `Call` and in the legs.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.anchored_caller import AnchoredCaller
from callrouter.call.flows.bridge.connect import resumed
from callrouter.call.flows.end_to_end_conversation import anchored, bridge
from callrouter.call.flows.hunt.hunt import CallerSide, Stopped, hunt
from callrouter.call.flows.ivr.feature_codes import switch
from callrouter.call.flows.ivr.menu import ask_survey, go_through
from callrouter.call.flows.ivr.play_gather import anchor_of, attach, say
from callrouter.call.flows.ivr.voicemail_listen import hear_messages
from callrouter.call.flows.ivr.voicemail_record import take_message
from callrouter.call.flows.queued_caller import Waited, wait_at_place, wait_for_agent
from callrouter.call.flows.supervise import supervise_dialled
from callrouter.call.legs.absent_caller import introducing
from callrouter.call.legs.reinvite import identity_after
from callrouter.call.queue_place import PutInQueue
from callrouter.call.services.shared_state import Directory, Granted, LineReservation
from callrouter.call.settle import ask_for_lines, settle
from callrouter.call.teardown import Over
from callrouter.call.wait import NoMedia, wait
from callrouter.pending import Later
from callrouter.route.decide.routing import decide
from callrouter.route.values.decision import Decision
from callrouter.route.values.facts import Facts
from callrouter.route.values.media_steps import (
    Act,
    EnterMenu,
    EnterQueue,
    Feature,
    Messages,
    Play,
    PromiseCallBack,
    Voicemail,
    VoiceStep,
)
from callrouter.route.values.plan import Hunt, Refusal
from callrouter.route.values.refusal_reasons import QUEUE_FULL, QUEUE_TIMEOUT


async def run(call: Call, decision: Decision, directory: Directory) -> None:
    """Carry out what was decided. Raises Over when it ends before its last step does."""
    needs = decision.needs
    if needs:
        answer = ask_for_lines(call, needs)
        if not isinstance(answer, LineReservation):
            await _find_out(call, decision, directory, answer)
    put: PutInQueue | None = None
    while True:
        stopped = goes_on = False
        try:
            if put is None:
                goes_on = await take(call, call.plan.steps)
            else:
                goes_on = await wait_on(call, put)
        except Stopped:
            stopped = True
        if not goes_on:
            await finish(call, relay=stopped)
            return
        # Awaited here and not where its target answered: most calls are in this all their time, and
        # each coroutine in between would be kept for as long.
        try:
            asks = await conversation(call)
        except PutInQueue as again:
            put = again.with_traceback(None)  # whose frames would keep this one, and it them
            continue
        if asks:
            await question(call)
        return


async def _find_out(
    call: Call, decision: Decision, directory: Directory, lines: Later[Granted] | None
) -> None:
    """Have what the plan needs, which may make it another. Raises Over.

    lines: what the port said of its lines, None when it was not asked yet.
    """

    def again(facts: Facts) -> Decision:
        return decide(call.dialplan, facts, call.shared.snapshot())

    waiting = partial(wait, call)
    decision = await settle(
        call=call,
        facts=call.facts,
        decision=decision,
        again=again,
        wait=waiting,
        directory=directory,
        lines=lines,
    )
    call.plan = decision.plan
    call.record.trace = decision.trace


Steps = tuple[Hunt | VoiceStep, ...]


def _ends() -> bool:
    return False


async def take(call: Call, steps: Steps, goes_on: Callable[[], bool] = _ends) -> bool:
    """Take steps in order until a target is connected: True.

    goes_on: says whether another step is to be taken after these. Raises Over, Stopped.
    """
    for index, step in enumerate(steps):
        if step.on and call.last_result not in step.on:
            continue
        if isinstance(step, Hunt):
            if step.rotation:
                call.shared.rotations.turned(step.rotation)
            connected = await ring(call, step)
        else:
            more = partial(_more, call, steps[index + 1 :], goes_on)
            connected = await speak(call, step.act, more)
        if connected:
            return True
    return False


def _more(call: Call, steps: Steps, goes_on: Callable[[], bool]) -> bool:
    """Say whether one of these steps is to be taken now, or one after them."""
    return any(not step.on or call.last_result in step.on for step in steps) or goes_on()


async def ring(call: Call, step: Hunt) -> bool:
    """Ring targets; True when one is connected. Raises Over, Stopped."""
    anchored = (
        call.anchor is not None
        or call.plan.voice is not None
        or step.greeting is not None
        or step.confirm is not None
    )
    caller = AnchoredCaller(call, step) if anchored else CallerSide(call, step)
    return await hunt(caller) is not None


def conversation(call: Call) -> Awaitable[bool]:
    """Let two parties talk; True: the callee has left, and the caller is to be asked something.

    Raises Over.
    """
    anchor = call.anchor
    if anchor is None or anchor.a_session is None or anchor.b_session is None or call.b is None:
        return bridge(call)
    return anchored(call, anchor, anchor.a_session, anchor.b_session)


async def question(call: Call) -> None:
    """Ask the caller for one key, and hang up."""
    voice = call.plan.voice
    try:
        if voice is not None and voice.survey is not None:
            await ask_survey(call, voice.survey)
    except NoMedia:
        pass  # nobody can ask; the call is over either way
    call.hang_up()


async def speak(call: Call, act: Act, goes_on: Callable[[], bool]) -> bool:
    """Carry out a step in which the caller is spoken to; True when it led to a target.

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
            case EnterQueue():
                return await queue_up(call, wait_for_agent(call, act), goes_on)
            case PromiseCallBack():
                call.record.promised = act.rule
                if act.prompt:
                    await attach(call, answer=False)
                    await say(call, (act.prompt,))
                steps = ()
            case Voicemail():
                await take_message(call, act.box)
                steps = ()
            case Messages():
                await hear_messages(call, act.box)
                steps = ()
            case Feature() if act.supervise:
                await supervise_dialled(call, act.supervise)
                steps = ()
            case Feature():
                await switch(call, act)
                steps = ()
    except NoMedia:
        return False
    if isinstance(act, EnterMenu):
        return await take(call, steps, goes_on)
    hang_up(call)
    raise Over


async def wait_on(call: Call, put: PutInQueue) -> bool:
    """Let a caller wait whom somebody has put into a queue; True when it is connected again.

    Raises Over, Stopped.
    """
    call.b = None
    anchor, body = anchor_of(call), resumed(call.a.theirs)
    if not anchor.with_us:
        anchor.caller.identity = call.a.identity = identity_after(call.a, call.a.ours)
        anchor.caller.heard(body)
    anchor.introducing = b""
    call.introduce(introducing(call.a.dialog.remote, body))
    goes_on = partial(_more, call, put.behind, _ends)
    connected = await queue_up(call, wait_at_place(call, put.act), goes_on)
    return connected or await take(call, put.behind)


async def queue_up(call: Call, waiting: Awaitable[Waited], goes_on: Callable[[], bool]) -> bool:
    """Let the caller wait in a queue; True when it is connected, or led to a target by a key.

    goes_on: as `speak` has it; when the route ends here, so does the call. Raises Over, NoMedia.
    """
    waited = await waiting
    if waited.outcome == "answered":
        return True
    if waited.steps:
        return await take(call, waited.steps, goes_on)
    if goes_on():
        return False
    refusal = call.refusal_for(QUEUE_FULL if waited.outcome == "full" else QUEUE_TIMEOUT)
    if waited.outcome not in {"full", "timeout"}:
        refusal = replace(refusal, reason=f"queue_{waited.outcome}")
    await say_why(call, refusal)
    call.turn_away(refusal)
    raise Over


async def say_why(call: Call, refusal: Refusal) -> None:
    """Play the prompt of a refusal, where it has one. Raises Over."""
    if refusal.prompt:
        try:
            await attach(call, answer=False)
            await say(call, (refusal.prompt,))
        except NoMedia:
            pass  # then it is refused without words


def hang_up(call: Call) -> None:
    """We have said everything."""
    call.hung_up(None, NORMAL_CLEARING)
    call.hang_up()


async def finish(call: Call, *, relay: bool = False) -> None:
    """No step is left: say why, and end the call. relay: by a stop code."""
    refusal = call.last_refusal(relay=relay)
    answered = call.record.answered_ms is not None
    if not answered or call.last_result:
        await say_why(call, refusal)
    if not answered:
        call.refuse_last(relay=relay)
        return
    if call.unfit is not None and not call.last_result:
        call.refuse_offer(call.unfit)
        return
    if call.last_result:
        call.record.reason = refusal.reason
    hang_up(call)
