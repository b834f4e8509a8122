"""The connection of a caller with the target that answered: end to end, or through the worker.

Theory. Media goes end to end wherever nothing else is asked for, even when the caller was with us
before: then each party is offered what the other has described. Only a call that is recorded keeps
both at the worker, which bridges them.
"""

from collections.abc import Callable
from typing import Final, NoReturn

from callrouter.call.anchored_media import AnchoredMedia, Callee
from callrouter.call.call import Call
from callrouter.call.legs.connected_party import answer_of
from callrouter.call.legs.events import Acknowledged, Answered, Event
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.reinvite import identity_after
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.teardown import INCOMPATIBLE, Over
from callrouter.call.wait import attend, reoffer
from callrouter.errors import ParseError
from callrouter.route.values.plan import Refusal
from callrouter.sip.body import SDP_ROW
from callrouter.sip.sdp import parse_sdp, usable_audio

_ACK_SECONDS: Final = 32.0
_NOT_ACCEPTABLE: Final = 488
_HELD: Final = (b"a=sendonly", b"a=recvonly", b"a=inactive")


async def join(call: Call, anchor: AnchoredMedia, event: Answered) -> bool:
    """Connect caller and target. False: that target could not be connected, and is gone.

    Raises Over when the call ends meanwhile. A worker that is lost meanwhile is not missed.
    """
    leg = event.leg
    callee = anchor.callees.get(leg)
    if callee is not None and anchor.a_session is not None and anchor.anchored:
        return _bridge(call, anchor, callee, event)
    was_ours = callee is not None or leg in anchor.parted
    await _end_to_end(call, anchor, event, was_ours=was_ours)
    return True


def _bridge(call: Call, anchor: AnchoredMedia, callee: Callee, event: Answered) -> bool:
    """Bridge both at the worker."""
    a_session = anchor.a_session
    assert a_session is not None  # noqa: S101 - asked by the caller
    # What it has described early may have been of no use, or another fork's.
    heard = callee.party.unfit is None and callee.party.body == event.leg.theirs
    if not heard and not take_answer(callee, event):
        call.leg_failed(event.leg, _NOT_ACCEPTABLE, "rejected")
        return False
    event.leg.ack()
    call.connected(event.leg, event.response.status)
    if call.record.answered_ms is None:
        anchor.pick_up(anchor.caller.answer(a_session))
    anchor.hush()
    anchor.b_session = callee.session
    a_session.slots.bridge(a_session.name, callee.session.name)
    return True


def take_answer(callee: Callee, event: Answered) -> bool:
    """Take what a target answered to our offer; False when our media cannot have it."""
    audio = callee.party.heard(event.leg.theirs)
    if audio is None:
        return False
    callee.session.connect(audio)
    return True


async def _end_to_end(
    call: Call, anchor: AnchoredMedia, event: Answered, *, was_ours: bool
) -> None:
    leg = event.leg
    body = leg.theirs
    if not leg.owes_answer:
        leg.ack()
    offer = call.caller_body()
    call.connected(leg, event.response.status)
    if offer and (was_ours or _lines(offer) != _lines(_told(leg) or offer)):
        # It was offered a session of ours, or fewer lines than the caller has by now.
        body = await reoffer(
            call, leg, lambda: leg.described(anchor.caller.body or offer), alone=True
        )
    if not body or not leg.reachable():
        _part(call)
    if call.record.answered_ms is None:
        call.picked_up()
        rows, said = answer_of(event, call.a)
        body = anchor.passed(event.fork, body)
        anchor.caller.identity = call.a.identity or anchor.caller.identity
        call.a.answer(200, event.fork, rows, body if said else b"")
        if was_ours and not offer:
            await _tell(call, leg, await _acknowledged(call, leg))
    elif not leg.owes_answer:
        await _move_caller(call, leg, body)
    else:
        await _answer_offer(call, leg, body)
    anchor.let_go()


async def introduce(call: Call, leg: Leg, body: bytes) -> bytes:
    """Offer a leg of a pair another party's description; returns its answer, b"" for none.

    Raises Over when one of the pair leaves.
    """

    def describe() -> bytes:
        # Not before: what passed meanwhile counts too.
        leg.identity = identity_after(leg, leg.ours)
        return leg.described(body)

    return await reoffer(call, leg, describe, alone=True)


def as_callee(anchor: AnchoredMedia, leg: BLeg) -> None:
    """Who talks already is a target of the worker's, as if it was rung with the callee's session.

    It is told so by `offer_session`.
    """
    callee = anchor.next_callee()
    if callee is not None:
        callee.party.identity = leg.identity = identity_after(leg, leg.ours)
        anchor.callees[leg] = callee


async def offer_session(
    call: Call, anchor: AnchoredMedia, leg: Leg, meanwhile: Callable[[Event], None] | None = None
) -> bool:
    """Offer a party that talks already its session of ours; False when it does not take it.

    meanwhile: as `reoffer` has it. Raises Over, NoMedia.
    """
    known = anchor.of(leg)
    if known is None:
        return False
    party, session, _ = known
    if party.heard(leg.theirs) is None:
        return False
    answer = await reoffer(call, leg, lambda: party.offer(session), meanwhile=meanwhile)
    audio = party.heard(answer) if answer else None
    if audio is None:
        return False
    session.connect(audio)
    return True


def resumed(body: bytes) -> bytes:
    """A party's description without hold: who was held while it was transferred is no more."""
    return b"\n".join(line for line in body.split(b"\n") if line.strip() not in _HELD)


async def rejoin(call: Call, leg: BLeg) -> None:
    """The worker that bridged both is lost: connect them end to end. Raises Over."""
    body = await reoffer(call, leg, lambda: leg.described(call.caller_body()), alone=True)
    if not body:
        _part(call)
    await _move_caller(call, leg, body)


async def _move_caller(call: Call, leg: BLeg, body: bytes) -> None:
    """Offer a caller who was with us what the target has described."""
    answer = await reoffer(call, call.a, lambda: call.a.described(body), alone=True)
    if not answer:
        _part(call)
    if _place(answer) != _place(_told(leg)):
        # It listens somewhere else now, so the target has to know.
        await _tell(call, leg, answer)


async def _tell(call: Call, leg: BLeg, answer: bytes) -> None:
    """Offer a target what the caller has answered. Raises Over."""
    await reoffer(call, leg, lambda: leg.described(answer), alone=True)


async def _acknowledged(call: Call, leg: BLeg) -> bytes:
    """Wait for the ACK of a caller who describes nothing before. Raises Over."""
    until = call.now + _ACK_SECONDS
    while call.now < until and leg.reachable():
        event = await attend(call, until, alone=True)
        if isinstance(event, Acknowledged) and event.request.body:
            return event.request.body
    return _part(call)


async def _answer_offer(call: Call, leg: BLeg, body: bytes) -> None:
    """Offer a caller who was answered by us what a target that was offered nothing offers."""
    answer = await reoffer(call, call.a, lambda: call.a.described(body), alone=True)
    if not answer:
        _part(call)
    leg.ack(SDP_ROW, leg.described(answer))


def _part(call: Call) -> NoReturn:
    """Two parties cannot be connected although both are there. Raises Over."""
    if call.record.answered_ms is None:
        call.disconnect()
        call.refuse(Refusal(reason="no_target_left", status=_NOT_ACCEPTABLE, cause=INCOMPATIBLE))
    else:
        call.hung_up(None, INCOMPATIBLE)
    call.hang_up()
    raise Over


def _told(leg: BLeg) -> bytes:
    """What a target knows of the caller; empty for nothing."""
    return b"" if leg.identity is None else leg.identity.shown


def _lines(body: bytes) -> int:
    return body.count(b"\nm=")


def _place(body: bytes) -> tuple[str, int]:
    try:
        audio = usable_audio(parse_sdp(body))
    except ParseError:
        audio = None
    return ("", 0) if audio is None else (audio.host, audio.port)
