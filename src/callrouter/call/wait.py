"""The wait of a script for its next event, with the endings that every script has.

Rules. A script reads as if the caller were always there: when it leaves, or a party that it talks
to, `Over` ends the script; when there is no media for it any more, `NoMedia` does, and the route
goes on.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from callrouter.call.call import Call
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
    Settled,
    Shutdown,
)
from callrouter.call.legs.leg import Leg
from callrouter.call.legs.reinvite import GLARES, SETTLE_SECONDS, Reoffer, back_off
from callrouter.call.mid_dialog import answer
from callrouter.call.services.media import Digit, MediaLost, Recorded
from callrouter.call.teardown import end

_CLOSE_SECONDS: Final = 2.0
"""How long a worker may take to close a file."""
_OF_TARGETS: Final = frozenset((Progress, Answered, Failed))
"""What comes most before an answer, and is always a script's affair."""


class NoMedia(Exception):  # noqa: N818 - it is no error: the route goes on
    """A lack of media: no slot is free, the worker is lost, or the SDP does not fit.

    Nobody can be spoken to now.
    """


async def wait(call: Call, until: float = 0.0, *, refers: bool = False) -> Event:
    """The next event that says something to a script, or `Deadline`. Raises Over.

    What a party asks is answered here, and returned all the same. refers: but a REFER of the callee
    is left to the script.
    """
    while True:
        event = await call.inbox.next(until)
        if type(event) in _OF_TARGETS:
            return event
        match event:
            case Shutdown():
                end(call, event)
            case Cancelled() if event.leg is call.a:  # and not who asks for a party's place
                end(call, event)
            case HungUp() | Lost() if _ends(call, event.leg):
                end(call, event)
            case Digit():
                if call.anchor is not None and call.anchor.pressed(event):
                    return event
            case Asked() if refers and event.request.method == "REFER" and event.leg is call.b:
                return event
            case Asked():
                return answer(call, event) or event
            case _:
                return event


def _ends(call: Call, leg: Leg) -> bool:
    """Say whether the call is over when a party leaves."""
    pair = call.inbox.pair
    return leg is call.a if pair is None else pair.has(leg) and leg is not pair.leaving


async def attend(
    call: Call, until: float = 0.0, *, refers: bool = False, alone: bool = False
) -> Event:
    """As `wait`, of a script that speaks. Raises Over, and NoMedia when the worker is lost.

    alone: it can do without the worker.
    """
    event = await wait(call, until, refers=refers)
    if lost_worker(call, event):
        if call.anchor is not None:
            call.anchor.let_go()
        if not alone:
            raise NoMedia
    return event


def lost_worker(call: Call, event: Event) -> bool:
    """Say whether an event means that the worker is gone."""
    if isinstance(event, HungUp | Lost | Failed):
        anchor = call.anchor
        return anchor is not None and any(session.leg is event.leg for session in anchor.sessions())
    return isinstance(event, MediaLost)


async def reoffer(
    call: Call,
    leg: Leg,
    describe: Callable[[], bytes],
    *,
    alone: bool = False,
    meanwhile: Callable[[Event], None] | None = None,
) -> bytes:
    """Offer a party another description; returns its answer, empty when it does not take it.

    A party that is offering at the same moment is asked again a little later (RFC 3261 section
    14.1). describe: called when it is sent, for what was described meanwhile counts. alone: the
    offer needs no worker. meanwhile: told of all that has nothing to do with it. Raises Over, and
    NoMedia unless `alone`.
    """
    for _ in range(GLARES):
        if not leg.reachable():
            return b""
        if leg.may_reinvite():
            Reoffer(leg, describe())
            until = call.now + SETTLE_SECONDS
            event = await attend(call, until, alone=alone)
            while not (isinstance(event, Settled | HungUp | Lost) and event.leg is leg):
                if meanwhile is not None:
                    meanwhile(event)
                if call.now >= until:
                    return b""
                event = await attend(call, until, alone=alone)
            response = event.response if isinstance(event, Settled) else None
            if response is None or 300 <= response.status != 491:
                return b""
            if response.status < 300:
                return response.body
        until = call.now + back_off(leg)
        while call.now < until:
            event = await attend(call, until, alone=alone)
            if meanwhile is not None:
                meanwhile(event)
    return b""


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
