"""A conversation of two parties end to end, with its transfers and replacements."""

from callrouter.call.anchor.worker_leg import MediaSession
from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.anchored_conversation import Talk
from callrouter.call.flows.bridge.connect import (
    as_callee,
    introduce,
    offer_session,
    rejoin,
    resumed,
)
from callrouter.call.flows.ivr.play_gather import open_session
from callrouter.call.flows.transfer.blind_attended import transfer
from callrouter.call.legs.events import (
    Acknowledged,
    Asked,
    Event,
    HungUp,
    Lost,
    Replacing,
    Shutdown,
    TakenOver,
)
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.pair import Pair
from callrouter.call.legs.reinvite import identity_after
from callrouter.call.legs.relay import passed
from callrouter.call.mid_dialog import answer
from callrouter.call.services.supervision import SupervisionOver, SupervisorAsks
from callrouter.call.teardown import Over, end, party_left
from callrouter.call.wait import NoMedia

_NOT_ACCEPTABLE = 488


async def bridge(call: Call) -> bool:
    """Pass everything on until the call is over; True: the callee has left, and the caller is still
    there to be asked something. Raises Over.
    """
    if call.b is None:
        raise Over
    pair = call.inbox.pair = Pair(call.a, call.b)
    asks: SupervisorAsks | None = None
    try:
        while asks is None:
            event = _missed(call, pair) or await call.inbox.next()
            match event:
                case HungUp() | Lost() if _asks(call, pair, event.leg):
                    party_left(call, event)
                    return True
                case HungUp() | Lost() if pair.has(event.leg):
                    end(call, event)
                case Shutdown():
                    end(call, event)
                case Asked() if event.request.method == "REFER" and pair.has(event.leg):
                    await transfer(call, pair, event)
                case Asked():
                    answer(call, event)
                case Acknowledged():
                    _acknowledge(call, event)
                case Replacing():
                    await _replace(call, pair, event)
                case TakenOver():
                    # Who the leaving party talked to goes on in another call.
                    call.hung_up(event.leg, NORMAL_CLEARING)
                    event.leg.let_leave()
                    raise Over
                case _:  # what is left of targets that were rung, and of sessions, but for one
                    asks = _may_be_heard(call, pair, event)
    finally:
        call.inbox.pair = None
        _let_go(call, pair)
    return await _let_in(call, asks)


async def _let_in(call: Call, asks: SupervisorAsks) -> bool:
    """Have the conversation go on by a worker, so that a supervisor can hear it; as `bridge`."""
    anchor = await take_in(call)
    if anchor is None or anchor.a_session is None or anchor.b_session is None:
        asks.post(SupervisionOver(why="no media worker could take the call"))
        return await bridge(call)
    return await anchored(call, anchor, anchor.a_session, anchor.b_session, asks)


async def anchored(
    call: Call,
    anchor: AnchoredMedia,
    a_session: MediaSession,
    b_session: MediaSession,
    asks: SupervisorAsks | None = None,
) -> bool:
    """Let two parties talk through the worker, and without it when it is lost; as `bridge`.

    asks: who is to be let in at once. Raises Over.
    """
    event: HungUp | Lost | None
    try:
        event = await Talk(call, anchor, a_session, b_session).run(asks)
    except NoMedia:
        event = None
    if event is None:
        if call.b is None:
            raise Over
        await rejoin(call, call.b)
        return await bridge(call)
    if call.plan.voice is None or call.plan.voice.survey is None or not call.a.reachable():
        end(call, event)
    party_left(call, event)
    return True


def _may_be_heard(call: Call, pair: Pair, asks: Event) -> SupervisorAsks | None:
    """A supervisor who asks to be let in; None for one who cannot be, and is told so."""
    if not isinstance(asks, SupervisorAsks):
        return None
    if pair.busy:
        asks.post(SupervisionOver(why="the call is being transferred"))
        return None
    if pair.one is not call.a or pair.two is not call.b:
        asks.post(
            SupervisionOver(why="who talks came by a transfer of the caller's, or by Replaces")
        )
        return None
    return asks


def _missed(call: Call, pair: Pair) -> HungUp | None:
    """The hang-up of a party while the other was being connected with it, or with somebody else."""
    if pair.one.reachable() and pair.two.reachable():
        return None
    # What has come and was not taken yet says it better.
    gone = pair.two if pair.one.reachable() else pair.one
    return HungUp(gone, "") if call.inbox.empty else None


async def _replace(call: Call, pair: Pair, event: Replacing) -> None:
    """Connect who came by Replaces with who the replaced leg talks to (RFC 3891). Raises Over."""
    old, new = event.leg, event.by
    call.events.dialog_begun(call.record, new.call_id, "replacing")
    stays = pair.other(old)
    if stays is None or pair.busy or not event.request.body:
        new.reject(_NOT_ACCEPTABLE)
        return
    pair.busy = True
    answer = await introduce(call, stays, resumed(event.request.body))
    pair.busy = False
    if not answer:
        new.reject(_NOT_ACCEPTABLE)
        return
    rows = passed(event.request, new, new)
    new.answer(200, "", rows, answer)
    pair.replace(old, new)
    call.moved()
    old.hang_up()
    if old is not call.a:
        old.release()


def _acknowledge(call: Call, event: Acknowledged) -> None:
    """The caller's ACK answers what the target offered in its answer, or its PRACK has done so."""
    a, b, ack = call.a, call.b, event.request
    if b is not None:
        if b.owes_answer and not ack.body:
            ack.body = a.theirs
        b.ack(passed(ack, a, b), b.described(ack.body))


def _let_go(call: Call, pair: Pair) -> None:
    """The conversation is over: legs that the call does not know as its own end here."""
    for leg in (pair.one, pair.two):
        if leg is not call.a and leg is not call.b and leg.inbox is call.inbox:
            leg.release()
            leg.hang_up()


def _asks(call: Call, pair: Pair, left: Leg) -> bool:
    """Who the caller talked to has left, and it is to be asked something."""
    voice = call.plan.voice
    return (
        voice is not None
        and voice.survey is not None
        and pair.other(left) is call.a
        and call.a.reachable()
    )


async def take_in(call: Call) -> AnchoredMedia | None:
    """Have a worker bridge both from now on (D7); None when that cannot be, and all is as before.

    Raises Over.
    """
    b = call.b
    if b is None:
        return None
    anchor = call.anchor = call.anchor or AnchoredMedia(call)
    offered = taken = False
    try:
        slots = anchor.reserve(2)
        if slots is not None:
            anchor.caller.identity = call.a.identity = identity_after(call.a, call.a.ours)
            a_session = anchor.a_session = await open_session(call, anchor, slots, None)
            b_session = anchor.b_session = await open_session(call, anchor, slots, None)
            as_callee(anchor, b)
            a_session.slots.bridge(a_session.name, b_session.name)
            offered = await offer_session(call, anchor, call.a)
            taken = offered and await offer_session(call, anchor, b)
    except NoMedia:
        taken = False
    if taken:
        anchor.with_us = True
        return anchor
    anchor.let_go()
    if offered:
        await rejoin(call, b)
    return None
