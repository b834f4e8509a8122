"""The wait while the caller is spoken to: whatever happens meanwhile is dealt with here.

Rules. A script that speaks reads as if the caller were always there: when it leaves, `Over` ends
the script; when there is no media for it any more, `NoMedia` does, and the route goes on.
"""

from collections.abc import Callable
from pathlib import Path

from callrouter.call.anchor.dtmf import key_of
from callrouter.call.call import NORMAL_CLEARING, Call
from callrouter.call.flows.ivr.renegotiation import renegotiate
from callrouter.call.legs.events import (
    Asked,
    Cancelled,
    Deadline,
    Event,
    Failed,
    HungUp,
    Lost,
    Settled,
    Shutdown,
)
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.reinvite import Reoffer
from callrouter.call.services.media import Digit, MediaLost, Recorded
from callrouter.call.teardown import leave, party_left
from callrouter.sip.message import Response

_GLARES = 4
_SETTLE_SECONDS = 10.0
_CLOSE_SECONDS = 2.0


class Over(Exception):  # noqa: N818 - it is no error
    """The end of a script: the caller has got the final response, or is gone."""


class NoMedia(Exception):  # noqa: N818 - nor is this: the route goes on
    """A lack of media: no slot is free, the worker is lost, or the SDP does not fit.

    Nobody can be spoken to now.
    """


async def attend(call: Call, until: float = 0.0, *, refers: bool = False) -> Event:
    """The next event that says something to a script that speaks, or `Deadline`.

    refers: a REFER of the callee is among these, and the script answers it. Raises Over, NoMedia.
    """
    while True:
        event = await call.inbox.next(until)
        match event:
            case Cancelled() | Shutdown():
                quit_now(call, event)
            case HungUp() | Lost() | Failed():
                if event.leg is call.a and not isinstance(event, Failed):
                    caller_left(call, event)
                if _is_ours(call, event.leg):
                    raise_no_media(call)
                return event
            case MediaLost():
                raise_no_media(call)
            case Digit():
                if call.speech is not None and call.speech.pressed(event):
                    return event
            case Asked() if refers and event.request.method == "REFER" and event.leg is call.b:
                return event
            case Asked():
                return answer_asked(call, event) or event
            case _:
                return event


def quit_now(call: Call, event: Cancelled | Shutdown) -> None:
    """End the call as a CANCEL or a stop of callrouter asks for. Raises Over."""
    if call.record.answered_ms is None:
        call.disconnect()
        leave(call, event)
    else:
        call.withdraw("")
        call.hung_up(None, NORMAL_CLEARING)
        call.hang_up()
    raise Over


def caller_left(call: Call, event: HungUp | Lost) -> None:
    """The caller has hung up. Raises Over."""
    if call.record.answered_ms is None:
        call.disconnect()
        leave(call, event)
    else:
        reason = party_left(call, event)
        call.withdraw(reason)
        call.hang_up(reason)
    raise Over


def raise_no_media(call: Call) -> None:
    """The worker is gone: let go of what stood there. Raises NoMedia."""
    if call.speech is not None:
        call.speech.let_go()
    raise NoMedia


def _is_ours(call: Call, leg: Leg) -> bool:
    """Say whether a leg goes to a worker."""
    speech = call.speech
    return speech is not None and any(session.leg is leg for session in speech.sessions())


def answer_asked(call: Call, event: Asked) -> Digit | None:
    """Answer a party whose media is with us; returns the key that an INFO carries."""
    speech = call.speech
    known = None if speech is None else speech.of(event.leg)
    if speech is None or known is None:
        event.leg.respond(event.tx, 500, "Retry-After: 2\r\n")
        return None
    party, session, _ = known
    if event.request.method == "INFO":
        event.leg.respond(event.tx, 200)
        key = key_of(event.request)
        digit = Digit(session.name, key, "info")
        return digit if key and speech.pressed(digit) else None
    renegotiate(event, party, session)
    return None


async def reoffer(
    call: Call, leg: Leg, describe: Callable[[], bytes], *, alone: bool = False
) -> bytes:
    """Offer a party another description; returns its answer, empty when it does not take it.

    A party that is offering at the same moment is asked again a little later (RFC 3261 section
    14.1). describe: called when it is sent, for what was described meanwhile counts. alone: the
    offer needs no worker. Raises Over, and NoMedia unless `alone`.
    """
    for _ in range(_GLARES):
        if not leg.reachable():
            return b""
        if leg.settled():
            Reoffer(leg, describe())
            response = await _settled(call, leg, alone)
            if response is None:
                return b""
            if response.status < 300:
                return response.body
            if response.status != 491:
                return b""
        await _pause(call, leg.back_off(), alone)
    return b""


async def _settled(call: Call, leg: Leg, alone: bool) -> Response | None:
    until = call.now + _SETTLE_SECONDS
    while call.now < until:
        event = await attend_or_lose(call, until, alone=alone)
        if isinstance(event, Settled) and event.leg is leg:
            return event.response
        if isinstance(event, HungUp | Lost) and event.leg is leg:
            return None
    return None


async def _pause(call: Call, seconds: float, alone: bool) -> None:
    until = call.now + seconds
    while call.now < until:
        await attend_or_lose(call, until, alone=alone)


async def attend_or_lose(call: Call, until: float, *, alone: bool) -> Event | None:
    """As `attend`. alone: no worker is needed; None is the loss of one. Raises Over, NoMedia."""
    try:
        return await attend(call, until)
    except NoMedia:
        if not alone:
            raise
        return None


async def closed(call: Call, file: Path) -> Recorded | None:
    """Wait until the worker has closed a file; None when it does not. The call may be over."""
    until = call.now + _CLOSE_SECONDS
    while call.now < until:
        event = await call.inbox.next(until)
        if isinstance(event, Recorded) and event.file == file:
            return event
        if isinstance(event, MediaLost | Deadline):
            return None
    return None
