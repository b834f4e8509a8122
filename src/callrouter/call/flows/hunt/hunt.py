"""The hunt: targets rung in rounds until one is connected (B4 to B9).

Theory. There is one hunt for every call. What happens to the caller meanwhile, what it hears, who
has to confirm, and how it is connected in the end, is its `CallerSide`.
"""

from collections.abc import Awaitable

from callrouter.call.call import Call
from callrouter.call.flows.hunt.ringing import Ringing
from callrouter.call.legs.events import (
    Answered,
    Deadline,
    Event,
    Failed,
    HungUp,
    Lost,
    Progress,
    Replied,
)
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.wait import wait
from callrouter.route.values.plan import Hunt, Target


class Stopped(Exception):  # noqa: N818 - it is no error
    """The end of the whole call by a target's answer."""


class CallerSide:
    """The caller's side of a hunt; here of a caller who hears what its targets send, or nothing."""

    __slots__ = ("call", "ringing")

    ends_by_stop_codes = True

    def __init__(self, call: Call, step: Hunt) -> None:
        self.call = call
        self.ringing = Ringing(call, step)

    async def prepare(self, _targets: tuple[Target, ...]) -> bool:
        """Make ready for a round; False when it cannot be rung. Raises Over."""
        return True

    def next(self, until: float) -> Awaitable[Event]:
        """Await the next event. Raises Over when the call ends."""
        return wait(self.call, until)

    async def asking(self, until: float) -> Event:
        """Await the next event while a service is asked, and nobody rings. Raises Over."""
        event = await self.next(until)
        if not isinstance(event, Deadline | Replied):
            self.other(event)
        return event

    def progressed(self, event: Progress) -> None:
        """A target rings, or is heard already."""

    def answered(self, event: Answered) -> Answered | None:
        """A target has answered; the answer when it is to be connected now."""
        return event

    def other(self, _event: Event) -> Answered | None:
        """Something else happens; the answer of a target that is to be connected now."""
        return None  # an ACK that came late, or an answer that nobody waits for any more

    async def connect(self, event: Answered) -> bool:
        """Connect the caller with who answered; False when that cannot be. Raises Over."""
        self.call.answer(event)
        return True


async def hunt(caller: CallerSide) -> Answered | None:
    """Ring the rounds of a hunt in order; the answer of who is connected, None for nobody.

    Raises Over when the caller leaves, Stopped when a target's answer ends the call.
    """
    ringing = caller.ringing
    branches = ringing.branches
    for targets in ringing.hunt.rounds:
        if not await caller.prepare(targets):
            return None
        ringing.begin(await ringing.reached(targets, caller.asking))
        while branches:
            event = await caller.next(ringing.until)
            answered = None
            match event:
                case Progress() if event.leg in branches:
                    ringing.progress(event)
                    caller.progressed(event)
                case Answered() if event.leg in branches:
                    answered = caller.answered(event)
                case Failed() if event.leg in branches:
                    _failed(caller, event)
                case Deadline():
                    ringing.expire()
                case HungUp(leg=BLeg() as leg) | Lost(leg=BLeg() as leg) if leg in branches:
                    ringing.lost(leg)
                case _:
                    answered = caller.other(event)
            if answered is not None:
                if await caller.connect(answered):
                    return answered
                ringing.forget(answered.leg)
    return None


def _failed(caller: CallerSide, event: Failed) -> None:
    """A target refused, or could not be reached. Raises Stopped when that ends the call."""
    call, ringing = caller.call, caller.ringing
    stops = caller.ends_by_stop_codes and event.status in ringing.hunt.stop_codes
    call.leg_ended(event, stops=stops)
    if stops:
        call.withdraw(f"SIP;cause={event.status}")
        raise Stopped
    ringing.failed(event)
