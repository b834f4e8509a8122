"""Transfer of the caller to somebody else, asked for by a callee whose media is at the worker.

Theory. The caller stays where it is. To a number a new target is rung with the session that the
callee talks through, as the targets of any hunt of such a call are (blind). Whom the callee has
called meanwhile, and Replaces names, is offered that session inside its dialog (attended). Either
takes the callee's place there when it answers. So the recording goes on, and the caller is offered
nothing. Until then both talk, or the caller hears what is played to who is held.
"""

from collections.abc import Awaitable, Callable

from callrouter.call.anchored_media import AnchoredMedia
from callrouter.call.call import Call
from callrouter.call.flows.bridge.connect import as_callee, offer_session, take_answer
from callrouter.call.flows.transfer.refer import Referral, goal_of, replaces_of
from callrouter.call.flows.transfer.taken_over import NO_DIALOG, take_over, waiting_leg
from callrouter.call.legs.events import Answered, Asked, Event, HungUp, Lost
from callrouter.call.legs.uac_leg import BLeg
from callrouter.call.wait import NoMedia, attend
from callrouter.sip.uri import Uri

_UNAVAILABLE = 503


async def move(
    call: Call, anchor: AnchoredMedia, asked: Asked, meanwhile: Callable[[Event], None]
) -> HungUp | Lost | None:
    """Answer a REFER of the callee and do what it asks for.

    meanwhile: told of all that has nothing to do with it. Returns how the callee left, when it did
    so and nobody came in its place. Raises Over, NoMedia.
    """
    uri = goal_of(call, asked)
    if uri is None:
        return None
    work = _Move(call, anchor, asked, meanwhile)
    work.accept(asked)
    return await work.carry_out(uri)


class _Move(Referral):
    """One of them."""

    __slots__ = ("_anchor", "_meanwhile")

    def __init__(
        self, call: Call, anchor: AnchoredMedia, asked: Asked, meanwhile: Callable[[Event], None]
    ) -> None:
        super().__init__(call, asked.leg, call.a)
        self._anchor = anchor
        self._meanwhile = meanwhile

    async def carry_out(self, uri: Uri) -> HungUp | Lost | None:
        """Do it, and say how it went; as `move`."""
        call, anchor = self.call, self._anchor
        replaces = replaces_of(uri)
        try:
            user = uri.subscriber()
            new = await (self._attended(replaces, user) if replaces else self._blind(user))
        except NoMedia:
            call.withdraw("")
            self.failed(_UNAVAILABLE)
            raise
        kept = new or self._also
        if new is None:
            self.failed()
        else:
            self.done()
        for leg in [*anchor.callees]:
            if leg is not kept:
                anchor.recycle(leg)
        return self._left if new is None else None

    async def _blind(self, user: str) -> BLeg | None:
        """Ring a number, and connect the target that answers."""
        answered = await self._answered(user)
        if answered is None:
            return None
        answered.leg.ack()
        self.call.connected(answered.leg, answered.response.status)
        return answered.leg

    async def _attended(self, replaces: str, user: str) -> BLeg | None:
        """Take over whom the callee has called meanwhile, or the queue in which it waits."""
        call, anchor = self.call, self._anchor
        self._place = waiting_leg(call, self._also, replaces)
        if self._place is not None:
            return await self._blind(user)
        far = take_over(call, self._also, replaces, rung=True)
        if not isinstance(far, BLeg):
            self._status = NO_DIALOG
            return None
        as_callee(anchor, far)
        taken = False
        try:
            taken = await offer_session(call, anchor, far, self._on)
        finally:
            if not taken:
                self._unusable(far)
        if not taken:
            return None
        call.b = far
        return far

    def _on(self, event: Event) -> None:
        """What happens while who was taken over is offered the session."""
        self.other(event)

    def next(self, until: float) -> Awaitable[Event]:
        """Await the next event. Raises Over, NoMedia."""
        return attend(self.call, until)

    def answered(self, event: Answered) -> Answered | None:
        """A target has answered: by what it describes, the caller can talk to it or not."""
        callee = self._anchor.callees.get(event.leg)
        if callee is not None and take_answer(callee, event):
            return event
        self.ringing.unusable(event.leg)
        return None

    def other(self, event: Event) -> Answered | None:
        """The conversation goes on meanwhile."""
        if isinstance(event, HungUp | Lost) and event.leg is self._also:
            self._left = event
        else:
            self._meanwhile(event)
        return None
